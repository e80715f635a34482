"""What the user declares of events: how their properties must be, and which of them are personal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from app.domain.conditions import NOWHERE, Path, Place

Undeclared: TypeAlias = Literal["accept", "refuse"]

_OWN = frozenset({"identify", "group", "alias", "page_viewed", "page_scrolled"})
_OF_MAILS = "email_"


def is_own(name: str) -> bool:
    """Whether Inlay itself calls events so: these need no declaration to be known."""
    return name in _OWN or name.startswith(_OF_MAILS)


@dataclass(frozen=True, slots=True)
class EventVersion:
    """One version of one type. `schema` is a JSON Schema of the properties (of the traits of `identify`); `required` are
    paths that must have a value, in every element of a list on the way; `personal` ones never enter a history."""

    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    required: tuple[Path, ...] = ()
    personal: tuple[Path, ...] = ()
    samples: tuple[Mapping[str, Any], ...] = ()
    refuses: tuple[Mapping[str, Any], ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class EventTypes:
    """`versions` maps a type to its versions by what events say of theirs: text, empty where they say none. `personal`
    holds of every type; a type that is neither declared nor Inlay's own is accepted or refused as `undeclared` says."""

    versions: Mapping[str, Mapping[str, EventVersion]] = field(default_factory=dict[str, Mapping[str, EventVersion]])
    personal: tuple[Path, ...] = ()
    undeclared: Undeclared = "accept"


NO_EVENT_TYPES = EventTypes()
