"""What an event means for a profile, as small values that stores execute."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from app.domain.event import Event, Heard, Identity


class Append(Struct, frozen=True, gc=False):
    """The event enters the history, once: its id is remembered as long as the event is."""

    event: Event


class Merge(Struct, frozen=True, gc=False):
    """Traits; each keeps the value of the greatest (at, id), None removes. Order of arrival does not matter."""

    traits: Mapping[str, Any]
    at: int
    id: bytes


@dataclass(frozen=True, slots=True)
class Know:
    """The profile is also known by this identity."""

    identity: Identity
    at: int


@dataclass(frozen=True, slots=True)
class Grant:
    """Consent to a purpose was given or refused; the latest word holds."""

    purpose: str
    granted: bool
    at: int


Change: TypeAlias = "Append | Merge | Know | Grant"
Result: TypeAlias = Literal["applied", "duplicate", "too_old", "erased"]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one profile's changes: a result per `Append`, in order. An erased profile takes nothing. Where an
    identifier passed from person to person, some of its events may be an erased one's and the others not."""

    results: tuple[Result, ...]
    erased: bool = False


def changes_of(heard: Iterable[Heard]) -> list[Change]:
    """An event means changes: it enters the history, and its traits merge."""
    found: list[Change] = []
    for each in heard:
        found.append(Append(each.event))
        if each.traits or each.learned:
            found.append(Merge({**each.traits, **each.learned}, each.event.at, each.event.id))
    return found
