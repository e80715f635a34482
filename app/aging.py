"""Events of a type that are kept no longer go from everybody's histories; how many there were stays known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.domain.profile import Profile
from app.domain.whole import Filed, without_events
from app.ports import IdentityStore, ProfileStore


class Aging:
    """Raises `StoreUnavailable`; what was not come to then goes the next time."""

    def __init__(self, store: ProfileStore, identities: IdentityStore) -> None:
        self._store = store
        self._identities = identities

    async def __call__(self, keys: Sequence[str], kept: Mapping[str, int], now: int) -> int:
        """`kept` says of types how many ms their events stay; how many went of the people of these keys. Of who is written to
        meanwhile nothing goes this time."""
        gone = 0
        for key, profile in zip(keys, await self._store.read_many([(key, None) for key in keys]), strict=True):
            old = _old(profile, kept, now) if profile.key == key and not profile.erased else frozenset[bytes]()
            if old and await self._without(key, old):
                gone += len(old)
        return gone

    async def _without(self, key: str, old: frozenset[bytes]) -> bool:
        seen = await self._identities.load(key)
        whole = without_events(seen.whole, old)
        return seen.owner is None and not seen.erased and await self._identities.replace(seen, Filed(key, whole))


def _old(profile: Profile, kept: Mapping[str, int], now: int) -> frozenset[bytes]:
    """The ids of events that are past their time."""
    history = profile.history
    newest = history.upto(now - min(kept.values(), default=now))
    return frozenset(
        history.id(i) for i in range(newest) if history.ts[i] <= now - kept.get(history.names.type_names[history.number(i)], now)
    )
