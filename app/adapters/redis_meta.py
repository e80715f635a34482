"""What is filed of a person beside their history, `m:{K}`: traits, consents, identifiers, variants and the tombstone."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from app.domain.event import ID_BYTES, Identity
from app.domain.profile import Profile

STAMP = 8 + ID_BYTES
"""Bytes before a value: when it was set, by which event."""
_unpack = msgspec.msgpack.Decoder().decode


def take_meta(profile: Profile, flat: list[bytes]) -> None:
    names: list[str | None] = [*map(_trait, flat[::2])]
    packed = flat[1::2]
    if None in names:
        _take_others(profile, flat)
        packed = [value for name, value in zip(names, packed, strict=True) if name is not None]
        names = [name for name in names if name is not None]
    values = _unpack(b"\xdd" + len(packed).to_bytes(4, "big") + b"".join([value[STAMP:] for value in packed]))
    traits: dict[Any, Any] = dict(zip(names, values, strict=True))
    if None in values:
        traits = {name: value for name, value in traits.items() if value is not None}
    profile.traits = traits


def _take_others(profile: Profile, flat: list[bytes]) -> None:
    """What is filed of a person and is no trait."""
    consents: dict[str, bool] = {}
    identities: list[Identity] = []
    following = iter(flat)
    for field in following:
        value, kind, rest = next(following), field[:2], field[2:]
        if kind == b"c:":
            consents[rest.decode()] = value[8:] == b"1"
        elif kind == b"i:":
            identities.append(Identity.from_key(rest.decode()))
        elif kind == b"v:":
            profile.variants = {**profile.variants, rest.decode(): value[STAMP:].decode()}
        elif field == b"!":
            profile.erased = True
    profile.consents, profile.identities = consents, tuple(identities)


@lru_cache(4_096)
def _trait(field: bytes) -> str | None:
    """The trait that a field holds, None where it holds something else. The same few are read of everybody."""
    return field[2:].decode() if field.startswith(b"t:") else None
