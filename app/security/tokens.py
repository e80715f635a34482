"""Recipients' tokens and decision ids: who and what a URL may speak for, unreadable and unforgeable.

A token is `v1.<kid>.<payload>.<mac>`: the payload is encrypted (AES-SIV), the MAC is HMAC-SHA256 over the encoded text,
compared as text because base64 has several spellings. A decision id is the AES-SIV of (profile key, send).
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAX_TOKEN = 2_048
DAYS_31 = 31 * 86_400_000
SKEW = 300_000
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says: for whom (the profile's key, empty: nobody), which placement, which send and mail; `more` is what its
    surface needs beyond that."""

    surface: str
    placement: str
    profile: str
    send: str
    mail: str
    expires: int
    more: tuple[str, ...] = ()

    @property
    def minted(self) -> int:
        """When the mail was made, ms, as long as tokens live 31 days."""
        return self.expires - DAYS_31


class Expired(Claims):
    """Authentic, but its time is over."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    mac: bytes
    token: AESSIV
    decision: AESSIV


class Tokens:
    """`keys` are (kid, 32 bytes), the newest first: it mints, all of them read. Raising `epoch` revokes what was minted."""

    def __init__(self, keys: Sequence[tuple[str, bytes]], epoch: int = 0) -> None:
        self._keys = [_Key(kid, _derive(key, b"mac"), AESSIV(_derive(key, b"token", 64)), AESSIV(_derive(key, b"decision", 64))) for kid, key in keys]
        self._by_kid = {key.kid: key for key in self._keys}
        self._epoch = epoch

    def mint(self, surface: str, placement: str, profile: str, send: str, mail: str, now: int, ttl: int = DAYS_31, more: Sequence[str] = ()) -> str:
        key = self._keys[0]
        body = _pack([surface, placement, profile, send, mail, now + ttl, self._epoch, *more])
        signed = f"v1.{key.kid}.{_encode(key.token.encrypt(body, None))}"
        return f"{signed}.{_encode(_mac(key, signed))}"

    def read(self, token: str, surface: str, now: int) -> Claims | None:
        """The claims, as `Expired` past their time; None for whatever was not minted here for this surface."""
        if len(token) > MAX_TOKEN or not token.isascii():
            return None
        signed, _, mac = token.rpartition(".")
        parts = signed.split(".")
        key = self._by_kid.get(parts[1]) if len(parts) == 3 and parts[0] == "v1" else None
        if key is None:
            return None
        if not hmac.compare_digest(_encode(_mac(key, signed)), mac):
            return None
        try:
            body = key.token.decrypt(_decode(parts[2]), None)
        except (InvalidTag, ValueError):
            return None
        minted_for, placement, profile, send, mail, expires, epoch, *more = _unpack(body)
        if minted_for != surface or epoch < self._epoch:
            return None
        return (Claims if now <= expires + SKEW else Expired)(surface, placement, profile, send, mail, expires, tuple(more))

    def seal(self, profile: str, send: str) -> str:
        """The id of the decision of a (profile, send); the same for the same, and resolvable without a look-up."""
        key = self._keys[0]
        return f"{key.kid}-{_encode(key.decision.encrypt(_pack([profile, send]), None))}"

    def open(self, id: str) -> tuple[str, str] | None:
        """The (profile key, send) of an id sealed with any of the keys; None for whatever else, other spellings included."""
        kid, _, sealed = id.partition("-")
        key = self._by_kid.get(kid)
        if key is None or len(id) > MAX_TOKEN or not id.isascii():
            return None
        try:
            raw = _decode(sealed)
            profile, send = _unpack(key.decision.decrypt(raw, None))
        except (InvalidTag, ValueError):
            return None
        if _encode(raw) != sealed:
            return None
        return profile, send


def _derive(key: bytes, purpose: bytes, length: int = 32) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=b"inlay " + purpose).derive(key)


def _mac(key: _Key, signed: str) -> bytes:
    return hmac.digest(key.mac, signed.encode(), sha256)


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
