"""Offers filed under the values that they ask for, so that only those of the values that a person has are judged."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.content.writer import simple_key
from app.content.windows import span
from app.domain import conditions as c
from app.domain.definitions import GROUPS, Offer

INDEX_FROM = 8
"""Offers that must share a question before they are filed under its answers (measured: `bench/` rules)."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What removed an offer: the group, and the place of the leaf."""

    by: str
    place: c.Place


def flatten(condition: c.Condition | None) -> Iterator[c.Condition]:
    """The conditions that all have to hold."""
    if isinstance(condition, c.All):
        for child in condition.children:
            yield from flatten(child)
    elif condition is not None:
        yield condition


class Conditions:
    """An offer's conditions, each with the number of the removal that it stands for."""

    def __init__(self, offer: Offer, removals: list[Removal | None], barring: Iterable[c.Condition] = ()) -> None:
        """`barring` are conditions that keep the offer out of the placement, by its policy."""
        self.offer = offer
        self.timed = offer.valid_from is not None or offer.valid_to is not None
        if len(removals) == 1:
            removals.append(Removal("valid", c.NOWHERE))
        self.checks: list[tuple[int, c.Condition, bool]] = []
        for group in GROUPS:
            condition: c.Condition | None = getattr(offer, group)
            suppresses = group == "suppress"
            children = condition.children if suppresses and isinstance(condition, c.Any) else flatten(condition)
            if suppresses and condition is not None and not isinstance(condition, c.Any):
                children = (condition,)
            for child in children:
                removals.append(Removal(group, child.place if child.place != c.NOWHERE else offer.place))
                self.checks.append((len(removals) - 1, child, suppresses))
        for each in barring:
            removals.append(Removal("policy", each.place if isinstance(each, c.InVariant) else offer.place))
            self.checks.append((len(removals) - 1, each, True))

    def code(self, leaf: c.Condition) -> int:
        return next(code for code, condition, _ in self.checks if condition is leaf)

    def indexable(self) -> Iterator[tuple[Any, c.Condition]]:
        """Leaves of the eligibility that one value of something answers, with what they ask about."""
        for leaf in flatten(self.offer.eligibility):
            match leaf:
                case c.Field(ref, (test,)) if ref.root in ("profile", "context") and len(ref.path) == 2:
                    if test.operator in ("eq", "in") and all(type(each) is str for each in test.values):
                        yield ("field", ref), leaf
                case c.InSegment(segment):
                    yield ("segment", segment), leaf
                case c.Did(event, (where,), _, count, False) if _at_least_one(count) and simple_key(leaf.where) is not None:
                    if where.test.operator == "eq":
                        yield ("did", event, where.path), leaf
                case _:
                    pass


def _at_least_one(count: tuple[c.Test, ...]) -> bool:
    return len(count) == 1 and count[0].operator == "gte" and isinstance(count[0].value, int) and count[0].value >= 1


def answers(leaf: c.Condition) -> tuple[Any, ...]:
    match leaf:
        case c.Field(_, (test,)):
            return test.values
        case c.Did():
            return simple_key(leaf.where) or ()
        case _:
            return (True,)


def widest(leaves: Iterable[c.Did]) -> int | None:
    """How far back the windows of all of them reach, ms; None is to the beginning."""
    spans = [span(leaf.window) for leaf in leaves]
    bounded = [each for each in spans if each is not None]
    return max(bounded) if len(bounded) == len(spans) else None


def file_offers(conditions: list[Conditions]) -> dict[Any, list[tuple[int, c.Condition]]]:
    """subject -> (offer, leaf): each offer under the question that most offers share, where that is enough of them."""
    shared: dict[Any, int] = {}
    questions = [dict(reversed(list(each.indexable()))) for each in conditions]
    for asked in questions:
        for subject in asked:
            shared[subject] = shared.get(subject, 0) + 1
    filed: dict[Any, list[tuple[int, c.Condition]]] = {}
    for i, asked in enumerate(questions):
        best = max(asked, key=lambda subject: shared[subject], default=None)
        if best is not None and shared[best] >= INDEX_FROM:
            filed.setdefault(best, []).append((i, asked[best]))
    return {subject: rows for subject, rows in filed.items() if len(rows) >= INDEX_FROM}


class Initial:
    """The codes before anything was looked at: 1 where the offer is not valid now, the code of the leaf that it is
    filed under, else 0. One row per stretch of time in which no validity begins or ends; `filed` is the row without any."""

    def __init__(self, conditions: list[Conditions], filed: Mapping[int, c.Condition]) -> None:
        self._conditions = conditions
        self._filed = filed
        edges = {int(edge) for each in conditions for edge in (each.offer.valid_from, each.offer.valid_to) if edge is not None}
        self._edges = sorted(edges)
        self._lists: dict[int, array[int]] = {}
        self.filed = array("H", [each.code(filed[i]) if i in filed else 0 for i, each in enumerate(conditions)])
        if not self._edges:
            self._lists[0] = self._codes(0)

    def __call__(self, now: int) -> array[int]:
        stretch = bisect_right(self._edges, now) if self._edges else 0
        codes = self._lists.get(stretch)
        if codes is None:
            codes = self._lists[stretch] = self._codes(now)
        return codes[:]

    def _codes(self, now: int) -> array[int]:
        return array("H", [self._code(i, each, now) for i, each in enumerate(self._conditions)])

    def _code(self, i: int, each: Conditions, now: int) -> int:
        offer = each.offer
        if (offer.valid_from is not None and now < offer.valid_from) or (offer.valid_to is not None and now >= offer.valid_to):
            return 1
        return each.code(self._filed[i]) if i in self._filed else 0
