"""Hostile values in every place of a template, on every surface, read back by a real HTML parser."""

from __future__ import annotations

import random
import re
from functools import cache
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest

from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.domain.conditions import Instant
from app.domain.definitions import BlockDefinition, Variable
from app.domain.item import Item

MARKUP = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "</td></tr></table><b>", "<b>", "</b>", "<", ">", "&", "\"", "'",
    "`", "=", "/", "\\", "<!--", "-->", "--!>", "]]>", "<![CDATA[", "<?php", "</style><script>", "</title><script>", "</textarea><b>", "<plaintext>",
    "<base href=//evil.example>", "<meta http-equiv=refresh content=0;url=//evil.example>", "<iframe src=//evil.example>", "<form action=//evil.example>",
    "<a href=javascript:alert(1)>x</a>", "<math><mi//xlink:href=\"data:x,<script>\">", "<template>", "</template><b>", "<amp-list src=//evil.example>",
    "<amp-img src=x on=\"tap:AMP.setState\">", "&lt;script&gt;", "&#60;script&#62;", "&#x3c;b&#x3e;", "&lt", "&NewLine;", "\u003cscript\u003e", "＜script＞",
    "<\x00script>", "<scr\x00ipt>", "\x00", "\x08<b>", "\ufeff<b>", "\u2028<b>", "\u202e<b>", "<b\n>", "<\nb>", "<b\t/>", "< b>", "<<b>>", "<b <b>",
)
ATTRIBUTES = (
    "\" onclick=\"alert(1)", "' onclick='alert(1)", "\"><script>alert(1)</script>", "'><script>alert(1)</script>", "\" style=\"x", "' autofocus onfocus='x",
    "x onmouseover=alert(1)", "\" x=\"", "\"/><b a=\"", "&quot; onclick=&quot;x", "&#34; onclick=&#34;x", "\\\" onclick=\\\"x", "\"\nonclick=\"x", "\"\tonclick=\"x",
    "\" [text]=\"x", "\" on=\"tap:x", "\" srcdoc=\"<b>", "`onclick=x", "\x00\" onclick=\"x",
)
ADDRESSES = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "\tjavascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)",
    "java\rscript:alert(1)", "java\x00script:alert(1)", "\x01javascript:alert(1)", "javascript&colon;alert(1)", "javascript&#58;alert(1)", "&#106;avascript:x",
    "javascript://https://x.example/%0aalert(1)", "javascript:https://x.example/", "vbscript:x", "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=", "DATA:x", "blob:https://x.example/1", "file:///etc/passwd", "ftp://x.example/", "view-source:x", "//evil.example/",
    "\\\\evil.example", "/\\evil.example", "https:\\\\evil.example", "https:/evil.example", "https:evil.example", "https://", "https:///evil.example", "http://[::1",
    "https://x.example/\" onclick=\"x", "https://x.example/'onclick='x", "https://x.example/<script>", "https://x.example/\n<b>", "https://x.example/{{url}}",
    "https://x.example\\@evil.example/", "https://x.example/`x`", "mailto:a@b.example?subject=\"><b>", "mailto:a@b.example", "mailto:\"><b>@x", "tel:1", "sms:1",
    "intent://x#Intent;end", "jar:x", "about:blank", "chrome://x", "ms-word:ofe|u|x", "\u200bjavascript:x", "\u3000javascript:x", "javascript\u200b:x", "ｊavascript:x", "",
)
STYLES = (
    "expression(alert(1))", "url(javascript:x)", "url(//evil.example)", "red;background:url(//evil.example)", "red}b{color:red", "\\65xpression(1)", "/**/", "red/*",
    "behavior:url(x)", "@import '//evil.example'", "red !important", "-moz-binding:url(x)", "1px;position:fixed", "\"", "';", "javascript", "import", "red\\", "var(--x)",
)
MUSTACHE = (
    "{{name}}", "{{{name}}}", "{{&name}}", "{{#x}}{{/x}}", "{{^x}}", "{{=<% %>=}}", "{{> x}}", "{{!x}}", "{", "{{", "}}", "{%raw%}", "{% endraw %}", "{{ 7*7 }}", "${x}",
    "{\u200b{x}}", "&#123;&#123;x}}", "&lbrace;&lbrace;x", "{{constructor}}", "#{x}", "<%= x %>",
)
CORPUS = MARKUP + ATTRIBUTES + ADDRESSES + STYLES + MUSTACHE

PLACES = (
    "<p>{}</p>", "<title>{}</title>", '<p title="{}">x</p>', "<p title='{}'>x</p>", '<p title="a {} b {} c">x</p>', '<a href="{}">x</a>', "<a href='{}'>x</a>",
    '<a href="https://s.example/?q={}&amp;r={}">x</a>', '<a href="https://s.example/{}">x</a>', '<a href="mailto:{}">x</a>', '<td background="{}">x</td>',
    '<img src="{}" alt="{}">', '<video poster="{}"></video>', '<p style="color:{};width:{}">x</p>', "<p>{}{}</p>", '<p class="{}" id="{}">x</p>',
    "<!--[if mso]><p>{}</p><![endif]-->", "<p>&{};</p>", '<svg><use xlink:href="{}"/></svg>', '<form action="{}"></form>', '<img srcset="{}">',
    "<table><tr><td>{}</td></tr></table>", '{% if 1 %}<a href="{}">{% else %}<a title="{}">{% endif %}x</a>',
)
ITEM_PLACES = tuple("{% for item in items %}" + place + "{% endfor %}" for place in PLACES[:7])
EXPRESSIONS = ("v", "profile.x", "context.x")
URL_NAMES = frozenset({"href", "src", "background", "poster", "action", "srcset", "xlink:href"})


class Shape(HTMLParser):
    """The elements, attribute names and comments of some markup, the addresses and styles apart."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[Any] = []
        self.addresses: list[str] = []
        self.styles: list[str] = []
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))
        self.addresses += [value or "" for name, value in attrs if name in URL_NAMES]
        self.styles += [value or "" for name, value in attrs if name == "style"]

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.seen.append("comment")
        inner = re.fullmatch(r"\[if mso\]>(.*)<!\[endif\]", data, re.DOTALL)
        self.seen.append(Shape(inner[1]).seen if inner else data)

    def handle_decl(self, decl: str) -> None:
        self.seen.append("declaration")

    def handle_pi(self, data: str) -> None:
        self.seen.append("instruction")

    def unknown_decl(self, data: str) -> None:
        self.seen.append("unknown")


@cache
def block(source: str) -> Block:
    templates = {kind: (f"blocks/b/{kind}.j2", source) for kind in ("html", "amp", "text") if kind != "amp" or "<img" not in source and "<video" not in source and "<form" not in source}
    definition = BlockDefinition("b", "d", (Variable("v", "string"),), ("name",), {}, templates)
    found, problems = compile_blocks({"b": definition})
    assert problems == []
    return found["b"]


def rendered(surface: str, source: str, value: str) -> str:
    found = block(source)
    draw = getattr(found, surface)
    return draw({"v": value}, [Item({"id": "1", "name": value})], {"x": value}, {"x": value}, {}, Instant(0))


SOURCES = [place.replace("{}", "{{ " + expression + " }}") for place, expression in product(PLACES, EXPRESSIONS)] + [
    place.replace("{}", "{{ item.name }}") for place in ITEM_PLACES
]
HARMLESS = "https://h.example/"


def unsafe(surface: str, source: str, value: str) -> list[str]:
    """What a value did to the markup that a harmless one does not."""
    out, plain = Shape(rendered(surface, source, value)), Shape(rendered(surface, source, HARMLESS))
    wrong = [] if out.seen == plain.seen else [f"shape {out.seen}"]
    wrong += [f"address {each!r}" for each in out.addresses if each != "#" and not re.match(r"https?://[^/\\]|mailto:", each)]
    wrong += [f"style {each!r}" for each in out.styles if not re.fullmatch(r"color:[#\w.-]*;width:[#\w.%-]*", each)]
    wrong += [f"style {each!r}" for each in out.styles if re.search("javascript|expression|import", each)]
    return wrong


def test_the_corpus_is_large_enough():
    assert len(set(CORPUS)) >= 150


@pytest.mark.parametrize("source", SOURCES)
def test_no_value_changes_the_markup_or_opens_a_scheme(source):
    surfaces = ["html", "amp"] if block(source).has_amp else ["html"]

    assert [(value, found) for value in CORPUS for surface in surfaces if (found := unsafe(surface, source, value))] == []


@pytest.mark.parametrize("source", [source for source in SOURCES if block(source).has_amp])
def test_no_value_puts_live_mustache_into_an_amp_document(source):
    assert [value for value in CORPUS if "{{" in re.sub(r"&#123;|&lbrace;", "{", Shape_text(rendered("amp", source, value)))] == []


def Shape_text(markup: str) -> str:  # noqa: N802
    """The markup as a client reads it: character references in texts and attributes resolved."""
    from html import unescape

    return markup + unescape(markup.replace("&amp;", ""))


@pytest.mark.parametrize("source", ["{{ v }}", "{{ profile.x }} {{ context.x }}"])
def test_text_has_no_control_characters(source):
    assert [value for value in CORPUS if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", rendered("text", source, value))] == []


@pytest.mark.parametrize("value", [value for value in CORPUS if value])
def test_the_addresses_of_a_list_are_safe(value):
    markup = '<amp-list src="https://s.example/"><template type="amp-mustache"><a href="{{name}}">x</a></template></amp-list>'
    templates = {"html": ("h", "x"), "amp": ("a", markup)}
    found = compile_blocks({"b": BlockDefinition("b", "d", (), ("name",), {}, templates)})[0]["b"]

    address = found.data({}, [Item({"id": "1", "name": value})])["items"][0]["name"]

    assert address == "" or re.match(r"https?://[^/\\]|mailto:", address)


def test_random_mixtures_of_the_corpus_change_nothing_either():
    rng = random.Random(7)
    tries = [(rng.choice(SOURCES), "".join(rng.choices(CORPUS, k=rng.randrange(2, 5)))) for _ in range(4_000)]

    assert [(source, value) for source, value in tries if unsafe("html", source, value)] == []
