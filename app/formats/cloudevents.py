"""CloudEvents 1.0 -> the shape of Segment's events, which is then read like any other.

`type` is the event's name and `data` its properties; a `type` that is one of Segment's own kinds (`identify`, `page` ...),
alone or behind a prefix (`io.inlay.identify`), has the rest of such an event in `data`. Who it was is said by the extension
attributes `userid` and `anonymousid`, else by `subject`: a user id, or `anonymous_id:value`. `source` and `id` together make
it idempotent, as the specification has it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import get_args
from urllib.parse import unquote

import msgspec

from app.domain.event import Kind
from app.domain.json import Json
from app.formats.segment import NotHeard

VERSION = "1.0"
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
_HEADER = b"ce-"
_KINDS = frozenset(get_args(Kind))
_PREFIXES = {"anonymous_id": "anonymousId", "user_id": "userId"}
_MAX_MESSAGE_ID = 512
_MAX_DEPTH = 32

_decode = msgspec.json.Decoder().decode


def attributes(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, Json] | None:
    """Those of a request in binary mode, whose body is the data; None where it is not one. Percent-encoded, as the
    HTTP binding says."""
    found: dict[str, Json] = {
        name[len(_HEADER) :].decode("latin-1"): unquote(value.decode("latin-1")) for name, value in headers if name.startswith(_HEADER)
    }
    return found if "specversion" in found else None


def as_segment(raw: Mapping[str, Json]) -> dict[str, Json]:
    """The same event in Segment's shape. `NotHeard` where it is no CloudEvent of version 1.0, or its data no JSON object."""
    if raw.get("specversion") != VERSION:
        raise NotHeard("invalid", f"specversion: {str(raw.get('specversion'))[:20]!r} is not {VERSION}")
    source, id, name = (_required(raw, key) for key in ("source", "id", "type"))
    kind = name.rpartition(".")[2]
    found: dict[str, Json] = {**_data(raw), "type": kind} if kind in _KINDS else {"type": "track", "event": name, "properties": _data(raw)}
    found |= _who(raw) | {"messageId": _message_id(source, id)}
    if raw.get("time") is not None:
        found["timestamp"] = raw["time"]
    return found


def _required(raw: Mapping[str, Json], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value:
        raise NotHeard("invalid", f"{key}: a CloudEvent needs it, as text")
    return value


def _data(raw: Mapping[str, Json]) -> dict[str, Json]:
    """`data`, or what `data_base64` holds; without either the event has no properties."""
    data = raw.get("data")
    if data is None and (encoded := raw.get("data_base64")) is not None:
        data = _decoded(encoded)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise NotHeard("invalid", "data: a JSON object, whose members are the event's properties")
    return data


def _decoded(encoded: Json) -> Json:
    try:
        data = _decode(base64.b64decode(encoded if isinstance(encoded, str) else "", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise NotHeard("invalid", "data_base64: not JSON in base64") from error
    if not _shallow(data, _MAX_DEPTH):
        raise NotHeard("invalid", f"data_base64: nested deeper than {_MAX_DEPTH} levels")
    return data


def _shallow(value: Json, levels: int) -> bool:
    match value:
        case dict():
            return levels > 0 and all(_shallow(each, levels - 1) for each in value.values())
        case list():
            return levels > 0 and all(_shallow(each, levels - 1) for each in value)
        case _:
            return True


def _who(raw: Mapping[str, Json]) -> dict[str, Json]:
    named = {key: raw[attribute] for attribute, key in (("userid", "userId"), ("anonymousid", "anonymousId")) if raw.get(attribute) is not None}
    subject = raw.get("subject")
    if named or not isinstance(subject, str):
        return named
    kind, colon, value = subject.partition(":")
    return {_PREFIXES[kind]: value} if colon and kind in _PREFIXES else {"userId": subject}


def _message_id(source: str, id: str) -> str:
    """One text for the pair that the specification calls an event's identity."""
    whole = f"{source}#{id}"
    return whole if len(whole) <= _MAX_MESSAGE_ID else sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
