"""`enrich:` as values: where something more is learned about a person, and what is done with an answer.

What is learned is a trait with the id of its entry: `profile.geo.city`. Beside its own fields it holds `_at`, when it was
learned, and `_source`, from whom.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from app.domain.conditions import NOWHERE, Path, Place
from app.domain.json import is_list, is_object

Local: TypeAlias = Literal["ip", "user_agent"]
SLOT = re.compile(r"\{([^{}]*)\}")
MAX_SLOT = 200
"""Characters of a trait that go into an address."""
MAX_TEXT = 500
_ROOT = "profile."


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question to a third party. `url` has `{profile.path}` slots after its host; `take` names what of the answer is kept.

    An answer is `fresh` for so many ms, and usable, while it is asked for again, for `stale` ms more.
    """

    id: str
    url: str
    host: str
    take: Mapping[str, Path]
    fresh: int = 3_600_000
    stale: int = 86_400_000
    timeout: int = 1_000
    per_second: int = 10
    events: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    place: Place = NOWHERE

    def on(self, event: str) -> bool:
        return not self.events or event in self.events


@dataclass(frozen=True, slots=True)
class Enrichments:
    """`local` are answered on this machine: id -> what is looked at."""

    local: Mapping[str, Local] = field(default_factory=dict[str, Local])
    lookups: tuple[Lookup, ...] = ()


NO_ENRICHMENTS = Enrichments()


def slots(url: str) -> list[Path]:
    """The paths within `profile` that an address asks for."""
    return [tuple(name.removeprefix(_ROOT).split(".")) for name in SLOT.findall(url)]


def filled(url: str, traits: Mapping[str, Any]) -> str | None:
    """The address for this person; None where a trait that it needs is missing, or is no short text, number or boolean.
    What is filled in cannot change the address' shape: everything but letters and digits is percent-encoded."""
    values = [_plain(at(traits, path)) for path in slots(url)]
    if any(value is None or not value for value in values):
        return None
    found = iter(values)
    return SLOT.sub(lambda _: quote(next(found) or "", safe=""), url)


def _plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str) or len(value) > MAX_SLOT or value in (".", "..") or not value.isprintable():
        return None
    return value


def at(value: Any, path: Path) -> Any:
    """What lies at a dotted path; a number is a place in a list. None where there is nothing."""
    for name in path:
        if is_object(value):
            value = value.get(name)
        elif is_list(value) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def taken(lookup: Lookup, answer: Any) -> dict[str, Any]:
    """The fields that are kept of an answer: short texts, numbers and booleans. Others are as if they were not there."""
    found = {name: at(answer, path) for name, path in lookup.take.items()}
    return {name: value for name, value in found.items() if _kept(value)}


def _kept(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and value.isprintable()
    return isinstance(value, bool) or (isinstance(value, (int, float)) and abs(value) < 2**53)


def learned(fields: Mapping[str, Any], instant: int, source: str) -> dict[str, Any]:
    """The trait: its fields, and where and when they were learned."""
    return {**fields, "_at": datetime.fromtimestamp(instant / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), "_source": source}


@dataclass(frozen=True, slots=True)
class Known:
    """An answer as it is kept for everybody who asks the same: empty `fields` where the third party knows nothing."""

    fields: Mapping[str, Any]
    at: int

    def age(self, now: int) -> int:
        return max(0, now - self.at)


