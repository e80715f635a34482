"""What a user declares of triggers: on what occasion something is sent, and where to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, TypeAlias

from app.domain.conditions import NOWHERE, Condition, LocalTime, Period, Place, Ref, Scalar

Kind: TypeAlias = Literal["event", "enter", "leave", "changed"]


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event of that name, entering or leaving that segment, or another value of that trait."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` firings per profile within `milliseconds` (half-open, as windows are), or per calendar period."""

    most: int
    milliseconds: int = 0
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a trigger calls. `secret` names the environment variable that holds the key of the signature."""

    id: str
    url: str
    secret: str
    timeout: int = 10_000
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Send:
    """To a webhook or, where that is empty, to a stream."""

    webhook: str = ""
    stream: str = ""
    template: str = ""
    vars: Mapping[str, Scalar | Ref] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Trigger:
    """`after` ms from the occasion the `when` is looked at, and again once `quiet` hours are over."""

    id: str
    on: Occasion
    send: Send
    after: int = 0
    when: Condition | None = None
    limit: Limit | None = None
    quiet: LocalTime | None = None
    place: Place = NOWHERE
