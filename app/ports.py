"""The seams: what the two stories need of the world, as Protocols. `wiring.py` alone knows who fills them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from app.domain.change import Applied, Change
from app.domain.consent import Answer
from app.domain.decision import Recording
from app.domain.dead_letter import DeadLetter, Held, Tally
from app.domain.definitions import ModelCard
from app.domain.enrichment import Known
from app.domain.event import Heard
from app.domain.item import Item
from app.domain.message import Batch, Message, Outgoing
from app.domain.profile import Profile
from app.domain.spooled import Spooled
from app.domain.whole import Filed
from app.domain.retention import Retention
from app.domain.trail import Trail


class Clock(Protocol):
    def __call__(self) -> int:
        """The instant, in ms since 1970-01-01T00:00Z."""
        ...


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

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | None]:
        """Store decisions, one after the other in one round trip, each where the stored one still equals its `expected`.

        One answer each. None: stored. Otherwise the record that is there, empty where there is none any more, and nothing
        was written. Kept 35 days. An erased profile is not recorded; that too gives None. Follows aliases.
        """
        ...

    async def decision(self, key: str, send: str) -> tuple[bytes | None, bytes | None]:
        """The stored record and its trace (None, None where there is none)."""
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


class CatalogueStore(Protocol):
    """The items as the whole fleet shares them. Raises `StoreUnavailable`."""

    async def put(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Replace or add, whole; seen by every worker within 1 s."""
        ...

    async def get(self, id: str) -> dict[str, Any] | None: ...

    async def patch(self, id: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
        """Merge (None removes a field), atomically; the item as it is now, or None where it is unknown. `StoreUnavailable`
        also where too many change it at once."""
        ...

    async def delete(self, ids: Sequence[str]) -> int:
        """How many of them there were."""
        ...

    async def version(self) -> int:
        """That of the latest change, 0 before the first."""
        ...

    async def changes(self, since: int) -> tuple[int, dict[str, dict[str, Any] | None]]:
        """(version, id -> item or None where deleted) of everything that changed after version `since`; 0 is all, and so is
        a version that the store has not come to, because it was emptied since."""
        ...


class EventSink(Protocol):
    """A stream that others are told of something by."""

    async def send(self, message: Outgoing) -> None:
        """It arrived, durably, when this returns. `SinkUnavailable`: it may have, and is to be sent again under the same id;
        `SinkRefused`: it never will be taken."""
        ...

    async def close(self) -> None:
        """What is on its way is waited for."""
        ...


class Catalogue(Protocol):
    """A worker's replica of the items. A change puts new `rows` in place: who holds the old ones keeps seeing them whole."""

    @property
    def version(self) -> int:
        """Grows with every change that was taken in."""
        ...

    @property
    def rows(self) -> Sequence[Item]:
        """All items, in a stable order: that of first arrival."""
        ...

    def get(self, id: str) -> Item | None: ...

    def index(self, field: str) -> Mapping[Any, Sequence[int]]:
        """value -> numbers of the `rows` whose `field` has it; booleans are filed as `("boolean", value)`."""
        ...


Scorer = Callable[[Sequence[float], "Sequence[int] | None"], list[float]]
"""`score(values, rows)`: the scores of these rows (None: all), `values` being the varying columns' in every row."""


class Model(Protocol):
    """One loaded model. Never raises anything but `ModelUnavailable` (broken, benched, refused output)."""

    card: ModelCard
    dtype: Any
    """The numpy type of the matrix that `score_rows` reads; None where the model wants `score_table`."""

    def score(self, row: Sequence[float | str]) -> float:
        """The score of one row; its values stand in the order of the card's inputs."""
        ...

    def score_rows(self, matrix: np.ndarray) -> list[float]:
        """Scores of a C-contiguous matrix [rows, inputs] of `dtype`, for models that read one tensor of numbers; at
        most 120 rows a run inside."""
        ...

    def fixed(self, matrix: np.ndarray, varying: Sequence[int]) -> Scorer:
        """A scorer of rows that differ between calls only in the columns `varying`, for models with a `dtype`: what the
        other columns of `matrix` mean is worked out here."""
        ...

    def score_table(self, rows: Sequence[Sequence[float | str]]) -> list[float]:
        """Scores of rows whose values stand in the order of the card's inputs, for any model."""
        ...


class ModelRuntime(Protocol):
    """The models of one version of the content."""

    def get(self, id: str) -> Model | None: ...

    def troubles(self) -> Mapping[str, str]:
        """id -> why its fallback score is used just now: it could not be loaded, or is benched."""
        ...


class Circuit(Protocol):
    @property
    def open(self) -> bool:
        """True while calls to the store fail at once, without being tried."""
        ...


class KeyStore(Protocol):
    """API keys, as SHA-256 hashes. Raises `StoreUnavailable`."""

    async def put(self, id: str, entry: Mapping[str, Any]) -> None: ...

    async def revoke(self, id: str) -> bool: ...

    async def all(self) -> dict[str, dict[str, Any]] | None:
        """id -> entry; empty where all were revoked, None where no key was ever made, or the store lost them."""
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


class Replays(Protocol):
    """What was taken and must not be taken again, as the whole fleet knows it. Raises `StoreUnavailable`."""

    async def seen(self, once: bytes) -> bool: ...

    async def remember(self, once: bytes, seconds: int) -> None:
        """From now on it is seen, for at least that long."""
        ...


class Fetch(Protocol):
    async def __call__(self, url: str) -> bytes:
        """What lies at an https address: at most 64 KiB, within seconds, without following a redirect. `Unreachable` for
        anything else than a 200."""
        ...


class DeadLetters(Protocol):
    """Events that were refused, in the order in which they came. Raises `StoreUnavailable`."""

    async def put(self, letters: Sequence[DeadLetter], now: int) -> None:
        """File them; where there is no room the oldest go, counted by reason, and so do those that are too old."""
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


class Geography(Protocol):
    """Where IP addresses are. `source` names the data and their date."""

    source: str

    def place(self, address: str) -> dict[str, Any]:
        """`city country continent region postal lat lon timezone accuracy_km`, as far as they are known."""
        ...


class Devices(Protocol):
    """What user agents are."""

    source: str

    def device(self, user_agent: str) -> dict[str, str]:
        """`type os browser brand model`, as far as they are known; `type` is mobile, tablet, desktop, bot or other."""
        ...


class ThirdParty(Protocol):
    """Somebody else's server."""

    async def ask(self, url: str, headers: Mapping[str, str], seconds: float) -> Any:
        """The JSON that it answers; None where it knows nothing. `LookupFailed` for everything else, within `seconds`."""
        ...


class LookupCache(Protocol):
    """Answers of third parties, and who may ask them: one for the whole fleet. Raises `StoreUnavailable`."""

    async def get(self, id: str, url: str) -> Known | None: ...

    async def put(self, id: str, url: str, known: Known, keep: int) -> None:
        """Kept for `keep` ms."""
        ...

    async def drop(self, id: str, url: str) -> None:
        """Forget the answer."""
        ...

    async def claim(self, id: str, url: str, milliseconds: int) -> bool:
        """Whether the caller is to ask; for that long nobody else is, unless it is released."""
        ...

    async def release(self, id: str, url: str) -> None: ...

    async def spend(self, id: str, limit: int, now: int) -> bool:
        """One question within the second of `now` (ms); False where that would be more than `limit`."""
        ...


class Enrichment(Protocol):
    """What is learned beside what events say."""

    async def known(self, raws: Sequence[Any], heard: Sequence[tuple[int, Heard]]) -> Sequence[tuple[int, Heard]]:
        """The events with what is learned of them at once; each number is that of its raw event, which loses its IP address."""
        ...

    def follow(self, heard: Sequence[Heard]) -> None:
        """These were applied: begin what takes longer. Returns at once."""
        ...


class Timers(Protocol):
    """Instants at which people are to be looked at, in shards that processes divide among them. A timer is (key, token) with
    an instant; a token of its own for each reason, so that removing one never removes another. Raises `StoreUnavailable`."""

    shards: Sequence[str]

    def add(self, rows: Sequence[tuple[str, bytes, int]]) -> Awaitable[None]:
        """Set timers; of two with one token the earlier stands. It is sent before this returns: what is asked of the store
        over the same connection afterwards comes after it, and is not kept where this is lost."""
        ...

    async def due(self, shards: Sequence[str], now: int, most: int) -> list[tuple[str, bytes, int]]:
        """At most so many of each shard whose instant has come, the earliest first: (key, token, instant)."""
        ...

    async def remove(self, rows: Sequence[tuple[str, bytes]]) -> None:
        """Forget timers; one that is not there is none."""
        ...


class LiveStore(Protocol):
    """What is kept of people to notice entering and leaving, and the lists of who is in each segment. Raises
    `StoreUnavailable`."""

    async def load(self, key: str) -> bytes | None: ...

    async def save(self, key: str, expected: bytes | None, live: bytes | None) -> bool:
        """Put `live` (None: nothing) in the place of `expected`; False where something else is there by now. Of an erased
        profile nothing is kept, which counts as done."""
        ...

    async def file(self, key: str, entered: Sequence[str], left: Sequence[str]) -> None:
        """The person stands in the lists of these segments, and not in those. Repeatable."""
        ...

    async def sizes(self, segments: Sequence[str]) -> dict[str, int]: ...

    async def members(self, segment: str, after: str, most: int) -> tuple[list[str], str]:
        """Keys of who is in the segment, and the `after` of the next page, empty after the last. Who is in it all the time
        between the first page and the last comes exactly once."""
        ...

    async def adopt(self, rules: bytes, meanings: Mapping[str, bytes], now: int) -> int:
        """From now on these rules are served; since when they are known. Repeatable."""
        ...

    async def meanings(self, rules: bytes) -> Mapping[str, bytes] | None:
        """What the segments of rules that were served meant; None where they never were."""
        ...

    async def profiles(self, cursor: int, count: int) -> tuple[list[str], int]:
        """Some keys of all profiles and the cursor of the next, 0 after the last. Some may come twice."""
        ...

    async def count(self) -> int:
        """About how many keys `profiles` goes through."""
        ...

    async def progress(self) -> Mapping[str, int | str]:
        """What `advance` noted last; empty before."""
        ...

    async def advance(self, progress: Mapping[str, int | str]) -> None: ...


class Outbound(Protocol):
    """Where triggers send to: webhooks, or streams."""

    async def send(self, to: str, id: str, body: bytes, now: int) -> None:
        """Delivered when it returns; `id` lets the receiver tell a repetition. Raises `NotDelivered`."""
        ...
