"""Which partitions of a stream this process works on: each under a lease, a fair part of them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.ports import Leases

LEASE_MILLISECONDS = 15_000
OVER = 1
"""An instant that has passed."""


@dataclass(slots=True, eq=False)
class Tenure:
    """One stay of a partition with this process, until an instant by the store's clock that moves on while it lasts."""

    partition: str
    until: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What changed: partitions that came, that were lost to others, and that are to be given up because others have less
    or because there is nothing more in them."""

    taken: list[Tenure] = field(default_factory=list[Tenure])
    lost: list[Tenure] = field(default_factory=list[Tenure])
    surplus: list[Tenure] = field(default_factory=list[Tenure])


class Shares:
    """`held` is what this process works on now. A partition that was lost and taken again is another tenure: in between
    somebody else may have had it."""

    def __init__(self, leases: Leases, group: str, owner: str, milliseconds: int = LEASE_MILLISECONDS) -> None:
        self._leases = leases
        self._group = group
        self._owner = owner
        self._milliseconds = milliseconds
        self.held: dict[str, Tenure] = {}

    async def settle(self, partitions: Sequence[str], *, divided: bool) -> Settled:
        """Renew what is held, and take what is free: all `partitions` where somebody else has `divided` them among the
        processes, else no more than a fair part. `StoreUnavailable` leaves everything as it was."""
        renewed = await self._leases.renew([self._lease(name) for name in self.held], self._owner, self._milliseconds)
        lost = [tenure for name, tenure in self.held.items() if self._lease(name) not in renewed]
        for tenure in lost:
            self.end(tenure)
        for name, tenure in self.held.items():
            tenure.until = renewed[self._lease(name)]
        fair = len(partitions) if divided else await self._fair(len(partitions))
        taken = await self._take([name for name in partitions if name not in self.held], fair - len(self.held))
        kept = [name for name in self.held if name in partitions][:fair]
        return Settled(taken, lost, [tenure for name, tenure in self.held.items() if name not in kept])

    async def _fair(self, number: int) -> int:
        members = await self._leases.members(self._group, self._owner, self._milliseconds)
        return -(-number // members)

    async def _take(self, free: Sequence[str], room: int) -> list[Tenure]:
        """At most `room` of those that nobody holds."""
        found: list[Tenure] = []
        for name in free:
            if len(found) >= room:
                break
            for until in (await self._leases.take([self._lease(name)], self._owner, self._milliseconds)).values():
                found.append(Tenure(name, until))
        self.held |= {tenure.partition: tenure for tenure in found}
        return found

    def end(self, tenure: Tenure) -> None:
        """Nothing is written under it any more."""
        tenure.until = OVER
        if self.held.get(tenure.partition) is tenure:
            del self.held[tenure.partition]

    async def give(self, tenures: Iterable[Tenure]) -> None:
        """End these, so that others may have them at once."""
        given = list(tenures)
        if not given:
            return
        for tenure in given:
            self.end(tenure)
        await self._leases.give([self._lease(tenure.partition) for tenure in given], self._owner)

    async def leave(self) -> None:
        """Be no member of the group any more."""
        await self._leases.members(self._group, self._owner, 0)

    def _lease(self, partition: str) -> str:
        return f"{self._group}:{partition}"
