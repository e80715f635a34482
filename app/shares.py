"""Which partitions of a stream this process works on: each under a lease, a fair part of them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.ports import Leases

LEASE_MILLISECONDS = 15_000
OVER = 1
"""An instant that has passed."""


@dataclass(slots=True, eq=False)
class Tenure:
    """One stay of a partition with this process, until an instant by the store's clock that moves on while it lasts."""

    partition: str
    until: int


class Shares:
    """`held` is what this process works on now. A partition that was lost and taken again is another tenure: in between
    somebody else may have had it."""

    def __init__(self, leases: Leases, group: str, owner: str, milliseconds: int = LEASE_MILLISECONDS) -> None:
        self._leases = leases
        self._group = group
        self._owner = owner
        self._milliseconds = milliseconds
        self.held: dict[str, Tenure] = {}

    async def settle(self, partitions: Sequence[str], *, divided: bool) -> list[Tenure]:
        """Renew what is held, and take what is free: all `partitions` where somebody else has `divided` them among the
        processes, else no more than a fair part. What is to be given up comes back: others have less, or there is nothing
        more in it. `StoreUnavailable` may leave it half done."""
        renewed = await self._leases.renew([self._lease(name) for name in self.held], self._owner, self._milliseconds)
        for name, tenure in list(self.held.items()):
            if self._lease(name) in renewed:
                tenure.until = renewed[self._lease(name)]
            else:
                self.end(tenure)
        fair = len(partitions) if divided else await self._fair(len(partitions))
        await self._take([name for name in partitions if name not in self.held], fair - len(self.held))
        kept = [name for name in self.held if name in partitions][:fair]
        return [tenure for name, tenure in self.held.items() if name not in kept]

    async def _fair(self, number: int) -> int:
        members = await self._leases.members(self._group, self._owner, self._milliseconds)
        return -(-number // members)

    async def _take(self, free: Sequence[str], room: int) -> None:
        """At most `room` of those that nobody holds."""
        for name in free:
            if room <= 0:
                return
            for until in (await self._leases.take([self._lease(name)], self._owner, self._milliseconds)).values():
                self.held[name] = Tenure(name, until)
                room -= 1

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
