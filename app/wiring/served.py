"""What the content that is served just now says to those who ask at each call; nothing before there is content."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.content.event_rules import EventRules
from app.content.limits import Limits
from app.content.snapshot import Snapshot
from app.domain.bandits import Bandit
from app.domain.enrichment import NO_ENRICHMENTS, Enrichments

_ALL_EVENTS = EventRules()


class Served:
    """`snapshot` gives it as of now."""

    def __init__(self, snapshot: Callable[[], Snapshot | None]) -> None:
        self._snapshot = snapshot

    def ingest_gates(self) -> tuple[str, ...]:
        return snapshot.gates("ingest") if (snapshot := self._snapshot()) is not None else ()

    def enrich_gates(self) -> tuple[str, ...]:
        return snapshot.gates("enrich") if (snapshot := self._snapshot()) is not None else ()

    def enrichments(self) -> Enrichments:
        return snapshot.definitions.enrich if (snapshot := self._snapshot()) is not None else NO_ENRICHMENTS

    def gpc(self) -> tuple[str, ...]:
        """The purposes that Global Privacy Control says no to."""
        snapshot = self._snapshot()
        return tuple(each.purpose for each in snapshot.definitions.consents.values() if each.gpc) if snapshot is not None else ()

    def limits(self) -> Limits | None:
        return snapshot.limits if (snapshot := self._snapshot()) is not None else None

    def bandits(self) -> Mapping[str, Bandit]:
        return snapshot.definitions.bandits if (snapshot := self._snapshot()) is not None else {}

    def shared_experiments(self) -> tuple[str, ...]:
        """Those whose variants stick to accounts."""
        return snapshot.trials.shared if (snapshot := self._snapshot()) is not None else ()

    def event_rules(self) -> EventRules:
        return snapshot.event_rules if (snapshot := self._snapshot()) is not None else _ALL_EVENTS
