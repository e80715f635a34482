"""In which order offers are looked at, and what looking at one costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from app.domain import conditions as c
from app.domain.definitions import Offer
from app.domain.request import Request


def names(expression: c.Expression) -> Iterator[c.Ref]:
    """Everything that an expression refers to."""
    match expression:
        case c.Name(ref):
            yield ref
        case c.Arithmetic(_, left, right):
            yield from names(left)
            yield from names(right)
        case c.Negative(operand):
            yield from names(operand)
        case c.Call(_, arguments):
            for argument in arguments:
                yield from names(argument)
        case c.Number():
            pass


def attributes(offer: Offer) -> Mapping[str, Any]:
    """What `offer.*` means in an expression."""
    return {"value": offer.value, "priority": offer.priority, **offer.attributes}


def price(condition: c.Condition) -> int:
    """What a condition costs, roughly: traits are at hand, events have to be decoded, models run."""
    return max(map(_price, c.leaves(condition)), default=0)


def _price(leaf: c.Leaf) -> int:
    match leaf:
        case c.Field():
            roots = leaf.roots()
            return 9 if "model" in roots else 3 if "feature" in roots or "table" in roots else 0
        case c.Did(_, where):
            return 4 if where else 1
        case c.Changed():
            return 5
        case c.InSegment() | c.LocalTime() | c.InVariant():
            return 2
        case c.Consented():
            return 0


TRIED = "tried"
"""Under which `Request.memo` holds offer -> its place among those that were looked at, where a decision is made again by
somebody who does not know whose it was."""


def untied(r: Request, offers: Sequence[Offer], tied: list[int]) -> list[int]:
    """Offers of one rank, by a hash of (profile, offer): the same for the same, never chance."""
    who = (r.profile.key or "").encode() + b"\0"
    tried: Mapping[str, int] = r.memo.get(TRIED, {})
    return sorted(tied, key=lambda i: (tried.get(offers[i].id, len(tried)), blake2b(who + offers[i].id.encode(), digest_size=8).digest()))


def rank_key(offer: Offer, score: float | None) -> tuple[Any, ...]:
    """Smaller is better: priority, then score (missing last), then the earliest end."""
    end = float("inf") if offer.valid_to is None else int(offer.valid_to)
    return (-offer.priority, score is None, 0.0 if score is None else -score, end)
