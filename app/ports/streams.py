"""Streams of events: read, written, refused, waiting; and who works on what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from app.domain.dictionary import Dictionary
from app.domain.dead_letter import DeadLetter, Held, Tally
from app.domain.message import Batch, Message, Outgoing
from app.domain.spooled import Spooled


class EventSource(Protocol):
    """A stream of events in partitions, each in order. Every method raises `SourceUnavailable` where the stream does not
    answer, and `StoreUnavailable` where Redis does not; the same call may be tried again."""

    divided: bool
    """Whether the stream itself divides its partitions among the processes of a group."""

    async def open(self, revoked: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """Called once, first. `revoked` is awaited before partitions go to another process: it finishes them."""
        ...

    async def partitions(self) -> Sequence[str]:
        """Those that may be worked on now: all of a group's that have something to come, or this process's of a stream
        that divides them. Of a shard that was split or merged the children come when it was read to its end."""
        ...

    async def poll(self, held: Mapping[str, int], most: int) -> Sequence[Batch]:
        """What comes next in the `held` partitions (name -> end of its lease, after which nothing is read), at most `most`
        messages together; a batch goes on where its partition's last one ended. Waits a moment where there is nothing.
        With `most` 0 it reads nothing and stays a member of its group."""
        ...

    async def commit(self, partition: str, messages: Sequence[Message], until: int) -> None:
        """These messages, the next of their partition, were taken: once it returns they do not come again, except where
        `until` has passed."""
        ...

    async def rewind(self, partition: str) -> None:
        """What was read of it and not committed comes again at the next poll, first, in order."""
        ...

    async def close(self) -> None:
        """Leave the group; what was committed is kept."""
        ...


class Checkpoints(Protocol):
    """How far streams were read that do not keep it themselves. Raises `StoreUnavailable`."""

    async def load(self, name: str) -> dict[str, dict[str, Any]]:
        """partition -> what was last kept of it, JSON."""
        ...

    async def save(self, name: str, partition: str, value: Mapping[str, Any], until: int) -> None:
        """`LeaseLost`, and nothing is kept, from `until` on (0: never)."""
        ...


class EventSink(Protocol):
    """A stream or a webhook that others are told of something by."""

    async def send(self, message: Outgoing) -> None:
        """It arrived, durably, when this returns. `SinkUnavailable`: it may have, and is to be sent again under the same id;
        `SinkRefused`: it never will be taken."""
        ...

    async def close(self) -> None:
        """What is on its way is waited for."""
        ...


class DeadLetters(Protocol):
    """Events that were refused, in the order in which they came. Raises `StoreUnavailable`."""

    async def put(self, letters: Sequence[DeadLetter], now: int) -> None:
        """File them; where there is no room the oldest go, counted by reason."""
        ...

    async def page(self, after: str = "", count: int = 100) -> list[Held]:
        """The next `count` after the one with the id `after`, oldest first."""
        ...

    async def get(self, id: str) -> Held | None: ...

    async def drop(self, ids: Sequence[str]) -> int:
        """How many of them there were."""
        ...

    async def tally(self) -> Tally: ...


class Spool(Protocol):
    """What waits on this machine's disk until the store is back, in the order in which it came."""

    @property
    def empty(self) -> bool:
        """True where no profile has anything in it."""
        ...

    def holds(self, key: str) -> bool:
        """Whether events of this profile wait: later ones go behind them."""
        ...

    async def put(self, records: Sequence[Spooled]) -> None:
        """They are fsynced when it returns; their profiles are held from the very call on. `SpoolFull`."""
        ...

    async def next(self, most: int) -> Sequence[Spooled]:
        """The first that wait, at least one; waits until there are any. The same again until they are `done`."""
        ...

    def done(self) -> None:
        """What `next` gave last was applied."""
        ...


class DecisionLog(Protocol):
    """Where records of decisions go."""

    def put(self, payload: bytes, names: Dictionary | None = None) -> None:
        """Take it, or drop it where there is no room; never waits, never raises. `names` are those that its history refers to."""
        ...


class Leases(Protocol):
    """Names that one process holds at a time, and groups of processes. Instants are ms by the store's clock, the one that
    `ProfileStore.apply` compares its `until` with: what is written under a lease is never written after the next owner has
    it. Raises `StoreUnavailable`."""

    async def take(self, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        """Take what nobody holds: name -> until when. A name that is missing is held, by whomever."""
        ...

    async def renew(self, names: Sequence[str], owner: str, milliseconds: int) -> dict[str, int]:
        """Prolong what the owner holds. A name that is missing was lost, and others may have had it since."""
        ...

    async def give(self, names: Sequence[str], owner: str) -> None:
        """Let go of what the owner holds; others may take it at once."""
        ...

    async def members(self, group: str, owner: str, milliseconds: int) -> int:
        """The owner belongs to the group for that long from now (0: no more); how many do."""
        ...
