"""The placements of a mail chosen together, for mails with `arbitration:`; what it decides stands in `domain/arbitration.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.content.choosing import Render, Taken, Verdict, fall_back, held, judged, show
from app.content.ranking import rank_key
from app.content.snapshot import Snapshot
from app.domain.arbitration import Arbitration, Option, Stand, arranged, reason
from app.domain.decision import Choice, offers_sent
from app.domain.definitions import Offer
from app.domain.experiments import Holdout
from app.domain.request import Request

Drawing = Callable[[str], Render | None]
Decided = dict[str, tuple[Choice, Verdict]]


@dataclass(slots=True)
class _Place:
    """A placement while its mail is arranged: the offers that are left, best first, by their number."""

    id: str
    verdict: Verdict
    order: list[int]
    holdout: Holdout | None

    def offers(self) -> list[Offer]:
        return [self.verdict.judgement.offers[i] for i in self.order]


def arbitrate(snapshot: Snapshot, r: Request, mail: str, placements: Sequence[str], catalogue: Any, taken: Taken, drawing: Drawing, turning: Callable[[str], None] | None = None) -> Decided:
    """The choices of these placements of the mail with their verdicts, entered in `taken`. Never raises what a fallback can mend.
    `turning` is told of each placement before its offers are judged."""
    rules, known = snapshot.arbitrated[mail]
    lately = _lately(r, rules.not_again)
    places: list[_Place] = []
    for id in placements:
        if turning is not None:
            turning(id)
        places.append(_place(snapshot, r, id, taken, lately))
    shown = [known[id] for id in sorted(taken.offers) if id in known]
    while True:
        stands = [Stand(place.id, tuple(known[offer.id] for offer in place.offers())) for place in places]
        found = arranged(rules, stands, shown)
        choices = _shown(snapshot, r, places, found, catalogue, taken, drawing)
        if choices is not None:
            break
    for at, place in enumerate(places):
        _explain(rules, stands, found, at, place, shown)
    return {place.id: (choices[place.id], place.verdict) for place in places}


def _lately(r: Request, sends: int) -> set[str]:
    """The offers of the person's last so many sends, this one aside."""
    if not sends:
        return set()
    records = sorted((offers_sent(record) for send, record in r.profile.sends.items() if send != r.send), key=_when, reverse=True)
    return {offer for _, offers in records[:sends] for offer in offers.values()}


def _when(sent: tuple[int, Mapping[str, str]]) -> int:
    return sent[0]


def _place(snapshot: Snapshot, r: Request, id: str, taken: Taken, lately: set[str]) -> _Place:
    holdout = snapshot.trials.holdout(r, id)
    order, verdict = judged(snapshot, r, id, taken.offers, reasons=True, held=holdout is not None)
    left: list[int] = []
    for i in sorted(order, key=lambda i: _rank(verdict, i)):
        offer = verdict.judgement.offers[i].id
        why = "duplicate" if offer in taken.offers else "holdout" if holdout is not None and offer != holdout.control else "not_again" if offer in lately else ""
        if why:
            verdict.later[i] = why
        else:
            left.append(i)
    return _Place(id, verdict, left, holdout)


def _rank(verdict: Verdict, i: int) -> tuple[Any, str]:
    """By rank, and of equals by id: the whole mail hangs on every place, and the log knows nobody whom ties could go by."""
    judgement = verdict.judgement
    offer = judgement.offers[i]
    return judgement.order[i] if judgement.rank is None else rank_key(offer, verdict.scores[i]), offer.id


def _shown(snapshot: Snapshot, r: Request, places: Sequence[_Place], found: Sequence[Option | None], catalogue: Any, taken: Taken, drawing: Drawing) -> dict[str, Choice] | None:
    """The choices, offers before fallbacks; None where an offer cannot be shown after all, and then it is left out from now on."""
    here, choices = Taken(set(taken.offers), set(taken.items)), dict[str, Choice]()
    for place, option in zip(places, found, strict=True):
        if option is None:
            continue
        number = next(i for i in place.order if place.verdict.judgement.offers[i].id == option.offer)
        choice = show(snapshot, r, place.id, option.offer, snapshot.dish(option.offer, r), catalogue, here, drawing(place.id))
        if not isinstance(choice, Choice):
            place.verdict.later[number] = choice
            place.order.remove(number)
            return None
        here.offers.add(option.offer)
        choices[place.id] = held(choice, place.holdout)
    for place in places:
        if place.id not in choices:
            choices[place.id] = held(fall_back(snapshot, r, place.id, catalogue, here, drawing(place.id)), place.holdout)
    taken.offers |= here.offers
    taken.items |= here.items
    return choices


def _explain(rules: Arbitration, stands: Sequence[Stand], found: Sequence[Option | None], at: int, place: _Place, shown: Sequence[Option]) -> None:
    """Say of every offer above the chosen one what arbitration had against it."""
    for number, option in zip(place.order, stands[at].options, strict=True):
        if option == found[at]:
            place.verdict.chosen = number
            return
        place.verdict.later[number] = reason(rules, stands, found, at, option, shown)
