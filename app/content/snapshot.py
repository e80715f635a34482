"""One version of the user's content, ready to serve: rules compiled, blocks compiled, models loaded, fallbacks rendered."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast
from zoneinfo import ZoneInfo

from app.content.blocks import Block
from app.content.compiling import NO_CODES, Codes, compile_blocks
from app.content.drawing import rankings
from app.content.event_rules import EventRules
from app.content.items import NO_ADVISERS, ItemsPlan
from app.content.limits import Limits, stock_of, used_up
from app.content.program import Judgement, Program
from app.content.ranking import attributes
from app.content.recommending import Adviser
from app.content.trials import Trials
from app.content.variables import TAKES
from app.domain import conditions as c
from app.domain.arbitration import Arbitration, Option
from app.domain.bandits import Posterior
from app.domain.caps import CODE
from app.domain.definitions import Definitions, Gate, ItemsQuery, Offer, Shown, VariableType
from app.domain.literals import parse_number
from app.domain.profile import NOBODY, Profile
from app.domain.request import Request
from app.domain.wordings import NO_WORDINGS, Wording, wording_of
from app.errors import ContentInvalid, ModelUnavailable
from app.ports import ModelRuntime


@dataclass(frozen=True, slots=True)
class Dish:
    """A `Shown` made ready: its block, what its vars are for everybody, those to look up, its plan for items."""

    shown: Shown
    block: Block
    fixed: Mapping[str, Any]
    looked_up: tuple[tuple[str, Callable[[Request], Any], Callable[[Any], Any]], ...]
    plan: ItemsPlan | None
    coded: tuple[str, ...] = ()
    stock: str = ""
    """What `coded`, the variables that show a code, are held of."""
    wording: Wording | None = None
    """What it says to everybody."""

    def vars(self, r: Request) -> Mapping[str, Any]:
        """The variables for this person; what is missing, or of another type, is left to the block's default."""
        if not self.looked_up and not self.coded:
            return self.fixed
        found = dict(self.fixed)
        if self.coded and not used_up(r, self.stock):
            found |= dict.fromkeys(self.coded, SAMPLE_CODE)
        for name, resolve, take in self.looked_up:
            value = take(plain(resolve(r)))
            if value is not None:
                found[name] = value
        return found


SAMPLE_CODE = "SAMPLE-CODE"
"""What stands in the place of a code until one is held, and in previews for good."""


def plain(value: Any) -> Any:
    """A value as JSON and templates take it: an instant as ISO 8601 in UTC."""
    if type(value) is c.Instant:
        return iso(value)
    return value


@lru_cache(4_096)  # what is answered in one millisecond says the same
def iso(instant: int) -> str:
    """`2026-10-12T09:00:00.000Z`"""
    return f"{_second(instant // 1000)}.{instant % 1000:03d}Z"


@lru_cache(4_096)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


class Snapshot:
    """Immutable once built; taken once per request and passed on."""

    def __init__(
        self, definitions: Definitions, runtime: ModelRuntime, posteriors: Mapping[str, Posterior] | None = None, *, advisers: Mapping[str, Adviser] = NO_ADVISERS,
        wordings: Mapping[str, Mapping[str, Any]] = NO_WORDINGS, codes: Codes = NO_CODES,
    ) -> None:
        """`posteriors` is what bandits draw by; whoever follows what they learn puts it there. `advisers` are the recommenders; `wordings`
        those of former content that decisions may show, looked into at each; `codes` what is known of its blocks already."""
        self.definitions = definitions
        self.version = definitions.version
        self.runtime = runtime
        self.advisers = advisers
        self.blocks, problems = compile_blocks(definitions.blocks, ZoneInfo(definitions.timezone), codes)
        if any(not problem.warning for problem in problems):
            raise ContentInvalid(tuple(problems))
        self.said: dict[str, Mapping[str, Any]] = {}
        """The wordings of this very content."""
        self.wordings: Mapping[str, Mapping[str, Any]] = ChainMap(self.said, wordings)  # pyright: ignore[reportArgumentType]
        self.program = Program(definitions)
        self.trials = Trials(definitions, self.program)
        self.limits = Limits(definitions)
        self.limited = bool(self.limits)
        self.rankings = rankings(definitions, self.program, posteriors if posteriors is not None else {})
        self.offers = {offer.id: self._offer(offer, offer.shown) for offer in definitions.offers.values()}
        self._guises = {
            offer.id: [(self.program.condition(each.when), self._offer(offer, each.shown)) for each in offer.alternatives] for offer in definitions.offers.values() if offer.alternatives
        }
        self.fallbacks = {
            id: tuple(self._dish(shown) for shown in placement.fallbacks) for id, placement in definitions.placements.items()
        }
        self.attributes = {offer.id: attributes(offer) for offer in definitions.offers.values()}
        self.needs_sends = any(
            dish.plan is not None and dish.plan.query.looks_back
            for dish in (*self.offers.values(), *(dish for rows in self._guises.values() for _, dish in rows), *(each for chain in self.fallbacks.values() for each in chain))
        )
        self.arbitrated = {id: (mail.arbitration, self._options(mail.arbitration)) for id, mail in definitions.mails.items() if mail.arbitration is not None}
        """mail -> (how its placements are chosen together, what that has to know of each offer)"""
        self.remembering = frozenset(id for id, (rules, _) in self.arbitrated.items() if rules.not_again)
        """The mails for which it matters what people were sent before."""
        self.event_rules = EventRules(definitions.events)
        self.gated = self.gates("decide")
        self._rows = {id: self.program.row(card.inputs) for id, card in definitions.models.items() if not card.per_item}
        self.shadows = tuple((id, card.shadow) for id, card in definitions.models.items() if card.shadow is not None)
        """The models beside which another is scored; empty where none is."""
        self._plans: dict[bytes, ItemsPlan] = {}
        self.plain: dict[str, Any] = {}
        """What `choosing` made ahead, by placement."""

    def _options(self, rules: Arbitration) -> dict[str, Option]:
        return {
            id: Option(id, str(known[rules.by]) if rules.by in known else None, tuple(known.get(name) for name in rules.alike))
            for id, known in self.attributes.items()
        }

    @property
    def judgements(self) -> Mapping[str, Judgement]:
        return self.program.judgements

    def dish(self, offer: str, r: Request) -> Dish:
        """An offer as this person gets it."""
        return next((dish for when, dish in self._guises[offer] if when(r)), self.offers[offer]) if offer in self._guises else self.offers[offer]

    def same_for_all(self, offer: str) -> bool:
        """Whether everybody who gets the offer gets the same."""
        dish = self.offers[offer]
        return dish.plan is None and not dish.looked_up and not dish.coded and offer not in self._guises

    def gates(self, gate: Gate) -> tuple[str, ...]:
        """The declared purposes without whose consent this gate stays shut."""
        return self.definitions.gates(gate)

    def consented(self, profile: Profile) -> Profile:
        """The profile as decisions may use it: without a consent that gates `decide`, nothing is known of the person; where
        processing is restricted, not even that there is one."""
        if profile.consents and profile.restricted:
            return NOBODY
        if not self.gated or all(profile.consents.get(purpose) is True for purpose in self.gated):
            return profile
        return Profile(key=profile.key, consents=profile.consents, record=profile.record, sends=profile.sends, variants=profile.variants, known=profile.known)

    def row(self, id: str) -> Callable[[Request], list[float | str]]:
        """`f(request)`: what a model that reads no items is given of a person."""
        return self._rows[id]

    def score(self, r: Request, id: str) -> float | str | None:
        """The score of a model for this person, or the kind that it tells, computed once per request; the card's fallback where it fails."""
        given = r.given_scores.get(id)
        if given is not None:
            return given
        key = ("score", id)
        if key not in r.memo:
            r.memo[key] = self._score(r, id)
        return r.memo[key]

    def _score(self, r: Request, id: str) -> float | str | None:
        card = self.definitions.models.get(id)
        if card is None:
            return None
        model = self.runtime.get(id)
        try:
            if model is None:
                raise ModelUnavailable(f"no model {id}")
            score = model.score(self._rows[id](r))
        except ModelUnavailable:
            r.degraded.append(f"model:{id}")
            score = card.fallback
        return card.label(score) if card.labels else score

    def coerce(self, context: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """(the request's context as declared, names that are not declared); what does not parse is absent."""
        found: dict[str, Any] = {}
        unknown: list[str] = []
        for name, value in context.items():
            kind = self.definitions.context.get(name)
            if kind is None:
                unknown.append(name)
            elif (parsed := _PARSE[kind](value)) is not None:
                found[name] = parsed
        return found, unknown

    def plan(self, query: ItemsQuery) -> ItemsPlan:
        """A compiled plan of a query that came with a request."""
        return ItemsPlan(query, self.program.apart(), self.definitions.models, self.runtime, self.advisers)

    def planned(self, text: bytes, read: Callable[[], ItemsQuery]) -> ItemsPlan:
        """The same by the text of the query, which is read where it is new; the most recent 256 are kept."""
        found = self._plans.get(text)
        if found is None:
            found = self.plan(read())
            if len(self._plans) >= 256:
                self._plans.pop(next(iter(self._plans)))
            self._plans[text] = found
        return found

    def _offer(self, offer: Offer, shown: Shown) -> Dish:
        dish = self._dish(shown)
        if offer.inventory is None:
            return dish
        coded = tuple(name for name, value in shown.vars.items() if value == CODE)
        return replace(dish, coded=coded, stock=stock_of(offer.inventory, offer.id))

    def _dish(self, shown: Shown) -> Dish:
        block, resolver = self.blocks[shown.block], self.program.writer.resolver
        types: dict[str, VariableType] = {each.name: each.type for each in block.definition.variables}
        looked_up = tuple((name, resolver(value), TAKES[types[name]]) for name, value in shown.vars.items() if isinstance(value, c.Ref) and value != CODE)
        plan = None if shown.items is None else ItemsPlan(shown.items, self.program, self.definitions.models, self.runtime, self.advisers)
        fixed = {**block.defaults, **shown.literals}
        wording = wording_of(fixed)
        if wording is not None:
            self.said[wording.id] = fixed
        return Dish(shown, block, fixed, looked_up, plan, wording=wording)

    def table(self) -> dict[str, Any]:
        """What the numbers in traces mean: placement -> [offer ids, [by, place] per code, codes, scores] (`domain/trace.py`)."""
        return {
            id: [
                [offer.id for offer in each.offers],
                [None if gone is None else [gone.by, str(gone.place) if gone.place.line else ""] for gone in each.removals],
                each.filed.tobytes(), each.scores,
            ]
            for id, each in self.judgements.items()
        }

    def deadline(self, placements: tuple[str, ...], limit_ms: int) -> float:
        """Seconds that a decision of these placements may take: the least that one of them says, `limit_ms` at most."""
        said = [deadline for id in placements if (deadline := self.definitions.placements[id].deadline)]
        return min(limit_ms, *said) / 1000 if said else limit_ms / 1000

    # -- what the rules refer to -----------------------------------------------------------------------------------

    def features_of(self, placements: tuple[str, ...]) -> list[str]:
        """Every feature that these placements refer to, however indirectly, in the order of the rules."""
        found: set[str] = set()
        seen: set[Any] = set()
        definitions = self.definitions
        for id in placements:
            placement = definitions.placements[id]
            offers = [offer for offer in definitions.offers.values() if id in offer.placements]
            _walk((placement, *offers), definitions, found, seen)
        return [id for id in definitions.features if id in found]


def _number(value: Any) -> float | int | None:
    if type(value) is float or (type(value) is int and -(2**63) <= value < 2**63):
        return value
    return parse_number(value) if isinstance(value, str) else None


def _boolean(value: Any) -> bool | None:
    return value if type(value) is bool else {"true": True, "false": False}.get(value) if isinstance(value, str) else None


_PARSE: dict[str, Callable[[Any], Any]] = {
    "number": _number, "boolean": _boolean, "string": lambda value: value if type(value) is str else None,
}


def _walk(value: Any, definitions: Definitions, found: set[str], seen: set[Any]) -> None:
    """Collect the features that anything reachable from `value` names."""
    for ref in mentions(value):
        kind, id = ref
        if ref in seen:
            continue
        seen.add(ref)
        if kind == "feature" and id in definitions.features:
            found.add(id)
            _walk(definitions.features[id], definitions, found, seen)
        elif kind == "segment" and id in definitions.segments:
            _walk(definitions.segments[id], definitions, found, seen)
        elif kind == "model" and id in definitions.models:
            _walk(definitions.models[id].inputs, definitions, found, seen)
        elif kind == "table" and id in definitions.tables:
            _walk(definitions.tables[id].inputs, definitions, found, seen)


def mentions(value: Any) -> Iterator[tuple[str, str]]:
    """(kind, id) of everything declared that a value of the rules names: features, segments, models and others' fields."""
    if isinstance(value, c.Ref):
        if len(value.path) > 1:
            yield value.root, value.path[1]
    elif isinstance(value, c.InSegment):
        yield "segment", value.segment
    elif isinstance(value, (Mapping, tuple, list)):
        inside = cast("Mapping[Any, Any]", value).values() if isinstance(value, Mapping) else cast("Iterable[Any]", value)
        for inner in inside:
            yield from mentions(inner)
    elif hasattr(value, "__dataclass_fields__") and not isinstance(value, c.Place):
        for name in value.__dataclass_fields__:
            yield from mentions(getattr(value, name))
