"""Where in an HTML document one stands: a small state machine that tells what escape an expression needs there.

It follows the tokeniser of the HTML standard where markup is sound, and refuses (`NoEscape`) what browsers and mail
clients are known to read in different ways. Conditional comments of Outlook (`<!--[if mso]>`) are read as markup.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

URL_ATTRIBUTES = frozenset({
    "href", "src", "background", "action", "action-xhr", "poster", "cite", "formaction", "srcset", "data", "longdesc", "lowsrc",
    "dynsrc", "ping", "codebase", "manifest", "usemap", "profile", "icon", "imagesrcset", "archive", "classid",
})
_RAW = frozenset({"script", "style", "title", "textarea", "noscript", "iframe", "xmp", "noembed", "noframes"})
_ANIMATED = frozenset({"animate", "set", "animatetransform", "animatemotion"})
_MIXED = "\x00"
_WHOLE = re.compile(r"https?://[^/?#\s\x00]+[/?#][^\x00]*|mailto:[^\x00]*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spot:
    """`state` is one of `text tag name value bare comment bogus raw`; `value` is what the attribute holds so far.

    In a tag `buffer` is the name being read, with a trailing `=` once it was seen; `delimited` asks that the next
    character end a name, since the branches before left different ones.
    """

    state: str = "text"
    tag: str = ""
    attribute: str = ""
    quote: str = ""
    value: str = ""
    buffer: str = ""
    delimited: bool = False


class NoEscape(Exception):
    """An expression stands where nothing can be made safe; the message says where it may stand.

    `lines` counts the line breaks of the literal markup before it.
    """

    lines = 0


def joined(before: Spot, after: Spot, *, loop: bool) -> Spot:
    """The spot after a branch that may not have been taken, or a loop that may have run any number of times."""
    if before == after:
        return before
    if before.state == after.state == "value" and (before.attribute, before.quote, before.tag) == (after.attribute, after.quote, after.tag):
        return before if before.value.startswith(("https://", "http://")) and _WHOLE.fullmatch(before.value) else replace(before, value=before.value + _MIXED)
    if before.state == after.state and before.state in ("raw", "comment") and before.tag == after.tag:
        if "<" not in before.buffer + after.buffer and "-" not in before.buffer + after.buffer:
            return before
    if before.state == "text" and after.state == "text":
        return before
    tagged = (before.buffer if before.state == "name" else before.tag).lower() == after.tag
    if before.state in ("tag", "name") and after.state == "tag" and tagged and "=" not in before.buffer + after.buffer:
        if not loop or after.buffer.strip() == "":
            return Spot("tag", after.tag, delimited=True)
    raise NoEscape("a branch or loop must end in the same place of the markup as it began")


def escape_for(spot: Spot) -> str:
    """The escape of an expression at this spot: `text attribute url query style`."""
    if spot.state == "text":
        return "text"
    if spot.state == "value":
        return _attribute_escape(spot)
    if spot.state == "raw":
        if spot.tag == "title" and "<" not in spot.buffer:
            return "text"
        raise NoEscape(f"an expression inside <{spot.tag}>: put it into text, or into a quoted attribute")
    unquoted = "an unquoted attribute: put quotes around it"
    if spot.state == "tag" and spot.buffer.endswith("="):
        raise NoEscape(f"an expression inside {unquoted}")
    places = {"bare": unquoted, "comment": "a comment", "bogus": "a declaration", "tag": "a tag", "name": "a tag or attribute name"}
    raise NoEscape(f"an expression inside {places[spot.state]}")


def _attribute_escape(spot: Spot) -> str:
    name = spot.attribute
    if name.startswith(("on", "data-amp-bind-", "[")) or name == "srcdoc":
        raise NoEscape(f"an expression inside the event handler {name}: put data in text or in plain attributes")
    if spot.tag in _ANIMATED or (spot.tag == "meta" and name == "content"):
        raise NoEscape(f"an expression inside the attribute {name} of <{spot.tag}>, which may hold an address")
    if name in URL_ATTRIBUTES or name.endswith(":href"):
        return _url_escape(spot.value)
    return "style" if name == "style" else "attribute"


def ending(spot: Spot) -> str:
    """What a template leaves open that ends at this spot."""
    names = {"raw": f"<{spot.tag}>", "comment": "a comment", "value": f"the attribute {spot.attribute}: a quote is missing"}
    return names.get(spot.state, "a tag")


def _url_escape(before: str) -> str:
    head = before.strip()
    if not head:
        return "url"
    if _WHOLE.fullmatch(head):
        return "query"
    raise NoEscape("part of an address: give the whole address as one expression, or use it behind https://host/")


_LEAPS = frozenset({"text", "value", "raw"})


def advance(spot: Spot, text: str) -> Spot:
    """The spot after some literal markup."""
    at = 0
    while at < len(text):
        spot, at = _leapt(spot, text, at)
        if at == len(text):
            break
        try:
            spot = _step(spot, text[at])
        except NoEscape as error:
            error.lines = text.count("\n", 0, at)
            raise
        at += 1
    return spot


def _leapt(spot: Spot, text: str, at: int) -> tuple[Spot, int]:
    """As `_step` for each of the characters that end nothing here, in one go: (the spot, the place of the first other one)."""
    if spot.state not in _LEAPS or (spot.state == "raw" and "<" in spot.buffer):
        return spot, at
    found = text.find(spot.quote if spot.state == "value" else "<", at)
    end = found if found >= 0 else len(text)
    if end == at or spot.state == "text":
        return spot, end
    if spot.state == "value":
        return replace(spot, value=spot.value + text[at:end]), end
    if not text.isascii():  # a letter may be two when it is small
        return spot, at
    return replace(spot, buffer=(spot.buffer + text[at:end])[-len(spot.tag) - 3 :].lower()), end


def _step(spot: Spot, c: str) -> Spot:
    match spot.state:
        case "text":
            return Spot("name") if c == "<" else spot
        case "name":
            return _in_name(spot, c)
        case "tag":
            return _in_tag(spot, c)
        case "value":
            if c == spot.quote:
                return replace(spot, state="tag", buffer="", value="")
            return replace(spot, value=spot.value + c)
        case "bare":
            if c == ">":
                return _closed(spot)
            return replace(spot, state="tag", buffer="", value="") if c.isspace() else spot
        case "comment":
            return _in_comment(spot, c)
        case "bogus":
            return Spot() if c == ">" else spot
        case _:
            return _in_raw(spot, c)


def _in_name(spot: Spot, c: str) -> Spot:
    buffer = spot.buffer + c
    if buffer == "!--":
        return Spot("comment")
    if buffer.startswith(("!", "?")) or (spot.buffer == "/" and not _letter(c)):
        if c == ">":
            return Spot()
        return replace(spot, state="bogus") if not "!--".startswith(buffer) else replace(spot, buffer=buffer)
    if not spot.buffer and not (_letter(c) or c == "/"):
        return _step(Spot(), c)
    if c == ">":
        return _closed(replace(spot, tag=spot.buffer.lower()))
    if c.isspace() or (c == "/" and spot.buffer):
        return replace(spot, state="tag", tag=spot.buffer.lower(), buffer="", attribute="")
    return replace(spot, buffer=buffer)


def _letter(c: str) -> bool:
    return c.isascii() and c.isalpha()


def _in_tag(spot: Spot, c: str) -> Spot:
    """Between and in attribute names; `buffer` is the name so far, a trailing `=` once it was seen."""
    if spot.delimited:
        if not (c.isspace() or c in "/>"):
            if c == "=" or not spot.buffer:
                raise NoEscape("a branch inside a tag must be followed by a space or the end of the tag")
        spot = replace(spot, delimited=c.isspace() and not spot.buffer, buffer=" " if c.isspace() else "")
        if c.isspace():
            return spot
    if c == ">":
        return _closed(spot)
    if spot.buffer.endswith("="):
        if c in "\"'":
            return replace(spot, state="value", attribute=spot.buffer[:-1].strip().lower(), quote=c, value="", buffer="")
        return spot if c.isspace() else replace(spot, state="bare", attribute=spot.buffer[:-1].lower(), buffer="")
    if c == "=":
        if not spot.buffer.strip():
            raise NoEscape("an attribute without a name")
        return replace(spot, buffer=spot.buffer.strip() + "=")
    if c == "/":
        return replace(spot, buffer="")
    if c.isspace():
        return replace(spot, buffer=spot.buffer.strip() + " " if spot.buffer.strip() else "")
    return replace(spot, buffer=c if spot.buffer.endswith(" ") else spot.buffer + c)


def _in_comment(spot: Spot, c: str) -> Spot:
    """`buffer` is all of a comment's first characters, then its last four."""
    buffer = spot.buffer + c
    if buffer in (">", "->") or buffer.endswith(("-->", "--!>")):
        return Spot()
    if buffer.startswith("[if"):
        return Spot() if buffer.endswith("]>") else replace(spot, buffer=buffer[:200])
    return replace(spot, buffer=buffer if len(buffer) < 4 else buffer[-4:].replace("[", " "))


def _in_raw(spot: Spot, c: str) -> Spot:
    buffer = (spot.buffer + c)[-len(spot.tag) - 3 :].lower()
    if spot.tag == "script" and buffer.endswith("<!--"):
        raise NoEscape("a comment inside <script>")
    if buffer.endswith(f"</{spot.tag}>"):
        return Spot()
    if (c.isspace() or c == "/") and buffer[:-1].endswith(f"</{spot.tag}"):
        return Spot("tag", f"/{spot.tag}")
    return replace(spot, buffer=buffer)


def _closed(spot: Spot) -> Spot:
    tag = spot.tag
    if tag == "plaintext":
        raise NoEscape("<plaintext> cannot be closed")
    return Spot("raw", tag) if tag in _RAW else Spot()
