"""What streams carry: messages in partitions, each partition in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

LOST_UNCOUNTED = -1


class Message(Struct, frozen=True):
    """`id` is the stream's own name for it, the same at every delivery (topic/partition/offset); `at` is when the stream
    took it, ms; names in `headers` are lower-cased. `position` is what its source commits, and nobody else's business."""

    id: str
    at: int
    body: bytes
    headers: Mapping[str, str] = {}
    position: Any = None


class Outgoing(Struct, frozen=True):
    """Something that others are told. `id` is the same however often it is sent, so that they may pass over a repetition; what
    has the same `key`, a person's, stays in order."""

    id: str
    key: str
    body: bytes
    headers: Mapping[str, str] = {}


class Batch(Struct, frozen=True):
    """Messages of one partition, in order.

    `lost` counts the messages before these that the stream had dropped before they were read; `LOST_UNCOUNTED` where it
    did, and cannot say how many.
    """

    partition: str
    messages: Sequence[Message]
    lost: int = 0
