"""What `inlay check` proves of rules that are valid each by itself: what can never hold, never win, never be shown.

All of it is a warning: the rules are served as they are. Nothing is said unless it is certain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from app.content.coverage import Domain, domain_of
from app.content.logic import Both, Clash, Logic, Part, part, subjects
from app.content.personal import reads_people
from app.content.ranges import ALL, Reach
from app.content.windows import DAY
from app.domain import conditions as c
from app.domain import definitions as d
from app.domain.bounds import Bounds
from app.domain.experiments import Experiment, bucket_ranges
from app.domain.tables import Input, Kind, Span
from app.errors import Problem

MOST_PAIRS = 20_000
"""Pairs of offers of one placement that are compared."""
_BUCKETS = {1: 1_000, 2: 10_000}
_CALENDAR = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY}


def proofs(definitions: d.Definitions) -> Iterator[Problem]:
    """Everything that follows from the rules alone."""
    logic = Logic(definitions.segments, _domains(definitions))
    impossible: set[str] = set()
    for key, condition in _conditions(definitions):
        if (found := logic.clash([part(condition)])) is not None:
            impossible.add(key.rsplit(".", 1)[0])
            yield _never_holds(key, condition, found)
    whole = {offer.id: _whole(offer) for offer in definitions.offers.values()}
    for offer in definitions.offers.values():
        if f"offers.{offer.id}" not in impossible and (found := logic.clash([whole[offer.id]])) is not None:
            impossible.add(f"offers.{offer.id}")
            yield _warning(offer.place, f"offers.{offer.id}", f"nobody can ever have it: {_both(found)}", "ease one of the two")
    for placement in definitions.placements.values():
        yield from _shadowed(definitions, placement, logic, whole, impossible)
        yield from _fallbacks(definitions, placement)
    yield from _trials(definitions)


def _never_holds(key: str, condition: c.Condition, found: Clash) -> Problem:
    place = found[1].place if found[1].place.line else condition.place
    if key.endswith(".suppress"):
        return _warning(place, key, f"never holds, so it suppresses nothing: {_both(found)}", "leave it out, or ease one of the two")
    return _warning(place, key, f"never holds: {_both(found)}", "ease one of the two")


def _both(found: Clash) -> str:
    one, other = found
    if one is other:
        return f"{_leaf(one.leaf)} cannot be {'met' if one.holds else 'failed'}"
    where = f" (line {one.place.line})" if one.place.line and one.place != other.place else ""
    return f"{_said(one.leaf, holds=one.holds)}{where} and {_said(other.leaf, holds=other.holds)} exclude each other"


def _said(leaf: c.Leaf, *, holds: bool) -> str:
    return _leaf(leaf) if holds else f"not {_leaf(leaf)}"


def _leaf(leaf: c.Leaf) -> str:
    match leaf:
        case c.Field(ref, tests):
            return " ".join((str(ref), *(f"{each.operator} {_value(each.value)}" for each in tests)))
        case c.Did(event, where, window, count):
            wanted = "" if count == (c.Test("gte", 1),) else " ".join(f" {each.operator} {_value(each.value)} times" for each in count)
            return f"did {event}{' where ...' if where else ''}{wanted}{_window(window)}"
        case c.InVariant(experiment, variant):
            return f"variant {experiment}.{variant}"
        case c.InSegment(segment):
            return f"segment {segment}"
        case c.Consented(purpose):
            return f"consent {purpose}"
        case c.Changed(trait):
            return f"changed profile.{trait}"
        case c.LocalTime():
            return "local_time"


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, cast('tuple[object, ...]', value)))}]"
    return "a date" if isinstance(value, c.Instant) else str(value).lower() if isinstance(value, bool) else str(value)


def _window(window: c.Window) -> str:
    match window:
        case c.Within(milliseconds):
            unit, size = next((unit, size) for unit, size in (("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)) if milliseconds % size == 0)
            return f" within {milliseconds // size}{unit}"
        case c.Calendar(unit):
            return f" this {unit}"
        case _:
            return ""


# -- conditions ------------------------------------------------------------------------------------------------------

def _conditions(definitions: d.Definitions) -> Iterator[tuple[str, c.Condition]]:
    """Every condition that stands for itself."""
    for id, segment in definitions.segments.items():
        yield f"segments.{id}.condition", segment.condition
    for id, offer in definitions.offers.items():
        for group in d.GROUPS:
            condition: c.Condition | None = getattr(offer, group)
            if condition is not None:
                yield f"offers.{id}.{group}", condition
        if offer.shown.items is not None and offer.shown.items.filter is not None:
            yield f"offers.{id}.items.filter", offer.shown.items.filter
    for id, experiment in definitions.experiments.items():
        if experiment.when is not None:
            yield f"experiments.{id}.when", experiment.when
    for id, trigger in definitions.triggers.items():
        if trigger.when is not None:
            yield f"triggers.{id}.when", trigger.when


def _domains(definitions: d.Definitions) -> dict[c.Ref, Reach]:
    """What is known of values beforehand: of features, of models' scores, of traits whose values are listed."""
    kinds: dict[str, Kind] = {"first_at": "instant", "last_at": "instant", "first": "string", "last": "string"}
    found: dict[c.Ref, Reach] = {}
    for id, feature in definitions.features.items():
        if feature.kind not in ("first", "last"):
            ref = c.Ref(("feature", id))
            found[ref] = _reach(domain_of(definitions, Input(ref, kinds.get(feature.kind, "number"))))
    for id, card in definitions.models.items():
        if not card.per_item:
            ref = c.Ref(("model", id))
            found[ref] = _reach(domain_of(definitions, Input(ref, "number")))
    for id, trait in definitions.traits.items():
        if trait.values and all(isinstance(each, str) for each in trait.values):
            found[c.Ref(("profile", id))] = Reach((("string", tuple(Span("string", each, each) for each in trait.values)),), missing=True, other=True)
    return found


def _reach(known: Domain) -> Reach:
    if known.kind is None:
        return ALL
    spans = None if known.low is None and known.high is None else (Span(known.kind, known.low, known.high),)
    return Reach(((known.kind, spans),), missing=True, other=False)


# -- offers ----------------------------------------------------------------------------------------------------------

def _whole(offer: d.Offer) -> Part:
    """All that has to hold for somebody to have the offer."""
    groups = [part(condition) for name in d.GROUPS[:3] if (condition := getattr(offer, name)) is not None]
    return Both((*groups, *((part(offer.suppress, holds=False),) if offer.suppress is not None else ())))


def _shadowed(definitions: d.Definitions, placement: d.Placement, logic: Logic, whole: dict[str, Part], impossible: set[str]) -> Iterator[Problem]:
    """Offers before which another one always comes."""
    if placement.caps or definitions.caps or any(mail.arbitration is not None and placement.id in mail.placements for mail in definitions.mails.values()):
        return
    controls = {each.control for each in definitions.holdouts.values()}
    offers = [each for each in definitions.offers.values() if placement.id in each.placements]
    steady = [each for each in offers if _steady(each)]
    about = {each.id: frozenset(subjects(whole[each.id])) for each in offers}
    pairs = 0
    for offer in offers:
        if offer.id in controls or f"offers.{offer.id}" in impossible:
            continue
        for other in steady:
            if about[other.id] <= about[offer.id] and other is not offer and _above(placement, other, offer):
                pairs += 1
                if pairs > MOST_PAIRS:
                    return
                if logic.implies((whole[offer.id],), whole[other.id]):
                    yield _warning(offer.place, f"offers.{offer.id}", f"never wins in {placement.id}: everybody who may have it gets {other.id}, which comes first (line {other.place.line} of {other.place.file})",
                                   f"raise its priority, or narrow {other.id}")
                    break


def _steady(offer: d.Offer) -> bool:
    """Whether the offer is shown whenever its conditions hold: in one placement, with nothing else that could remove it."""
    items = offer.shown.items
    limited = offer.caps or offer.cooldown or offer.inventory is not None
    return len(offer.placements) == 1 and (items is None or items.at_least == 0) and not limited


def _above(placement: d.Placement, other: d.Offer, offer: d.Offer) -> bool:
    """Whether the other always ranks before the offer, as long as the offer is valid."""
    starts = other.valid_from is None or (offer.valid_from is not None and other.valid_from <= offer.valid_from)
    ends = other.valid_to is None or (offer.valid_to is not None and other.valid_to >= offer.valid_to)
    better = other.priority > offer.priority or (other.priority == offer.priority and placement.rank is None and other.value > offer.value)
    return starts and ends and better


# -- fallbacks and experiments ---------------------------------------------------------------------------------------

def _fallbacks(definitions: d.Definitions, placement: d.Placement) -> Iterator[Problem]:
    """Fallbacks behind one that can always be shown, and a last one that could itself be refused."""
    for i, shown in enumerate(placement.fallbacks[:-1]):
        certain = next(reads_people(definitions.blocks[shown.block]), None) is None
        if certain and (shown.items is None or shown.items.at_least == 0):
            rest = placement.fallbacks[i + 1]
            yield _warning(rest.place, f"placements.{placement.id}.fallback[{i + 1}]", f"is never shown: fallback[{i}] needs no items and always can be", "put it before, or leave it out")
            break
    last = placement.fallbacks[-1]
    read = next(reads_people(definitions.blocks[last.block]), None)
    if read is not None:
        file, line, path = read
        yield _warning(last.place, f"placements.{placement.id}.fallback", f"could itself be refused: {file}:{line} reads {path}, which may be anything",
                       "take it as a variable with a type and a default")


def _trials(definitions: d.Definitions) -> Iterator[Problem]:
    for experiment in definitions.experiments.values():
        at = f"experiments.{experiment.id}"
        if experiment.coverage == 0:
            yield _warning(experiment.place, f"{at}.coverage", "is 0: nobody can get any of its variants", "a share above 0")
            continue
        for variant in _unreachable(experiment):
            yield _warning(experiment.place, f"{at}.variants.{variant}", "is a variant that nobody can get: no bucket of the hash falls into its stretch",
                           "more weight or coverage" if experiment.hash == 2 else "more weight or coverage, or hash: 2, which tells ten times as many apart")
    for holdout in definitions.holdouts.values():
        control = definitions.offers.get(holdout.control)
        if control is not None and holdout.placements and not set(holdout.placements) & set(control.placements):
            yield _warning(holdout.place, f"holdouts.{holdout.id}.control", f"{control.id} is for none of its placements: nobody can get it", f"an offer of {', '.join(holdout.placements)}")


def _unreachable(experiment: Experiment) -> Iterator[str]:
    """Variants with a weight, whose stretch holds none of the buckets that there are."""
    weights = [weight for _, weight in experiment.variants]
    buckets = _BUCKETS[experiment.hash]
    for (name, weight), (start, end) in zip(experiment.variants, bucket_ranges(len(weights), experiment.coverage, weights), strict=True):
        near = int(start * buckets)
        if weight > 0 and not any(start <= at / buckets < end for at in range(max(near - 1, 0), min(near + 3, buckets))):
            yield name


# -- what is kept ----------------------------------------------------------------------------------------------------

def beyond_kept(definitions: d.Definitions, bounds: Bounds, now: int) -> Iterator[Problem]:
    """Windows that begin before the oldest event that is kept; a duration that does is an error of its own."""
    if not bounds.age:
        return
    for key, place, window in _windows(definitions):
        start = window.instant if isinstance(window, c.Since) else window.start if isinstance(window, c.Between) else None
        if start is not None and start < now - bounds.age:
            yield _warning(place, key, "reaches further back than events are kept", f"those of the last {bounds.age // DAY}d are there")
        if isinstance(window, c.Calendar) and _CALENDAR[window.unit] > bounds.age:
            yield _warning(place, key, f"a {window.unit} is longer than events are kept", f"those of the last {bounds.age // DAY}d are there")


def _windows(definitions: d.Definitions) -> Iterator[tuple[str, c.Place, c.Window]]:
    for id, feature in definitions.features.items():
        yield f"features.{id}", feature.place, feature.window
    for key, condition in _conditions(definitions):
        for leaf in c.leaves(condition):
            if isinstance(leaf, (c.Did, c.Changed)):
                yield key.removesuffix(".condition"), leaf.place, leaf.window


def _warning(place: c.Place, key: str, message: str, hint: str) -> Problem:
    return Problem(place.file, place.line, key.removesuffix(".condition"), message, hint, warning=True)
