"""Decisions, their explanations and recommendations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.web.schemas.shared import Context, ErrorBody, Instant, Mail, ProfileId, Request, Send, Surface


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
    reason: Literal["eligible", "fallback", "holdout"]
    holdout: str | None = Field(None, description="The holdout whose control this is")
    vars: dict[str, Any] = Field(description="The block's variables, resolved")
    items: list[Item]
    content: str | dict[str, Any] | None = Field(None, description="The rendered surface, where one was asked for")


class Candidate(BaseModel):
    offer: str
    outcome: Literal["chosen", "outranked", "removed"]
    by: (
        Literal[
            "valid",
            "stock",
            "eligibility",
            "applicability",
            "suitability",
            "suppress",
            "caps",
            "items",
            "duplicate",
            "render",
            "holdout",
            "not_again",
            "pin",
            "quota",
            "share",
            "diversity",
            "arbitration",
        ]
        | None
    ) = None
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
    seeds: list[str] | None = Field(None, max_length=500, description="Ids of items that a recommender starts from, such as those of a basket, instead of the person's events")
    filter: dict[str, Any] | None = Field(None, description="A condition that may read `item.*`")
    exclude: dict[str, str] | None = Field(None, description="`bought` and `shown`, each with a duration")
    rank: str | None = Field(None, description="An expression, or a model of items")
    limit: int = Field(6, ge=1, le=100)
    at_least: int = Field(1, description="Fewer are none at all")
    arbitration: dict[str, Any] | None = Field(None, description="Quotas, minimum shares, pins and diversity among the items")


class ScoredItem(Item):
    score: float | None = Field(description="What ranked it")
    because: str | None = Field(None, description="Of a recommender: the item that speaks for it most")
    reason: str | None = Field(None, description="The same in words, such as `because you bought Warm Hat`")


class RecommendationAnswer(BaseModel):
    profile: str
    items: list[ScoredItem]
    degraded: list[str]
    content_version: str
