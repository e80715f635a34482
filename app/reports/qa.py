"""Looking at a send before it goes out: what each of some people gets, at some instants, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from typing import Any, cast

from app.content.plaintext import plaintext
from app.domain.translation import tag

CLIPPED = 102_400
FALLBACK, OUTSIDE = "shows the fallback", "is outside of what is known of"
LONG_TITLE, LONG_WORD = 70, 40
_LEFT_OVER = re.compile(r"\{\{|\}\}|\{%|\bundefined\b|\bNone\b|\bnull\b|\bSample\b|lorem ipsum", re.IGNORECASE)
_BRACES = re.compile(r"\\\{\w+\\\}")
_MARKS = ("category", "categories", "brand", "tags")
_LINK = re.compile(r'href="(https?://[^"]+)"')
_STYLE = """
:root{color-scheme:light dark;--ink:#14181f;--muted:#5b6573;--page:#f6f7f9;--surface:#fff;--line:#e3e7ec;--accent:#2f5bea;--warn:#9a6700}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebf0;--muted:#9aa4b2;--page:#0f1216;--surface:#171b21;--line:#2a3038;--accent:#7d9bff;--warn:#e2b341}}
body{margin:0;padding:24px;background:var(--page);color:var(--ink);font:14px/1.5 -apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
h1{font-size:28px;line-height:1.2;margin:0 0 4px}h2{font-size:20px;margin:40px 0 12px}a{color:var(--accent)}.muted{color:var(--muted)}.warn{color:var(--warn)}
.cells{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(375px,100%),1fr));gap:16px}.cell{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:16px}
iframe{width:100%;height:420px;border:1px solid var(--line);border-radius:8px;background:var(--surface)}ul{margin:8px 0;padding-left:20px}code{font-size:12px}details{margin-top:8px}pre{white-space:pre-wrap}
"""
_FRAMED = '<meta name="color-scheme" content="light dark"><style>body{margin:0}</style>'
"""What a frame says before the mail: it is light or dark as the page is."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one person gets in one placement at one instant (`at` empty: now), in one language (empty: the person's own)."""

    person: str
    at: str
    placement: str
    offer: str
    block: str
    items: tuple[str, ...]
    html: str
    text: str
    titles: tuple[str, ...] = ()
    language: str = ""
    shown: tuple[Mapping[str, Any], ...] = ()
    """The fields of its items."""
    amp: str = ""
    data: str = ""
    """What the JSON surface gives."""

    @property
    def key(self) -> str:
        return " ".join(filter(None, (self.person, self.at, self.language, self.placement)))

    @property
    def mark(self) -> dict[str, Any]:
        """What an approval remembers of it; tokens in addresses differ each time."""
        return {
            "offer": self.offer, "block": self.block, "items": list(self.items), "words": _told(plaintext(self.html)), "text": _told(self.text),
            "amp": _told(self.amp), "json": _told(self.data),
        }


def _told(content: str) -> str:
    words = re.sub(r"\s+", " ", re.sub(r"https?://[^\s\"<]+", "", content))
    return sha256(words.encode()).hexdigest()[:16]


def cell_of(person: str, at: str, placement: str, shown: Mapping[str, Any], text: str, language: str = "", amp: str = "") -> Cell:
    """`shown` is a placement of a decision with its HTML; `amp` is empty where its block has none."""
    titles = tuple(str(value) for name, value in shown["vars"].items() if name in ("headline", "title", "button") and value)
    items = tuple(str(item.get("id", "")) for item in shown["items"])
    data = json.dumps({name: value for name, value in shown.items() if name != "content"}, indent=2, ensure_ascii=False)
    return Cell(person, at, placement, shown["offer"] or "", shown["block"], items, shown.get("content") or "", text, titles, language, tuple(shown["items"]), amp, data)


def minor(finding: str) -> bool:
    """Whether it is told and no reason against the send."""
    return finding == FALLBACK or OUTSIDE in finding


def findings(cell: Cell, unreachable: Mapping[str, str] | None = None) -> Iterator[str]:
    """In words, what somebody should look at."""
    words = plaintext(cell.html)
    if not words.strip() or not cell.text.strip():
        yield "comes out empty"
    if len(cell.html.encode()) > CLIPPED:
        yield f"has {len(cell.html.encode()):,} bytes: Gmail clips it"
    if not _LINK.search(cell.html):
        yield "leads nowhere: no link"
    if found := _LEFT_OVER.search(re.sub(r"https?://\S+", "", words)):
        yield f'says "{found[0]}": something was not filled in'
    for title in cell.titles:
        if len(title) > LONG_TITLE or max(map(len, title.split()), default=0) > LONG_WORD:
            yield f'"{title[:60]}…" is too long'
    if not cell.offer:
        yield FALLBACK
    for address in dict.fromkeys(_LINK.findall(cell.html)):
        if why := (unreachable or {}).get(address.replace("&amp;", "&")):
            yield f"{address[:80]} {why}"


def untranslated(cells: Sequence[Cell], alike: Mapping[str, Collection[str]] | None = None) -> dict[str, list[str]]:
    """key -> the lines that read as in the first language, where the same offer is shown in both. What items are called is no such
    line, nor is what a catalogue translates by itself: `alike` holds these texts by the language's tag."""
    first = {(cell.person, cell.at, cell.placement): cell for cell in reversed(cells)}
    found: dict[str, list[str]] = {}
    for cell in cells:
        source = first[cell.person, cell.at, cell.placement]
        if cell.language == source.language or (cell.offer, cell.block) != (source.offer, source.block):
            continue
        items = {_plain(value) for item in (*cell.shown, *source.shown) for value in item.values() if isinstance(value, str)}
        names = _called([*items, *(_plain(plaintext(text)) for text in _spoken(alike or {}, cell.language))])
        there = set(_lines(source))
        found[cell.key] = [f'says "{line[:80]}" as in {source.language}: not translated' for line in dict.fromkeys(_lines(cell)) if line in there and not _named(line, names)]
    return found


def _lines(cell: Cell) -> list[str]:
    """What the cell says, line by line, without addresses and numbers."""
    bare = (_plain(line) for line in re.sub(r"\(?https?://\S+", "", plaintext(cell.html)).splitlines())
    return [line for line in bare if sum(map(str.isalpha, line)) > 1]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" :.,·|-–")


def _spoken(alike: Mapping[str, Collection[str]], language: str) -> Collection[str]:
    """Those of the language; `de-AT` speaks as `de` does."""
    known = tag(language)
    return alike.get(known) or alike.get(known.partition("-")[0], ())


def _called(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names, the longest first; what stands in braces in a catalogue's may be anything."""
    longest = sorted({name for name in names if len(name) > 1}, key=len, reverse=True)
    return re.compile("|".join(_BRACES.sub(".+", re.escape(name)) for name in longest) or "(?!)")


def _named(line: str, names: re.Pattern[str]) -> bool:
    """Whether nothing is left of a line but names, and amounts."""
    return sum(map(str.isalpha, names.sub("", line))) < 2


def interests(traits: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """What somebody is known to care for, in small letters: interests and favourites that they named, categories and brands of what they looked at, put aside and bought."""
    named = [value for name, value in traits.items() if name.startswith(("interest", "favourite", "favorite", "preferred"))]
    told: list[Mapping[str, Any]] = [each.get("properties") or {} for each in events]
    products = [cast("Mapping[str, Any]", each) for event in told for each in _list(event.get("products")) if isinstance(each, Mapping)]
    things = [*told, *products]
    return frozenset(_words([*named, *(thing.get(name) for thing in things for name in _MARKS)]))


def outside(cell: Cell, known: Collection[str]) -> Iterator[str]:
    """The items of which neither category nor brand is among what is known; nothing where nothing is, or of items that say neither."""
    for item in cell.shown if known else ():
        marks = list(_words(item.get(name) for name in _MARKS))
        if marks and not set(marks) & set(known):
            yield f'"{str(item.get("name") or item.get("id", ""))[:60]}" ({", ".join(marks)}) {OUTSIDE} {cell.person}: {", ".join(sorted(known))[:120]}'


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from (each.lower() for each in _list(value) if isinstance(each, str) and each)


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def addresses(cells: Sequence[Cell]) -> list[str]:
    """Every address that is linked to, once."""
    return list(dict.fromkeys(address.replace("&amp;", "&") for cell in cells for address in _LINK.findall(cell.html)))


def differences(cells: Sequence[Cell], approved: Mapping[str, Any]) -> dict[str, str]:
    """key -> what is otherwise than when it was approved."""
    found: dict[str, str] = {}
    for cell in cells:
        before = approved.get(cell.key)
        if before is None:
            found[cell.key] = "is new"
        elif changed := [name for name, value in cell.mark.items() if before.get(name, value) != value]:
            found[cell.key] = f"has other {', '.join(changed)}" + (f": {before.get('offer') or 'fallback'} before" if "offer" in changed else "")
    return found | {key: "is gone" for key in approved if key not in {cell.key for cell in cells}}


def page(title: str, cells: Sequence[Cell], wrong: Mapping[str, Sequence[str]], changed: Mapping[str, str]) -> str:
    """The whole report as one file that needs nothing else; the mails are in frames that can do nothing."""
    told = "".join(f"<li class={_weight(why)}><a href=\"#{escape(_anchor(key))}\">{escape(key)}</a>: {escape(why)}</li>" for key, reasons in wrong.items() for why in reasons)
    diff = "".join(f"<li><a href=\"#{escape(_anchor(key))}\">{escape(key)}</a> {escape(why)}</li>" for key, why in changed.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title><style>{_STYLE}</style></head><body>'
        f'<h1>{escape(title)}</h1><p class="muted">{len(cells)} renderings, {sum(map(len, wrong.values()))} things to look at, {len(changed)} different from what was approved</p>'
        + (f'<h2>To look at</h2><ul>{told}</ul>' if told else "") + (f"<h2>Different from what was approved</h2><ul>{diff}</ul>" if diff else "")
        + "<h2>Everything</h2><div class=cells>" + "".join(_shown(cell, wrong.get(cell.key, ())) for cell in cells) + "</div></body></html>\n"
    )


def _shown(cell: Cell, wrong: Sequence[str]) -> str:
    reasons = "".join(f"<li class={_weight(why)}>{escape(why)}</li>" for why in wrong)
    return (
        f'<div class=cell id="{escape(_anchor(cell.key))}"><b>{escape(cell.person)}</b> {escape(cell.placement)} <span class=muted>{escape(" ".join(filter(None, (cell.at, cell.language))))}</span><br><code>{escape(cell.offer or "fallback")} · {escape(cell.block)}</code>'
        f'<ul>{reasons}</ul><iframe sandbox="" title="{escape(cell.key)}" srcdoc="{escape(_FRAMED + cell.html)}"></iframe>'
        + "".join(f"<details><summary>{name}</summary><pre>{escape(content)}</pre></details>" for name, content in (("Text", cell.text), ("AMP", cell.amp), ("JSON", cell.data)) if content) + "</div>"
    )


def _weight(finding: str) -> str:
    return "muted" if minor(finding) else "warn"


def _anchor(key: str) -> str:
    return re.sub(r"[^\w-]", "_", key)
