"""CSS of a template put inline when it is loaded; media queries stay in a `<style>`."""

from __future__ import annotations

import re

import css_inline

_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL | re.IGNORECASE)
_JINJA = re.compile(r"\{%.*?%\}|\{#.*?#\}|\{\{.*?\}\}", re.DOTALL)
_AT = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.DOTALL)


def inline_css(source: str) -> str:
    """The template with its rules in `style` attributes. Template tags are kept out of the inliner's sight: statements
    as comments, which may stand between table rows, expressions as private-use characters."""
    sheets = _STYLE.findall(source)
    if not sheets:
        return source
    css = "\n".join(sheets)
    media = "\n".join(_AT.findall(css))
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        kept.append(match[0])
        mark = f"\ue000{len(kept) - 1}\ue001"
        return mark if match[0].startswith("{{") or _inside_tag(match) else f"<!--{mark}-->"

    hidden = _JINJA.sub(hide, _STYLE.sub("", source))
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)
    done = inliner.inline_fragment(hidden, _AT.sub("", css))
    done = re.sub(r"<!--(\ue000\d+\ue001)-->", r"\1", done)
    done = re.sub(r"\ue000(\d+)\ue001", lambda match: kept[int(match[1])], done)
    return f"<style>{media}</style>\n{done}" if media else done


def _inside_tag(match: re.Match[str]) -> bool:
    before = match.string[: match.start()]
    return before.rfind("<") > before.rfind(">")
