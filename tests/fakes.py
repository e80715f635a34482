"""The ports in memory: small products of their own, held by the contract suites to what the real ones promise.

A store whose `down` is set raises `StoreUnavailable`; one whose `hung` is set never answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import msgspec
import numpy as np

from app.adapters.redis_dead_letters import OVERHEAD
from app.adapters.redis_wordings import KEPT_MILLISECONDS
from app.domain import bandits
from app.domain.caps import CODES, Ask, Doubtful, Full, Guard, Hold, Level
from app.domain.change import Append, Applied, Change, Grant, Know, Merge, Result
from app.domain.consent import Answer
from app.domain.decision import Recording, offers_sent
from app.domain.dead_letter import DeadLetter, Held, Tally
from app.domain.definitions import ModelCard
from app.domain.claims import Stamp, owner_at
from app.domain.enrichment import Known
from app.domain.event import Identity
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.layout import HEADER, TRIMMED, pack_columns
from app.domain.logged import Logged, Outcome, unframe
from app.domain.message import Batch, Message, Outgoing
from app.domain.profile import Profile
from app.domain.spooled import Spooled
from app.domain.whole import NOTHING, Filed, Holding, Mark, Row, Whole, earlier, united
from app.errors import LeaseLost, ModelUnavailable, SinkRefused, SinkUnavailable, SpoolFull, StoreUnavailable
from app.ports import Model, Scorer


class Wire:
    """What a store stands behind: it can be cut, and it can hang."""

    def __init__(self) -> None:
        self.down = False
        self.hung = False

    async def __call__(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("the store is down")
        if self.hung:
            await asyncio.Event().wait()


class MemoryStore:
    """`ProfileStore` and `IdentityStore` in a dict."""

    def __init__(self, *, bound: int = 1_000, age: int = 0) -> None:
        self.wire = Wire()
        self._filed: dict[str, Filed] = {}
        self._journal: dict[tuple[str, ...], int] = {}
        self._names = Dictionary(1, growing=True)
        self._bound = bound
        self._age = age
        self._writes = 0

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        await self.wire()
        home = self._home(key)
        standing = _standing(home.whole)
        fields = {name: max(values, key=lambda value: value[:14]) for name, values in _versions(home.whole).items()}
        traits = {name[2:]: msgspec.msgpack.decode(value[14:]) for name, value in fields.items() if name.startswith("t:")}
        known = {*(name[2:] for name in fields if name.startswith("i:")), *(key for edge in home.whole.edges for key in edge[2:])}
        return Profile(
            home.key, self._history(home.whole), {name: value for name, value in traits.items() if value is not None},
            {name[2:]: value[8:] == b"1" for name, value in fields.items() if name.startswith("c:")},
            tuple(map(Identity.from_key, known - {home.key})), standing.get(send) if send else None,
            standing if sends else {},
            {name[2:]: value[14:].decode() for name, value in fields.items() if name.startswith("v:")},
            known=bool(home.whole) or home.erased, erased=home.erased,
        )

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        return [await self.read(key, send, sends=sends) for key, send in asked]

    @property
    def keys(self) -> list[str]:
        """Of everybody of whom something is held, or was."""
        return list(self._filed)

    def _home(self, key: str, stamp: Stamp | None = None) -> Filed:
        """Where a person is filed, or was at that time."""
        filed = self._filed.get(key, Filed(key))
        while filed.owner is not None:
            owner = owner_at(filed.claims, *stamp) if filed.claims and stamp else filed.owner
            filed = self._filed.get(owner, Filed(owner))
        return filed

    def _history(self, whole: Whole) -> History:
        rows = sorted({id: row for holding in whole.holdings.values() for id, row in holding.rows.items()}.values())
        marks = [TRIMMED.pack(code, *mark.last, mark.first_at, mark.count) for holding in whole.holdings.values() for code, mark in holding.marks.items()]
        header = HEADER.pack(self._names.epoch, self._names.size, len(rows), 0, len(marks))
        return History(header + pack_columns(rows, self._names)[HEADER.size :] + b"".join(marks), None, self._names)

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        await self.wire()
        _refuse_late(until)
        return [self._applied(key, changes, now) for key, changes in writes]

    def _applied(self, key: str, changes: Sequence[Change], now: int) -> Applied:
        results: list[Result] = []
        gone = [self._home(key).erased]
        for change in changes:
            stamp, given = self._given(change)
            home = self._home(key, stamp)
            gone.append(home.erased)
            if isinstance(change, Append):
                results.append("erased" if home.erased else self._met(home.whole, *given.rows.values()))
                given = given if results[-1] == "applied" else NOTHING
            if not home.erased:
                whole = united(home.whole, Whole({key: given}))
                self._put(Filed(home.key, self._trimmed(home.key, whole, now - self._age if self._age else -1)))
        return Applied(tuple(results), erased=all(gone))

    def _given(self, change: Change) -> tuple[Stamp, Holding]:
        match change:
            case Append(event):
                row = (event.at, event.id, *self._names.pack(event))
                return (event.at, event.id), Holding({event.id: row})
            case Merge(traits, at, id):
                stamp = at.to_bytes(8, "big") + id
                return (at, id), Holding(fields={"t:" + name: frozenset({stamp + msgspec.msgpack.encode(value)}) for name, value in traits.items()})
            case Know(identity, at):
                return (at, b""), Holding(fields={"i:" + identity.key: frozenset({at.to_bytes(8, "big")})})
            case Grant(purpose, granted, at):
                return (at, b""), Holding(fields={"c:" + purpose: frozenset({at.to_bytes(8, "big") + (b"1" if granted else b"0")})})

    def _met(self, whole: Whole, row: Row) -> Result:
        if any(row[1] in holding.rows for holding in whole.holdings.values()):
            return "duplicate"
        marks = [holding.marks[row[2]] for holding in whole.holdings.values() if row[2] in holding.marks]
        return "too_old" if any(row[:2] <= mark.last for mark in marks) else "applied"

    def _trimmed(self, key: str, whole: Whole, cut: int) -> Whole:
        counts: dict[int, int] = {}
        own = whole.holdings.get(key, NOTHING)
        rows, marks = dict(own.rows), dict(own.marks)
        for row in sorted(own.rows.values(), reverse=True):
            counts[row[2]] = counts.get(row[2], 0) + 1
            if counts[row[2]] > self._bound or row[0] <= cut:
                mark = marks.get(row[2], Mark(row[:2], row[0], 0))
                marks[row[2]] = Mark(max(mark.last, row[:2]), min(mark.first_at, row[0]), mark.count + 1)
                del rows[row[1]]
        holding = replace(own, rows=rows, marks=marks)
        return replace(whole, holdings={**whole.holdings, key: holding}) if holding else whole

    def _put(self, filed: Filed) -> None:
        self._writes += 1
        self._filed[filed.key] = replace(filed, version=self._writes.to_bytes(8, "big"))

    async def erase(self, key: str, now: int) -> frozenset[str]:
        await self.wire()
        profile = await self.read(key)
        known = {key, profile.key or key, *(identity.key for identity in profile.identities)}
        gone = {each for each in known if each == profile.key or len({claim.owner for claim in self._filed.get(each, Filed(each)).claims}) < 2}
        for each in gone:
            self._put(Filed(each, erased=True))
        return frozenset(gone)

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        await self.wire()
        return [self._recorded(each, now) for each in recordings]

    def _recorded(self, each: Recording, now: int) -> bytes | Full | None:
        home = self._home(each.key)
        if home.erased:
            return None
        there = _standing(home.whole).get(each.send, b"")
        if there != (each.expected or b""):
            return there
        others = _standing(home.whole)
        if any(_reached(guard, [record for send, record in others.items() if send != each.send]) for guard in each.guards):
            return Full(others)
        origin = next((origin for origin, holding in home.whole.holdings.items() if holding.sends.get(each.send) == there), home.key)
        holding = home.whole.holdings.get(origin, NOTHING)
        stamp = now.to_bytes(8, "big") + bytes(6)
        kept = {"v:" + name: frozenset({stamp + stored.encode()}) for name, stored in each.variants.items() if stored}
        fields = {name: values for name, values in holding.fields.items() if each.variants.get(name[2:]) != "" or name[:2] != "v:"}
        holding = replace(holding, fields={**fields, **kept}, sends={**holding.sends, each.send: each.record})
        self._put(Filed(home.key, replace(home.whole, holdings={**home.whole.holdings, origin: holding})))
        return None

    async def decision(self, key: str, send: str) -> bytes | None:
        await self.wire()
        return _standing(self._home(key).whole).get(send)

    async def void(self, key: str, send: str, expected: bytes) -> bool:
        await self.wire()
        home = self._home(key)
        if _standing(home.whole).get(send, b"") != expected:
            return False
        left = {origin: replace(each, sends={name: row for name, row in each.sends.items() if name != send}) for origin, each in home.whole.holdings.items()}
        self._put(Filed(home.key, replace(home.whole, holdings={origin: each for origin, each in left.items() if each})))
        return True

    # -- IdentityStore -------------------------------------------------------------------------------------------------

    async def load(self, key: str) -> Filed:
        await self.wire()
        return self._filed.get(key, Filed(key))

    async def replace(self, seen: Filed, filed: Filed) -> bool:
        await self.wire()
        there = self._filed.get(filed.key, Filed(filed.key))
        if there.erased or there.version != seen.version:
            return False
        self._put(filed)
        return True

    async def note(self, entry: Sequence[str], now: int) -> None:
        await self.wire()
        self._journal[tuple(entry)] = now

    async def done(self, entry: Sequence[str]) -> None:
        await self.wire()
        self._journal.pop(tuple(entry), None)

    async def noted(self) -> dict[tuple[str, ...], int]:
        await self.wire()
        return dict(self._journal)


def _versions(whole: Whole) -> dict[str, set[bytes]]:
    found: dict[str, set[bytes]] = {}
    for holding in whole.holdings.values():
        for name, values in holding.fields.items():
            found.setdefault(name, set()).update(values)
    return found


def _standing(whole: Whole) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for holding in whole.holdings.values():
        for send, decided in holding.sends.items():
            found[send] = earlier(found.get(send, decided), decided)
    return found


def _reached(guard: Guard, records: Sequence[bytes]) -> bool:
    return sum(guard.counts(*offers_sent(record)) for record in records) >= guard.most


def _refuse_late(until: int) -> None:
    if until and time.time() * 1000 >= until:
        raise LeaseLost("the lease ended before the write")


class MemoryStocks:
    """`Stocks` in dicts."""

    def __init__(self) -> None:
        self.wire = Wire()
        self._free: dict[str, list[str]] = {}
        self._known: dict[str, set[str]] = {}
        self._codes: dict[Hold, str] = {}
        self._counted: dict[Hold, int] = {}
        self._open: dict[Hold, tuple[int, str]] = {}
        self._due: dict[Hold, int] = {}

    async def take(self, asks: Sequence[Ask], now: int) -> list[str | None]:
        await self.wire()
        return [self._taken(ask, Hold(ask.stock, ask.holder), now) for ask in asks]

    def _taken(self, ask: Ask, mine: Hold, now: int) -> str | None:
        if mine in self._codes or mine in self._counted:
            if mine not in self._due:
                return self._codes.get(mine, "")
        elif ask.of_codes:
            if not self._free.get(ask.stock):
                return None
            self._codes[mine] = self._free[ask.stock].pop(0)
        else:
            instants = [at for held, at in self._counted.items() if held.stock == ask.stock]
            if any(sum(at > after for at in instants) >= most for most, after in ask.bounds):
                return None
            if ask.looks:
                return ""
            self._counted[mine] = now
        self._open[mine] = self._open.get(mine, (0, ""))[0] + 1, ask.who
        self._due[mine] = now
        return self._codes.get(mine, "")

    async def keep(self, held: Sequence[Hold]) -> None:
        await self.wire()
        for each in held:
            self._settled(each)

    def _settled(self, each: Hold) -> None:
        self._open.pop(each, None)
        self._due.pop(each, None)

    def _back(self, each: Hold) -> None:
        self._settled(each)
        self._counted.pop(each, None)
        if each in self._codes:
            self._free[each.stock].append(self._codes.pop(each))

    async def drop(self, held: Sequence[Hold]) -> None:
        await self.wire()
        for each in held:
            if each in self._open:
                left, who = self._open[each]
                self._open[each] = left - 1, who
                if left <= 1:
                    self._back(each)

    async def doubt(self, held: Sequence[Hold], who: str, now: int) -> None:
        await self.wire()
        for each in held:
            if each in self._codes or each in self._counted:
                self._open[each] = self._open.get(each, (0, ""))[0] + 1, who
                self._due[each] = now

    async def doubtful(self, stocks: Sequence[str], before: int, most: int) -> list[Doubtful]:
        await self.wire()
        found = [Doubtful(each, self._open[each][1]) for each, at in self._due.items() if each.stock in stocks and at <= before]
        return [row for stock in stocks for row in [each for each in found if each.held.stock == stock][:most]]

    async def lapse(self, held: Sequence[Hold], before: int) -> None:
        await self.wire()
        for each in held:
            if self._due.get(each, before + 1) <= before:
                self._back(each)

    async def tick(self, held: Sequence[Hold], at: int) -> None:
        await self.wire()
        for each in held:
            self._counted[each] = min(at, self._counted.get(each, at))

    async def add(self, pool: str, codes: Sequence[str]) -> int:
        await self.wire()
        known = self._known.setdefault(CODES + pool, set())
        new = [code for code in dict.fromkeys(codes) if code not in known]
        known.update(new)
        self._free.setdefault(CODES + pool, []).extend(new)
        return len(new)

    async def levels(self, pools: Sequence[str] | None = None) -> dict[str, Level]:
        await self.wire()
        names = sorted(name.removeprefix(CODES) for name in self._known) if pools is None else pools
        return {pool: Level(len(self._free.get(CODES + pool, ())), sum(each.stock == CODES + pool for each in self._codes)) for pool in names}


class MemoryLeases:
    """`Leases` in a dict, by the clock of this machine. Of `others` it shares what is held, over a wire of its own."""

    def __init__(self, others: MemoryLeases | None = None) -> None:
        self.wire = Wire()
        self._held: dict[str, tuple[str, int]] = others._held if others is not None else {}
        self._groups: dict[str, dict[str, int]] = {}

    async def take(self, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        await self.wire()
        now = time.time_ns() // 1_000_000
        return self._prolong([name for name in names if self._held.get(name, ("", 0))[1] <= now], owner, now + milliseconds)

    async def renew(self, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        await self.wire()
        now = time.time_ns() // 1_000_000
        return self._prolong([name for name in names if self._owner(name, now) == owner], owner, now + milliseconds)

    def _owner(self, name: str, now: int) -> str:
        owner, until = self._held.get(name, ("", 0))
        return owner if until > now else ""

    def _prolong(self, names: Sequence[str], owner: str, until: int) -> dict[str, int]:
        self._held |= dict.fromkeys(names, (owner, until))
        return dict.fromkeys(names, until)

    async def give(self, names: Sequence[str], owner: str) -> None:
        await self.wire()
        for name in names:
            if self._held.get(name, ("", 0))[0] == owner:
                del self._held[name]

    async def members(self, group: str, owner: str, milliseconds: int) -> int:
        await self.wire()
        now = time.time_ns() // 1_000_000
        there = self._groups.get(group, {}) | {owner: now + milliseconds}
        self._groups[group] = {each: until for each, until in there.items() if until > now}
        return len(self._groups[group])


class MemoryStream:
    """Partitions that any number of sources read as one group; `drop` is what a retention does."""

    def __init__(self, *partitions: str) -> None:
        self.partitions: dict[str, list[Message]] = {name: [] for name in partitions}
        self.committed: dict[str, int] = dict.fromkeys(partitions, 0)
        self.dropped: dict[str, int] = dict.fromkeys(partitions, 0)

    def put(self, partition: str, body: bytes, **headers: str) -> None:
        at = len(self.partitions[partition])
        self.partitions[partition].append(Message(f"{partition}/{at}", 1_760_000_000_000 + at, body, headers, at))

    def drop(self, partition: str, number: int) -> None:
        self.dropped[partition] = number


class MemorySource:
    """`EventSource` of a `MemoryStream`."""

    divided = False

    def __init__(self, stream: MemoryStream) -> None:
        self.wire = Wire()
        self._stream = stream
        self._next: dict[str, int] = {}

    async def open(self, revoked: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        await self.wire()

    async def partitions(self) -> Sequence[str]:
        await self.wire()
        return list(self._stream.partitions)

    async def poll(self, held: Mapping[str, int], most: int) -> Sequence[Batch]:
        await self.wire()
        found = [self._batch(name, most // len(held)) for name in held] if most else []
        await asyncio.sleep(0.001)
        return [batch for batch in found if batch.messages]

    def _batch(self, name: str, most: int) -> Batch:
        at = self._next.get(name, self._stream.committed[name])
        lost = max(0, self._stream.dropped[name] - at)
        messages = self._stream.partitions[name][at + lost : at + lost + most]
        self._next[name] = at + lost + len(messages)
        return Batch(name, messages, lost)

    async def commit(self, partition: str, messages: Sequence[Message], until: int) -> None:
        await self.wire()
        self._stream.committed[partition] = max(messages[-1].position + 1, self._stream.committed[partition])

    async def rewind(self, partition: str) -> None:
        self._next.pop(partition, None)

    async def close(self) -> None:
        self._next.clear()


class MemoryCatalogue:
    """`CatalogueStore` in a dict."""

    def __init__(self) -> None:
        self.wire = Wire()
        self._items: dict[str, dict[str, Any]] = {}
        self._changed: dict[str, int] = {}
        self._version = 0

    async def put(self, items: Sequence[Mapping[str, Any]]) -> None:
        await self.wire()
        for item in items:
            self._change(item["id"], dict(item))

    def _change(self, id: str, item: dict[str, Any] | None) -> None:
        self._version += 1
        self._changed[id] = self._version
        if item is None:
            del self._items[id]
        else:
            self._items[id] = item

    async def get(self, id: str) -> dict[str, Any] | None:
        await self.wire()
        return self._items.get(id)

    async def patch(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        await self.wire()
        if id not in self._items:
            return None
        self._change(id, {name: value for name, value in {**self._items[id], **fields}.items() if value is not None})
        return self._items[id]

    async def delete(self, ids: Sequence[str]) -> int:
        await self.wire()
        known = [id for id in ids if id in self._items]
        for id in known:
            self._change(id, None)
        return len(known)

    async def version(self) -> int:
        await self.wire()
        return self._version

    async def changes(self, since: int) -> tuple[int, dict[str, dict[str, Any] | None]]:
        await self.wire()
        return self._version, {id: self._items.get(id) for id, version in self._changed.items() if version > since}


class MemoryKeys:
    """`KeyStore` in a dict."""

    def __init__(self) -> None:
        self.wire = Wire()
        self._entries: dict[str, dict[str, Any]] | None = None

    async def put(self, id: str, entry: Mapping[str, Any]) -> None:
        await self.wire()
        self._entries = (self._entries or {}) | {id: dict(entry)}

    async def revoke(self, id: str) -> bool:
        await self.wire()
        self._entries = self._entries or {}
        return self._entries.pop(id, None) is not None

    async def all(self) -> dict[str, dict[str, Any]] | None:
        await self.wire()
        return self._entries


class MemoryDeadLetters:
    """`DeadLetters` in a dict."""

    def __init__(self, most: int = 1 << 20) -> None:
        self.wire = Wire()
        self._held: dict[str, DeadLetter] = {}
        self._trimmed: dict[str, int] = {}
        self._number = 0
        self._most = most

    def _bytes(self) -> int:
        return sum(len(letter.body) + OVERHEAD for letter in self._held.values())

    async def put(self, letters: Sequence[DeadLetter], now: int) -> None:
        await self.wire()
        for letter in letters:
            self._number += 1
            self._held[f"{now}-{self._number}"] = letter.clipped
        for id, letter in list(self._held.items()):
            if self._bytes() > self._most:
                del self._held[id]
                self._trimmed[letter.reason] = self._trimmed.get(letter.reason, 0) + 1

    @property
    def letters(self) -> list[DeadLetter]:
        return list(self._held.values())

    async def page(self, after: str = "", count: int = 100) -> list[Held]:
        await self.wire()
        ids = list(self._held)
        return [Held(id, self._held[id]) for id in ids[ids.index(after) + 1 if after else 0 :][:count]]

    async def get(self, id: str) -> Held | None:
        await self.wire()
        return Held(id, self._held[id]) if id in self._held else None

    async def drop(self, ids: Sequence[str]) -> int:
        await self.wire()
        return sum(self._held.pop(id, None) is not None for id in ids)

    async def tally(self) -> Tally:
        await self.wire()
        return Tally(len(self._held), self._bytes(), dict(self._trimmed))


class MemorySpool:
    """`Spool` in a list; a record takes a hundred bytes."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self._records: list[Spooled] = []
        self._given = 0
        self._limit = limit
        self._filled = asyncio.Event()

    @property
    def empty(self) -> bool:
        return not self._records

    def holds(self, key: str) -> bool:
        return any(key in record.keys for record in self._records)

    async def put(self, records: Sequence[Spooled]) -> None:
        if (len(self._records) + len(records)) * 100 > self._limit:
            raise SpoolFull("the spool is full")
        self._records += records
        self._filled.set()

    async def next(self, most: int) -> Sequence[Spooled]:
        while not self._records:
            self._filled.clear()
            await self._filled.wait()
        self._given = min(most, len(self._records))
        return self._records[: self._given]

    def done(self) -> None:
        del self._records[: self._given]


class MemorySink:
    """`EventSink` into a `MemoryStream`: each message once."""

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream
        self.sent: set[str] = set()

    async def send(self, message: Outgoing) -> None:
        if message.id not in self.sent:
            self.sent.add(message.id)
            names = list(self._stream.partitions)
            self._stream.put(names[crc32(message.key.encode()) % len(names)], message.body, **message.headers, id=message.id)

    async def close(self) -> None: ...


class FixedModel:
    """`Model` that adds up its inputs, or raises where it is broken."""

    dtype = np.float32

    def __init__(self, card: ModelCard, *, broken: bool = False) -> None:
        self.card = card
        self.broken = broken

    def score(self, row: Sequence[float | str]) -> float:
        return self.score_table([row])[0]

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        return self.score_table(matrix.tolist())

    def fixed(self, matrix: np.ndarray, varying: Sequence[int], *, ranking: bool = False) -> Scorer:
        kept = matrix.copy()

        def score(values: Sequence[float], rows: Sequence[int] | None) -> list[float]:
            kept[:, list(varying)] = values
            return self.score_rows(kept if rows is None else kept[list(rows)])

        return score

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        if self.broken:
            raise ModelUnavailable(f"{self.card.id} is broken", code="broken")
        return [sum(value for value in row if not isinstance(value, str)) for row in rows]


class FixedModels:
    """`ModelRuntime` of models that add up their inputs; those named `broken` raise."""

    def __init__(self, cards: Mapping[str, ModelCard], *, broken: Sequence[str] = ()) -> None:
        self._models = {id: FixedModel(card, broken=id in broken) for id, card in cards.items()}

    def get(self, id: str) -> Model | None:
        return self._models.get(id)

    def troubles(self) -> dict[str, str]:
        return {id: "broken" for id, model in self._models.items() if model.broken}


class FrozenClock:
    """`Clock` that stands still until it is moved."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class MemoryReplays:
    """`Replays` in a set, which forgets nothing."""

    def __init__(self) -> None:
        self.wire = Wire()
        self._taken: set[bytes] = set()

    async def seen(self, once: bytes) -> bool:
        await self.wire()
        return once in self._taken

    async def remember(self, once: bytes, seconds: int) -> None:
        await self.wire()
        self._taken.add(once)


class MemoryConsents:
    """`ConsentLog` in a dict. It knows of no erasure: that is its `forget`."""

    def __init__(self) -> None:
        self.wire = Wire()
        self._answers: dict[str, set[Answer]] = {}

    async def note(self, key: str, answers: Sequence[Answer]) -> None:
        await self.wire()
        self._answers.setdefault(key, set()).update(answers)

    async def answers(self, keys: Iterable[str]) -> list[Answer]:
        await self.wire()
        return sorted({each for key in keys for each in self._answers.get(key, ())})

    async def forget(self, keys: Iterable[str]) -> int:
        await self.wire()
        return sum(self._answers.pop(key, None) is not None for key in keys)


class MemoryTombstones:
    """`Tombstones` in a set of keys."""

    def __init__(self) -> None:
        self._keys: set[str] = set()

    async def follow(self) -> None:
        """There are no others."""

    def holds(self, key: str) -> bool:
        return key in self._keys

    async def add(self, keys: Iterable[str]) -> None:
        self._keys.update(keys)


class MemoryBandits:
    """`BanditStore` in dicts."""

    def __init__(self) -> None:
        self.wire = Wire()
        self._known: dict[str, dict[str, bandits.Tally]] = {}
        self._pending: dict[str, dict[bytes, bandits.Showing]] = {}
        self._rewarded: dict[str, set[bytes]] = {}
        self._since: dict[tuple[str, str], int] = {}
        self._published: dict[str, list[bandits.Posterior]] = {}
        self._outcomes: dict[str, dict[str, int]] = {}
        self._at: dict[str, int] = {}
        self._news: set[str] = set()
        self._frozen: set[str] = set()
        self._met: set[str] = set()

    async def show(self, state: str, showings: Sequence[bandits.Showing]) -> None:
        await self.wire()
        self._met.add(state)
        pending = self._pending.setdefault(state, {})
        for each in showings:
            if each.mark not in pending and each.mark not in self._rewarded.get(state, ()) and not self._is_past(each):
                pending[each.mark] = each
                self._add(each, shown=True)

    def _is_past(self, each: bandits.Showing) -> bool:
        state = each.drawn.state
        return each.drawn.version < max(self._since.get((state, ""), 0), self._since.get((state, each.offer), 0))

    async def reward(self, showing: bandits.Showing, value: float, now: int) -> bandits.Outcome:
        await self.wire()
        state, rewarded = showing.drawn.state, self._rewarded.setdefault(showing.drawn.state, set())
        self._met.add(state)
        if self._is_past(showing):
            return await self._told(state, "reset")
        if showing.mark in rewarded:
            return await self._told(state, "duplicate")
        rewarded.add(showing.mark)
        pending = self._pending.setdefault(state, {}).pop(showing.mark, None) is not None
        untold = not pending and now <= showing.due
        self._add(showing, shown=untold, settled=pending or untold, value=value)
        return await self._told(state, "counted")

    async def _told(self, state: str, outcome: bandits.Outcome) -> bandits.Outcome:
        await self.note(state, outcome)
        return outcome

    def _add(self, each: bandits.Showing, *, shown: bool = False, settled: bool = False, value: float = 0.0) -> None:
        known = self._known.setdefault(each.drawn.state, {})
        tally = known.get(each.offer, bandits.NOTHING_SHOWN)
        known[each.offer] = bandits.added(tally, bandits.features_of(each.drawn.features), shown=shown, settled=settled, reward=value)
        self._news.add(each.drawn.state)

    async def withdraw(self, showings: Sequence[bandits.Showing]) -> None:
        await self.wire()
        for each in showings:
            self._pending.get(each.drawn.state, {}).pop(each.mark, None)

    async def settle(self, state: str, now: int, most: int) -> int:
        await self.wire()
        pending = self._pending.get(state, {})
        due = sorted((each for each in pending.values() if each.due < now), key=lambda each: each.due)[:most]
        for each in due:
            self._add(pending.pop(each.mark), settled=True)
        return len(due)

    async def publish(self, state: str, now: int, every: int) -> bool:
        await self.wire()
        if state not in self._news or state in self._frozen or now < self._at.get(state, 0) + every:
            return False
        self._news.discard(state)
        self._at[state] = now
        self._put(state)
        return True

    def _put(self, state: str) -> None:
        several = self._published.setdefault(state, [])
        version = several[-1].version + 1 if several else 1
        several.append(bandits.Posterior(version, dict(sorted(self._known.get(state, {}).items())), state in self._frozen))

    async def posteriors(self, states: Sequence[str]) -> dict[str, bandits.Posterior]:
        await self.wire()
        return {state: replace(self._published[state][-1], frozen=state in self._frozen) for state in states if state in self._published}

    async def past(self, state: str, version: int) -> bandits.Posterior | None:
        await self.wire()
        return next((each for each in self._published.get(state, ()) if each.version == version), None)

    async def standing(self, state: str) -> bandits.Standing:
        published = (await self.posteriors([state])).get(state, bandits.NOTHING_LEARNT)
        return bandits.Standing(published, dict(self._known.get(state, {})), len(self._pending.get(state, {})), dict(self._outcomes.get(state, {})))

    async def note(self, state: str, outcome: bandits.Outcome) -> None:
        await self.wire()
        counts = self._outcomes.setdefault(state, {})
        counts[outcome] = counts.get(outcome, 0) + 1

    async def freeze(self, state: str, *, frozen: bool) -> bool:
        await self.wire()
        self._met.add(state)
        if frozen == (state in self._frozen):
            return False
        (self._frozen.add if frozen else self._frozen.discard)(state)
        self._published.setdefault(state, [bandits.NOTHING_LEARNT])
        return True

    async def reset(self, state: str, offer: str | None = None) -> None:
        await self.wire()
        known, pending = self._known.setdefault(state, {}), self._pending.setdefault(state, {})
        for name in [name for name in known if offer in (None, name)]:
            del known[name]
        for mark in [mark for mark, each in pending.items() if offer in (None, each.offer)]:
            del pending[mark]
        self._put(state)
        self._since[state, offer or ""] = self._published[state][-1].version

    async def states(self) -> Mapping[str, str]:
        await self.wire()
        return {state: state.partition("@")[0] for state in sorted(self._met)}


class MemoryLookups:
    """`LookupCache` in dicts; what is kept is kept until the clock of the caller says otherwise."""

    def __init__(self, clock: Callable[[], int] = lambda: 0) -> None:
        self.wire = Wire()
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[int, Known]] = {}
        self._asked: dict[tuple[str, str], int] = {}
        self._spent: dict[tuple[str, int], int] = {}

    async def get(self, id: str, url: str) -> Known | None:
        await self.wire()
        until, known = self._kept.get((id, url), (0, None))
        return known if until > self._clock() else None

    async def put(self, id: str, url: str, known: Known, keep: int) -> None:
        await self.wire()
        self._kept[id, url] = (self._clock() + keep, known)

    async def drop(self, id: str, url: str) -> None:
        await self.wire()
        self._kept.pop((id, url), None)

    async def claim(self, id: str, url: str, milliseconds: int) -> bool:
        await self.wire()
        if self._asked.get((id, url), 0) > self._clock():
            return False
        self._asked[id, url] = self._clock() + milliseconds
        return True

    async def release(self, id: str, url: str) -> None:
        await self.wire()
        self._asked.pop((id, url), None)

    async def spend(self, id: str, limit: int, now: int) -> bool:
        await self.wire()
        second = (id, now // 1000)
        self._spent[second] = self._spent.get(second, 0) + 1
        return self._spent[second] <= limit


class MemoryTimers:
    """`Timers` in a dict."""

    shards: Sequence[str] = ("t0", "t1")

    def __init__(self) -> None:
        self.wire = Wire()
        self._rows: dict[tuple[str, bytes], int] = {}

    def add(self, rows: Sequence[tuple[str, bytes, int]]) -> Awaitable[None]:
        for key, token, at in rows:
            self._rows[key, token] = min(at, self._rows.get((key, token), at))
        return asyncio.ensure_future(self.wire())

    async def due(self, shards: Sequence[str], now: int, most: int) -> list[tuple[str, bytes, int]]:
        await self.wire()
        rows = sorted((at, key, token) for (key, token), at in self._rows.items() if at <= now)
        found = {shard: [row for row in rows if self.shards[len(row[1]) % len(self.shards)] == shard][:most] for shard in shards}
        return [(key, token, at) for shard in shards for at, key, token in found[shard]]

    async def remove(self, rows: Sequence[tuple[str, bytes]]) -> None:
        await self.wire()
        for row in rows:
            self._rows.pop(row, None)


class MemoryLive:
    """`LiveStore` in dicts, beside a profile store that knows who was erased and whom there is."""

    def __init__(self, store: MemoryStore) -> None:
        self.wire = Wire()
        self._store = store
        self._kept: dict[str, bytes] = {}
        self._lists: dict[str, set[str]] = {}
        self._rules: dict[bytes, tuple[int, dict[str, bytes]]] = {}
        self._progress: dict[str, int | str] = {}

    async def load(self, key: str) -> bytes | None:
        await self.wire()
        return self._kept.get(key)

    async def save(self, key: str, expected: bytes | None, live: bytes | None) -> bool:
        await self.wire()
        if (await self._store.read(key)).erased:
            self._kept.pop(key, None)
            return True
        if self._kept.get(key) != expected:
            return False
        if live is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = live
        return True

    async def file(self, key: str, entered: Sequence[str], left: Sequence[str]) -> None:
        await self.wire()
        for segment in entered:
            self._lists.setdefault(segment, set()).add(key)
        for segment in left:
            self._lists.get(segment, set()).discard(key)

    async def sizes(self, segments: Sequence[str]) -> dict[str, int]:
        await self.wire()
        return {segment: len(self._lists.get(segment, ())) for segment in segments}

    async def members(self, segment: str, after: str, most: int) -> tuple[list[str], str]:
        await self.wire()
        left = sorted(key for key in self._lists.get(segment, ()) if key > after)
        return left[:most], left[most - 1] if len(left) > most else ""

    async def adopt(self, rules: bytes, meanings: Mapping[str, bytes], now: int) -> int:
        await self.wire()
        return self._rules.setdefault(rules, (now, dict(meanings)))[0]

    async def meanings(self, rules: bytes) -> Mapping[str, bytes] | None:
        await self.wire()
        return self._rules[rules][1] if rules in self._rules else None

    async def profiles(self, after: str, count: int) -> tuple[list[str], str]:
        await self.wire()
        keys = sorted(key for key in self._store.keys if key > after)
        return keys[:count], keys[count - 1] if len(keys) > count else ""

    async def count(self) -> int:
        await self.wire()
        return len(self._store.keys)

    async def progress(self) -> Mapping[str, int | str]:
        await self.wire()
        return dict(self._progress)

    async def advance(self, progress: Mapping[str, int | str]) -> None:
        await self.wire()
        self._progress = dict(progress)


class Inbox:
    """`EventSink` that keeps what is sent. `refusals` are raised first, one a call."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.refusals: list[SinkUnavailable | SinkRefused] = []

    async def send(self, message: Outgoing) -> None:
        await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append(message)

    async def close(self) -> None:
        """Nothing is on its way."""


class MemoryLog:
    """`DecisionLog` in lists, read as from a file."""

    def __init__(self) -> None:
        self.decisions: list[Logged] = []
        self.outcomes: list[Outcome] = []

    def put(self, payload: bytes, names: Dictionary | None = None) -> None:
        entry = unframe(payload)
        if isinstance(entry, Logged):
            self.decisions.append(entry)
        else:
            self.outcomes.append(entry)


class MemoryWordings:
    """`Wordings` in a dict."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[int, Mapping[str, Any]]] = {}

    async def keep(self, own: Mapping[str, Mapping[str, Any]], now: int) -> dict[str, Mapping[str, Any]]:
        self._rows.update({id: (now, words) for id, words in own.items()})
        self._rows = {id: row for id, row in self._rows.items() if row[0] >= now - KEPT_MILLISECONDS}
        return {id: words for id, (_, words) in self._rows.items()}

    async def count(self) -> int:
        return len(self._rows)
