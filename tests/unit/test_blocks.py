"""Blocks: what templates may say, where values may stand, what comes out, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.content.samples import sample_values
from app.content.surface import MAX_FRAGMENTS
from app.content.sandbox import Sandbox
from app.domain.conditions import Instant
from app.domain.definitions import BlockDefinition, Variable
from app.domain.item import Item
from app.errors import Problem, RenderFailed

NOW = Instant(1_798_761_600_000)
"""2027-01-01, midnight in UTC."""
FIELDS = ("name", "price", "url", "image")


def definition(html: str, *, variables: tuple[Variable, ...] = (), fields: tuple[str, ...] = FIELDS, **others: str) -> BlockDefinition:
    templates = {kind: (f"blocks/b/{kind}.j2", source) for kind, source in {"html": html, **others}.items()}
    return BlockDefinition("b", "a block", variables, fields, {}, templates)


def problems(html: str, **more: Any) -> list[Problem]:
    return compile_blocks({"b": definition(html, **more)})[1]


def block(html: str, **more: Any) -> Block:
    found, wrong = compile_blocks({"b": definition(html, **more)})
    assert wrong == []
    return found["b"]


def text(name: str, default: str | None = None) -> tuple[Variable, ...]:
    return (Variable(name, "string", default),)


def html(source: str, vars: dict[str, Any] | None = None, items: list[Item] | None = None, **profile: Any) -> str:
    names = tuple(Variable(name, "string") for name in vars or {})
    return block(source, variables=names).html(vars or {}, items or [], profile, {}, {}, NOW)


def products(count: int) -> list[Item]:
    return [Item({"id": str(i), "name": f"Shoe {i}", "price": 10.0 + i, "url": f"https://s.example/{i}", "image": ""}) for i in range(count)]


# -- what templates see --------------------------------------------------------------------------------------------


def test_variables_profile_context_and_addresses_are_seen():
    found = block("{{ a }} {{ profile.city }} {{ context.device }} {{ urls.amp }}", variables=text("a"))

    assert found.html({"a": 1.0}, [], {"city": "Bonn"}, {"device": "phone"}, {"amp": "https://x.example/"}, NOW) == "1 Bonn phone https://x.example/"


@pytest.mark.parametrize("ends,left", [
    ("2027-02-01", "4 weeks"), ("2027-01-22", "3 weeks"), ("2027-01-21T23:00:00Z", "20 days"), ("2027-01-03", "2 days"), ("2027-01-02T23:59:00Z", "47 hours"),
    ("2027-01-01T01:59:00Z", "119 minutes"), ("2027-01-01T00:02:00Z", "2 minutes"), ("2027-01-01T00:01:59Z", "less than two minutes"), ("2027-01-01", ""), ("2026-12-31", ""), ("soon", ""),
])  # fmt: skip
def test_the_time_left_until_an_instant_is_told_in_words(ends, left):
    assert html("{{ a|time_left(now) }}", {"a": ends}) == left


def test_the_seconds_left_are_a_number_for_other_languages():
    assert html("noch {{ a|seconds_left(now) // 86400 }} Tage", {"a": "2027-01-10"}) == "noch 9 Tage"


def test_a_date_ends_when_it_begins_in_the_shop_s_own_time():
    berlin = compile_blocks({"b": definition("{{ a|time_left(now) }}", variables=text("a"))}, ZoneInfo("Europe/Berlin"))[0]["b"]

    assert berlin.html({"a": "2027-01-02"}, [], {}, {}, {}, NOW) == "23 hours"


def test_a_loop_that_tells_the_time_is_drawn_anew_each_time():
    found = block("{% for i in items %}{{ a|time_left(now) }}{% endfor %}", variables=text("a"))
    items = products(1)

    drawn = [found.html({"a": "2027-01-10"}, items, {}, {}, {}, at) for at in (NOW, Instant(NOW + 86_400_000))]

    assert drawn == ["9 days", "8 days"]


def test_an_absent_variable_takes_its_default():
    assert block("{{ a }}", variables=text("a", "Hello")).html({}, [], {}, {}, {}, NOW) == "Hello"


def test_a_missing_value_fails_the_block_and_nothing_else():
    with pytest.raises(RenderFailed, match="city is missing"):
        html("{{ profile.city }}")


def test_a_failure_does_not_quote_the_data():
    with pytest.raises(RenderFailed) as caught:
        html("{{ profile.a|round }}", a="ann@example.com")

    assert "ann" not in str(caught.value)


@pytest.mark.parametrize("source,expected", [
    ("{{ profile.n|money }}", "1,234.50\u00a0€"), ("{{ profile.n|money('$') }}", "$1,234.50"), ("{{ '2026-10-12'|date }}", "12 October 2026"),
    ("{{ 'one two three'|truncate(8) }}", "one two…"), ("{{ 'a\nb\nc'|truncate_lines(2) }}", "a\nb…"), ("{{ [1, 2]|join('-') }}", "1-2"),
    ("{{ 'aXbX'|replace('X', '.') }}", "a.b."), ("{{ 2.456|round(1) }}", "2.5"), ("{{ 'a' ~ 1 ~ none }}", "a1"),
    ("{{ '<b>'|escape }}", "&lt;b&gt;"), ("{% for r in [1, 2, 3]|batch(2, 0) %}{{ r|join }};{% endfor %}", "12;30;"),
    ("{% for r in [1, 2, 3]|slice(2) %}{{ r|join }};{% endfor %}", "12;3;"), ("{{ true }}{{ none }}{{ 3.0 }}", "true3"),
])
def test_filters_and_values_come_out_for_people(source, expected):
    assert html(source, n=1234.5) == expected


def test_keys_of_nested_traits_win_over_methods():
    assert html("{{ profile.address.items }}", address={"items": "three"}) == "three"


# -- where values may stand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [
    "<script>{{ a }}</script>", "<style>{{ a }}</style>", "<b onclick='{{ a }}'>x</b>", '<b on="tap:{{ a }}">x</b>', "<b class={{ a }}>x</b>",
    "<{{ a }}>", "<b {{ a }}>", '<b {{ a }}="x">', "<!-- {{ a }} -->", '<iframe srcdoc="{{ a }}"></iframe>', '<a href="{{ a }}{{ a }}">x</a>',
    '<a href="java{{ a }}">x</a>', '<a href="https://{{ a }}/">x</a>', '<a href="https:///{{ a }}">x</a>', '<a href="/{{ a }}">x</a>',
    '<a {% if a %}href{% else %}title{% endif %}="{{ a }}">x</a>', '<a {% if a %}on{% endif %}click="{{ a }}">x</a>',
    '<{% if a %}a{% else %}b{% endif %} title="{{ a }}">', '{% if a %}<a title="{% endif %}', '{% for x in a %}<b {% endfor %}',
    '<a {% for x in a %}href="{{ x }}" h{% endfor %}ref="{{ a }}">x</a>', '<meta http-equiv="refresh" content="0;url={{ a }}">',
    '<svg><animate attributeName="href" to="{{ a }}"/></svg>', '<b [text]="{{ a }}">x</b>', '<b data-amp-bind-text="{{ a }}">x</b>',
    "<textarea>{{ a }}</textarea>", "<plaintext>{{ a }}", '<a href="{% if a %}javascript:{% endif %}//{{ a }}">x</a>', '<!x {{ a }}>',
    "<script><!--<script></script>{{ a }}", "</title{{ a }}>", "<td{% if a %}x{% endif %}>",
])
def test_a_value_where_nothing_makes_it_safe_is_refused_at_load(source):
    found = problems("\n" + source, variables=text("a"))

    assert [(each.file, each.line) for each in found[:1]] == [("blocks/b/html.j2", 2)]


@pytest.mark.parametrize("source,expected", [
    ("<td{% if a %} class=\"x\"{% endif %}>", '<td class="x">'), ("<input {% if a %}checked{% endif %}>", "<input checked>"),
    ('<a /href="{{ a }}">', '<a /href="#">'), ('<<a href="{{ a }}">', '<<a href="#">'), ('<a href = "{{ a }}">', '<a href = "#">'),
    ('<A HREF="{{ a }}">', '<A HREF="#">'), ('<a title="{{ a }}">', '<a title="javascript:x">'), ("<title>{{ a }}</title>", "<title>javascript:x</title>"),
    ('<a href="https://s.example/?q={{ a }}">', '<a href="https://s.example/?q=javascript%3Ax">'), ('<b style="color: {{ a }}">', '<b style="color: ">'),
    ('<!--[if mso]><v:rect href="{{ a }}"><![endif]-->', '<!--[if mso]><v:rect href="#"><![endif]-->'), ("1 < 2 {{ a }}", "1 < 2 javascript:x"),
    ('<svg><use xlink:href="{{ a }}"/></svg>', '<svg><use xlink:href="#"/></svg>'), ("<!--x--!>{{ a }}", "<!--x--!>javascript:x"),
    ('<a href="{% if a %}{{ a }}{% else %}https://s.example/{% endif %}">', '<a href="#">'), ("<script >1</script >{{ a }}", "<script >1</script >javascript:x"),
])
def test_a_value_takes_the_escape_of_its_place(source, expected):
    assert html(source, {"a": "javascript:x"}) == expected


@pytest.mark.parametrize("source,expected", [
    ('<b style="color: {{ a }}; width: {{ b }}">', '<b style="color: #a0b1c2; width: 12.5px">'),
])
def test_colours_and_sizes_may_stand_in_a_style(source, expected):
    assert html(source, {"a": "#a0b1c2", "b": "12.5px"}) == expected


@pytest.mark.parametrize("source", ['<p title="x>{{ a }}</p>', "<p", "<!-- x", "<title>x", "<script>1", "<p>x</p"])
def test_a_template_cannot_leave_markup_open(source):
    found = problems("\n" + source + "\n", variables=text("a"))

    assert [(each.line, "the template ends inside" in each.message) for each in found] == [(2, True)]


# -- what templates may not say ------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [
    "{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% macro m() %}{% endmacro %}", "{% block x %}{% endblock %}",
    "{{ a.upper() }}", "{{ a.__class__ }}", "{{ a|safe }}", "{{ a|attr('x') }}", "{{ a|map('upper') }}", "{{ range(3) }}", "{{ 2 ** 3 }}",
    "{{ self }}", "{{ a|_text }}", "{{ unknown }}", "{{ a|center(9) }}", "{{ '%s'|format(a) }}", "{% set x %}<b>{% endset %}", "{{ {} }}",
    "{% autoescape false %}{{ a }}{% endautoescape %}", "{% with x = 1 %}{% endwith %}", "{% filter upper %}x{% endfilter %}", "{{ a", "{% if %}",
    "{{ _cards }}", "{% for x in a recursive %}{{ loop(x) }}{% endfor %}", "{{ lipsum }}", "{{ cycler }}",
])
def test_what_templates_may_not_say_is_a_problem_with_its_line(source):
    found = problems("\n\n" + source, variables=text("a"))

    assert found[0].line == 3


def test_all_problems_of_a_template_come_at_once_even_behind_a_style():
    found = problems("<style>\nb{color:red}\n</style>\n{{ nobody }}\n<b onclick='{{ a }}'>\n{{ a.upper() }}", variables=text("a"))

    assert [each.line for each in found] == [4, 5, 6]


@pytest.mark.parametrize("source", [
    "{{ big|replace('y', big)|length }}", "{% set a = big %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}", "{{ big|join(big) }}",
    "{% set a = big %}" + "{% set a = a + a %}" * 40 + "{{ a }}", "{% set a = 99999999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "{% for a in big %}{% for b in big %}{% for c in big %}{% endfor %}{% endfor %}{% endfor %}", "{{ big * 100 }}", "{{ '%9999999d' % 3 }}",
    "{% for a in big %}{% for b in big %}{{ b }}{% endfor %}{% endfor %}", "{% for a in big %}{{ big }}{% endfor %}", "{{ big.upper }}",
    "{% for a in big %}{% if big|replace('y', 'zz')|length > 5 %}{% endif %}{% endfor %}",
])
def test_a_hostile_template_is_stopped(source):
    with pytest.raises(RenderFailed):
        html(source, {"big": "y" * 100_000})


@pytest.mark.parametrize("source", ["{{ 1.5|round(1000000000) }}", "{{ [1]|batch(1000000000, 1)|length }}", "{{ [1]|slice(1000000000)|length }}"])
def test_a_huge_argument_is_cut_down(source):
    assert len(html(source)) < 10


def test_a_template_nested_too_deeply_is_a_problem():
    assert problems("{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}") != []
    assert problems("{% for x in items %}" * 30 + "{% endfor %}" * 30) != []


# -- cards ---------------------------------------------------------------------------------------------------------

GRID = "{% for row in items|batch(2) %}<tr>{% for item in row %}<td>{{ item.name }} {{ a }}</td>{% endfor %}</tr>{% endfor %}"


def test_a_card_is_drawn_once_per_version_of_the_item_and_value_of_the_variables():
    found, items = block(GRID, variables=text("a")), products(3)
    drawn = [found.html({"a": a}, items, {}, {}, {}, NOW) for a in ("x", "x", "y")]

    assert drawn[0] == "<tr><td>Shoe 0 x</td><td>Shoe 1 x</td></tr><tr><td>Shoe 2 x</td></tr>"
    assert (drawn[0] == drawn[1], drawn[2]) == (True, drawn[0].replace("x", "y"))
    assert len(items[0].fragments) == 2


def test_equal_keys_that_are_drawn_differently_are_kept_apart():
    found, items = block(GRID, variables=text("a")), products(1)

    assert ["true" in found.html({"a": a}, items, {}, {}, {}, NOW) for a in (1, True, 1.0, "1")] == [False, True, False, False]


def test_a_variable_that_is_a_list_is_no_obstacle():
    assert "Shoe 0 1, 2" in block(GRID, variables=text("a")).html({"a": [1, 2]}, products(1), {}, {}, {}, NOW)


@pytest.mark.parametrize("source", ["{{ profile }}", "{{ items[0] }}", "{{ items }}", "{{ profile.address }}"])
def test_what_nobody_reads_as_text_fails_the_block(source):
    with pytest.raises(RenderFailed, match="is no text"):
        block(source).html({}, products(1), {"address": {"city": "Bonn"}}, {}, {}, NOW)


@pytest.mark.parametrize("source", ["{{ [" + "1," * 50_000 + "] }}", "{{ a" + "~a" * 20_000 + " }}"])
def test_a_template_of_too_many_parts_is_a_problem(source):
    assert [each.message for each in problems(source, variables=text("a"))] == ["more than 10,000 parts; a template is words, names and a few tags"]


def test_a_missing_variable_inside_a_card_can_be_tested():
    source = "{% for item in items %}{% if a is defined %}{{ a }}{% else %}-{% endif %}{% endfor %}"

    assert block(source, variables=text("a")).html({}, products(2), {}, {}, {}, NOW) == "--"


def test_the_kept_cards_of_an_item_are_bounded():
    found, items = block(GRID, variables=text("a")), products(1)
    drawn = [found.html({"a": str(n)}, items, {}, {}, {}, NOW) for n in range(3 * MAX_FRAGMENTS)]

    assert (len(items[0].fragments), drawn[-1]) == (MAX_FRAGMENTS, f"<tr><td>Shoe 0 {3 * MAX_FRAGMENTS - 1}</td></tr>")


@pytest.mark.parametrize("source,expected", [
    ("Grüße, {{ a }}: {% for item in items %}{{ item.name }} {{ item.price|money }} – {% endfor %}", "Grüße, Łukasz: Schuh 靴 🙂 10.00\u00a0€ – "),
    ("{% for item in items %}{% for each in items %}{{ item.name }}ß {{ a ~ '→' }}{% endfor %}{% endfor %}", "Schuh 靴 🙂ß Łukasz→"),
])
def test_letters_beyond_ascii_are_sent_as_utf_8_wherever_they_come_from(source: str, expected: str):
    found, items = block(source, variables=text("a")), [Item({"id": "1", "name": "Schuh 靴 🙂", "price": 10.0})]
    drawn = [found.page({"a": "Łukasz"}, items, {}, {}, {}, NOW) for _ in range(2)]

    assert drawn == [expected.encode()] * 2


def test_what_a_person_sees_is_never_kept():
    found, items = block("{% for item in items %}{{ profile.name }}{% endfor %}"), products(1)

    assert [found.html({}, items, {"name": name}, {}, {}, NOW) for name in ("Ann", "Bob")] == ["Ann", "Bob"]
    assert items[0].fragments == {}


def test_a_name_set_from_a_profile_is_not_mixed_up_between_people():
    found, items = block("{% set a = profile.name %}" + GRID, variables=text("a")), products(1)

    assert [name in found.html({"a": "x"}, items, {"name": name}, {}, {}, NOW) for name in ("Ann", "Bob")] == [True, True]


# -- CSS -----------------------------------------------------------------------------------------------------------


def test_rules_go_inline_and_media_queries_stay():
    source = "<style>.c{color:red} a:hover{color:blue} @media (max-width:600px){.c{width:100%}}</style><p class='c'>x</p>"

    assert html(source) == "<style>a:hover{color:blue}\n@media (max-width:600px){.c{width:100%}}</style><p style=\"color: red;\" class='c'>x</p>"


@pytest.mark.parametrize("source", [
    "<table>{% for item in items %}<tr><td>{{ item.name }}</td></tr>{% endfor %}</table>",
    "{% for item in items %}<tr><td>{{ item.name }}</td></tr>{% endfor %}",
    "<table>{% for row in items|batch(2) %}<tr>{% for item in row %}<td>{{ item.name }}</td>{% endfor %}</tr>{% endfor %}</table>",
    "<table><tr>{% if items|length > 1 %}<td>{{ items[0].name }}</td>{% else %}<td>-</td>{% endif %}</tr></table>",
])
def test_rows_of_tables_survive_the_inliner(source):
    inlined = html("<style>td{color:red}</style>" + source, items=products(3))

    assert inlined == html(source.replace("<td>", '<td style="color: red;">'), items=products(3))


def test_the_lines_of_a_sheet_that_went_inline_are_not_sent():
    assert html("<style>\n.c {\n  color: red\n}\n\n</style>\n<p class='c'>x</p>\n<p>y</p>") == "<p style=\"color: red;\" class='c'>x</p>\n<p>y</p>"


def test_an_own_style_comes_after_the_rules():
    assert html('<style>p{color:red}</style><p style="color:{{ a }}">', {"a": "blue"}) == '<p style="color: red; color:blue">'


def test_a_whole_document_keeps_its_head():
    page = "<!doctype html><html><head><title>x</title><style>p{color:red}</style></head><body><p>y</p></body></html>"

    assert html(page) == '<!doctype html><html><head><title>x</title></head><body><p style="color: red;">y</p></body></html>'


# -- text ----------------------------------------------------------------------------------------------------------


def test_text_is_derived_where_there_is_none():
    source = '<h1>{{ a }}</h1><table><tr><td>One</td><td>Two</td></tr></table><img src="https://s.example/" alt="A shoe"><a href="https://s.example/">Look</a>'

    assert block(source, variables=text("a")).text({"a": "Tom & <b>"}, [], {}, {}, {}, NOW) == "Tom & <b>\n\nOne Two\n\nA shoe Look (https://s.example/)\n"


def test_text_of_its_own_is_not_escaped_and_has_no_control_characters():
    assert block("x", variables=text("a"), text="{{ a }}").text({"a": "Tom & <b>\x1b[0m\x00"}, [], {}, {}, {}, NOW) == "Tom & <b>[0m\n"


# -- AMP -----------------------------------------------------------------------------------------------------------

LIST = '<amp-list src="{{ urls.amp }}" layout="fixed-height" height="9"><template type="amp-mustache">{}</template></amp-list>{{ a }}'


def amp(inside: str) -> Block:
    return block("x", variables=text("a"), amp=LIST.replace("{}", inside))


def test_mustache_passes_verbatim_and_data_beside_it_is_dead():
    inside = '\n  <a href="{{url}}">{{name}} {{{b}}} {{#c}}x{{/c}}</a>\n'

    found = amp(inside).amp({"a": "{{name}}"}, [], {}, {}, {"amp": "https://x.example/amp/v1.k.p-_.m"}, NOW)

    assert 'src="https://x.example/amp/v1.k.p-_.m"' in found
    assert f'<template type="amp-mustache">{inside}</template>' in found
    assert "{{" not in found.rpartition("</amp-list>")[2]


@pytest.mark.parametrize("opening,closing", [
    ("<template type='amp-mustache'>", "</template>"), ('<script type="text/plain" template="amp-mustache">', "</script>"),
])
def test_other_spellings_of_a_mustache_template_are_known(opening, closing):
    source = f'<amp-list src="https://x.example/">{opening}{{{{name}}}}{closing}</amp-list>'

    assert block("x", amp=source).amp({}, [], {}, {}, {}, NOW) == source


def test_the_list_holds_fields_and_variables_and_its_addresses_are_safe():
    item = Item({"id": "1", "name": "<b>{{x}}", "price": 9.5, "url": "javascript:x", "image": None, "secret": 1, "link": "data:x"})
    found = block("x", variables=text("a", "Hi"), fields=("name", "price", "url", "image", "link"), amp=LIST.replace("{}", '<a href="{{ link }}">x</a>'))

    assert found.data({}, [item]) == {"items": [{"name": "<b>{{x}}", "price": 9.5, "url": "", "image": "", "link": ""}], "a": "Hi"}


def test_the_list_tells_fields_as_their_filters_say_and_passes_over_what_is_missing():
    item = Item({"id": "1", "name": "A very long name of a shoe", "price": 9.5})
    found = block("x", fields=("name|truncate(12)|upper", "price|money", "list_price|money"))

    assert found.data({}, [item]) == {"items": [{"name": "A VERY LONG…", "price": "9.50\u00a0€", "list_price": None}]}


@pytest.mark.parametrize("field,said", [("price|cash", "cash"), ("price|money(", "unexpected"), ("price|_text", "no filter _text"), ("price|replace(1, x.y())", "call is not available")])
def test_a_filter_that_is_none_is_a_problem_of_the_block(field, said):
    assert said in problems("x", fields=(field,))[0].message


def test_a_filter_that_fails_on_a_value_fails_the_list():
    with pytest.raises(RenderFailed):
        block("x", fields=("name|round",)).data({}, [Item({"id": "1", "name": "text"})])


def test_a_block_that_names_no_fields_lists_its_variables_though_it_shows_items():
    assert block("x", variables=text("a"), fields=()).data({"a": 1}, products(2)) == {"items": [{"a": 1}], "a": 1}


def test_a_block_without_items_lists_its_variables_once():
    assert block("x", variables=text("a"), fields=()).data({"a": 1}, []) == {"items": [{"a": 1}], "a": 1}


# -- samples -------------------------------------------------------------------------------------------------------


def test_samples_are_made_from_the_types():
    variables = (Variable("a", "string"), Variable("n", "number"), Variable("u", "url"), Variable("d", "date"), Variable("b", "boolean"))
    found = definition("{{ a }}{{ n }}{{ u }}{{ d }}{{ b }}{% for item in items %}{{ item.name }}{% endfor %}", variables=variables)
    values, items = sample_values(found)

    assert "Sample name" in compile_blocks({"b": found})[0]["b"].html(values, items, {}, {}, {}, NOW)


def test_the_docs_name_every_filter_there_is():
    page = (Path(__file__).parents[2] / "docs" / "blocks.md").read_text()
    named = page.partition("**Filters**: ")[2].partition(".\n")[0]

    assert sorted(named.replace("`", "").split()) == sorted(name for name in Sandbox(amp=False).filters if not name.startswith("_"))


def test_derived_texts_are_kept_for_the_same_markup_only_and_bounded():
    found = block("<p>{{ a }}</p>", variables=text("a"))
    texts = [found.text({"a": str(n % 100)}, [], {}, {}, {}, NOW) for n in range(300)]

    assert texts == [f"{n % 100}\n" for n in range(300)]
