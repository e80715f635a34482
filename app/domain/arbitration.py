"""Arbitration: the placements of one mail chosen together, so that the mail is good as a whole.

Each placement brings its offers best first. The k-th best is worth 1/k, the fallback nothing; what is like something that
the mail shows already is worth less (maximal marginal relevance: Carbonell & Goldstein, 1998). Taken is what meets most of
the minimum shares and, among that, is worth most together: no offer twice, no category above its quota.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor
from types import MappingProxyType

from app.domain.conditions import NOWHERE, Place, Scalar

MOST_TRIED = 2_000
"""Partial mails that are looked at; beyond, the best so far stands. Counted, so that the same is always chosen."""
PER_PLACEMENT = 12
"""Offers of a placement that are considered, beside those that a minimum share asks for."""


@dataclass(frozen=True, slots=True)
class Arbitration:
    """`at_most` and `at_least` are placements per category: a whole number, or below 1 a share of the mail's placements; `at_most_each`
    holds of every category that `at_most` does not name.
    `pins` maps a placement to the offer that it shows to everybody who may have it. `diversity` is 0 to 1."""

    by: str = "category"
    at_most: Mapping[str, float] = field(default_factory=lambda: MappingProxyType[str, float]({}))
    at_least: Mapping[str, float] = field(default_factory=lambda: MappingProxyType[str, float]({}))
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType[str, str]({}))
    diversity: float = 0.0
    alike: tuple[str, ...] = ()
    not_again: int = 0
    at_most_each: float | None = None
    place: Place = NOWHERE

    def quota(self, category: Scalar | None, placements: int) -> float:
        """How many placements of a mail of so many a category may have."""
        most = self.at_most.get(str(category), self.at_most_each) if category is not None else None
        return float("inf") if most is None else floor(most * placements + 1e-9) if 0 < most < 1 else most

    def shares(self, placements: int) -> dict[str, int]:
        """How many placements each category should have at least."""
        return {category: ceil(least * placements - 1e-9) if least < 1 else int(least) for category, least in self.at_least.items()}


@dataclass(frozen=True, slots=True)
class Option:
    """An offer as arbitration sees it: its category, and by what it is compared with others."""

    offer: str
    category: str | None = None
    traits: tuple[Scalar | None, ...] = ()

    def likeness(self, other: Option) -> float:
        """The share of what is compared in which both have the same, 0 to 1."""
        if not self.traits:
            return 0.0
        return sum(a is not None and a == b for a, b in zip(self.traits, other.traits, strict=True)) / len(self.traits)


@dataclass(frozen=True, slots=True)
class Stand:
    """A placement with the offers that are left for it, best first."""

    placement: str
    options: tuple[Option, ...]


def arranged(rules: Arbitration, stands: Sequence[Stand], shown: Sequence[Option] = ()) -> list[Option | None]:
    """What each placement shows, None for its fallback; `shown` are offers that the send has already."""
    return _Search(rules, stands, shown).best()


def reason(rules: Arbitration, stands: Sequence[Stand], found: Sequence[Option | None], at: int, option: Option, shown: Sequence[Option] = ()) -> str:
    """Why a placement does not show an offer that ranks above what it shows."""
    others = [*shown, *(each for i, each in enumerate(found) if i != at and each is not None)]
    if any(each.offer == option.offer for each in others):
        return "duplicate"
    if found[at] is not None and rules.pins.get(stands[at].placement) == found[at].offer:  # pyright: ignore[reportOptionalMemberAccess]
        return "pin"
    places = len(stands) + len(shown)
    if sum(each.category == option.category for each in others) >= rules.quota(option.category, places):
        return "quota"
    if _missing(rules.shares(places), [*others, option]) > _missing(rules.shares(places), [*others, *([found[at]] if found[at] else [])]):  # pyright: ignore[reportArgumentType]
        return "share"
    return "diversity" if rules.diversity else "arbitration"


def _missing(shares: Mapping[str, int], options: Iterable[Option]) -> int:
    """Placements that the minimum shares still lack."""
    if not shares:
        return 0
    categories = [each.category for each in options]
    return sum(max(0, least - categories.count(category)) for category, least in shares.items())


class _Search:
    """Depth first, the best of each placement first; a branch that cannot become better than the best so far is left."""

    def __init__(self, rules: Arbitration, stands: Sequence[Stand], shown: Sequence[Option]) -> None:
        self._rules = rules
        self._places = len(stands) + len(shown)
        self._shares = rules.shares(self._places)
        self._shown = list(shown)
        taken = {each.offer for each in shown}
        self._options: list[tuple[tuple[float, Option], ...]] = []
        pinned = self._pinned(stands, taken)
        for stand in stands:
            pin = pinned.get(stand.placement)
            free = [(1 / (k + 1), each) for k, each in enumerate(stand.options)]
            if pin is not None:
                self._options.append(((1.0, pin),))
            else:
                self._options.append(tuple(self._considered([(worth, each) for worth, each in free if each.offer not in taken])))
        rest = [max((worth for worth, _ in options), default=0.0) for options in self._options]
        self._hope = [sum(rest[i:]) for i in range(len(rest) + 1)]
        self._pins = {each.offer for each in pinned.values()}
        self._tried = 0
        self._found: tuple[tuple[int, float], list[Option | None]] | None = None

    def _pinned(self, stands: Sequence[Stand], taken: set[str]) -> dict[str, Option]:
        found: dict[str, Option] = {}
        for stand in stands:
            pin = next((each for each in stand.options if each.offer == self._rules.pins.get(stand.placement) and each.offer not in taken), None)
            if pin is not None:
                found[stand.placement] = pin
                taken.add(pin.offer)
        return found

    def _considered(self, options: list[tuple[float, Option]]) -> list[tuple[float, Option]]:
        counts = dict.fromkeys(self._shares, 0)
        found: list[tuple[float, Option]] = []
        for i, each in enumerate(options):
            category = each[1].category
            wanted = category in counts and counts[category] < len(self._options) + self._places
            if i < PER_PLACEMENT or (category is not None and wanted):
                found.append(each)
            if category is not None and category in counts:
                counts[category] += 1
        return found

    def best(self) -> list[Option | None]:
        self._go(0, [], 0.0)
        assert self._found is not None
        return self._found[1]

    def _go(self, at: int, chosen: list[Option | None], total: float) -> None:
        self._tried += 1
        present = [*self._shown, *(each for each in chosen if each is not None)]
        missing = _missing(self._shares, present)
        if at == len(self._options):
            if self._found is None or (-missing, total) > (self._found[0][0], self._found[0][1] + 1e-9):
                self._found = ((-missing, total), list(chosen))
            return
        left = len(self._options) - at
        hope = (-max(0, missing - left), total + self._hope[at] * (1 - self._rules.diversity))
        if self._found is not None and (self._tried > MOST_TRIED or hope <= (self._found[0][0], self._found[0][1] + 1e-9)):
            return
        for worth, option in self._options[at]:
            if self._fits(option, present):
                self._go(at + 1, [*chosen, option], total + self._worth(worth, option, present))
        self._go(at + 1, [*chosen, None], total)

    def _fits(self, option: Option, present: Sequence[Option]) -> bool:
        if any(each.offer == option.offer for each in present):
            return False
        return option.offer in self._pins or sum(each.category == option.category for each in present) < self._rules.quota(option.category, self._places)

    def _worth(self, worth: float, option: Option, present: Sequence[Option]) -> float:
        strength = self._rules.diversity
        if not strength:
            return worth
        return (1 - strength) * worth - strength * max((option.likeness(each) for each in present), default=0.0)
