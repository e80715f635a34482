"""What is wrong with the profiles: duplicates, stale, contradictory, out of range; and how each type of event grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.domain.event import Identity
from app.domain.identity import looks_like_email
from app.domain.literals import parse_instant
from app.domain.profile import Profile
from app.domain.traits import Trait

DAY = 86_400_000
AGES = (30, 90, 180, 365)
"""Days since the last event, by which people are told apart."""
TOGETHER = (("email",), ("phone",), ("given_name", "family_name", "date"), ("name", "date"))
"""Kinds of traits in which two people hardly agree by chance."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """People who agree in these traits."""

    traits: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one trait of one person; the value, which may be personal, is not told."""

    person: str
    trait: str
    what: str


@dataclass(slots=True)
class Audit:
    """`stale` counts people by the days since their last event, the last row those without any. `growth` holds events by type
    and month (`2026-10`); those of a trimmed history that are counted and no more are under an empty month."""

    at: int
    people: int = 0
    events: int = 0
    duplicates: list[Duplicates] = field(default_factory=list[Duplicates])
    stale: dict[str, int] = field(default_factory=dict[str, int])
    contradictory: list[Finding] = field(default_factory=list[Finding])
    out_of_range: list[Finding] = field(default_factory=list[Finding])
    growth: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])


class Auditor:
    """Looks at one person after the other; `clean` gives a value as it is compared, None where there is nothing to compare."""

    def __init__(self, traits: Mapping[str, Trait], clean: Callable[[Any, Trait], str | None], now: int) -> None:
        self._traits = traits
        self._clean = clean
        self._groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
        self._rules = _rules(traits)
        self._audit = Audit(now, stale=dict.fromkeys((*(f"up to {days} days" for days in AGES), f"over {AGES[-1]} days", "no event"), 0))

    def see(self, profile: Profile) -> None:
        assert profile.key is not None
        who, audit = str(Identity.from_key(profile.key)), self._audit
        audit.people += 1
        audit.events += len(profile.history)
        self._see_age(profile)
        self._see_growth(profile)
        for names in self._rules:
            values = [self._clean(profile.traits.get(name), self._traits[name]) for name in names]
            if all(values):
                self._groups.setdefault((names, tuple(str(each) for each in values)), []).append(who)
        audit.out_of_range += [Finding(who, name, what) for name, trait in self._traits.items() if (what := misfit(profile.traits.get(name), trait))]
        audit.contradictory += [Finding(who, trait, what) for trait, what in contradictions(profile, self._traits, audit.at)]

    def _see_age(self, profile: Profile) -> None:
        ts, now = profile.history.ts, self._audit.at
        last = max((at for at in ts if at <= now), default=None)
        if last is None:
            row = "no event"
        else:
            days = (now - last) / DAY
            row = next((f"up to {each} days" for each in AGES if days <= each), f"over {AGES[-1]} days")
        self._audit.stale[row] += 1

    def _see_growth(self, profile: Profile) -> None:
        history, growth = profile.history, self._audit.growth
        names = history.names.type_names
        for i, at in enumerate(history.ts):
            growth.setdefault(names[history.number(i)], Counter())[month(at)] += 1
        for code, trimmed in history.trimmed().items():
            growth.setdefault(names.get(code, "other"), Counter())[""] += trimmed.count

    def audit(self) -> Audit:
        """Everything that was seen, the largest groups of duplicates first."""
        found = [Duplicates(names, tuple(people)) for (names, _), people in self._groups.items() if len(people) > 1]
        self._audit.duplicates = sorted(found, key=lambda each: (-len(each.people), each.traits, each.people))
        return self._audit


def _rules(traits: Mapping[str, Trait]) -> list[tuple[str, ...]]:
    """Which traits tell people apart, by their kinds."""
    by_kind: dict[str, str] = {}
    for trait in traits.values():
        by_kind.setdefault(trait.kind, trait.name)
    found = [tuple(by_kind[kind] for kind in kinds) for kinds in TOGETHER if all(kind in by_kind for kind in kinds)]
    return found + [(trait.name,) for trait in traits.values() if trait.exclusive]


def month(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m")


def misfit(value: Any, trait: Trait) -> str:
    """Why a value cannot be; empty where it can, or there is none."""
    if value is None:
        return ""
    if trait.values and value not in trait.values:
        return "is none of the values that there are"
    if trait.range is not None and not _within(value, trait.range):
        low, high = trait.range
        return f"is not between {low} and {high}"
    match trait.kind:
        case "number":
            return "" if isinstance(value, (int, float)) and not isinstance(value, bool) else "is no number"
        case "email":
            return "" if looks_like_email(str(value)) else "is no address"
        case "phone":
            return "" if sum(each.isdigit() for each in str(value)) >= 5 else "is no phone number"
        case "date":
            return "" if _day(value) is not None else "is no date"
        case _:
            return "" if isinstance(value, (str, int, float)) else "is no text"


def _within(value: Any, ends: tuple[Any, Any]) -> bool:
    number = (int, float)
    if isinstance(value, bool) or isinstance(value, number) != isinstance(ends[0], number) or not isinstance(value, (str, *number)):
        return False
    return ends[0] <= value <= ends[1]


def _day(value: Any) -> int | None:
    """The instant at which a date begins; a date of eight digits counts too."""
    text = str(value)
    if len(text) == 8 and text.isdigit():
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    try:
        return int(datetime.fromisoformat(text[:10]).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return parse_instant(value)


def contradictions(profile: Profile, traits: Mapping[str, Trait], now: int) -> list[tuple[str, str]]:
    """(trait, what does not go together) of one person."""
    found: list[tuple[str, str]] = []
    ts = profile.history.ts
    for name, trait in traits.items():
        born = _day(profile.traits[name]) if trait.kind == "date" and profile.traits.get(name) is not None else None
        if born is not None and born > now:
            found.append((name, "lies ahead"))
        elif born is not None and ts and ts[0] < born:
            found.append((name, "is later than the first event"))
    by_name: dict[str, str] = {}
    for name in sorted(profile.traits):
        other = by_name.setdefault("".join(each for each in name.lower() if each.isalnum()), name)
        if other != name and profile.traits[other] != profile.traits[name]:
            found.append((name, f"says something else than {other}"))
    addresses = {each.value for each in profile.identities if each.kind == "email" and not each.value.startswith("~")}
    for name, trait in traits.items():
        value = profile.traits.get(name)
        if trait.kind == "email" and addresses and isinstance(value, str) and value.strip().lower() not in addresses:
            found.append((name, "is no address that the person is known by"))
    return found
