"""Choosing what one placement shows: judge, rank, take the first that has its items and renders, else fall back."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from msgspec import Struct

from app.content.drawing import Draw
from app.content.program import Judgement
from app.content.ranking import rank_key, untied
from app.content.snapshot import Dish, Snapshot
from app.domain.decision import Candidate, Choice
from app.domain.definitions import Offer
from app.domain.experiments import Holdout
from app.domain.item import Item
from app.domain.request import Request
from app.errors import RenderFailed

Render = Callable[[Dish, Mapping[str, Any], Sequence[Item]], Any]
First = Callable[[Request], "tuple[Choice, Verdict] | None"]


class Taken(Struct):
    """What the send shows already: no offer and no item comes twice."""

    offers: set[str] = set()  # noqa: RUF012 (a Struct copies it)
    items: set[str] = set()  # noqa: RUF012


class Verdict(Struct):
    """How a placement's offers were judged; enough to say why, without having said it. Offers go by their number.

    `codes` is None where no more was judged than the choice needed; `scores` are those that depend on the person."""

    judgement: Judgement
    codes: array[int] | None
    scores: Mapping[int, float | None]
    later: dict[int, str]
    chosen: int | None = None

    @property
    def filed(self) -> array[int]:
        return self.judgement.filed

    def candidates(self) -> list[Candidate]:
        """Every offer of the placement, in the order of the rules; none where the reasons were not asked for."""
        return [] if self.codes is None else [self._candidate(i, offer) for i, offer in enumerate(self.judgement.offers)]

    def _candidate(self, i: int, offer: Offer) -> Candidate:
        score = self.scores.get(i, self.judgement.scores[i])
        if i == self.chosen:
            return Candidate(offer.id, "chosen", score=score)
        if i in self.later:
            return Candidate(offer.id, "removed", self.later[i], str(offer.place), score)
        assert self.codes is not None
        removal = self.judgement.removals[self.codes[i]]
        if removal is None:
            return Candidate(offer.id, "outranked", score=score)
        return Candidate(offer.id, "removed", removal.by, str(removal.place) if removal.place.line else str(offer.place))


def choose(snapshot: Snapshot, r: Request, placement: str, catalogue: Any, taken: Taken, render: Render | None, *, reasons: bool) -> tuple[Choice, Verdict]:
    """The choice for one placement, entered in `taken`. Never raises what a fallback can mend.

    Somebody in a holdout gets its control: one offer, or the fallback. With `reasons` every offer is judged, else no more than the choice needs; the choice is the same.
    """
    if render is None and not reasons and not taken.offers:
        first = snapshot.plain[placement] if placement in snapshot.plain else plain(snapshot, placement)
        if first is not None and (found := first(r)) is not None:
            taken.offers.add(found[0].offer or "")
            return found
    holdout = snapshot.trials.holdout(r, placement)
    order, verdict = judged(snapshot, r, placement, taken.offers, reasons=reasons, held=holdout is not None)
    judgement, draw = verdict.judgement, order if isinstance(order, Draw) else None
    for i in order:
        offer = judgement.offers[i]
        if offer.id in taken.offers:
            verdict.later[i] = "duplicate"
            continue
        if holdout is not None and offer.id != holdout.control:
            verdict.later[i] = "holdout"
            continue
        choice = show(snapshot, r, placement, offer.id, snapshot.dish(offer.id, r), catalogue, taken, render)
        if isinstance(choice, Choice):
            verdict.chosen = i
            choice.drawn = draw.drawn if draw is not None else None
            taken.offers.add(offer.id)
            return under(snapshot, r, choice, holdout), verdict
        verdict.later[i] = choice
    return under(snapshot, r, fall_back(snapshot, r, placement, catalogue, taken, render), holdout), verdict


def plain(snapshot: Snapshot, placement: str) -> First | None:
    """Where nothing that is shown depends on the person but which offer it is, the choice of each is made here, once: the function
    gives it to everybody who may see the offer, and None to those who may see none."""
    found = snapshot.plain[placement] = _plain(snapshot, placement)
    return found


def _plain(snapshot: Snapshot, placement: str) -> First | None:
    judgement = snapshot.judgements[placement]
    offers, best = judgement.offers, judgement.first
    if best is None or snapshot.limits.at(placement) is not None or snapshot.trials.touches(placement) or not all(snapshot.same_for_all(offer.id) for offer in offers):
        return None
    shown = [(offer.id, snapshot.offers[offer.id]) for offer in offers]
    made = [
        (Choice(placement, id, dish.block.id, "eligible", dish.fixed, version=snapshot.version, wording=dish.wording), Verdict(judgement, None, {}, {}, chosen=i))
        for i, (id, dish) in enumerate(shown)
    ]

    def first(r: Request) -> tuple[Choice, Verdict] | None:
        for i in best(r):
            return made[i]
        return None

    return first


def judged(snapshot: Snapshot, r: Request, placement: str, taken: Collection[str], *, reasons: bool, held: bool) -> tuple[Iterable[int], Verdict]:
    """The offers that may be shown, best first, by their number, and the verdict on all of them. The order is a `Draw` where a
    bandit ranks; those `held` by a holdout are ranked without."""
    judgement = snapshot.judgements[placement]
    limited = snapshot.limits.at(placement)
    refused: dict[int, str] = {}
    if judgement.first is not None and not reasons:
        order = judgement.first(r)
        return order if limited is None else limited.allowed(r, judgement.offers, order, refused), Verdict(judgement, None, {}, refused)
    codes, live = judgement.judge(r)
    live = live if limited is None else list(limited.allowed(r, judgement.offers, live, refused))
    if placement in snapshot.rankings and not held:
        draw = snapshot.rankings[placement].draw(r, placement, judgement.offers, live, taken)
        return draw, Verdict(judgement, codes, draw.scores, refused)
    scores, order = ranked(snapshot.attributes, r, judgement, live)
    return order, Verdict(judgement, codes, scores, refused)


def under(snapshot: Snapshot, r: Request, choice: Choice, holdout: Holdout | None) -> Choice:
    """The choice with the experiments and the holdout that it is shown under."""
    choice.variants = snapshot.trials.exposed(r, choice.placement)
    return held(choice, holdout)


def held(choice: Choice, holdout: Holdout | None) -> Choice:
    """The choice as the holdout's control, where the person is in one."""
    if holdout is not None:
        choice.reason, choice.holdout = "holdout", holdout.id
    return choice


def ranked(known: Mapping[str, Mapping[str, Any]], r: Request, judgement: Judgement, live: list[int]) -> tuple[dict[int, float | None], Iterable[int]]:
    """(score of each offer left where it depends on the person, these offers in order), `known` being what `offer.*` means.
    The order is by priority, score (missing last), earliest end, then a hash of (profile, offer): never chance."""
    offers, rank = judgement.offers, judgement.rank
    if rank is None:
        return {}, _ordered(r, judgement, live, judgement.order.__getitem__)
    scores = {i: rank(r, known[offers[i].id]) for i in live}
    return scores, _ordered(r, judgement, live, lambda i: rank_key(offers[i], scores[i]))


def _ordered(r: Request, judgement: Judgement, live: list[int], key: Callable[[int], Any]) -> Iterator[int]:
    for _, tied in groupby(sorted(live, key=key), key):
        first, *more = tied
        yield from untied(r, judgement.offers, [first, *more]) if more else (first,)


def show(snapshot: Snapshot, r: Request, placement: str, offer: str | None, dish: Dish, catalogue: Any, taken: Taken, render: Render | None) -> Choice | str:
    """The choice, or the name of what removed it: `items` or `render`."""
    items: Sequence[Item] = ()
    if dish.plan is not None:
        found = dish.plan.choose(r, catalogue, taken.items)
        if found is None:
            return "items"
        items = found
    variables = dish.vars(r)
    content = None
    if render is not None:
        try:
            content = render(dish, variables, items)
        except RenderFailed:
            r.degraded.append(f"render:{dish.block.id}")
            return "render"
    if items:
        taken.items.update([item.id for item in items])
    reason = "eligible" if offer is not None else "fallback"
    priced = [(item.id, item.fields.get("price")) for item in items] if r.send else ()  # for the record of the send
    return Choice(placement, offer, dish.block.id, reason, variables, items, priced, snapshot.version, content, wording=dish.wording)


def fall_back(snapshot: Snapshot, r: Request, placement: str, catalogue: Any, taken: Taken, render: Render | None) -> Choice:
    """The first fallback of the placement that can be shown; the last one always can, without items if need be."""
    chain = snapshot.fallbacks[placement]
    for dish in chain:
        choice = show(snapshot, r, placement, None, dish, catalogue, taken, render)
        if isinstance(choice, Choice):
            return choice
    last = chain[-1]
    return Choice(placement, None, last.block.id, "fallback", last.fixed, (), (), snapshot.version, wording=last.wording)
