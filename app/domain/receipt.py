"""What became of a batch of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.change import Applied
from app.domain.event import Refused
from app.domain.order import Numbered


@dataclass(slots=True)
class Receipt:
    """`accepted`, `duplicates`, `rejected` and `spooled` are disjoint and sum to what was sent; what is spooled is on the
    disk, and applied once the store is back."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Refused] = field(default_factory=list[Refused])
    spooled: int = 0

    def note(self, rows: Sequence[Numbered], outcome: Applied) -> None:
        """What became of one person's events."""
        if outcome.erased:
            self.rejected += [Refused(index, "erased", "this person was erased") for index, _ in rows]
            return
        for (index, each), result in zip(rows, outcome.results, strict=True):
            if result == "applied":
                self.accepted += 1
            elif result == "duplicate":
                self.duplicates += 1
            elif result == "erased":
                self.rejected.append(Refused(index, "erased", "this person was erased"))
            else:
                self.rejected.append(Refused(index, "too_old", f"older than what is still kept of {each.event.name}"))

    def mark(self) -> tuple[int, int, int]:
        """What `back_to` takes to undo what is noted from now on."""
        return self.accepted, self.duplicates, len(self.rejected)

    def back_to(self, mark: tuple[int, int, int]) -> None:
        self.accepted, self.duplicates, rejected = mark
        del self.rejected[rejected:]


def receipt_json(receipt: Receipt) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "accepted": receipt.accepted, "duplicates": receipt.duplicates,
        "rejected": [{"index": each.index, "reason": each.reason, "detail": each.detail} for each in receipt.rejected],
    }
    return {**found, "spooled": receipt.spooled} if receipt.spooled else found
