"""A person as the sum of what each of their identifiers brought.

What came by an identifier is kept apart as a holding. To merge people is to unite their holdings, to part them again is
to deal the holdings out; and both are plain set operations, so that doing them twice or in another order changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from app.domain.claims import Claims, Stamp
from app.domain.event import ID_BYTES
from app.domain.dictionary import ESCAPE

STAMP_BYTES = 8 + ID_BYTES
Row: TypeAlias = "tuple[int, bytes, int, bytes]"
"""An event as histories pack it: (ms, id, code of its type, payload)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What is left of a type's events that were trimmed: they lie at or before `last`."""

    last: Stamp
    first_at: int
    count: int


@dataclass(frozen=True, slots=True)
class Holding:
    """What came by one identifier. `fields` holds every known version of a trait (`t:`), a consent (`c:`), an identity
    (`i:`) or the variant of an experiment (`v:`), each led by its stamp; `sends` the records of their decisions, by send."""

    rows: Mapping[bytes, Row] = field(default_factory=dict[bytes, Row])
    fields: Mapping[str, frozenset[bytes]] = field(default_factory=dict[str, frozenset[bytes]])
    sends: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    marks: Mapping[int, Mark] = field(default_factory=dict[int, Mark])

    def __bool__(self) -> bool:
        return bool(self.rows or self.fields or self.sends or self.marks)


NOTHING = Holding()


class Edge(NamedTuple):
    """At `at`, somebody said that `source` is the same person as `target`, who goes on."""

    at: int
    id: bytes
    target: str
    source: str


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything held of one person: identifier -> what it brought; why those with user ids of their own are one; and
    pairs that an operator parted, with the instant: no earlier word joins them again."""

    holdings: Mapping[str, Holding] = field(default_factory=dict[str, Holding])
    edges: frozenset[Edge] = frozenset()
    parted: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def __bool__(self) -> bool:
        return bool(self.edges or self.parted or any(self.holdings.values()))


NOBODYS = Whole()


@dataclass(frozen=True, slots=True)
class Filed:
    """What is filed under one key: a person, or where else to look. `version` changes with every write to it."""

    key: str
    whole: Whole = NOBODYS
    owner: str | None = None
    claims: Claims = ()
    erased: bool = False
    version: bytes = b""


def stamp_of(value: bytes) -> Stamp:
    """When a version of a field was said; a consent carries no id."""
    return int.from_bytes(value[:8], "big"), value[8:STAMP_BYTES] if len(value) >= STAMP_BYTES else b""


def united(a: Whole, b: Whole) -> Whole:
    """Both people as one."""
    holdings = dict(a.holdings)
    for origin, holding in b.holdings.items():
        holdings[origin] = _both(holdings.get(origin, NOTHING), holding)
    parted = {pair: max(a.parted.get(pair, 0), b.parted.get(pair, 0)) for pair in (*a.parted, *b.parted)}
    return Whole(holdings, with_edges(a.edges, b.edges), parted)


def with_edges(a: Iterable[Edge], b: Iterable[Edge]) -> frozenset[Edge]:
    """All of them; who was said to be one twice is so since the first time."""
    first: dict[tuple[str, str], Edge] = {}
    for edge in sorted((*a, *b), reverse=True):
        first[edge.target, edge.source] = edge
    return frozenset(first.values())


def _both(a: Holding, b: Holding) -> Holding:
    fields = {name: a.fields.get(name, frozenset()) | b.fields.get(name, frozenset()) for name in (*a.fields, *b.fields)}
    sends = dict(a.sends)
    for send, decided in b.sends.items():
        sends[send] = earlier(sends.get(send, decided), decided)
    marks = {code: _wider(a.marks.get(code), b.marks.get(code)) for code in (*a.marks, *b.marks)}
    return Holding({**a.rows, **b.rows}, fields, sends, marks)


def earlier(a: bytes, b: bytes) -> bytes:
    """Of two decisions for one send the earlier stands: a record is led by its instant."""
    return min(a, b)


def overruled(whole: Whole) -> list[tuple[str, bytes]]:
    """(send, record) of every decision that another one for the same send came before."""
    standing: dict[str, bytes] = {}
    for holding in whole.holdings.values():
        for send, each in holding.sends.items():
            standing[send] = earlier(standing.get(send, each), each)
    return [(send, each) for holding in whole.holdings.values() for send, each in holding.sends.items() if each != standing[send]]


def _wider(a: Mark | None, b: Mark | None) -> Mark:
    if a is None or b is None:
        known = a or b
        assert known is not None
        return known
    return Mark(max(a.last, b.last), min(a.first_at, b.first_at), max(a.count, b.count))


def dealt(whole: Whole, origin: str, mine: Callable[[int, bytes], bool]) -> tuple[Whole, Holding]:
    """(the person without what is not `mine` of an origin's holding, that)."""
    holding = whole.holdings.get(origin, NOTHING)
    kept, gone = _split(holding, mine)
    holdings = {**whole.holdings, origin: kept}
    if not kept:
        del holdings[origin]
    return replace(whole, holdings=holdings), gone


def _split(holding: Holding, mine: Callable[[int, bytes], bool]) -> tuple[Holding, Holding]:
    kept = Holding(
        {id: row for id, row in holding.rows.items() if mine(row[0], id)},
        _fields(holding.fields, mine),
        {send: each for send, each in holding.sends.items() if mine(int.from_bytes(each[:8], "big"), b"")},
        {code: mark for code, mark in holding.marks.items() if mine(*mark.last)},
    )
    gone = Holding(
        {id: row for id, row in holding.rows.items() if id not in kept.rows},
        _fields(holding.fields, lambda at, id: not mine(at, id)),
        {send: each for send, each in holding.sends.items() if send not in kept.sends},
        {code: mark for code, mark in holding.marks.items() if code not in kept.marks},
    )
    return kept, gone


def _fields(fields: Mapping[str, frozenset[bytes]], mine: Callable[[int, bytes], bool]) -> dict[str, frozenset[bytes]]:
    found = {name: frozenset(value for value in values if mine(*stamp_of(value))) for name, values in fields.items()}
    return {name: values for name, values in found.items() if values}


def without_events(whole: Whole, ids: Container[bytes]) -> Whole:
    """The person without these events; of each type it is noted how many there were, and up to when."""
    return replace(whole, holdings={origin: _trimmed(holding, ids) for origin, holding in whole.holdings.items()})


def _trimmed(holding: Holding, ids: Container[bytes]) -> Holding:
    marks = dict(holding.marks)
    for id in sorted(holding.rows.keys()):
        at, _, code, _ = holding.rows[id]
        if id in ids and code != ESCAPE:  # types beyond the 254th share it: what is left of them is not told apart
            had = marks.get(code, Mark((0, b""), at, 0))
            marks[code] = Mark(max(had.last, (at, id)), min(had.first_at, at), had.count + 1)
    return replace(holding, rows={id: row for id, row in holding.rows.items() if id not in ids}, marks=marks)


def root_of(edges: Iterable[Edge], key: str) -> str:
    """Under which key the person of `key` is filed, had every edge come in the order of its instant."""
    roots: dict[str, str] = {}

    def find(each: str) -> str:
        while roots.get(each, each) != each:
            each = roots[each]
        return each

    for edge in sorted(edges):
        target, source = find(edge.target), find(edge.source)
        if target != source:
            roots[source] = target
    return find(key)


def joined(edges: Iterable[Edge], key: str) -> frozenset[str]:
    """Every key that the edges make one with `key`."""
    edges = tuple(edges)
    found, waiting = {key}, [key]
    while waiting:
        each = waiting.pop()
        near = {edge.source for edge in edges if edge.target == each} | {edge.target for edge in edges if edge.source == each}
        waiting += near - found
        found |= near
    return frozenset(found)


def pair_of(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
