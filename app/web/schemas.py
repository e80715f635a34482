"""The public JSON of every route as models: what the API's reference is made of. Handlers read bodies themselves.

Requests refuse unknown keys, as their `additionalProperties: false` says; events and items may carry more.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from app.domain.event import Reason

ProfileId = Annotated[str, Field(
    max_length=256, description="A user id, or `kind:value` of `anonymous_id`, `email` or `phone`. Absent or empty: somebody unknown", examples=["u1"])]
Send = Annotated[str, Field(min_length=1, max_length=256, description="Names the send: one decision per person and send. Without it nothing is recorded")]
Mail = Annotated[str, Field(description="A mail of the rules: all of its placements are decided together, at its first call")]
Context = Annotated[dict[str, Any], Field(description="What the caller knows now; names and types are declared under `context:` of the rules")]
Instant = Annotated[AwareDatetime | int, Field(description="ISO 8601 with a zone, or milliseconds since 1970")]
Surface = Literal["html", "text", "json", "amp"]
Status = Literal["granted", "denied"]


class Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ErrorProblem(BaseModel):
    at: str = Field(description="The key that is wrong")
    message: str


class ErrorBody(BaseModel):
    code: str = Field(description="For machines", examples=["unknown_placement"])
    message: str = Field(description="For people: what is wrong, and what would be right")
    problems: list[ErrorProblem]


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorBody


# -- decisions ---------------------------------------------------------------------------------------------------------


class Question(Request):
    """What is asked of a decision."""

    send: Send | None = None
    mail: Mail | None = None
    placements: list[str] | None = Field(None, min_length=1, description="Names of placements; all of the mail's where left out")
    surface: Surface | None = Field(None, description="Also render the choice, as `content`")
    explain: bool = Field(False, description="Also tell every candidate and why not, and the features behind the choice")
    at: Instant | None = Field(None, description="Decide as of this instant and record nothing; needs the scope `preview`")
    variants: dict[str, str] | None = Field(None, description="Experiment to variant: show this one and record nothing; needs the scope `preview`")


class DecisionRequest(Question):
    profile: ProfileId | None = None
    context: Context | None = None


class Recipient(Request):
    profile: ProfileId | None = None
    context: Context | None = None


class BatchRequest(Question):
    recipients: list[Recipient] = Field(min_length=1, max_length=1_000)


class ItemFields(BaseModel):
    """An item without its id, which the address names. In a PATCH, null removes a field."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    price: float | None = Field(None, ge=0)
    stock: float | None = Field(None, ge=0)
    category: str | None = None
    url: str | None = Field(None, description="An http or https address")
    image: str | None = Field(None, description="An http or https address")
    related: list[str] | None = Field(None, max_length=200, description="Ids of items that go with it")


class Item(ItemFields):
    """A thing of the catalogue. Fields beyond those named are free: texts, numbers, booleans, lists, objects."""

    id: str = Field(max_length=256)


class Choice(BaseModel):
    """What one placement shows."""

    offer: str | None = Field(description="null: a fallback")
    block: str
    variant: dict[str, str] = Field(description="The person's variant of each experiment that is behind the choice")
    reason: Literal["eligible", "fallback"]
    vars: dict[str, Any] = Field(description="The block's variables, resolved")
    items: list[Item]
    content: str | dict[str, Any] | None = Field(None, description="The rendered surface, where one was asked for")


class Candidate(BaseModel):
    offer: str
    outcome: Literal["chosen", "outranked", "removed"]
    by: Literal["valid", "stock", "eligibility", "applicability", "suitability", "suppress", "caps", "items", "duplicate", "render", "holdout", "not_again", "pin", "quota", "share", "diversity", "arbitration"] | None = None
    at: str | None = Field(None, description="File and line of what removed it", examples=["rules/shop.yaml:31"])
    score: float | None = Field(None, description="What the placement's `rank` gave it")


class FeatureValue(BaseModel):
    value: Any
    as_of: AwareDatetime | None = None
    status: Literal["truncated"] | None = Field(None, description="`truncated`: the window reaches into events that are no longer kept")


class Explanation(BaseModel):
    placements: dict[str, list[Candidate]]
    features: dict[str, FeatureValue]
    segments: list[str] | None = Field(None, description="Segments that the person is in")
    ignored_context: list[str] | None = Field(None, description="Context that the rules do not declare")


class Ranking(BaseModel):
    priority: float = Field(description="Higher comes first, whatever the rank")
    rank: str = Field(description="The placement's expression", examples=["model.buy_7d * offer.value"])
    values: dict[str, Any] = Field(description="What it was made of")
    score: float | None


class CandidateWhy(BaseModel):
    text: str | None = Field(None, description="For people", examples=["context.stock is 0, not at least 1"])
    values: dict[str, Any] | None = Field(None, description="Of one that was removed: what the part of the rules looked at that removed it")
    ranking: Ranking | None = Field(None, description="Of one that could be shown: how it was ranked")


class PlacementWhy(BaseModel):
    sentence: str = Field(description="What was shown and why, and what was not")
    candidates: dict[str, CandidateWhy]


class Age(BaseModel):
    text: str = Field(description="What the feature tells")
    newest: AwareDatetime | None = Field(description="When the latest event happened that it looks at")
    age_seconds: float | None = Field(description="How long that was before the decision")


class OutcomeTold(BaseModel):
    event: str
    at: AwareDatetime
    value: float


class StoredExplanation(Explanation):
    """Out of the decision log, with the values of that time."""

    why: dict[str, PlacementWhy]
    ages: dict[str, Age] | None = None
    latency_ms: float | None = None
    outcomes: list[OutcomeTold] | None = Field(None, description="Opens, clicks and the like that named the send")
    missing: str | None = Field(None, description="Why the log has nothing, where it has not")


class Decided(BaseModel):
    decision_id: str
    profile: str
    send: str | None
    decided_at: AwareDatetime
    content_version: str
    degraded: list[str] = Field(description="What could not be used: `store deadline overload profile model:ID render:BLOCK content_changed`")


class DecisionAnswer(Decided):
    placements: dict[str, Choice]
    explain: Explanation | None = None


class StoredAnswer(DecisionAnswer):
    """A decision as it was recorded."""

    mail: str | None
    explain: StoredExplanation | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class PlacementAnswer(Decided, Choice):
    """A placement's choice and its decision, flat."""

    placement: str


class LineError(BaseModel):
    """A recipient that could not be decided for; its neighbours are."""

    index: int
    error: ErrorBody


class RecommendationRequest(Request):
    """Items chosen as an offer's `items:` would, see docs/rules.md."""

    profile: ProfileId | None = None
    context: Context | None = None
    source: str | list[str] | dict[str, Any] = Field("catalogue", alias="from", description="`catalogue`, a list of ids, `{related_to: {last: event.path}}`, or a recommender")
    recommender: str | None = Field(None, description="Another word for `from`: the id of a recommender")
    seeds: list[str] | None = Field(None, max_length=50, description="Ids of items that a recommender starts from, such as those of a basket, instead of the person's events")
    filter: dict[str, Any] | None = Field(None, description="A condition that may read `item.*`")
    exclude: dict[str, str] | None = Field(None, description="`bought` and `shown`, each with a duration")
    rank: str | None = Field(None, description="An expression, or a model of items")
    limit: int = Field(6, ge=1, le=100)
    at_least: int = Field(1, description="Fewer are none at all")


class ScoredItem(Item):
    score: float | None = Field(description="What ranked it")
    because: str | None = Field(None, description="Of a recommender: the item that speaks for it most")
    reason: str | None = Field(None, description="The same in words, such as `because you bought Warm Hat`")


class RecommendationAnswer(BaseModel):
    profile: str
    items: list[ScoredItem]
    degraded: list[str]
    content_version: str


class AmpList(BaseModel):
    """`{"items": [...]}` with the block's variables beside it; a block without items has one item that holds them."""

    model_config = ConfigDict(extra="allow")

    items: list[dict[str, Any]]


class MailParts(BaseModel):
    model_config = ConfigDict(extra="forbid")

    html: str
    text: str | None = None
    amp: str | None = None


class MessageRequest(BaseModel):
    """A whole mail for one person."""

    model_config = ConfigDict(extra="forbid")

    template: MailParts
    profile: str | None = None
    send: str | None = None
    mail: str | None = None
    context: dict[str, Any] | None = None
    subject: str | None = None
    preheader: str | None = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    reply_to: str | None = None
    headers: dict[str, str] | None = None


class MessageAnswer(BaseModel):
    decision_id: str
    profile: str
    send: str | None
    decided_at: str
    content_version: str
    degraded: list[str]
    placements: dict[str, dict[str, str | None]]
    parts: dict[str, str]
    headers: dict[str, str]
    message: str
    warnings: list[str]


class EmarsysRequest(BaseModel):
    """A batch as Emarsys' External Content sends it: the values of the reference fields, and the response fields that it wants."""

    model_config = ConfigDict(extra="allow")

    parameters: list[dict[str, Any]] = Field(max_length=1_000)
    fields: list[str] = []
    limit: int | None = None


class EmarsysAnswer(BaseModel):
    content: list[dict[str, Any]]


class NotifuseRequest(BaseModel):
    """A contact as Notifuse's recipient feed sends it."""

    model_config = ConfigDict(extra="allow")

    contact: dict[str, Any] = {}
    broadcast: dict[str, Any] = {}


class ShownAnswer(BaseModel):
    """What each placement shows, as HTML, as text and in parts."""

    model_config = ConfigDict(extra="allow")

    placements: dict[str, dict[str, Any]]


# -- events ------------------------------------------------------------------------------------------------------------


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


# -- people ------------------------------------------------------------------------------------------------------------


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


class SegmentSize(BaseModel):
    id: str
    description: str
    size: int = Field(description="People in it")


class Filling(BaseModel):
    done: bool = Field(description="Whether everybody was looked at since the segments last changed")
    looked: int
    of: int = Field(description="About so many keys are to be looked at")


class SegmentList(BaseModel):
    segments: list[SegmentSize]
    filling: Filling


class SegmentPage(BaseModel):
    segment: str
    profiles: list[str]
    next: str | None = Field(description="The `after` of the next page")


class ReportVariant(BaseModel):
    variant: str
    share: float = Field(description="As designed")
    visitors: int


class ReportAnswer(BaseModel):
    """docs/experiments.md explains each part."""

    experiment: str
    verdict: Literal["better", "worse", "better_if_planned", "worse_if_planned", "no_difference_shown", "unreadable"]
    finding: str = Field(description="The first metric in a sentence")
    notes: list[str]
    control: str
    from_: str | None = Field(alias="from", description="The first day of exposures")
    to: str | None
    variants: list[ReportVariant]
    checks: dict[str, Any] = Field(description="`sample_ratio` and `multiple_exposure`: `ok`, a number and a message")
    metrics: list[dict[str, Any]] = Field(description="Per metric the variants' values with intervals, and each comparison with the control: `frequentist`, `bayesian`, `always_valid`")
    days: list[dict[str, Any]] = Field(description="The lift by the first metric, day by day, with its always-valid interval")


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


# -- operations --------------------------------------------------------------------------------------------------------


class Alive(BaseModel):
    status: Literal["ok"]


class ContentState(BaseModel):
    version: str | None
    problems: list[str] = Field(description="Of the newest content, which is not served while there are any")


class Ready(BaseModel):
    """`content`, `store`, `models` and `durability` are shown in development mode and to `admin`."""

    status: Literal["ready", "starting", "stopping"]
    degraded: list[str] | bool
    content: ContentState | None = None
    store: Literal["up", "down"] | None = None
    models: dict[str, str] | Literal["ok"] | None = None
    durability: Literal["always", "waited", "everysec", "no", "off", "unknown"] | None = Field(
        None, description="When Redis syncs what it acknowledged: before the reply, every second (waited: and answers wait for it), some time, never",
    )
