"""What is held of people: profiles, identities, consents, and letting go of all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from app.domain.caps import Full
from app.domain.change import Applied, Change
from app.domain.consent import Answer
from app.domain.decision import Recording
from app.domain.profile import Profile
from app.domain.retention import Retention
from app.domain.trail import Trail
from app.domain.whole import Filed


class ProfileStore(Protocol):
    """People, their histories and the decisions taken for them. Every method raises `StoreUnavailable` within its
    timeout when the store is down, hung, refusing or cut off by the breaker; nothing else."""

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        """One person and the record of `send`, in one round trip; one more where `key` is an alias.

        An unknown key gives a Profile with `known=False` and that key. An erased one has `erased=True` and nothing else; some
        seconds later a store that keeps no tombstones does not know it any more.
        """
        ...

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        """What `read` gives for each (key, send), in the order asked, in one round trip; one more where there are aliases."""
        ...

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        """Execute changes, atomically per profile, in the order given; answers when they are as durable as the
        server is set to. One answer per write. Applying twice changes nothing. Follows aliases.

        From `until` on (ms by the store's own clock; 0: never) nothing is written any more, and `LeaseLost` is raised;
        of several profiles some may have been written before."""
        ...

    async def erase(self, key: str, now: int) -> frozenset[str]:
        """Everything held of the person goes, a tombstone stays; linked identities too, but for those that are others' as
        well. Repeatable. The keys that went."""
        ...

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        """Store decisions, one after the other in one round trip, each where the stored one still equals its `expected`, and
        where every guard holds: as one step, so that of many at once no more are stored than the guards let.

        One answer each. None: stored. Otherwise the record that is there, empty where there is none any more, or `Full`
        where a guard does not hold; nothing was written then. Kept 35 days. An erased profile is not recorded; that too gives None. Follows aliases.
        With a decision the `variants` that it names are kept with the person, or go; where people become one, the latest stays.
        """
        ...

    async def decision(self, key: str, send: str) -> bytes | None:
        """The stored record, None where there is none."""
        ...


class IdentityStore(Protocol):
    """Whole people, to be united and parted, and the journal of what is being done. Raises `StoreUnavailable`."""

    async def load(self, key: str) -> Filed:
        """What is filed under this very key, pointers not followed, as of one instant."""
        ...

    async def replace(self, seen: Filed, filed: Filed) -> bool:
        """Put `filed` in the place of what was seen under its key, at once to every reader, where it is still that;
        False where it is not, or the key was erased: nothing was written then."""
        ...

    async def note(self, entry: Sequence[str], now: int) -> None:
        """Remember, as durably as events, that this was begun."""
        ...

    async def done(self, entry: Sequence[str]) -> None: ...

    async def noted(self) -> dict[tuple[str, ...], int]:
        """What was begun and is not done yet -> when."""
        ...


class ConsentLog(Protocol):
    """Every answer that people gave about purposes. Raises `StoreUnavailable`."""

    async def note(self, key: str, answers: Sequence[Answer]) -> None:
        """Noting the same answer twice is noting it once. Nothing is noted of an erased person. The oldest go where there
        are more than a thousand."""
        ...

    async def answers(self, keys: Iterable[str]) -> list[Answer]:
        """Those noted under any of the keys, the oldest first, each once."""
        ...

    async def forget(self, keys: Iterable[str]) -> int:
        """Take away all of them; how many keys had any."""
        ...


class Tombstones(Protocol):
    """Who was erased, for ever, told in a way that names nobody. Raises `StoreUnavailable`."""

    async def follow(self) -> None:
        """Take note of what others erased, where that was not done just now."""
        ...

    def holds(self, key: str) -> bool:
        """Whether the profile of this key was erased, as far as is known here."""
        ...

    async def add(self, keys: Iterable[str]) -> None:
        """They hold from now on, here at once, in every other process within a second."""
        ...


class Holding(Protocol):
    """A place beside profiles where something of people lies as it came. Raises `StoreUnavailable`."""

    async def held(self, trail: Trail) -> list[Any]:
        """What lies there of a person, as JSON."""
        ...

    async def forget(self, trail: Trail) -> int:
        """Take it away; how much it was."""
        ...


class Compaction(Protocol):
    """Making the store's own files forget what was deleted. Raises `StoreUnavailable`."""

    async def ask(self, now: int) -> None:
        """It shall be done, once nothing names who was erased any more."""
        ...

    async def work(self, now: int) -> bool:
        """Do it where it was asked for and is due; whether it was."""
        ...


class Sweeper(Protocol):
    """Letting go of what was kept long enough. Raises `StoreUnavailable`."""

    async def turn(self, policy: Retention, now: int) -> int:
        """A small part of the work, where it is this process's turn; how many people went."""
        ...


class Synced(Protocol):
    async def __call__(self) -> None:
        """What anybody had written when this was called is on a disk when it returns, as far as the server can be made to
        promise that. `StoreUnavailable`: nobody knows."""
        ...
