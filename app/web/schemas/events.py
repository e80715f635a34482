"""Events as they come in."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel

from app.domain.event import Reason
from app.web.schemas.shared import Instant


class Event(BaseModel):
    """In Segment's shape; keys that are not named here are passed over."""

    type: Literal["identify", "track", "page", "group", "alias"]
    userId: str | int | None = Field(None, description="At least one of `userId` and `anonymousId`")
    anonymousId: str | int | None = None
    event: str | None = Field(None, description="Of `track`: what happened, such as Order Completed")
    name: str | None = Field(None, description="Of `page`: its name")
    groupId: str | int | None = None
    previousId: str | int | None = Field(None, description="Of `alias`: the id that becomes the user's")
    messageId: str | None = Field(None, description="Makes the event idempotent")
    timestamp: Instant | None = Field(None, description="When it happened; now, where left out. At most 24 h ahead of the clock")
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class EventBatch(BaseModel):
    batch: list[Event] = Field(max_length=10_000)


class Rejection(BaseModel):
    index: int
    reason: Reason
    detail: str


class EventsAnswer(BaseModel):
    """`accepted`, `duplicates` and `rejected` are disjoint and sum to what was sent."""

    accepted: int
    duplicates: int
    rejected: list[Rejection]


class Reported(RootModel[dict[str, Any] | list[Any]]):
    """The ESP's own JSON, as it sends it."""


class WebhookAnswer(EventsAnswer):
    """`unknown` is how many reports mean nothing here; they are counted and not applied."""

    unknown: int
