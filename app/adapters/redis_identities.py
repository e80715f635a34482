"""`IdentityStore` on the keys that `RedisStore` keeps, and one more: `o:{K}`, by which identifier everything came.

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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from secrets import token_bytes
from typing import Any, TypeAlias

import msgspec

from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_scripts import Script, evaluate
from app.domain.claims import Claim, Claims
from app.domain.event import ID_BYTES
from app.domain.history import HEADER, TRIMMED, Dictionary, History, pack_columns
from app.domain.whole import STAMP_BYTES, Edge, Filed, Holding, Mark, Row, Whole, earlier, stamp_of

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
KEPT_SECONDS = 35 * 86_400
"""How long decisions are kept."""
JOURNAL = "{inlay:identities}:journal"
VERSIONS = 16
"""Of one field, by one identifier that may pass to somebody else, as many are kept beside the one that stands."""
_LENGTH = struct.Struct(">H")
_CLAIM = struct.Struct(f">Q{ID_BYTES}sH")
_WRITE_BYTES = 6
_FIELDS = ("t:", "c:", "i:", "v:")
Parts: TypeAlias = "tuple[bytes, dict[str, bytes], dict[str, bytes], dict[str, bytes]]"
"""What stands under one key: h m o d."""


class RedisIdentities:
    def __init__(self, link: Link, names: Names, *, seconds: float = 1.0) -> None:
        self._link = link
        self._names = names
        self._seconds = seconds
        self._whole, self._replace = Script("whole"), Script("replace")

    async def load(self, key: str) -> Filed:
        version, h, t, m, o, d = await evaluate(self._link, self._whole, _keys(key), [], self._seconds)
        meta, origins, records = (dict(zip(flat[::2], flat[1::2], strict=True)) for flat in (m, o, d))
        if b"!" in meta:
            return Filed(key, erased=True, version=version)
        if b">" in meta:
            owner = meta[b">"].decode()
            return Filed(key, owner=owner, claims=_claims(meta.get(b"<"), owner, weak=not key.startswith("u:")), version=version)
        history = await self._history(h, t) if h else None
        return Filed(key, _whole(key, history, meta, origins, records), version=version)

    async def _history(self, h: bytes, t: bytes) -> History | None:
        """None where no dictionary explains it any more."""
        history = History(h, t, await self._names.current())
        if history.unknown:
            await self._names.load()
            history = History(h, t, await self._names.current())
        return None if history.unknown else history

    async def replace(self, seen: Filed, filed: Filed) -> bool:
        names = await self._names.current()
        history, *hashes = _stored(filed.key, filed.whole, names) if filed.owner is None else _pointer(filed.owner, filed.claims)
        arguments: list[Any] = [seen.version, KEPT_SECONDS, history]
        for fields in hashes:
            arguments.append(2 * len(fields))
            for pair in fields.items():
                arguments += pair
        return await evaluate(self._link, self._replace, _keys(filed.key), arguments, self._seconds) == 1

    async def note(self, entry: Sequence[str], now: int) -> None:
        await self._link.call("HSET", JOURNAL, _pack(list(entry)), now, seconds=self._seconds)

    async def done(self, entry: Sequence[str]) -> None:
        await self._link.call("HDEL", JOURNAL, _pack(list(entry)), seconds=self._seconds)

    async def noted(self) -> dict[tuple[str, ...], int]:
        flat = await self._link.call("HGETALL", JOURNAL, seconds=self._seconds)
        return {tuple(_unpack(entry)): int(at) for entry, at in zip(flat[::2], flat[1::2], strict=True)}


def _keys(key: str) -> list[str]:
    return [f"{part}:{{{key}}}" for part in "htmod"]


# -- pointers --------------------------------------------------------------------------------------------------------

def read_claims(data: bytes) -> Claims:
    """The claims of an identifier as its `<` holds them."""
    found: list[Claim] = []
    at = 0
    while at < len(data):
        instant, id, length = _CLAIM.unpack_from(data, at)
        at += _CLAIM.size + length
        found.append(Claim(instant, id.rstrip(b"\0") if not instant else id, data[at - length : at].decode()))
    return tuple(found)


def _claims(data: bytes | None, owner: str, *, weak: bool) -> Claims:
    """A pointer that was written before claims were kept holds from the beginning."""
    if data is not None:
        return read_claims(data)
    return (Claim(0, b"", owner),) if weak else ()


def _pointer(owner: str, claims: Claims) -> Parts:
    found: dict[str, bytes] = {">": owner.encode()}
    if claims:
        found["<"] = b"".join(_CLAIM.pack(at, id, len(key.encode())) + key.encode() for at, id, key in claims)
    if len({claim.owner for claim in claims}) > 1:
        found["="] = b"1"
    return b"", found, {}, {}


# -- people, read ------------------------------------------------------------------------------------------------------

class _Sorting:
    """A person's data being sorted by origin."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[bytes, Row]] = {}
        self.fields: dict[str, dict[str, set[bytes]]] = {}
        self.sends: dict[str, dict[str, bytes]] = {}
        self.marks: dict[str, dict[int, Mark]] = {}

    def field(self, origin: str, name: str, value: bytes) -> None:
        self.fields.setdefault(origin, {}).setdefault(name, set()).add(value)

    def holdings(self) -> dict[str, Holding]:
        origins = (*self.rows, *self.fields, *self.sends, *self.marks)
        found = {
            origin: Holding(
                self.rows.get(origin, {}), {name: frozenset(values) for name, values in self.fields.get(origin, {}).items()},
                self.sends.get(origin, {}), self.marks.get(origin, {}),
            )
            for origin in origins
        }
        return {origin: holding for origin, holding in found.items() if holding}


def _whole(
    key: str, history: History | None, meta: Mapping[bytes, bytes], origins: Mapping[bytes, bytes], records: Mapping[bytes, bytes]
) -> Whole:
    found = _Sorting()
    edges: set[Edge] = set()
    parted: dict[tuple[str, str], int] = {}
    owners = {name[2:].decode(): value.decode() for name, value in origins.items() if name.startswith(b"w:")}
    for name, value in meta.items():
        field = name.decode()
        if field.startswith(_FIELDS) and not field.startswith("i:u:"):
            found.field(owners.get(field, key), field, value)
    came: dict[str, set[bytes]] = {}
    standing = set(records)
    for name, value in origins.items():
        kind, (first, _, second) = name[:2], name[2:].decode().partition("\0")
        if kind == b"e:":
            came[first] = {value[i : i + ID_BYTES] for i in range(0, len(value), ID_BYTES)}
        elif kind == b"f:":
            for version in read_versions(value):
                found.field(first, second, version)
        elif kind == b"k:":
            found.marks[first] = _marks(value)
        elif kind == b"g:":
            edges.add(Edge(*stamp_of(value), first, second))
        elif kind == b"n:":
            parted[first, second] = int.from_bytes(value, "big")
        elif kind == b"r:":
            send = second.encode()
            if not value and send in standing:
                found.sends.setdefault(first, {})[second] = records[send]
                standing.discard(send)
            elif value:
                found.sends.setdefault(first, {})[second] = value
    for send in standing:
        found.sends.setdefault(key, {})[send.decode()] = records[send]
    if history is not None:
        _sort_events(found, key, history, came)
    return Whole(found.holdings(), frozenset(edges), parted)


def _sort_events(found: _Sorting, key: str, history: History, came: Mapping[str, set[bytes]]) -> None:
    strange = set[bytes]().union(*(ids for origin, ids in came.items() if origin != key))
    for i, at in enumerate(history.ts):
        id = history.id(i)
        row: Row = (at, id, history.types[i], history.payload(i))
        for origin in [origin for origin, ids in came.items() if id in ids]:
            found.rows.setdefault(origin, {})[id] = row
        if id not in strange:
            found.rows.setdefault(key, {})[id] = row
    ours = _marks(history.trims)
    for marks in found.marks.values():
        for code, mark in marks.items():
            if code in ours:
                ours[code] = replace(ours[code], count=max(ours[code].count - mark.count, 0))
    found.marks[key] = {code: mark for code, mark in ours.items() if mark.count}


def _marks(data: bytes) -> dict[int, Mark]:
    return {code: Mark((at, id), first, count) for code, at, id, first, count in TRIMMED.iter_unpack(data)}


def read_versions(data: bytes) -> list[bytes]:
    """Values, each led by its length (u16)."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + _LENGTH.unpack_from(data, at)[0]
        found.append(data[at + 2 : end])
        at = end
    return found


# -- people, written ---------------------------------------------------------------------------------------------------

def _stored(key: str, whole: Whole, names: Dictionary) -> Parts:
    meta, origins = _fields_stored(key, whole)
    records = _sends_stored(key, whole, origins)
    for edge in whole.edges:
        origins[f"g:{edge.target}\0{edge.source}"] = edge.at.to_bytes(8, "big") + edge.id
        for each in {edge.target, edge.source} - {key}:
            meta["i:" + each] = edge.at.to_bytes(8, "big")
    for (a, b), at in whole.parted.items():
        origins[f"n:{a}\0{b}"] = at.to_bytes(8, "big")
    history = _history_stored(key, whole, names, origins)
    if origins:
        origins["#"] = token_bytes(_WRITE_BYTES)
    return history, meta, origins, records


def _history_stored(key: str, whole: Whole, names: Dictionary, origins: dict[str, bytes]) -> bytes:
    rows: dict[bytes, Row] = {}
    for holding in whole.holdings.values():
        rows.update(holding.rows)
    own = whole.holdings.get(key, Holding()).rows
    strange: set[bytes] = set()
    for origin, holding in whole.holdings.items():
        if origin != key and holding.rows:
            origins["e:" + origin] = b"".join(sorted(holding.rows))
            strange |= holding.rows.keys()
    if both := own.keys() & strange:
        origins["e:" + key] = b"".join(sorted(both))
    marks = _marks_stored(key, whole, origins)
    if not rows and not marks:
        return b""
    columns = pack_columns(sorted(rows.values()), names)
    header = HEADER.pack(names.epoch, names.size, len(rows), 0, len(marks))
    return header + columns[HEADER.size :] + _trimmed(marks)


def _marks_stored(key: str, whole: Whole, origins: dict[str, bytes]) -> dict[int, Mark]:
    found: dict[int, Mark] = {}
    for origin, holding in whole.holdings.items():
        if origin != key and holding.marks:
            origins["k:" + origin] = _trimmed(holding.marks)
        for code, mark in holding.marks.items():
            other = found.get(code, Mark(mark.last, mark.first_at, 0))
            found[code] = Mark(max(mark.last, other.last), min(mark.first_at, other.first_at), mark.count + other.count)
    return found


def _trimmed(marks: Mapping[int, Mark]) -> bytes:
    return b"".join(TRIMMED.pack(code, *mark.last, mark.first_at, mark.count) for code, mark in sorted(marks.items()))


def _fields_stored(key: str, whole: Whole) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The latest version of each field, and the others by who said them. Of those whose data never are dealt out by the
    instant (user ids) one other is enough."""
    meta: dict[str, bytes] = {}
    origins: dict[str, bytes] = {}
    winners: dict[str, str] = {}
    for origin, holding in whole.holdings.items():
        for name, values in holding.fields.items():
            best = max(values, key=_order)
            if name not in meta or _order(best) > _order(meta[name]) or (best == meta[name] and origin == key):
                meta[name], winners[name] = best, origin
    for origin, holding in whole.holdings.items():
        for name, values in holding.fields.items():
            won = winners[name] == origin
            rest = sorted(values - {meta[name]} if won else values, key=_order)
            kept = rest[-VERSIONS:] if not origin.startswith("u:") else [] if won else rest[-1:]
            if kept:
                origins[f"f:{origin}\0{name}"] = write_versions(kept)
            if won and origin != key:
                origins["w:" + name] = origin.encode()
    return meta, origins


def _order(value: bytes) -> bytes:
    """Versions in their order: by the instant, then the id."""
    return value[:STAMP_BYTES]


def write_versions(values: Iterable[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(value)) + value for value in values)


def _sends_stored(key: str, whole: Whole, origins: dict[str, bytes]) -> dict[str, bytes]:
    standing: dict[str, bytes] = {}
    for holding in whole.holdings.values():
        for send, each in holding.sends.items():
            standing[send] = earlier(standing.get(send, each), each)
    for origin, holding in whole.holdings.items():
        for send, each in holding.sends.items():
            if each != standing[send]:
                origins[f"r:{origin}\0{send}"] = each
            elif origin != key:
                origins[f"r:{origin}\0{send}"] = b""
    return standing
