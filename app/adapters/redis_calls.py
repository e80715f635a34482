"""What a store is told of one profile's changes: the arguments of a script call, and where they go when identifiers point
elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from app.adapters.whole_keys import read_claims
from app.domain.change import Append, Change, Grant, Know, Merge
from app.domain.claims import owner_at
from app.domain.dictionary import Dictionary, Unnamed
from app.domain.layout import ENTRY
from app.domain.whole import stamp_of

_pack = msgspec.msgpack.Encoder().encode
CHUNK = 400
"""Events that one script call takes at most."""


class Call(NamedTuple):
    """One call for the profile filed under `key`: of which write it is, its events, which of the write's they are, then
    fields and values; and by which key all this came, where that is another."""

    write: int
    key: str
    events: list[bytes]
    places: Sequence[int]
    fields: list[Any]
    by: str = ""


def calls_of(write: int, key: str, changes: Sequence[Change], names: Dictionary, missing: list[Unnamed]) -> list[Call]:
    """In chunks where there are many events. Names that the dictionary lacks are noted in `missing`."""
    events: list[bytes] = []
    fields: list[Any] = []
    for change in changes:
        match change:
            case Append(event):
                try:
                    code, payload = names.pack(event)
                except Unnamed as lacking:
                    missing.append(lacking)
                    continue
                events.append(ENTRY.pack(event.at, event.id, code) + payload)
            case Merge(traits, at, id):
                stamp = at.to_bytes(8, "big") + id
                for name, value in traits.items():
                    fields += ("t:" + name, stamp + _pack(value))
            case Know(identity, at):
                fields += ("i:" + identity.key, at.to_bytes(8, "big"))
            case Grant(purpose, granted, at):
                fields += ("c:" + purpose, at.to_bytes(8, "big") + (b"1" if granted else b"0"))
    chunk = events[:CHUNK]
    found = [Call(write, key, chunk, range(len(chunk)), fields)]
    for at in range(CHUNK, len(events), CHUNK):
        chunk = events[at : at + CHUNK]
        found.append(Call(write, key, chunk, range(at, at + len(chunk)), []))
    return found


def redirected(call: Call, reply: bytes) -> list[Call]:
    """Where a call goes that met a pointer (`>owner`, or `=claims`: each part to whose the identifier was at its instant)."""
    by = call.by or call.key
    if reply.startswith(b">"):
        return [call._replace(key=reply[1:].decode(), by=by)]
    claims = read_claims(reply[1:])
    places: dict[str, list[int]] = {claim.owner: [] for claim in claims}
    owners = {owner: Call(call.write, owner, [], places[owner], [], by) for owner in places}
    for place, event in zip(call.places, call.events, strict=True):
        owner = owner_at(claims, *stamp_of(event))
        owners[owner].events.append(event)
        places[owner].append(place)
    for name, value in zip(call.fields[::2], call.fields[1::2], strict=True):
        owners[owner_at(claims, *stamp_of(value))].fields.extend((name, value))
    return [each for each in owners.values() if each.events or each.fields]
