"""Choosing what one placement shows: judge, rank, take the first that has its items and renders, else fall back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from app.content.program import Judgement
from app.content.snapshot import Dish, Snapshot
from app.domain.decision import Candidate, Choice
from app.domain.definitions import Offer
from app.domain.item import Item
from app.domain.request import Request
from app.errors import RenderFailed

Render = Callable[[Dish, Mapping[str, Any], Sequence[Item]], Any]


@dataclass(slots=True)
class Taken:
    """What the send shows already: no offer and no item comes twice."""

    offers: set[str] = field(default_factory=set)
    items: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Verdict:
    """How a placement's offers were judged; enough to say why, without having said it. Offers go by their number."""

    judgement: Judgement
    codes: list[int]
    scores: dict[int, float | None]
    later: dict[int, str]
    chosen: int | None = None

    def candidates(self) -> list[Candidate]:
        """Every offer of the placement, in the order of the rules."""
        return [self._candidate(i, offer) for i, offer in enumerate(self.judgement.offers)]

    def _candidate(self, i: int, offer: Offer) -> Candidate:
        score = self.scores.get(i)
        if i == self.chosen:
            return Candidate(offer.id, "chosen", score=score)
        if i in self.later:
            return Candidate(offer.id, "removed", self.later[i], str(offer.place), score)
        removal = self.judgement.removals[self.codes[i]]
        if removal is None:
            return Candidate(offer.id, "outranked", score=score)
        return Candidate(offer.id, "removed", removal.by, str(removal.place) if removal.place.line else str(offer.place))


def choose(snapshot: Snapshot, r: Request, placement: str, catalogue: Any, taken: Taken, render: Render | None) -> tuple[Choice, Verdict]:
    """The choice for one placement, entered in `taken`. Never raises what a fallback can mend."""
    judgement = snapshot.judgements[placement]
    codes, live = judgement.judge(r)
    verdict = Verdict(judgement, codes, {}, {})
    for i in ranked(snapshot, r, judgement, live, verdict.scores):
        offer = judgement.offers[i]
        if offer.id in taken.offers:
            verdict.later[i] = "duplicate"
            continue
        choice = _show(snapshot, r, placement, offer.id, snapshot.offers[offer.id], catalogue, taken, render)
        if isinstance(choice, Choice):
            verdict.chosen = i
            taken.offers.add(offer.id)
            return choice, verdict
        verdict.later[i] = choice
    return fall_back(snapshot, r, placement, catalogue, taken, render), verdict


def ranked(snapshot: Snapshot, r: Request, judgement: Judgement, live: list[int], scores: dict[int, float | None]) -> list[int]:
    """Offers by priority, then score (missing last), then earliest end, then a hash of (profile, offer): never chance."""
    offers, rank, attributes = judgement.offers, judgement.rank, snapshot.attributes
    for i in live:
        scores[i] = offers[i].value if rank is None else rank(r, attributes[offers[i].id])
    if len(live) < 2:
        return live
    keys = {i: _key(offers[i], scores[i]) for i in live}
    if len(set(keys.values())) < len(live):
        who = (r.profile.key or "").encode()
        keys = {i: (*key, blake2b(who + b"\0" + offers[i].id.encode(), digest_size=8).digest()) for i, key in keys.items()}
    return sorted(live, key=keys.__getitem__)


def _key(offer: Offer, score: float | None) -> tuple[Any, ...]:
    end = float("inf") if offer.valid_to is None else int(offer.valid_to)
    return (-offer.priority, score is None, 0.0 if score is None else -score, end)


def _show(snapshot: Snapshot, r: Request, placement: str, offer: str | None, dish: Dish, catalogue: Any, taken: Taken, render: Render | None) -> Choice | str:
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
    priced = [(item.id, item.fields.get("price")) for item in items]
    return Choice(placement, offer, dish.block.id, reason, variables, items, priced, snapshot.version, content)


def fall_back(snapshot: Snapshot, r: Request, placement: str, catalogue: Any, taken: Taken, render: Render | None) -> Choice:
    """The first fallback of the placement that can be shown; the last one always can, without items if need be."""
    chain = snapshot.fallbacks[placement]
    for dish in chain:
        choice = _show(snapshot, r, placement, None, dish, catalogue, taken, render)
        if isinstance(choice, Choice):
            return choice
    last = chain[-1]
    return Choice(placement, None, last.block.id, "fallback", last.fixed, (), (), snapshot.version)
