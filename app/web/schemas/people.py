"""What is held of people."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, RootModel

from app.web.schemas.decisions import StoredAnswer
from app.web.schemas.shared import Request, Status


class Identity(BaseModel):
    kind: str
    value: str


class EventCount(BaseModel):
    count: int
    first_at: AwareDatetime
    last_at: AwareDatetime


class Person(BaseModel):
    id: str
    identities: list[Identity]
    traits: dict[str, Any]
    consents: dict[str, Status]
    segments: list[str]
    restricted: bool | None = Field(None, description="true where processing is restricted: held, and not used")


class Profile(Person):
    events: dict[str, EventCount] = Field(description="Per type, those included that are no longer kept")


class KeptEvent(BaseModel):
    id: str = Field(description="The hash that stands for its messageId")
    event: str
    timestamp: AwareDatetime
    properties: dict[str, Any]


class HistoryPage(BaseModel):
    id: str
    events: list[KeptEvent] = Field(description="The newest first")
    next: str | None = Field(description="`before` of the page that follows; null on the last")


class StandingConsent(BaseModel):
    status: Status
    at: AwareDatetime | None = None
    source: str | None = None
    version: str | None = None


class NotedConsent(StandingConsent):
    purpose: str


class Membership(BaseModel):
    segment: str
    since: AwareDatetime


class PendingTrigger(BaseModel):
    """One that was set off and waits, or fired and is not delivered yet."""

    trigger: str
    state: Literal["waiting", "sending"]
    set_off_at: AwareDatetime | None = None
    due_at: AwareDatetime | None = None
    fired_at: AwareDatetime | None = None
    attempts: int | None = None
    next_at: AwareDatetime | None = None
    message: dict[str, Any] | None = None


class Export(Person):
    """Everything that is held of a person."""

    exported_at: AwareDatetime
    event_counts: dict[str, EventCount] = Field(description="Per type, those included that are no longer kept")
    events: list[KeptEvent] = Field(description="Every kept event, the oldest first")
    consent_history: list[NotedConsent] = Field(description="Every answer about a purpose, the oldest first")
    decisions: list[StoredAnswer] = Field(description="Every recorded decision, with its reasons")
    experiments: dict[str, str] = Field(description="Per experiment the variant that they saw and keep")
    memberships: list[Membership] = Field(description="The segments that they were noticed to be in, and since when")
    triggers: list[PendingTrigger] = Field(description="What is set off for them and not done")
    outgoing: list[dict[str, Any]] = Field(description="Messages in streams under Inlay's own keys that nobody has deleted")
    spool: list[dict[str, Any]] = Field(description="What waits on the disk until the store is back")
    dead_letters: list[dict[str, str]] = Field(description="Messages that could not be taken and name the person, as they came")


class TraitsPatch(Request):
    traits: dict[str, Any] = Field(description="null removes a trait")


class Consents(RootModel[dict[str, Status]]):
    """Purpose -> granted or denied."""


class ConsentAnswer(Request):
    """An answer with where it was given and to which wording."""

    status: Status
    source: str = Field("", max_length=200, examples=["sign-up form"])
    version: str = Field("", max_length=64, description="Of the wording", examples=["2026-03"])
    at: AwareDatetime | None = Field(None, description="When it was given; now, where left out")


class ConsentsRequest(RootModel[dict[str, Status | ConsentAnswer]]):
    """Purpose -> granted or denied, or an answer with its source, version and instant."""


class ConsentsTold(BaseModel):
    id: str
    consents: dict[str, StandingConsent] = Field(description="The answer that holds, per purpose")
    history: list[NotedConsent] = Field(description="Every answer, the oldest first; `gpc` is a browser's Global Privacy Control")


class Restriction(Request):
    restricted: bool
