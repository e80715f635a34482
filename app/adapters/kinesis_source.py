"""Events from a Kinesis stream: its shards are read under leases, parents before their children, and how far is kept in our store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.domain.message import LOST_UNCOUNTED, Batch, Message
from app.errors import LeaseLost, SettingsInvalid, SourceUnavailable
from app.ports import Checkpoints

IDLE_SECONDS = 0.05
READ_SECONDS = 0.25
"""Between two reads of a shard: Kinesis allows five a second, for all its readers together."""
SLOWER_SECONDS = 1.0
LIST_SECONDS = 5.0
SEEN_MILLISECONDS = 60_000
"""So often it is noted that all of a shard was read, though nothing came."""
MOST = 10_000
HOUR = 3_600_000
_TOO_FAST = ("ProvisionedThroughputExceededException", "LimitExceededException")


@dataclass(slots=True)
class Reading:
    """How one shard is read: `after` is the last sequence number that was handed out, `seen` an instant up to which everything
    that came was committed."""

    iterator: str
    after: str
    seen: int
    lost: int
    committed: str
    due: float = 0.0
    ended: bool = False
    caught_up: bool = False


class KinesisSource:
    """`EventSource`. A checkpoint of a shard is `{"after": sequence number, "seen": ms}`, `{"from": ms}` before the first
    record, or `{"ended": true}`: then its children may be read."""

    divided = False

    def __init__(self, client: Any, checkpoints: Checkpoints, stream: str, group: str, *, begin: Literal["start", "end"] = "start") -> None:
        """`client` is boto3's."""
        self._client = client
        self._checkpoints = checkpoints
        self._stream = stream
        self._name = f"kinesis:{stream}:{group}"
        self._begin = begin
        self._shards: list[dict[str, Any]] = []
        self._listed_at = float("-inf")
        self._retention = 24 * HOUR
        self._readings: dict[str, Reading] = {}
        self._done: dict[str, dict[str, Any]] = {}

    async def open(self, revoked: Callable[[Sequence[str]], Awaitable[None]]) -> None:
        """Where the group is new and begins at the end, what is there already counts as read."""
        summary = await self._ask(self._client.describe_stream_summary, StreamName=self._stream)
        self._retention = summary["StreamDescriptionSummary"]["RetentionPeriodHours"] * HOUR
        self._done = await self._checkpoints.load(self._name)
        if self._begin == "end" and not self._done:
            now = _now()
            for shard in await self._list():
                closed = shard["SequenceNumberRange"].get("EndingSequenceNumber") is not None
                await self._checkpoints.save(self._name, shard["ShardId"], {"ended": True} if closed else {"from": now, "seen": now}, 0)

    async def partitions(self) -> Sequence[str]:
        """Shards that are not read to their end, whose parents are, or are gone."""
        if time.monotonic() - self._listed_at > LIST_SECONDS:
            self._shards = await self._list()
            self._listed_at = time.monotonic()
        self._done = await self._checkpoints.load(self._name)
        there = {shard["ShardId"] for shard in self._shards}
        unread = {id for id in there if not self._done.get(id, {}).get("ended")}
        parents = {shard["ShardId"]: {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} for shard in self._shards}
        return sorted(id for id in unread if not parents[id] & unread)

    async def poll(self, held: Mapping[str, int], most: int) -> Sequence[Batch]:
        now = time.monotonic()
        due = [id for id in held if most and (id not in self._readings or self._readings[id].due <= now)][:most]
        for id in due:
            if id not in self._readings:
                self._readings[id] = self._from_checkpoint(id)
        answers = await asyncio.gather(*(self._read(id, min(MOST, most // len(due))) for id in due), return_exceptions=True)
        batches = [answer for answer in answers if isinstance(answer, Batch) and (answer.messages or answer.lost)]
        if batches:
            return batches
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        with suppress(LeaseLost):
            for id in due:
                await self._note(id, held[id])
        await asyncio.sleep(IDLE_SECONDS)
        return ()

    async def commit(self, partition: str, messages: Sequence[Message], until: int) -> None:
        last = messages[-1]
        await self._checkpoints.save(self._name, partition, {"after": last.position, "seen": last.at}, until)
        if reading := self._readings.get(partition):
            reading.committed, reading.seen = last.position, last.at
            await self._note(partition, until)

    async def rewind(self, partition: str) -> None:
        self._readings.pop(partition, None)
        self._done = await self._checkpoints.load(self._name)

    async def close(self) -> None:
        await asyncio.to_thread(self._client.close)

    # -- shards ----------------------------------------------------------------------------------------------------

    async def _list(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        more: dict[str, str] = {"StreamName": self._stream}
        while True:
            answer = await self._ask(self._client.list_shards, **more)
            found += answer["Shards"]
            if not answer.get("NextToken"):
                return found
            more = {"NextToken": answer["NextToken"]}

    def _from_checkpoint(self, id: str) -> Reading:
        """Where nothing was read for longer than records are kept, some may have gone; nobody can say how many."""
        kept = self._done.get(id, {})
        seen = kept.get("seen", 0)
        lost = LOST_UNCOUNTED if seen and _now() - seen > self._retention else 0
        return Reading("", kept.get("after", ""), seen, lost, kept.get("after", ""))

    async def _note(self, id: str, until: int) -> None:
        """Keep that a shard is done, or that all of it was read, once that which came of it is committed."""
        reading = self._readings[id]
        if reading.committed != reading.after:
            return
        if reading.ended or (reading.after and reading.after == self._last_of(id)):
            reading.ended = True
            await self._checkpoints.save(self._name, id, {"ended": True}, until)
            self._listed_at = float("-inf")
        elif reading.caught_up and _now() - reading.seen > SEEN_MILLISECONDS:
            kept = {"after": reading.after} if reading.after else {"from": self._done[id]["from"]} if "from" in self._done.get(id, {}) else {}
            reading.seen = _now()
            await self._checkpoints.save(self._name, id, kept | {"seen": reading.seen}, until)

    def _last_of(self, id: str) -> str | None:
        """The last sequence number of a closed shard."""
        for shard in self._shards:
            if shard["ShardId"] == id:
                return shard["SequenceNumberRange"].get("EndingSequenceNumber")
        return None

    # -- records ---------------------------------------------------------------------------------------------------

    async def _read(self, id: str, most: int) -> Batch:
        reading = self._readings[id]
        lost, reading.lost = reading.lost, 0
        if reading.ended:
            return Batch(id, (), lost)
        try:
            reading.iterator = reading.iterator or await self._iterator(id, reading)
            answer = await self._ask(self._client.get_records, ShardIterator=reading.iterator, Limit=max(most, 1))
        except SourceUnavailable as error:
            reading.lost = lost
            reading.iterator = ""
            reading.due = time.monotonic() + SLOWER_SECONDS
            if error.code == "too_fast" or error.code == "expired":
                return Batch(id, ())
            raise
        records = answer["Records"]
        reading.iterator = answer.get("NextShardIterator") or ""
        reading.ended = not reading.iterator
        reading.caught_up = answer.get("MillisBehindLatest", 1) == 0
        reading.due = time.monotonic() + READ_SECONDS
        messages = [_message(self._stream, id, record) for record in records]
        if messages:
            reading.after = messages[-1].position
        return Batch(id, messages, lost)

    async def _iterator(self, id: str, reading: Reading) -> str:
        kept = self._done.get(id, {})
        if reading.after:
            place: dict[str, Any] = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": reading.after}
        elif "from" in kept:
            place = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": kept["from"] / 1000}
        else:
            place = {"ShardIteratorType": "TRIM_HORIZON"}
        return (await self._ask(self._client.get_shard_iterator, StreamName=self._stream, ShardId=id, **place))["ShardIterator"]

    async def _ask(self, call: Callable[..., Any], **words: Any) -> Any:
        try:
            return await asyncio.to_thread(partial(call, **words))
        except ClientError as error:
            said: Mapping[str, str] = error.response.get("Error", {})
            code = said.get("Code", "")
            kind = "too_fast" if code in _TOO_FAST else "expired" if code == "ExpiredIteratorException" else "source_unavailable"
            raise SourceUnavailable(f"Kinesis: {code}: {said.get('Message', '')[:200]}", code=kind) from error
        except BotoCoreError as error:
            raise SourceUnavailable(f"Kinesis: {error}") from error


def kinesis_client(region: str | None) -> Any:
    """boto3's, with credentials and endpoint from where AWS' own tools take them, the region too where none is given."""
    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    try:
        return boto3.client("kinesis", region_name=region, config=config)
    except BotoCoreError as error:
        raise SettingsInvalid(f"Kinesis: {error}; AWS_REGION, AWS_ACCESS_KEY_ID ... say where and who") from error


def _message(stream: str, shard: str, record: Mapping[str, Any]) -> Message:
    sequence = record["SequenceNumber"]
    at = round(record["ApproximateArrivalTimestamp"].timestamp() * 1000)
    return Message(f"{stream}/{shard}/{sequence}", at, record["Data"], {}, sequence)


def _now() -> int:
    return time.time_ns() // 1_000_000
