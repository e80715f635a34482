"""AMP for e-mail: what its templates may say, and the whole document around a block's markup.

Rules: the AMP4EMAIL validator (rev 1188), as far as it can be said of a template before it is rendered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

MAX_DOCUMENT = 200_000
MAX_CSS = 75_000
_TEMPLATE = re.compile(
    r"(<template\b[^>]*\btype\s*=\s*[\"']?amp-mustache\b[^>]*>|<script\b[^>]*\btemplate\s*=\s*[\"']?amp-mustache\b[^>]*>)"
    r"(.*?)(</template\s*>|</script\s*>)",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"\b([\w-]+)\s*=\s*(\"[^\"]*\"|'[^']*')", re.DOTALL)
_TAG = re.compile(r"<([a-zA-Z][\w-]*)\b((?:\{\{.*?\}\}|\"[^\"]*\"|'[^']*'|[^<>\"'])*)>", re.DOTALL)
_WHOLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_NAME = re.compile(r"(?<![\w-])(\[?[a-zA-Z][\w-]*\]?)(?=[\s=>/]|$)")
_TRANS = re.compile(r"\{%-?\s*trans\s*-?%\}[^{}]*\{%-?\s*endtrans\s*-?%\}")
_URLS = frozenset({"href", "src", "action-xhr", "poster"})
_FORBIDDEN_TAGS = {
    "img": "amp-img", "link": "the CSS of the document", "iframe": "", "video": "", "audio": "", "object": "", "embed": "", "style": "the CSS of the document",
    "amp-date-countdown": "amp-timeago", "amp-date-display": "amp-timeago",
}
_FORBIDDEN = {
    "amp-list": frozenset({"reset-on-refresh", "credentials", "[src]", "load-more", "load-more-bookmark", "auto-resize", "initial-content"}),
    "form": frozenset({"action", "target", "name", "verify-xhr"}),
    "amp-state": frozenset({"src", "[src]"}),
}
_COMPONENTS = {
    "amp-list": "0.1", "amp-form": "0.1", "amp-bind": "0.1", "amp-carousel": "0.1", "amp-accordion": "0.1", "amp-timeago": "0.1",
    "amp-anim": "0.1", "amp-selector": "1.0", "amp-lightbox": "0.1", "amp-image-lightbox": "0.1", "amp-fit-text": "0.1", "amp-sidebar": "0.1",
    "amp-autocomplete": "0.1",
}


def verbatim(source: str) -> str:
    """The template with the text of its Mustache templates out of Jinja's reach, but what is to be translated."""
    return _TEMPLATE.sub(lambda match: match[1] + _TRANS.sub(lambda trans: f"{{%+ endraw %}}{trans[0]}{{% raw %}}", f"{{% raw %}}{match[2]}{{%+ endraw %}}") + match[3], source)


def mustache_urls(source: str) -> frozenset[str]:
    """The names that the Mustache templates use as addresses."""
    return frozenset(
        whole[1].rpartition(".")[2]
        for part in _TEMPLATE.finditer(source)
        for name, value in _ATTRIBUTE.findall(part[2])
        if name.lower() in _URLS and (whole := _WHOLE.fullmatch(value[1:-1].strip()))
    )


def lint(source: str) -> list[tuple[int, str]]:
    """(line, message) of what the validator of AMP for e-mail would refuse in any rendering."""
    parts = [(match.start(2), match.end(2)) for match in _TEMPLATE.finditer(source)]
    found: list[tuple[int, str]] = []
    for match in _TAG.finditer(source):
        inside = any(start <= match.start() < end for start, end in parts)
        line = source.count("\n", 0, match.start()) + 1
        found += [(line, message) for message in _wrong(match[1].lower(), match[2], inside)]
    for start, end in parts:
        line = source.count("\n", 0, start) + 1
        found += [(line, message) for message in _wrong_mustache(source[start:end])]
    if "!important" in source:
        found.append((source[: source.index("!important")].count("\n") + 1, "AMP refuses !important"))
    return found


def _wrong(tag: str, rest: str, inside: bool) -> Iterator[str]:
    if tag in _FORBIDDEN_TAGS:
        yield f"AMP for e-mail has no <{tag}>" + (f": use {_FORBIDDEN_TAGS[tag]}" if _FORBIDDEN_TAGS[tag] else "")
    if inside and tag in ("amp-list", "template", "amp-state"):
        yield f"<{tag}> cannot stand inside a Mustache template"
    given = {name.lower(): value[1:-1].strip() for name, value in _ATTRIBUTE.findall(rest)}
    bare = {name.lower() for name in _NAME.findall(_ATTRIBUTE.sub(lambda match: match[1] + " ", rest))}
    for name in sorted(bare & _FORBIDDEN.get(tag, frozenset())):
        yield f"AMP for e-mail refuses {name} on <{tag}>"
    if tag == "amp-list" and not inside:
        yield from _wrong_source(given.get("src"))
    if tag == "form" and not _https(given.get("action-xhr", "")):
        yield "a form needs action-xhr with an absolute https address"
    for name in sorted(_URLS & given.keys()):
        if inside and "{{" in given[name] and not _WHOLE.fullmatch(given[name]):
            yield f'{name}="{given[name]}": in Mustache an address must be the whole value; put complete addresses into the data'


def _wrong_source(address: str | None) -> Iterator[str]:
    if address is None:
        yield "amp-list needs a src"
    elif not _https(address):
        yield f'the src of an amp-list is {{{{ urls.amp }}}} or an absolute https address, not "{address}"'


def _https(address: str) -> bool:
    return re.fullmatch(r"\{\{\s*urls\.\w+\s*\}\}|https://[^\s{}]+", address) is not None and "__amp_source_origin" not in address


def _wrong_mustache(text: str) -> Iterator[str]:
    if "{%" in _TRANS.sub("", text):
        yield "Jinja does not act inside a Mustache template; put it outside"
    if re.search(r"\{\{\s*=", text):
        yield "Mustache's set-delimiter tags are refused by Gmail"
    if re.search(r"\{\{\s*[>]", text):
        yield "Mustache's partials are not available"


def amp_document(title: str, body_parts: Sequence[str], css: str = "") -> str:
    """A complete AMP4EMAIL document around rendered markup, with the scripts of the components that it uses.

    `css` is the author's own and goes into `<style amp-custom>`.
    """
    body = "\n".join(body_parts)
    head = "".join(script for _, script in component_scripts(body))
    style = f"<style amp-custom>{css.replace('</', '')}</style>" if css else ""
    return (
        '<!doctype html>\n<html ⚡4email data-css-strict>\n<head><meta charset="utf-8">'
        '<script async src="https://cdn.ampproject.org/v0.js"></script>'
        f"{head}<style amp4email-boilerplate>body{{visibility:hidden}}</style>{style}<title>{escape(title)}</title></head>\n"
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def component_scripts(body: str) -> list[tuple[str, str]]:
    """(component, its script) of those that the markup uses."""
    found = [(name, _script("custom-element", name, version)) for name, version in _COMPONENTS.items() if _uses(body, name)]
    return [*found, ("amp-mustache", _script("custom-template", "amp-mustache", "0.2"))] if _TEMPLATE.search(body) else found


def _uses(body: str, name: str) -> bool:
    if name == "amp-form":
        return re.search(r"<form\b", body) is not None
    if name == "amp-bind":
        return re.search(r"<amp-state\b|\s\[[a-z-]+\]=|data-amp-bind-|AMP\.setState", body) is not None
    return re.search(rf"<{name}\b", body) is not None


def _script(kind: str, name: str, version: str) -> str:
    return f'<script async {kind}="{name}" src="https://cdn.ampproject.org/v0/{name}-{version}.js"></script>'
