"""Experiments and holdouts at work: who is in which variant, and whose placement shows the control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from app.content.program import Program
from app.domain.decision import Choice
from app.domain.definitions import Definitions
from app.domain.event import Identity
from app.domain.experiments import Holdout, Unit, account_of
from app.domain.profile import Profile
from app.domain.request import Request

NOTHING: Mapping[str, str] = MappingProxyType({})


class Trials:
    """Compiled once per version of the rules."""

    def __init__(self, definitions: Definitions, program: Program) -> None:
        self._experiments = definitions.experiments
        self._sticky = frozenset(id for id, each in definitions.experiments.items() if each.sticky)
        self.shared = tuple(sorted(id for id in self._sticky if definitions.experiments[id].unit == "account"))
        """The experiments whose variants stick to accounts."""
        self._when = {id: program.condition(each.when) for id, each in definitions.experiments.items() if each.when is not None}
        self._holdouts = {
            id: [each for each in definitions.holdouts.values() if not each.placements or id in each.placements] for id in definitions.placements
        }
        self._seen = {id: [each.id for each in definitions.experiments.values() if each.placement == id] for id in definitions.placements}

    def assign(self, r: Request, id: str) -> str | None:
        """The variant of an experiment; None where the person takes no part."""
        experiment = self._experiments.get(id)
        if experiment is None:
            return None
        if experiment.sticky and r.profile.variants and (kept := experiment.kept(r.profile.variants.get(id))) is not None:
            return kept
        unit = unit_of(r, experiment.unit)
        when = self._when.get(id)
        return experiment.variant(unit) if unit and (when is None or when(r)) else None

    def touches(self, placement: str) -> bool:
        """Whether a choice for this placement may have to name an experiment or a holdout."""
        return bool(self._experiments or self._holdouts[placement])

    def exposed(self, r: Request, placement: str) -> dict[str, str]:
        """The variants that this placement was shown under: of its own experiments, and of those without a placement that
        were asked for."""
        if not self._experiments:
            return {}
        ids = [*self._seen[placement], *(id for id in r.variants if (each := self._experiments.get(id)) is not None and not each.placement)]
        return {id: variant for id in ids if (variant := r.variant(id)) is not None}

    def holdouts(self, placement: str) -> list[Holdout]:
        """Those that may hold people out of this placement."""
        return self._holdouts[placement]

    def to_keep(self, profile: Profile, choices: Iterable[Choice]) -> Mapping[str, str]:
        """What is to be stored with a person: the variants of these choices that are to stick and are not yet, and '' for each that
        counts no more. Of people nothing is known of nothing is stored."""
        if not self._sticky or not profile.known:
            return NOTHING
        seen = {id: variant for choice in choices for id, variant in choice.variants.items() if id in self._sticky}
        fresh = {id: stored for id, variant in seen.items() if profile.variants.get(id) != (stored := self._experiments[id].stored(variant))}
        return {**{id: "" for id in profile.variants if id not in self._sticky}, **fresh} if fresh else NOTHING

    def holdout(self, r: Request, placement: str) -> Holdout | None:
        """The first holdout of the placement that the person is in."""
        held = self._holdouts[placement]
        if not held:
            return None
        unit = unit_of(r, "profile")
        return next((each for each in held if each.holds(unit)), None)


def unit_of(r: Request, unit: Unit) -> str:
    """What is hashed: the id of the person, of the account (`profile.account_id`, else `profile.group_id`), or of the person
    and the send; empty where there is none."""
    if unit == "account":
        return account_of(r.traits)
    who = Identity.from_key(r.profile.key).value if r.profile.key else ""
    if unit == "send":
        return f"{who}:{r.send}" if who and r.send else ""
    return who
