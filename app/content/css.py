"""CSS of a template put inline when it is loaded; what cannot be inline (media queries, `:hover`) stays in a `<style>`.

The inliner never sees the template itself: it gets a copy without Jinja whose elements are numbered, and what it finds
for each is written into the source as it stands. So tags between table rows stay where they are, and so do the lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

_STYLE = re.compile(r"<style[^>]*>(.*?)</style\s*>", re.DOTALL | re.IGNORECASE)
_JINJA = r"\{%.*?%\}|\{\#.*?\#\}|\{\{.*?\}\}"
_PLAIN = r"\{(?![%{#])"
_QUOTED = rf"\"(?:{_JINJA}|[^\"{{]|{_PLAIN})*\"|'(?:{_JINJA}|[^'{{]|{_PLAIN})*'"
_MARKUP = re.compile(rf"<!--.*?-->|{_JINJA}|<([a-zA-Z][\w:-]*)((?:{_JINJA}|{_QUOTED}|[^<>\"'{{]|{_PLAIN})*)>", re.DOTALL)
_OWN_STYLE = re.compile(r"\sstyle\s*=\s*[\"']", re.IGNORECASE)
_STAYS = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}|@[^{};]*;|[^{}]*::?(?:hover|focus|active|visited|before|after)[^{}]*\{[^{}]*\}")
_MARK = "data-inlay-n"
_WRAPS = {"tr": "<table><tbody>{}</tbody></table>", "td": "<table><tr>{}</tr></table>", "th": "<table><tr>{}</tr></table>"}


def inline_css(source: str, lines: Callable[[int], str] = lambda count: "\n" * count) -> str:
    """The template with its rules in `style` attributes, before what the author wrote there; `lines` gives what stands for so many
    lines of a sheet, so that those after it keep their numbers."""
    css = "\n".join(_STYLE.findall(source))
    if not css or "{{" in css or "{%" in css:
        return source
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    bare = _STYLE.sub(lambda match: "\n" * match[0].count("\n"), source, 0)
    found = _styles_of(bare, _STAYS.sub("", css))
    done = _numbered(_emptied(source, lines), lambda number, tag, rest: f"<{tag}{_styled(rest, found.get(number))}>")
    stays = "\n".join(part.strip() for part in _STAYS.findall(css))
    return done.replace("\ue000", f"<style>{stays}</style>" if stays else "", 1)


def _emptied(source: str, lines: Callable[[int], str]) -> str:
    """The source with a mark where its first sheet was."""
    first = True

    def empty(match: re.Match[str]) -> str:
        nonlocal first
        mark, first = "\ue000" if first else "", False
        return mark + lines(match[0].count("\n"))

    return _STYLE.sub(empty, source)


def _numbered(source: str, write: Callable[[int, str, str], str]) -> str:
    """The source with each start tag replaced by `write(number, tag, rest)`."""
    count = -1

    def one(match: re.Match[str]) -> str:
        nonlocal count
        if match[1] is None:
            return match[0]
        count += 1
        return write(count, match[1], match[2])

    return _MARKUP.sub(one, source)


def _styles_of(source: str, css: str) -> dict[int, str]:
    """What the rules say of each element, by its number."""
    def numbered(number: int, tag: str, rest: str) -> str:
        rest = re.sub(_JINJA, "x", re.sub(r"\{%.*?%\}|\{\#.*?\#\}", " ", rest, flags=re.DOTALL), flags=re.DOTALL)
        rest = re.sub(r"\sstyle\s*=", " data-was=", rest, flags=re.IGNORECASE)
        return f'<{tag} {_MARK}="{number}"{rest}>'

    copy = _numbered(source, numbered)
    copy = re.sub(_JINJA, "", copy, flags=re.DOTALL)
    first = re.match(r"(?:\s|<!--.*?-->)*<([a-zA-Z]+)", copy, re.DOTALL)
    copy = _WRAPS.get(first[1].lower() if first else "", "{}").replace("{}", copy)
    import css_inline  # 4 MB, which a worker does without: it takes templates as they were compiled

    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, extra_css=css)
    reader = _Styles()
    reader.feed(inliner.inline(copy))
    return reader.found


class _Styles(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[int, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get(_MARK) and given.get("style"):
            self.found[int(given[_MARK] or 0)] = given["style"] or ""


def _styled(rest: str, style: str | None) -> str:
    if not style:
        return rest
    text = escape(style.strip().rstrip(";") + ";")
    own = _OWN_STYLE.search(rest)
    if own is None:
        return f' style="{text}"{rest}'
    return f"{rest[: own.end()]}{text} {rest[own.end() :]}"
