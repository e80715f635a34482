"""Whose an identifier was, and when: an anonymous id, an address or a phone passes from person to person.

A claim is made at the instant of the `identify` that makes it, not at its arrival. What came by an identifier belongs to
the latest claim up to then, and what came before every claim to the first: so any order of arrival, and any repetition,
gives what one pass in order gives.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Stamp: TypeAlias = "tuple[int, bytes]"
"""(ms, id of the event): no two events share one."""

EXACT = 64
"""Claims of one identifier that are remembered each; of more, only where the owner changes."""


class Claim(NamedTuple):
    """From `at` on the identifier is `owner`'s (a key); `id` is that of the event that says so."""

    at: int
    id: bytes
    owner: str


Claims: TypeAlias = "tuple[Claim, ...]"
"""Sorted."""


def owner_at(claims: Sequence[Claim], at: int, id: bytes) -> str:
    """Whose that is which came at this instant; there is at least one claim."""
    place = bisect_right(claims, (at, id, "\U0010ffff"))
    return claims[max(place - 1, 0)].owner


def with_claim(claims: Claims, claim: Claim) -> Claims:
    """The claims with one more. Beyond `EXACT` of them, runs of one owner keep their first and their last."""
    if claim in claims:
        return claims
    found = sorted((*claims, claim))
    if len(found) > EXACT:
        last = len(found) - 1
        found = [
            each for i, each in enumerate(found)
            if i in (0, last) or not found[i - 1].owner == each.owner == found[i + 1].owner
        ]
    return tuple(found)


class Link(NamedTuple):
    """What an event says of identities: from its instant on `source` is `target`'s, or (`merge`) the same person. Keys.

    `asked`: it is what the event is for, so that without it the event has failed; else the event holds without it.
    """

    target: str
    source: str
    at: int
    id: bytes
    merge: bool = False
    asked: bool = True
