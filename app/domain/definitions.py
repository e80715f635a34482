"""What a user declares in `rules/`, parsed and resolved: features, segments, placements, offers, mails, consents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from app.domain.arbitration import Arbitration
from app.domain.bandits import Bandit
from app.domain.caps import Cap, Cooldown, Inventory
from app.domain.conditions import NOWHERE, Condition, Ever, Expression, Instant, Path, Place, Ref, Scalar, Where, Window
from app.domain.custom_keys import CustomKeys
from app.domain.enrichment import NO_ENRICHMENTS, Enrichments
from app.domain.event_types import NO_EVENT_TYPES, EventTypes
from app.domain.inbox import NO_INBOX, Inbox
from app.domain.identity import USUAL_KINDS, IdentityKind
from app.domain.experiments import Experiment, Holdout
from app.domain.grids import Grid
from app.domain.pictures import PictureSpec
from app.domain.retention import USUAL_RETENTION, Retention
from app.domain.tables import Table
from app.domain.traits import Trait
from app.domain.translation import Translation
from app.domain.triggers import Trigger, Webhook

FeatureKind: TypeAlias = Literal[
    "count", "sum", "avg", "min", "max", "distinct", "first", "last", "first_at", "last_at", "days", "seconds_since",
    "expr",
]

EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Feature:
    """A number, text, list or instant computed from the events at the instant of the request.

    `path` is the property that `sum avg min max distinct first last` read, empty for the other kinds.
    """

    id: str
    kind: FeatureKind
    event: str = ""
    path: Path = ()
    where: tuple[Where, ...] = ()
    window: Window = Ever()
    expression: Expression | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Segment:
    id: str
    condition: Condition
    description: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class RelatedTo:
    """`from: {related_to: {last: order_completed.products.product_id}}`: the `related` items of what a property of
    the latest such event names (one id, or a list of them)."""

    event: str
    path: Path


@dataclass(frozen=True, slots=True)
class Recommended:
    """`from: goes_with`: what the recommender of that id thinks of."""

    recommender: str


Source: TypeAlias = "Literal['catalogue'] | tuple[str, ...] | RelatedTo | Recommended"


@dataclass(frozen=True, slots=True)
class Recommender:
    """`models/<file>` holds what goes with what. It starts from the items that events `event` name at `path`: those of the latest
    one, or with `recent` those of the latest ones. `bought` is where orders name items that the person may want again
    (event, path); None where that does not count. With `accessories` only items of the categories that go with those of the seeds
    are meant; `diverse` is how many of a category stand before others (0: as they come), `new` that every so many places hold an
    item too new to be known (0: none)."""

    id: str
    file: str
    event: str
    path: Path
    recent: bool = False
    bought: tuple[str, Path] | None = None
    accessories: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    diverse: int = 0
    new: int = 0
    description: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class ItemsQuery:
    """Which items an offer, a fallback or a recommendation shows.

    `source` is the whole catalogue, a tuple of item ids in that order, or what is related to the latest event.
    Durations are ms; 0 means not excluded. `rank` is an expression, or a bare `item.*`-model's id as `model.<id>`.
    """

    source: Source = "catalogue"
    filter: Condition | None = None
    exclude_bought: int = 0
    exclude_shown: int = 0
    rank: Expression | None = None
    limit: int = 6
    at_least: int = 1
    place: Place = NOWHERE
    arbitration: Grid | None = field(default=None, hash=False)

    @property
    def looks_back(self) -> bool:
        """Whether it matters what the person was sent before."""
        return bool(self.exclude_shown or (self.arbitration is not None and self.arbitration.rules.not_again))


Vars: TypeAlias = "Mapping[str, Scalar | Ref]"


@dataclass(frozen=True, slots=True)
class Shown:
    """A block with its variables and items: the body of an offer or of a fallback."""

    block: str
    vars: Vars = field(default_factory=lambda: EMPTY)
    items: ItemsQuery | None = None
    place: Place = NOWHERE

    @property
    def literals(self) -> dict[str, Any]:
        """The variables that are the same for everybody."""
        return {name: value for name, value in self.vars.items() if not isinstance(value, Ref)}


@dataclass(frozen=True, slots=True)
class Guise:
    """Another body of an offer, where a condition holds."""

    when: Condition
    shown: Shown


GROUPS = ("eligibility", "applicability", "suitability", "suppress")


@dataclass(frozen=True, slots=True)
class Offer:
    """`valid_from` and `valid_to` are half-open; None is unbounded. `suppress` removes where it holds."""

    id: str
    placements: tuple[str, ...]
    shown: Shown
    priority: float = 0.0
    value: float = 0.0
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    eligibility: Condition | None = None
    applicability: Condition | None = None
    suitability: Condition | None = None
    suppress: Condition | None = None
    attributes: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    place: Place = NOWHERE
    caps: tuple[Cap, ...] = ()
    cooldown: tuple[Cooldown, ...] = ()
    inventory: Inventory | None = None
    alternatives: tuple[Guise, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a condition holds: another ranking of a placement's offers, the only ones that may be shown, or both (None: as ever)."""

    when: Condition
    rank: Expression | None = None
    offers: tuple[str, ...] | None = None
    place: Place = NOWHERE


WhenDegraded: TypeAlias = Literal["fallback", "fail"]


@dataclass(frozen=True, slots=True)
class Placement:
    id: str
    fallbacks: tuple[Shown, ...]
    rank: Expression | None = None
    deadline: int | None = None
    on_degraded: WhenDegraded = "fallback"
    place: Place = NOWHERE
    caps: tuple[Cap, ...] = ()
    bandit: str = ""
    """What ranks the offers in the place of `rank`."""
    alternatives: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    id: str
    placements: tuple[str, ...]
    place: Place = NOWHERE
    arbitration: Arbitration | None = None


ContextKind: TypeAlias = Literal["number", "string", "boolean"]
Gate: TypeAlias = Literal["segments", "decide", "enrich", "ingest"]


@dataclass(frozen=True, slots=True)
class Consent:
    purpose: str
    gates: frozenset[Gate] = frozenset()
    gpc: bool = True
    """Whether a browser's Global Privacy Control denies it."""
    place: Place = NOWHERE
    title: str = ""
    description: str = ""
    """What people read who are asked for it."""


TensorType: TypeAlias = Literal["float", "int", "bool", "string"]


@dataclass(frozen=True, slots=True)
class Input:
    """One column that a model reads. `tensor` is empty where the model has one float tensor of all columns."""

    name: Ref
    default: float | str
    type: TensorType = "float"
    tensor: str = ""


@dataclass(frozen=True, slots=True)
class Golden:
    inputs: tuple[float | str, ...]
    output: float


@dataclass(frozen=True, slots=True)
class Shadow:
    """Another model that is scored beside one, in this share of the decisions, after the answer; nobody decides by it."""

    model: str
    share: float = 0.1


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`models/<id>.yaml`. `output_range` is inclusive; a score outside it is refused. `output_index` is a column of the
    output, or a class where the output tells classes apart by name (ZipMap)."""

    id: str
    file: str
    inputs: tuple[Input, ...]
    fallback: float
    description: str = ""
    version: str = ""
    output_name: str = ""
    output_index: int | str | None = None
    output_range: tuple[float, float] | None = None
    golden: tuple[Golden, ...] = ()
    labels: tuple[str, ...] = ()
    """Of a model that tells kinds: the name of each number that it gives. `{field: model.id}` is then that name."""
    sha256: str = ""
    place: Place = NOWHERE
    shadow: Shadow | None = None

    def label(self, score: float) -> str | None:
        """The name that a number stands for; None where it stands for none."""
        return self.labels[int(score)] if 0 <= score < len(self.labels) else None

    @property
    def per_item(self) -> bool:
        """True where a row is an item: one run scores all candidates."""
        return any(column.name.root == "item" for column in self.inputs)


VariableType: TypeAlias = Literal["string", "number", "boolean", "url", "date"]


@dataclass(frozen=True, slots=True)
class Variable:
    name: str
    type: VariableType
    default: Scalar | None = None


@dataclass(frozen=True, slots=True)
class BlockDefinition:
    """`blocks/<id>/block.yaml` and the sources of its templates; `templates` maps `html text amp` to (file, source)."""

    id: str
    description: str
    variables: tuple[Variable, ...]
    item_fields: tuple[str, ...]
    sample: Mapping[str, Any]
    templates: Mapping[str, tuple[str, str]]
    place: Place = NOWHERE
    image: PictureSpec | None = None
    translations: tuple[Translation, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One entry of `tests:`, kept raw: `given` and `expect` as written, `at` in ms (None: the clock)."""

    name: str
    at: int | None
    given: Mapping[str, Any]
    expect: Mapping[str, Any]
    place: Place = NOWHERE
    triggers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    mail: str = ""
    """All of whose placements are decided, where it is named."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything the user wrote, valid and resolved. `version` is the hash of the files (16 hex digits)."""

    version: str
    timezone: str = "UTC"
    context: Mapping[str, ContextKind] = field(default_factory=lambda: EMPTY)
    consents: Mapping[str, Consent] = field(default_factory=lambda: EMPTY)
    features: Mapping[str, Feature] = field(default_factory=lambda: EMPTY)
    segments: Mapping[str, Segment] = field(default_factory=lambda: EMPTY)
    placements: Mapping[str, Placement] = field(default_factory=lambda: EMPTY)
    mails: Mapping[str, Mail] = field(default_factory=lambda: EMPTY)
    offers: Mapping[str, Offer] = field(default_factory=lambda: EMPTY)
    models: Mapping[str, ModelCard] = field(default_factory=lambda: EMPTY)
    blocks: Mapping[str, BlockDefinition] = field(default_factory=lambda: EMPTY)
    cases: tuple[Case, ...] = ()
    events: EventTypes = NO_EVENT_TYPES
    identities: Mapping[str, IdentityKind] = field(default_factory=lambda: USUAL_KINDS)
    retention: Retention = USUAL_RETENTION
    esps: Mapping[str, CustomKeys] = field(default_factory=lambda: EMPTY)
    enrich: Enrichments = NO_ENRICHMENTS
    webhooks: Mapping[str, Webhook] = field(default_factory=lambda: EMPTY)
    triggers: Mapping[str, Trigger] = field(default_factory=lambda: EMPTY)
    traits: Mapping[str, Trait] = field(default_factory=lambda: EMPTY)
    experiments: Mapping[str, Experiment] = field(default_factory=lambda: EMPTY)
    holdouts: Mapping[str, Holdout] = field(default_factory=lambda: EMPTY)
    recommenders: Mapping[str, Recommender] = field(default_factory=lambda: EMPTY)
    inbox: Inbox = NO_INBOX
    caps: Mapping[str, Cap] = field(default_factory=lambda: EMPTY)
    bandits: Mapping[str, Bandit] = field(default_factory=lambda: EMPTY)
    tables: Mapping[str, Table] = field(default_factory=lambda: EMPTY)

    def gates(self, gate: Gate) -> tuple[str, ...]:
        """The declared purposes without whose consent this gate stays shut."""
        return tuple([each.purpose for each in self.consents.values() if gate in each.gates])
