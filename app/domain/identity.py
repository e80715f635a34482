"""How callers name a person: `u1`, `anonymous_id:x`, `email:a@b.c`, or a declared kind; and how identifiers are filed."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Container, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import unquote

from msgspec.structs import replace

from app.domain.claims import Link
from app.domain.conditions import NOWHERE, Place
from app.domain.event import MAX_ID_BYTES, Heard, Identity
from app.errors import RequestInvalid

KINDS = frozenset({"anonymous_id", "email", "phone", "user_id"})
SEND_RULE = f"text of 1 to {MAX_ID_BYTES} bytes without control characters"
_NO_DIGIT = re.compile(r"[^0-9]")
_BARE = re.compile(r"[!-9;-~]{1,256}").fullmatch
"""Nearly every id of a user: it needs no look at kinds, and nothing done to it."""
_EMAIL = re.compile(r"[^@\s]@[^@\s.]+\.[^@\s.]")


def parse_profile_id(text: str, declared: Container[str] = frozenset()) -> Identity:
    """The identity that a caller named; `RequestInvalid` where it is empty, longer than 256 bytes or not printable.

    A colon that follows no known kind belongs to the user id.
    """
    kind, colon, value = text.partition(":")
    if colon and (kind in KINDS or kind in declared):
        value = value.strip()
    else:
        kind, value = "user_id", text
    if not value or not _fits(text):
        raise RequestInvalid(
            f"profile: an id of 1 to {MAX_ID_BYTES} bytes without control characters",
            problems=(("profile", f"{len(text)} characters are not usable as an id"),), code="profile",
        )
    return Identity(kind, normalised(kind, value))


@dataclass(frozen=True, slots=True)
class IdentityKind:
    """A kind of identifier: which trait of an `identify` carries it, whether it is held as a keyed hash alone, and (phone)
    the calling code of numbers that are written without one."""

    trait: str
    hashed: bool = False
    country: str = ""
    place: Place = NOWHERE


USUAL_KINDS: Mapping[str, IdentityKind] = MappingProxyType({"email": IdentityKind("email"), "phone": IdentityKind("phone")})
HASHED = "~"
"""What the value of an identifier begins with that is held as a hash."""


class Identifiers:
    """How identifiers are filed: normalised, and hashed with the server's key where their kind says so."""

    def __init__(self, kinds: Mapping[str, IdentityKind] = USUAL_KINDS, key: bytes = b"") -> None:
        self._kinds = kinds
        self._key = hmac.digest(key, b"inlay identifiers", "sha256")
        self._traits = {kind.trait: name for name, kind in kinds.items()}

    def parse(self, text: str) -> Identity:
        """The identity that a caller named, as it is filed. `RequestInvalid`."""
        if _BARE(text) and "user_id" not in self._kinds:
            return Identity("user_id", text)
        return self.filed(parse_profile_id(text, self._kinds))

    def filed(self, identity: Identity) -> Identity:
        kind = self._kinds.get(identity.kind)
        if kind is None:
            return identity
        value = normalised(identity.kind, identity.value, kind.country)
        return Identity(identity.kind, self._hashed(identity.kind, value) if kind.hashed else value)

    def _hashed(self, kind: str, value: str) -> str:
        if value.startswith(HASHED):
            return value
        digest = hmac.digest(self._key, f"{kind}:{value}".encode(), sha256)
        return HASHED + urlsafe_b64encode(digest).rstrip(b"=").decode()

    def heard(self, heard: Heard) -> Heard:
        """The event with who it is of as they are filed."""
        return heard if heard.who.kind not in self._kinds else replace(heard, who=self.filed(heard.who))

    def links(self, heard: Heard) -> list[Link]:
        """What the event says of identities. An `alias` means both: the other id, be it anonymous or a user's, is this person."""
        who, at, id = heard.who.key, heard.event.at, heard.event.id
        if heard.link is None and not heard.traits:
            return []
        found = [Link(who, heard.link.key, at, id)] if heard.link is not None else []
        if heard.kind == "alias" and heard.link is not None and heard.link.value != heard.who.value:
            found.append(Link(who, Identity("user_id", heard.link.value).key, at, id, merge=True))
        if heard.kind == "identify" and heard.who.kind == "user_id":
            found += [Link(who, each.key, at, id, asked=False) for each in self._named(heard.traits)]
        return found

    def _named(self, traits: Mapping[str, object]) -> list[Identity]:
        """The identifiers among traits."""
        found: list[Identity] = []
        for trait, kind in self._traits.items():
            value = traits.get(trait)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            if isinstance(value, str) and value.strip() and _fits(value.strip()) and (kind != "email" or looks_like_email(value)):
                found.append(self.filed(Identity(kind, value.strip())))
        return found


def normalised(kind: str, value: str, country: str = "") -> str:
    """An address in lower case; a number as `+` and digits, `country` being its calling code where it is written without."""
    if value.startswith(HASHED):
        return value
    if kind == "email":
        return value.strip().lower()
    if kind != "phone":
        return value.strip() if kind not in ("user_id", "anonymous_id") else value
    digits = _NO_DIGIT.sub("", value)
    if value.lstrip().startswith("+"):
        return "+" + digits
    if digits.startswith("00"):
        return "+" + digits[2:]
    return country + digits.removeprefix("0") if country and digits else digits or value.strip()


def fits_send(value: object) -> bool:
    """Whether the value can name a send."""
    return isinstance(value, str) and value != "" and _fits(value)


def _fits(text: str) -> bool:
    return len(text.encode("utf-8", "surrogatepass")) <= MAX_ID_BYTES and text.isprintable() and "\ufffd" not in text


def looks_like_email(text: str) -> bool:
    """Whether an id holds an e-mail address, which belongs into no URL; encoded twice it is one all the same."""
    if "%" in text:
        text = unquote(text)
    return "@" in text and _EMAIL.search(text) is not None
