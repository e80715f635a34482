"""What becomes of pairs that are probably one person: merged, shown to somebody, or kept apart whatever the probability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.domain.traits import Trait
from app.learning.linkage import Match
from app.learning.records import Person, cleaned

Outcome = Literal["merge", "review", "conflict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why` names what keeps two people apart who otherwise would be one."""

    match: Match
    outcome: Outcome
    why: str = ""


def verdicts(found: Sequence[Match], people: Iterable[Person], traits: Mapping[str, Trait], merge: float) -> list[Verdict]:
    """The most probable first. Whom a merge joins, also through others, has no hard conflict with any of them: no trait that is
    `exclusive` differs, and nobody said that they are two."""
    known = {person.key: person for person in people}
    exclusive = [trait for trait in traits.values() if trait.exclusive]
    joined = {key: [key] for key in known}
    told: list[Verdict] = []
    for match in found:
        ours, theirs = joined[match.a], joined[match.b]
        why = "" if ours is theirs else next(filter(None, (_conflict(known[a], known[b], exclusive) for a in ours for b in theirs)), "")
        if why:
            told.append(Verdict(match, "conflict", why))
        elif match.probability < merge:
            told.append(Verdict(match, "review"))
        else:
            told.append(Verdict(match, "merge"))
            if ours is not theirs:
                ours += theirs
                for key in theirs:
                    joined[key] = ours
    return told


def _conflict(a: Person, b: Person, exclusive: Sequence[Trait]) -> str:
    """Why the two cannot be one; empty where nothing speaks against it."""
    if b.key in a.apart or a.key in b.apart:
        return "somebody said that they are two"
    for trait in exclusive:
        one, other = cleaned(a.traits.get(trait.name), trait.kind), cleaned(b.traits.get(trait.name), trait.kind)
        if one is not None and other is not None and one != other:
            return f"{trait.name} differs"
    return ""
