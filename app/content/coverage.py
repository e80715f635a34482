"""What is wrong with a decision table as a whole: rows that are never hit, rows that overlap, inputs that no row is for.

All of it is decided exactly, by cutting the inputs one after the other into the stretches in which the rows that are left
are alike. Where that grows out of hand nothing is said: a warning is never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from app.content.hulls import KINDS, TYPES, Hulls, union
from app.content.lookup import Axis, bits
from app.domain.conditions import Instant
from app.domain.definitions import Definitions
from app.domain.tables import Cell, Input, Kind, Table
from app.errors import Problem

STEPS = 200_000
"""Rows and stretches that are looked at for one question about a table, before it is given up."""
GAPS_TOLD = 3
_WHOLE = frozenset({"count", "days", "distinct"})


class TooMuch(Exception):
    """The table is too large, in too many directions, for a certain answer."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that an input can have. `values`: all of them; `whole`: whole numbers alone; `low` and `high` included."""

    kind: Kind | None = None
    values: tuple[Any, ...] = ()
    whole: bool = False
    low: Any = None
    high: Any = None


def flaws(definitions: Definitions) -> Iterator[Problem]:
    """Everything of all tables."""
    for table in definitions.tables.values():
        look = _Look(table, [domain_of(definitions, each) for each in table.inputs])
        yield from look.idle_inputs()
        if table.hit == "unique":
            yield from look.overlaps()
        if table.hit == "first":
            yield from look.never_hit()
        if table.hit != "collect":
            yield from look.gaps()


def domain_of(definitions: Definitions, asked: Input) -> Domain:
    """What the rules say of it."""
    ref = asked.ref
    if ref.root == "feature":
        kind = definitions.features[ref.path[1]].kind
        return Domain(asked.kind, whole=kind in _WHOLE, low=0 if kind in _WHOLE or kind == "seconds_since" else None)
    if ref.root == "model":
        low, high = definitions.models[ref.path[1]].output_range or (None, None)
        return Domain("number", low=low, high=high)
    trait = definitions.traits.get(ref.path[1]) if ref.root == "profile" and len(ref.path) == 2 else None
    if trait is not None and trait.kind == "number" and trait.range is not None:
        return Domain("number", low=trait.range[0], high=trait.range[1])
    return Domain(asked.kind, trait.values if trait is not None else (True, False) if asked.kind == "boolean" else ())


class _Look:
    def __init__(self, table: Table, domains: Sequence[Domain]) -> None:
        self._table = table
        self._domains = domains
        self._rows = table.rows
        self._kinds = [_kinds(table, i, domain) for i, domain in enumerate(domains)]
        self._steps = 0

    # -- what is said ----------------------------------------------------------------------------------------------

    def idle_inputs(self) -> Iterator[Problem]:
        for i, asked in enumerate(self._table.inputs):
            if self._rows and not any(row.cells[i] for row in self._rows):
                yield self._warning(f"no row asks for {asked.ref}", "leave the input out, or fill its column")

    def overlaps(self) -> Iterator[Problem]:
        for j, earlier in self._meeting():
            i = next((i for i in earlier if self._meet(i, j)), None)
            if i is not None:
                place = self._rows[j].place
                yield Problem(place.file, place.line, self._key, f"overlaps with line {self._rows[i].place.line}: some fit both", "hit: first takes the upper one; unique wants the cells apart")

    def never_hit(self) -> Iterator[Problem]:
        self._steps = 0
        for j, earlier in self._meeting():
            try:
                why, hint = self._never(j, earlier)
            except TooMuch:
                return
            if why:
                place = self._rows[j].place
                yield Problem(place.file, place.line, self._key, f"is never hit: {why}", hint, warning=True)

    def _never(self, j: int, earlier: Iterator[int]) -> tuple[str, str]:
        """(why a row is never hit, what to do); empty where it is."""
        candidates: list[int] = []
        for i in earlier:
            self._count(1)
            if self._holds(i, j):
                return f"line {self._rows[i].place.line} takes all that fits it", "put the special row before the general one"
            if self._meet(i, j):
                candidates.append(i)
        if next(self._uncovered(union(1 << i for i in candidates) | 1 << j, 0, j), None) is not None:
            return "", ""
        return "the rows before it take all that fits it" if candidates else "no value of its inputs fits it", "leave the row out"

    def gaps(self) -> Iterator[Problem]:
        """What no row is for, told of inputs that have a value; that one has none is a case of its own."""
        self._steps = 0
        try:
            found = list(islice(self._uncovered(self._all(), 0, None), GAPS_TOLD)) if self._rows else []
        except TooMuch:
            return
        for region in found:
            where = ", ".join(f"{ref} {text}" for ref, text in region)
            yield self._warning(f"no row is for {where or 'anything'}", "its outputs are missing there; a last row of empty conditions is for all that is left")

    @property
    def _key(self) -> str:
        return f"tables.{self._table.id}"

    def _warning(self, message: str, hint: str) -> Problem:
        place = self._table.place
        return Problem(place.file, place.line, self._key, message, hint, warning=True)

    # -- rows against rows -----------------------------------------------------------------------------------------

    def _meeting(self) -> Iterator[tuple[int, Iterator[int]]]:
        """(row, the earlier rows that may meet it), by what lies between the ends of their cells."""
        hulls = [Hulls([row.cells[i] for row in self._rows]) for i in range(len(self._table.inputs))]
        for j, row in enumerate(self._rows):
            earlier = (1 << j) - 1
            for hull, cell in zip(hulls, row.cells, strict=True):
                earlier &= hull.meeting(cell)
            yield j, bits(earlier)

    def _meet(self, i: int, j: int) -> bool:
        return all(_cells_meet(a, b) for a, b in zip(self._rows[i].cells, self._rows[j].cells, strict=True))

    def _holds(self, i: int, j: int) -> bool:
        """Whether row i fits wherever row j does, cell by cell."""
        return all(not wide or (narrow and all(any(span.within(other) for other in wide) for span in narrow))
                   for wide, narrow in zip(self._rows[i].cells, self._rows[j].cells, strict=True))

    # -- stretch by stretch ----------------------------------------------------------------------------------------

    def _all(self) -> int:
        return (1 << len(self._rows)) - 1

    def _uncovered(self, alive: int, at: int, inside: int | None) -> Iterator[tuple[tuple[str, str], ...]]:
        """What the rows leave over from input `at` on, all of it or what lies inside one row. `alive` are those that fit so far."""
        mine = 0 if inside is None else 1 << inside
        others = alive & ~mine
        if any(not any(self._rows[i].cells[at:]) for i in bits(others)):
            return
        if not others or at == len(self._table.inputs):
            yield ()
            return
        for text, fits in self._stretches(alive, at):
            if fits & mine == mine:
                for region in self._uncovered(fits, at + 1, inside):
                    yield ((str(self._table.inputs[at].ref), text), *region) if text else region

    def _stretches(self, alive: int, at: int) -> Iterator[tuple[str, int]]:
        """(what it is, the rows that fit) of each stretch of an input in which all values are alike; without words where
        no row asks."""
        rows = list(bits(alive))
        self._count(len(rows))
        cells = [(i, self._rows[i].cells[at]) for i in rows]
        always = union(1 << i for i, cell in cells if not cell)
        if not any(cell for _, cell in cells):
            yield "", always
            return
        domain, kinds = self._domains[at], self._kinds[at]
        if not kinds:
            raise TooMuch
        for kind in kinds:
            axis = Axis(kind, cells, always)
            if domain.values:
                for value in domain.values:
                    self._count(1)
                    yield f"= {value}", axis(value) if type(value) in TYPES[kind] else always
                continue
            yield from self._runs(axis, domain)

    def _runs(self, axis: Axis, domain: Domain) -> Iterator[tuple[str, int]]:
        slots, points = axis.slots, axis.points
        self._count(len(slots))
        possible = [slot for slot in range(len(slots)) if _possible(slot, points, domain)]
        gathered: dict[int, list[int]] = {}
        for slot in possible:
            gathered.setdefault(slots[slot], []).append(slot)
        for fits, members in gathered.items():
            yield _told(members, points, domain), fits

    def _count(self, steps: int) -> None:
        self._steps += steps
        if self._steps > STEPS:
            raise TooMuch


def _kinds(table: Table, at: int, domain: Domain) -> tuple[Kind, ...]:
    """The kinds of values that count for an input: the one that it has, or else those that its cells have. None where texts
    and dates stand side by side: a text may be both."""
    found = {span.kind for row in table.rows for span in row.cells[at]}
    if "instant" in found:
        return ("instant",) if "string" not in found else ()
    return (domain.kind,) if domain.kind is not None else tuple(kind for kind in KINDS if kind in found)


def _cells_meet(a: Cell, b: Cell) -> bool:
    return not a or not b or any(one.meets(other) for one in a for other in b) or _may_be_dates(a, b) or _may_be_dates(b, a)


def _may_be_dates(a: Cell, b: Cell) -> bool:
    """A text may be a date, so that a cell of the one and a cell of the other may both fit."""
    return any(span.kind == "instant" for span in a) and any(span.kind == "string" for span in b)


def _possible(slot: int, points: Sequence[Any], domain: Domain) -> bool:
    """Whether the input can have a value in that slot."""
    if slot % 2:
        point = points[slot // 2]
        whole = not domain.whole or point == int(point)
        return whole and (domain.low is None or point >= domain.low) and (domain.high is None or point <= domain.high)
    low = points[slot // 2 - 1] if slot else None
    high = points[slot // 2] if slot // 2 < len(points) else None
    if high is not None and domain.low is not None and high <= domain.low:
        return False
    if low is not None and domain.high is not None and low >= domain.high:
        return False
    return not (domain.whole and high is not None and low is not None and int(low) + 1 >= high)


def _told(members: Sequence[int], points: Sequence[Any], domain: Domain) -> str:
    """The first run of slots that lie side by side, in words."""
    end = first = members[0]
    for slot in members[1:]:
        if slot - end > 1 and not _between_impossible(end, slot, points, domain):
            break
        end = slot
    if points and isinstance(points[0], str) and len(members) > 1:
        return f"that is none of {', '.join(map(str, points[:6]))}{' ...' * (len(points) > 6)}"
    low = points[(first - 1) // 2] if first else None
    high = points[end // 2] if end // 2 < len(points) else None
    if first == end and first % 2:
        return f"= {_shown(points[first // 2])}"
    parts = [f"{'>=' if first % 2 else '>'} {_shown(points[first // 2] if first % 2 else low)}"] if first else []
    parts += [f"{'<=' if end % 2 else '<'} {_shown(high)}"] if high is not None else []
    return " and ".join(parts) or "of any value"


def _between_impossible(end: int, slot: int, points: Sequence[Any], domain: Domain) -> bool:
    return not any(_possible(each, points, domain) for each in range(end + 1, slot))


def _shown(point: Any) -> str:
    if isinstance(point, Instant):
        from app.content.snapshot import iso

        return iso(point)
    return str(point)


