"""How often something may be shown: caps, cool-downs, and inventory that runs out.

What a person was shown is what their recorded decisions say, and what came of it is what their history says. So caps per
profile are a pure function of both and an instant: people who merge, and sends that are voided, need nothing else done.
What is limited in total is held in a stock beside the profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from app.domain.conditions import NOWHERE, Calendar, Ever, Place, Ref, Scalar, Within

Counting: TypeAlias = Literal["send", "exposure", "click"]
Per: TypeAlias = Literal["profile", "total"]
Outcome: TypeAlias = Literal["bought", "clicked", "complained", "unsubscribed", "ignored"]
Span: TypeAlias = "Within | Calendar | Ever"
SENDS_KEPT = 35 * 86_400_000
"""How long recorded decisions are kept, ms: what is counted per profile can look back no further."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` sends (or first human opens, or first human clicks of sends) inside the window. `of` are attributes
    that offers have to have to be counted, with the values that will do; empty: every offer that the cap stands at."""

    most: int
    per: Per = "profile"
    counting: Counting = "send"
    window: Span = Ever()
    of: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Cooldown:
    """For so many ms after something came of the offer's sends it is not shown again; `times` are the sends in a row, the
    newest, that were not clicked on (`ignored`)."""

    after: Outcome
    milliseconds: int
    times: int = 1
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Inventory:
    """What an offer uses up: a code of a pool for each decision that shows it, or one of a quantity. `low` is how many are
    left when somebody should know; `codeless` says that it is shown without a code once the pool is empty."""

    pool: str = ""
    quantity: int = 0
    low: int = 0
    codeless: bool = False
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Guard:
    """What must still hold of a person when a decision is recorded: fewer than `most` other sends after the instant `after`
    show one of `offers` (empty: any) in `placement` (empty: anywhere)."""

    most: int
    after: int
    placement: str = ""
    offers: tuple[str, ...] = ()

    def counts(self, at: int, shown: Mapping[str, str]) -> bool:
        """Whether a send does: decided when, and placement -> offer."""
        return at > self.after and any(
            self.placement in ("", placement) and (not self.offers or offer in self.offers) for placement, offer in shown.items()
        )


@dataclass(frozen=True, slots=True)
class Ask:
    """What a decision wants of a stock. Of a pool of codes: one. Of a count: to be one more, where every bound (most,
    after) still holds fewer than `most` later than the instant `after`; with `looks` it is not counted, only the bounds
    are tried. Counted instants up to `oldest` may be forgotten. `who` is the decision's id."""

    stock: str
    holder: str
    who: str
    bounds: tuple[tuple[int, int], ...] = ()
    looks: bool = False
    oldest: int = 0

    @property
    def of_codes(self) -> bool:
        return self.stock.startswith(CODES)


CODES, COUNT = "codes:", "count:"
"""What the names of stocks begin with."""
CODE = Ref(("offer", "code"))
"""What a variable refers to that shows the code."""
UNCOUNTED = frozenset({"*"})
"""What a request is refused whose decision cannot be counted: everything that is limited."""


class Hold(NamedTuple):
    """What a decision holds: one of a stock, under that name."""

    stock: str
    holder: str


class Doubtful(NamedTuple):
    """What is held and perhaps for nothing; `who` is the id of the decision that it was taken for."""

    held: Hold
    who: str


class Level(NamedTuple):
    """How many codes of a pool nobody has, and how many are given or held."""

    free: int
    given: int


@dataclass(frozen=True, slots=True)
class Full:
    """A decision was not recorded because a guard holds no more: what the person's sends are by now."""

    sends: dict[str, bytes]
