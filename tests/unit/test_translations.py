"""Blocks in other languages: what catalogues say, what templates give to translate, and which language is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.content.gettext_files import parse, translations
from app.domain.conditions import Instant
from app.domain.definitions import BlockDefinition, Variable
from app.domain.item import Item
from app.domain.translation import Translation
from app.errors import Problem

NOW = Instant(1_767_225_600_000)
"""2026-01-01."""
ARABIC = "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5"
GERMAN = {
    "Hello {name}": ("Hallo {name}",), "See it": ("Ansehen",), "one day": ("ein Tag", "{n} Tage"), "{number} day": ("{number} Tag", "{number} Tage"),
    "January": ("Januar",), "%-d %B %Y": ("%-d. %B %Y",), "wrong {name}": ("falsch {nam}",),
}
SPOKEN = (Translation("de", GERMAN), Translation("ar", {"See it": ("شاهد",), "one day": ("صفر", "يوم", "يومان", "{n} أيام", "{n} يومًا", "{n} يوم")}, ARABIC))


def compiled(html: str, variables: tuple[Variable, ...] = (), **templates: str) -> tuple[dict[str, Block], list[Problem]]:
    sources = {kind: (f"blocks/b/{kind}.j2", source) for kind, source in {"html": html, **templates}.items()}
    return compile_blocks({"b": BlockDefinition("b", "a block", variables, ("name",), {}, sources, translations=SPOKEN)})


def drawn(html: str, vars: dict[str, Any] | None = None, *, language: str = "de", profile: dict[str, Any] | None = None, variables: tuple[Variable, ...] = ()) -> str:
    declared = variables or tuple(Variable(name, "string") for name in vars or {})
    return compiled(html, declared)[0]["b"].html(vars or {}, [], profile or {}, {"language": language} if language else {}, {}, NOW)


@pytest.mark.parametrize(("language", "shown"), [("de", "Ansehen"), ("de-AT", "Ansehen"), ("de_DE.UTF-8", "Ansehen"), ("DE", "Ansehen"), ("ar", "شاهد"), ("fr", "See it"), ("", "See it"), ("de" * 500, "See it")])
def test_a_text_is_drawn_in_the_language_that_the_request_names(language, shown):
    assert drawn("{% trans %}See it{% endtrans %}", language=language) == shown


@pytest.mark.parametrize("profile", [{"language": "de"}, {"locale": "de-DE"}])
def test_without_one_it_is_the_persons_own(profile):
    assert drawn("{% trans %}See it{% endtrans %}", language="", profile=profile) == "Ansehen"


def test_what_stands_in_a_translated_text_is_escaped_as_elsewhere():
    assert drawn("<p>{% trans %}Hello {{ name }}{% endtrans %}</p>", {"name": "<b>Mara"}) == "<p>Hallo &lt;b&gt;Mara</p>"


def test_line_breaks_in_a_text_to_translate_count_as_one_blank():
    assert drawn("{% trans %}\n  Hello\n  {{ name }}\n{% endtrans %}", {"name": "Mara"}) == "Hallo Mara"


def test_an_expression_is_given_a_name():
    assert drawn("{% trans name=profile.first_name|upper %}Hello {{ name }}{% endtrans %}", profile={"first_name": "mara"}) == "Hallo MARA"


@pytest.mark.parametrize(("language", "number", "shown"), [("", 1, "one day"), ("", 3, "3 days"), ("de", 1, "ein Tag"), ("de", 0, "0 Tage"), ("ar", 2, "يومان"), ("ar", 11, "11 يومًا"), ("ar", 5, "5 أيام")])
def test_a_number_takes_the_plural_of_the_language(language, number, shown):
    variables = (Variable("n", "number"),)

    assert drawn("{% trans %}one day{% pluralize n %}{{ n }} days{% endtrans %}", {"n": number}, language=language, variables=variables) == shown


def test_defaults_and_the_words_of_offers_are_translated_and_so_is_the_direction():
    variables = (Variable("button", "string", "See it"), Variable("dir", "string", "ltr"), Variable("lang", "string", "en"), Variable("title", "string"))

    found = drawn('<p dir="{{ dir }}" lang="{{ lang }}">{{ button }} {{ title }}</p>', {"title": "See it"}, language="ar", variables=variables)

    assert found == '<p dir="rtl" lang="ar">شاهد شاهد</p>'


def test_dates_and_times_left_are_told_in_the_language():
    found = drawn('{{ ends|date }}: {{ ends|time_left(now) }}. {% trans %}See it{% endtrans %}', {"ends": "2026-01-10"}, variables=(Variable("ends", "date"),))

    assert found == "10. Januar 2026: 9 Tage. Ansehen"


def test_amp_is_translated_inside_and_outside_of_mustache_and_so_is_the_list():
    variables = (Variable("button", "string", "See it"),)
    markup = '<amp-list src="{{ urls.amp }}"><template type="amp-mustache"><a href="{{url}}">{% trans %}See it{% endtrans %} {{name}}</a></template></amp-list>{{ button }}'
    block = compiled("{{ button }}", variables, amp=markup)[0]["b"]

    shown = block.amp({}, [], {}, {"language": "de"}, {"amp": "https://x.example/"}, NOW)

    assert '<a href="{{url}}">Ansehen {{name}}</a></template></amp-list>Ansehen' in shown
    assert block.data({}, [Item({"id": "1", "name": "Shoe"})], {}, {"language": "de"})["button"] == "Ansehen"


def test_cards_of_two_languages_are_kept_apart():
    items = [Item({"id": "1", "name": "Shoe"})]
    block = compiled("{% for item in items %}{% trans %}See it{% endtrans %} {{ item.name }}{% endfor %}")[0]["b"]

    found = [block.html({}, items, {}, {"language": language}, {}, NOW) for language in ("de", "ar", "", "de")]

    assert found == ["Ansehen Shoe", "شاهد Shoe", "See it Shoe", "Ansehen Shoe"]


@pytest.mark.parametrize(("html", "why"), [
    ("{% trans %}{{ a.b }}{% endtrans %}", "only names stand in a text to translate"), ("{% trans %}{% if a %}{% endif %}{% endtrans %}", "no tags in a text to translate"),
    ("{% trans %}x", "endtrans is missing"), ("{% trans name=1 %}wrong {{ name }}{% endtrans %}", '"falsch {nam}" names nam'),
    ("{% trans %}a{% pluralize n %}b{% pluralize n %}c{% endtrans %}", "a second pluralize"),
])
def test_what_cannot_be_translated_is_told(html, why):
    assert why in compiled(html, (Variable("a", "string"), Variable("n", "number")))[1][0].message


def test_a_block_without_anything_to_translate_has_one_language():
    assert compiled("<p>Hello</p>")[0]["b"].others == {}


# -- catalogues ------------------------------------------------------------------------------------------------------


def test_a_catalogue_is_read_as_translators_programs_write_it():
    source = (
        '# by hand\nmsgid ""\nmsgstr ""\n"Language: de\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n#: b.j2:3\n#, fuzzy\nmsgid "a"\nmsgstr "unsicher"\n\n'
        'msgctxt "x"\nmsgid "one "\n"day"\nmsgid_plural "days"\nmsgstr[0] "ein \\"Tag\\""\nmsgstr[1] "Tage"\n\nmsgid "empty"\nmsgstr ""\n\n#~ msgid "old"\n#~ msgstr "alt"\n'
    )

    assert parse(source) == ({"one day": ('ein "Tag"', "Tage")}, "(n > 1)")


@pytest.mark.parametrize(("source", "why"), [
    ('msgid "a\nmsgstr "b"\n', ":1 locales.de: no line of a catalogue"), ('msgid "a"\nmsgstr "\\"\n', "no text in quotes"), ('msgstr "b"\n', "an entry without msgid"),
    ('msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=__import__(1);"\n', "Plural-Forms cannot be read"), ("\xff", "is not UTF-8"),
])
def test_what_is_wrong_with_a_catalogue_is_told_with_its_line(tmp_path: Path, source, why):
    path = tmp_path / "blocks" / "locales" / "de" / "LC_MESSAGES" / "blocks.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(source.encode("latin-1"))
    problems: list[Problem] = []

    found = translations(tmp_path / "blocks", [path], problems)

    assert (found, why in str(problems[0])) == ((), True), problems
