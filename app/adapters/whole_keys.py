"""What is kept of a person beside the keys of `RedisStore`: `o:{K}`, by which identifier everything came.

What a person's own key brought stands there as if there were no others. In `o:{K}`, by origin O (a key):

    e:O          ids of events that came by it
    f:O 0 field  versions of a field that do not stand in `m:{K}`, each led by its length (u16)
    w:field      whose the version is that stands there, where it is not the person's own
    r:O 0 send   a decision that came by it: empty where it is the one that stands, else its record
    k:O          what is left of its trimmed events, as in a history
    #            by chance, anew with every `replace`: a version, even where nothing else changed
    g:key 0 key  target and source of a merge: its stamp           n:key 0 key  two who were parted: when (8 bytes)

`m:{K}` of an identifier that points at its owner: `>` the owner, `<` its claims, `=` where those are of several owners.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from app.domain.claims import Claim, Claims
from app.domain.event import ID_BYTES
from app.domain.layout import TRIMMED
from app.domain.whole import Mark

FIELDS = ("t:", "c:", "i:", "v:")
Parts: TypeAlias = "tuple[bytes, dict[str, bytes], dict[str, bytes], dict[str, bytes]]"
"""What stands under one key: h m o d."""
_LENGTH = struct.Struct(">H")
_CLAIM = struct.Struct(f">Q{ID_BYTES}sH")


def read_claims(data: bytes) -> Claims:
    """The claims of an identifier as its `<` holds them."""
    found: list[Claim] = []
    at = 0
    while at < len(data):
        instant, id, length = _CLAIM.unpack_from(data, at)
        at += _CLAIM.size + length
        found.append(Claim(instant, id.rstrip(b"\0") if not instant else id, data[at - length : at].decode()))
    return tuple(found)


def read_pointer(data: bytes | None, owner: str, *, weak: bool) -> Claims:
    """A pointer that was written before claims were kept holds from the beginning."""
    if data is not None:
        return read_claims(data)
    return (Claim(0, b"", owner),) if weak else ()


def pointer(owner: str, claims: Claims) -> Parts:
    found: dict[str, bytes] = {">": owner.encode()}
    if claims:
        found["<"] = b"".join(_CLAIM.pack(at, id, len(key.encode())) + key.encode() for at, id, key in claims)
    if len({claim.owner for claim in claims}) > 1:
        found["="] = b"1"
    return b"", found, {}, {}


def read_marks(data: bytes) -> dict[int, Mark]:
    return {code: Mark((at, id), first, count) for code, at, id, first, count in TRIMMED.iter_unpack(data)}


def write_marks(marks: Mapping[int, Mark]) -> bytes:
    return b"".join(TRIMMED.pack(code, *mark.last, mark.first_at, mark.count) for code, mark in sorted(marks.items()))


def read_versions(data: bytes) -> list[bytes]:
    """Values, each led by its length (u16)."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + _LENGTH.unpack_from(data, at)[0]
        found.append(data[at + 2 : end])
        at = end
    return found


def write_versions(values: Iterable[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(value)) + value for value in values)
