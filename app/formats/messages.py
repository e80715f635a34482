"""A stream's message -> Segment-shaped events, each with the id and the time that the stream knows it by, where it has none
of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from app.domain.json import Json
from app.domain.message import Message
from app.errors import Unparsable
from app.formats.segment import NotHeard
from app.formats.strict import parse_json

MAX_BYTES = 4 << 20

Format = Literal["auto", "segment", "cloudevents"]
_PREFIXES = ("ce_", "ce-")
"""Of the headers that hold the attributes of a CloudEvent in binary mode: Kafka's and HTTP's."""


def events_of(message: Message, format: Format = "auto") -> list[Json]:
    """The events of a message: one, a list of them, Segment's `{"batch": [...]}`, or a CloudEvent whose attributes are in the
    headers. `NotHeard` where it is none of these."""
    if len(message.body) > MAX_BYTES:
        raise NotHeard("too_large", f"{len(message.body):,} bytes; at most {MAX_BYTES:,}")
    attributes = {name[3:]: value for name, value in message.headers.items() if name.startswith(_PREFIXES)}
    binary = format != "segment" and "specversion" in attributes
    try:
        found = None if binary and not message.body else parse_json(message.body)
    except Unparsable as error:
        raise NotHeard("invalid", error.message) from error
    if binary:
        return [_known_by({**attributes, "data": found}, message, message.id)]
    if isinstance(found, dict) and isinstance(batch := found.get("batch"), list):
        found = batch
    if not isinstance(found, list):
        return [_known_by(_shaped(found, format), message, message.id)]
    return [_known_by(_shaped(each, format), message, f"{message.id}#{number}") for number, each in enumerate(found)]


def _shaped(raw: Json, format: Format) -> Json:
    """What names a `specversion` is taken for a CloudEvent, unless all are said to be Segment's."""
    if isinstance(raw, dict):
        if format == "segment":
            raw.pop("specversion", None)
        elif format == "cloudevents" and "specversion" not in raw:
            raise NotHeard("invalid", "specversion is missing: this is no CloudEvent")
    return raw


def _known_by(raw: Json, message: Message, id: str) -> Json:
    """The same whenever the message is delivered: what it means does not depend on when, or how often, it is read."""
    if isinstance(raw, dict):
        if "specversion" in raw:
            dated = raw.get("time") is not None
        else:
            dated = raw.get("timestamp") is not None or raw.get("originalTimestamp") is not None
        if raw.get("messageId") is None:
            raw["messageId"] = id
        if not dated:
            raw["time" if "specversion" in raw else "timestamp"] = datetime.fromtimestamp(message.at / 1000, UTC).isoformat(timespec="milliseconds")
    return raw
