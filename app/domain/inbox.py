"""What happens with a mail once it lies in an inbox: its links, its opens, leaving the list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

from app.domain.conditions import NOWHERE, Place

LINK_WORDS = ("send", "mail", "placement", "offer", "block", "item")
"""What the text of a UTM parameter may name in braces."""


@dataclass(frozen=True, slots=True)
class Clicks:
    """`hosts` are those that links may lead to, `*.shop.example` being every host below; `utm` is (parameter, text with
    `{send}` and the like). Without `track` links only get their parameters; with a `consent` only who granted it is followed."""

    hosts: tuple[str, ...] = ()
    utm: tuple[tuple[str, str], ...] = ()
    track: bool = True
    consent: str = ""

    def leads(self, address: str) -> bool:
        """Whether it is a whole http(s) address of one of the hosts."""
        return allowed(address, self.hosts)


@dataclass(frozen=True, slots=True)
class Opens:
    """The placements whose HTML carries the pixel."""

    placements: tuple[str, ...] = ()
    consent: str = ""


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a one-click unsubscription takes back (`purposes`, all at once), and what the page around it says."""

    purposes: tuple[str, ...] = ()
    mailto: str = ""
    title: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Form:
    """A form in an AMP mail: the event that it becomes, the fields that are kept (all where none are named), the purposes that it
    grants or takes back, and what it says afterwards."""

    id: str
    event: str
    fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()
    denies: tuple[str, ...] = ()
    message: str = "Thank you."


@dataclass(frozen=True, slots=True)
class Inbox:
    clicks: Clicks = Clicks()
    opens: Opens = Opens()
    leaving: Leaving = Leaving()
    pictures: tuple[str, ...] = ()
    """Hosts whose pictures may be drawn into images."""
    forms: Mapping[str, Form] = field(default_factory=dict[str, Form])
    place: Place = NOWHERE

    @property
    def idle(self) -> bool:
        """Whether content needs nothing done to it after it was rendered."""
        return not self.clicks.hosts and not self.opens.placements


NO_INBOX = Inbox()


def allowed(address: str, hosts: tuple[str, ...]) -> bool:
    """Whether a whole http(s) address, without credentials, is of one of these hosts (`*.x` being every host below x)."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".").lower()
        named = parts.port is None or 0 < parts.port < 65_536
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not host or not named or "@" in parts.netloc or "\\" in address or not address.isprintable():
        return False
    return any(host.endswith(each[1:]) if each.startswith("*.") else host == each for each in hosts)


def with_parameters(address: str, parameters: tuple[tuple[str, str], ...], words: dict[str, str]) -> str:
    """The address with the parameters that it does not have yet; one whose text comes out empty is left out."""
    parts = urlsplit(address)
    have = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, text in parameters if name not in have and (value := filled(text, words))]
    if not added:
        return address
    return urlunsplit(parts._replace(query="&".join([parts.query, *added] if parts.query else added)))


def filled(text: str, words: dict[str, str]) -> str:
    """The text with `{send}` and the like replaced; what is not known of them is empty."""
    if "{" not in text:
        return text
    for name in LINK_WORDS:
        text = text.replace("{" + name + "}", words.get(name, ""))
    return text.strip(" .-_")
