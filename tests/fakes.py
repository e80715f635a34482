"""The ports in memory: small products of their own, held by the contract suites to what the real ones promise.

A store whose `down` is set raises `StoreUnavailable`; one whose `hung` is set never answers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from app.domain.change import Append, Applied, Change, Grant, Know, Merge, Result
from app.domain.consent import Answer
from app.domain.decision import Recording
from app.domain.definitions import ModelCard
from app.domain.event import Event, Identity
from app.domain.history import HEADER, TRIMMED, Dictionary, History, pack_columns
from app.domain.message import Batch, DeadLetter, Message
from app.domain.profile import Profile
from app.errors import LeaseLost, ModelUnavailable, StoreUnavailable
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


@dataclass(slots=True)
class Mark:
    """What is left of a type's events that were trimmed."""

    last: tuple[int, bytes]
    first_at: int
    count: int


@dataclass(slots=True)
class Person:
    events: dict[bytes, Event] = field(default_factory=dict)
    marks: dict[str, Mark] = field(default_factory=dict)
    traits: dict[str, tuple[tuple[int, bytes], Any]] = field(default_factory=dict)
    consents: dict[str, tuple[int, bool]] = field(default_factory=dict)
    identities: list[Identity] = field(default_factory=list)
    records: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    alias: str = ""
    erased: bool = False


class MemoryStore:
    """`ProfileStore` in a dict."""

    def __init__(self, *, bound: int = 1_000, age: int = 0) -> None:
        self.wire = Wire()
        self._people: dict[str, Person] = {}
        self._names = Dictionary(1, growing=True)
        self._bound = bound
        self._age = age

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        await self.wire()
        key = self._filed(key)
        person = self._people.get(key, Person())
        return Profile(
            key, self._history(person), {name: value for name, (_, value) in person.traits.items() if value is not None},
            {purpose: granted for purpose, (_, granted) in person.consents.items()}, tuple(person.identities),
            person.records[send][0] if send in person.records else None,
            {name: record for name, (record, _) in person.records.items()} if sends else {},
            known=key in self._people, erased=person.erased,
        )

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        return [await self.read(key, send, sends=sends) for key, send in asked]

    def _filed(self, key: str) -> str:
        person = self._people.get(key)
        return person.alias if person is not None and person.alias else key

    def _history(self, person: Person) -> History:
        rows = sorted((event.at, event.id, *self._names.pack(event)) for event in person.events.values())
        marks = [TRIMMED.pack(self._names.types[name], *mark.last, mark.first_at, mark.count) for name, mark in person.marks.items()]
        header = HEADER.pack(self._names.epoch, self._names.size, len(rows), 0, len(marks))
        return History(header + pack_columns(rows, self._names)[HEADER.size :] + b"".join(marks), None, self._names)

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        await self.wire()
        _refuse_late(until)
        return [self._applied(self._filed(key), changes, now) for key, changes in writes]

    def _applied(self, key: str, changes: Sequence[Change], now: int) -> Applied:
        person = self._people.setdefault(key, Person())
        if person.erased:
            return Applied((), erased=True)
        results: list[Result] = []
        for change in changes:
            match change:
                case Append(event):
                    results.append(_append(person, event))
                case Merge(traits, at, id):
                    for name, value in traits.items():
                        if name not in person.traits or person.traits[name][0] < (at, id):
                            person.traits[name] = (at, id), value
                case Know(identity):
                    person.identities += [identity] if identity not in person.identities else []
                case Grant(purpose, granted, at):
                    person.consents[purpose] = max((at, granted), person.consents.get(purpose, (-1, False)))
        self._trim(person, now - self._age if self._age else -1)
        return Applied(tuple(results))

    def _trim(self, person: Person, cut: int) -> None:
        counts: dict[str, int] = {}
        for event in sorted(person.events.values(), key=lambda each: (each.at, each.id), reverse=True):
            counts[event.name] = counts.get(event.name, 0) + 1
            if counts[event.name] > self._bound or event.at <= cut:
                mark = person.marks.setdefault(event.name, Mark((event.at, event.id), event.at, 0))
                mark.last, mark.first_at, mark.count = max(mark.last, (event.at, event.id)), min(mark.first_at, event.at), mark.count + 1
                del person.events[event.id]

    async def link(self, anonymous: str, user: str, now: int, *, until: int = 0) -> None:
        await self.wire()
        _refuse_late(until)
        known = self._people.get(anonymous, Person())
        if known.erased or known.alias == user:
            return
        changes: list[Change] = [Know(Identity.from_key(anonymous), now)]
        changes += [Append(event) for event in known.events.values()]
        changes += [Merge({name: value}, *stamp) for name, (stamp, value) in known.traits.items()]
        changes += [Grant(purpose, granted, at) for purpose, (at, granted) in known.consents.items()]
        self._applied(user, changes, now)
        self._people[anonymous] = Person(alias=user)

    async def erase(self, key: str, now: int) -> None:
        await self.wire()
        filed = self._filed(key)
        linked = [identity.key for identity in self._people.get(filed, Person()).identities]
        self._people |= {each: Person(erased=True) for each in (key, filed, *linked)}

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | None]:
        await self.wire()
        return [self._recorded(each) for each in recordings]

    def _recorded(self, each: Recording) -> bytes | None:
        person = self._people.setdefault(each.key, Person())
        stored, traced = person.records.get(each.send, (b"", b""))
        if person.erased:
            return None
        if stored != (each.expected or b""):
            return stored
        person.records[each.send] = each.record, traced + each.trace
        return None

    async def decision(self, key: str, send: str) -> tuple[bytes | None, bytes | None]:
        await self.wire()
        return self._people.get(self._filed(key), Person()).records.get(send, (None, None))


def _refuse_late(until: int) -> None:
    if until and time.time() * 1000 >= until:
        raise LeaseLost("the lease ended before the write")


def _append(person: Person, event: Event) -> Result:
    if event.id in person.events:
        return "duplicate"
    mark = person.marks.get(event.name)
    if mark is not None and (event.at, event.id) <= mark.last:
        return "too_old"
    person.events[event.id] = event
    return "applied"


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

    def put(self, partition: str, body: bytes) -> None:
        at = len(self.partitions[partition])
        self.partitions[partition].append(Message(f"{partition}/{at}", 1_760_000_000_000 + at, body, position=at))

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


class MemoryDeadLetters:
    """`DeadLetters` in a list."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.letters: list[DeadLetter] = []

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        await self.wire()
        self.letters += letters


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

    def fixed(self, matrix: np.ndarray, varying: Sequence[int]) -> Scorer:
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
