"""Where in an HTML document one stands: a small state machine that tells what escape an expression needs there."""

from __future__ import annotations

from dataclasses import dataclass, replace

URL_ATTRIBUTES = frozenset({"href", "src", "background", "action", "action-xhr", "poster", "cite", "formaction", "srcset"})
_RAW = frozenset({"script", "style", "title", "textarea", "noscript", "iframe", "xmp"})


@dataclass(frozen=True, slots=True)
class Spot:
    """`state` is one of `text tag name value bare comment raw`; `value` is what the attribute holds so far."""

    state: str = "text"
    tag: str = ""
    attribute: str = ""
    quote: str = ""
    value: str = ""
    buffer: str = ""

    def same(self, other: Spot) -> bool:
        """Whether markup may go on alike after either."""
        return (self.state, self.quote) == (other.state, other.quote)


class NoEscape(Exception):
    """An expression stands where nothing can be made safe; the message says where it may stand."""


def escape_for(spot: Spot) -> str:
    """The escape of an expression at this spot: `text attribute url query style`."""
    if spot.state == "text":
        return "text"
    if spot.state == "value":
        name = spot.attribute
        if name.startswith("on") or name == "srcdoc":
            raise NoEscape(f"an expression inside the event handler {name}: put data in text or in plain attributes")
        if name in URL_ATTRIBUTES or name.endswith(":href"):
            return _url_escape(spot.value)
        return "style" if name == "style" else "attribute"
    if spot.state == "raw":
        if spot.tag == "title":
            return "text"
        raise NoEscape(f"an expression inside <{spot.tag}>: put it into text, or into a quoted attribute")
    places = {"bare": "an unquoted attribute: put quotes around it", "comment": "a comment", "tag": "a tag", "name": "a tag or attribute name"}
    raise NoEscape(f"an expression inside {places[spot.state]}")


def _url_escape(before: str) -> str:
    head = before.strip().lower()
    if not head:
        return "url"
    if head.startswith(("https://", "http://", "mailto:")) and ("?" in head or head.count("/") >= 3 or head.startswith("mailto:")):
        return "query"
    raise NoEscape("part of an address: give the whole address as one expression, or use it behind https://host/")


def advance(spot: Spot, text: str) -> Spot:
    """The spot after some literal markup."""
    for character in text:
        spot = _step(spot, character)
    return spot


def _step(spot: Spot, c: str) -> Spot:
    match spot.state:
        case "text":
            return replace(spot, state="name", buffer="", tag="") if c == "<" else spot
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
            return replace(spot, state="tag", buffer="", value="") if c.isspace() else replace(spot, value=spot.value + c)
        case "comment":
            buffer = (spot.buffer + c)[-3:]
            return Spot() if buffer == "-->" else replace(spot, buffer=buffer)
        case _:
            buffer = (spot.buffer + c)[-len(spot.tag) - 3 :].lower()
            return Spot() if buffer.endswith(f"</{spot.tag}>") else replace(spot, buffer=buffer)


def _in_name(spot: Spot, c: str) -> Spot:
    buffer = spot.buffer + c
    if buffer == "!--":
        return replace(spot, state="comment", buffer="")
    if c == ">":
        return _closed(replace(spot, tag=spot.buffer.lower()))
    if c.isspace() or (c == "/" and spot.buffer):
        return replace(spot, state="tag", tag=spot.buffer.lower(), buffer="", attribute="")
    if not spot.buffer and not (c.isalpha() or c in "/!?"):
        return Spot()
    return replace(spot, buffer=buffer)


def _in_tag(spot: Spot, c: str) -> Spot:
    """Between and in attribute names; `buffer` is the name so far, a trailing `=` once it was seen."""
    if c == ">":
        return _closed(spot)
    if spot.buffer.endswith("="):
        if c in "\"'":
            return replace(spot, state="value", attribute=spot.buffer[:-1].strip().lower(), quote=c, value="", buffer="")
        return spot if c.isspace() else replace(spot, state="bare", attribute=spot.buffer[:-1].lower(), value=c, buffer="")
    if c == "=":
        return replace(spot, buffer=spot.buffer.strip() + "=")
    if c.isspace():
        return replace(spot, buffer=spot.buffer + " " if spot.buffer.strip() else "")
    name = c if spot.buffer.endswith(" ") or c == "/" else spot.buffer + c
    return replace(spot, buffer=name)


def _closed(spot: Spot) -> Spot:
    tag = spot.tag.strip("/")
    if tag in _RAW and not spot.tag.startswith("/"):
        return Spot(state="raw", tag=tag)
    return Spot()
