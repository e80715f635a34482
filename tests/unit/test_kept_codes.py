"""The code of templates that is kept beside the published content: what is used of it, and what is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.content import kept_codes as kept
from app.content.compiling import NO_CODES, Codes, block_codes, blocks_of
from app.content.kept_codes import FILE, keep_codes, kept_codes
from app.domain.conditions import Instant
from app.domain.definitions import BlockDefinition, PictureSpec, Variable
from app.domain.item import Item
from app.domain.translation import Translation

NOW = Instant(1_767_225_600_000)
HTML = "{% for i in items %}<b>{{ i.name }}</b>{% endfor %}{% trans %}See it{% endtrans %} {{ title }} {{ profile.city }}"
SPOKEN = (Translation("de", {"See it": ("Ansehen",)}),)


def definitions(html: str = HTML, text: str = "{{ title }}") -> dict[str, BlockDefinition]:
    templates = {"html": ("blocks/b/html.j2", html), "text": ("blocks/b/text.j2", text)}
    return {"b": BlockDefinition("b", "a block", (Variable("title", "string"),), ("name",), {}, templates, translations=SPOKEN)}


def codes(html: str = HTML) -> Codes:
    found, problems = block_codes(definitions(html))
    assert problems == []
    return found


@pytest.mark.parametrize(("language", "shown"), [("", "<b>Shoe</b>See it Hi Bonn"), ("de", "<b>Shoe</b>Ansehen Hi Bonn")])
def test_what_was_kept_draws_as_what_was_compiled(tmp_path: Path, language, shown):
    keep_codes(tmp_path, codes())

    block = blocks_of(definitions(), kept_codes(tmp_path))["b"]

    assert block.html({"title": "Hi"}, [Item({"id": "1", "name": "Shoe"})], {"city": "Bonn"}, {"language": language}, {}, NOW) == shown
    assert block.words == {"See it"}


def test_a_block_that_is_the_same_is_not_compiled_again():
    known = codes()

    assert block_codes(definitions(), known)[0]["b"] is known["b"]


@pytest.mark.parametrize("changed", [
    definitions("<p>new</p>"), definitions(text="new"), {"b": replace(definitions()["b"], variables=(Variable("title", "string"), Variable("other", "string")))},
    {"b": replace(definitions()["b"], translations=(Translation("de", {"See it": ("Anschauen",)}),))}, {"b": replace(definitions()["b"], item_fields=("price",))},
    {"b": replace(definitions()["b"], image=PictureSpec("card", 600, 200, {"title": "Hi"}))},
])
def test_a_block_that_changed_is(changed):
    known = codes()

    assert block_codes(changed, known)[0]["b"] is not known["b"]


def test_a_language_in_which_a_template_says_the_same_has_the_same_code():
    languages = codes()["b"].languages

    assert languages["de"]["text"] is languages[""]["text"]
    assert languages["de"]["html"] is not languages[""]["html"]


def test_where_there_is_none_nothing_is_known(tmp_path: Path):
    assert kept_codes(tmp_path) == NO_CODES


@pytest.mark.parametrize("damage", [
    lambda whole: b"", lambda whole: whole[:20], lambda whole: whole[:-1], lambda whole: whole + b"x", lambda whole: bytes([whole[0] ^ 1]) + whole[1:], lambda whole: whole[:200] + b"\xff" + whole[201:],
])
def test_a_file_that_another_inlay_wrote_or_that_was_cut_is_passed_over(tmp_path: Path, damage):
    keep_codes(tmp_path, codes())
    (tmp_path / FILE).write_bytes(damage((tmp_path / FILE).read_bytes()))

    assert kept_codes(tmp_path) == NO_CODES


def test_changed_code_of_inlay_makes_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keep_codes(tmp_path, codes())
    kept._made_by.cache_clear()
    monkeypatch.setattr("app.content.kept_codes.version", lambda _: "another Jinja")

    found = kept_codes(tmp_path)

    kept._made_by.cache_clear()
    assert found == NO_CODES
