"""Events from a Kafka topic. The broker divides its partitions among the members of the group; on top of that each is read
under a lease of ours, so that a member which lost it without knowing applies nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Literal

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from app.domain.message import Batch, Message
from app.errors import InlayError, LeaseLost, SettingsInvalid, SourceUnavailable

WAIT_SECONDS = 0.2
CALL_SECONDS = 10.0
REVOKE_SECONDS = 30.0
_GONE = (KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID)
OURS: dict[str, Any] = {
    "enable.auto.commit": False, "enable.auto.offset.store": False, "auto.offset.reset": "error", "enable.partition.eof": False,
    "partition.assignment.strategy": "cooperative-sticky", "group.protocol": "classic",
}
"""What the promises rest on; nobody may set it otherwise."""

Revoked = Callable[[Sequence[str]], Awaitable[None]]


class KafkaSource:
    """`EventSource`. All calls to the consumer are made in one thread, the commits of lanes in another: while the broker waits
    for partitions to be given back, the first is inside the callback that waits for their lanes."""

    divided = True

    def __init__(self, config: Mapping[str, Any], topic: str, group: str, *, begin: Literal["start", "end"] = "start") -> None:
        """`config` goes to librdkafka as it is; `SettingsInvalid` where it does not take it."""
        if taken := sorted({*OURS, "group.id"} & config.keys()):
            raise SettingsInvalid(f"INLAY_KAFKA_*: {', '.join(taken)} cannot be set: order and commits rest on it")
        logger = logging.getLogger("inlay.kafka")
        self._topic = topic
        self._begin = begin
        self._polling, self._committing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._next: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        self._running: set[str] = set()
        self._back: set[str] = set()
        self._lost: dict[str, int] = {}
        self._broken = ""
        self._revoke: Callable[[Sequence[str]], None] = lambda _: None
        try:
            self._consumer = Consumer({**config, **OURS, "group.id": group, "logger": logger, "error_cb": partial(_told, logger)})
        except (KafkaException, ValueError) as error:
            raise SettingsInvalid(f"INLAY_KAFKA_*: {_meaning(error)}") from error

    async def open(self, revoked: Revoked) -> None:
        loop = asyncio.get_running_loop()
        self._revoke = lambda names: asyncio.run_coroutine_threadsafe(_called(revoked, names), loop).result(REVOKE_SECONDS)
        await self._in(self._polling, lambda: self._consumer.subscribe([self._topic], on_assign=self._assign, on_revoke=self._give, on_lost=self._lose))

    async def partitions(self) -> Sequence[str]:
        return list(self._next)

    async def poll(self, held: Mapping[str, int], most: int) -> Sequence[Batch]:
        return await self._in(self._polling, lambda: self._poll(held if most else {}, max(most, 1)))

    async def commit(self, partition: str, messages: Sequence[Message], until: int) -> None:
        if partition not in self._next:
            raise LeaseLost(f"{partition} went to another member of the group")
        after = messages[-1].position + 1
        await self._in(self._committing, lambda: self._consumer.commit(offsets=[_place(partition, after)], asynchronous=False))
        self._committed[partition] = after

    async def rewind(self, partition: str) -> None:
        self._back.add(partition)

    async def close(self) -> None:
        await self._in(self._polling, self._consumer.close)
        self._polling.shutdown()
        self._committing.shutdown()

    async def _in(self, thread: ThreadPoolExecutor, work: Callable[[], Any]) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work)
        except KafkaException as error:
            code = error.args[0].code() if error.args else None
            if code in _GONE:
                raise LeaseLost(f"Kafka: {_meaning(error)}") from error
            raise SourceUnavailable(f"Kafka: {_meaning(error)}") from error

    # -- in the polling thread -------------------------------------------------------------------------------------

    def _poll(self, held: Mapping[str, int], most: int) -> list[Batch]:
        if self._broken:
            raise InlayError(self._broken, code="source_broken")
        self._go_back()
        self._run({name for name in held if name in self._next})
        try:
            records = self._consumer.consume(most, WAIT_SECONDS)
        except KafkaException:
            self._back.update(self._next)
            raise
        found: dict[str, list[Message]] = {name: [] for name in self._lost if name in self._running}
        troubles = [error for record in records if (error := record.error()) is not None and not self._mended(record, error)]
        for record in records:
            name = _name(record.topic(), record.partition())
            if record.error() is not None or name in self._back:
                continue
            if name not in self._running or _number(record.offset()) < self._next[name]:
                self._back.add(name)
                continue
            self._next[name] = _number(record.offset()) + 1
            found.setdefault(name, []).append(_message(name, record))
        if troubles and not found:
            raise SourceUnavailable(f"Kafka: {troubles[0].str()}")
        return [Batch(name, messages, self._lost.pop(name, 0)) for name, messages in found.items()]

    def _mended(self, record: Record, error: KafkaError) -> bool:
        """Where the next offset is no longer in the topic, go on with the oldest one that is, and say what was lost."""
        name = _name(record.topic(), record.partition())
        if error.code() not in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE) or name not in self._next:
            return error.code() == KafkaError._PARTITION_EOF
        self._skip_lost(name)
        self._consumer.seek(_place(name, self._next[name]))
        return True

    def _skip_lost(self, name: str) -> None:
        low, high = self._consumer.get_watermark_offsets(_place(name, 0), timeout=CALL_SECONDS)
        first = low if self._next[name] < low else min(self._next[name], high)
        self._lost[name] = self._lost.get(name, 0) + max(0, low - self._next[name])
        self._next[name] = self._committed[name] = first

    def _go_back(self) -> None:
        """Read on from where it was committed up to."""
        for name in list(self._back):
            if name in self._next and self._next[name] != self._committed[name]:
                self._consumer.seek(_place(name, self._committed[name]))
                self._next[name] = self._committed[name]
            self._back.discard(name)

    def _run(self, wanted: set[str]) -> None:
        """Fetch these partitions, and no others."""
        if idle := self._running - wanted:
            self._consumer.pause([_place(name) for name in idle if name in self._next])
        if more := wanted - self._running:
            self._consumer.resume([_place(name) for name in more])
        self._running = wanted

    # -- callbacks, in the polling thread --------------------------------------------------------------------------

    def _assign(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Partitions come. Where the broker does not say how far they were read this process is no use, and ends: librdkafka
        has assigned them whatever is done here."""
        try:
            self._begin_at(consumer, places)
        except KafkaException as error:
            self._broken = f"Kafka: partitions came, but not how far they were read: {_meaning(error)}"

    def _begin_at(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """From what was committed on, standing still until the leases are had."""
        fresh: list[TopicPartition] = []
        for place in consumer.committed(places, timeout=CALL_SECONDS):
            name = _name(place.topic, place.partition)
            low, high = consumer.get_watermark_offsets(place, timeout=CALL_SECONDS)
            if place.offset < 0:
                place.offset = low if self._begin == "start" else high
                fresh.append(_place(name, place.offset))
            self._next[name] = self._committed[name] = place.offset
            if place.offset < low:
                self._skip_lost(name)
        consumer.incremental_assign([_place(name, self._next[name]) for name in (_name(place.topic, place.partition) for place in places)])
        consumer.pause([_place(_name(place.topic, place.partition)) for place in places])
        if fresh:
            consumer.commit(offsets=fresh, asynchronous=True)

    def _give(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Partitions go: what is in flight of them is finished and committed first."""
        names = [_name(place.topic, place.partition) for place in places]
        self._revoke(names)
        self._forget(names)
        consumer.incremental_unassign(places)

    def _lose(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Partitions have gone already: nothing of them can be committed."""
        names = [_name(place.topic, place.partition) for place in places]
        self._forget(names)
        self._revoke(names)
        consumer.incremental_unassign(places)

    def _forget(self, names: Sequence[str]) -> None:
        for name in names:
            self._next.pop(name, None)
            self._lost.pop(name, None)
            self._running.discard(name)


async def _called(revoked: Revoked, names: Sequence[str]) -> None:
    await revoked(names)


def _message(name: str, record: Record) -> Message:
    offset = _number(record.offset())
    headers = {key.lower(): value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for key, value in record.headers() or ()}
    return Message(f"{name}/{offset}", max(record.timestamp()[1], 0), _bytes(record.value()), headers, offset)


def _name(topic: str | None, partition: int | None) -> str:
    return f"{topic}/{partition}"


def _place(name: str, offset: int = OFFSET_INVALID) -> TopicPartition:
    topic, _, partition = name.rpartition("/")
    return TopicPartition(topic, int(partition), offset)


def _number(offset: int | None) -> int:
    return offset or 0


def _bytes(value: bytes | str | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


def _told(logger: logging.Logger, error: KafkaError) -> None:
    logger.warning("%s", error.str())


def _meaning(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
