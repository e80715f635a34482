"""Segment-shaped events: `identify track page group alias` -> what was heard of whom."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import get_args

from app.domain.event import FUTURE_MILLISECONDS, MAX_ID_BYTES, Event, Heard, Identity, Kind, Reason, event_name, public
from app.domain.json import Json
from app.domain.literals import parse_instant
from app.formats.context import context_properties
from app.domain.machines import told_apart

MAX_PAYLOAD = 32 << 10
_FINITE = math.inf
_OLDEST = 0
LATEST = 4_102_444_800_000  # 2100
_KINDS: tuple[Kind, ...] = get_args(Kind)


class NotHeard(Exception):
    """One event that is not taken: the reason is the machine's word, the message is for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


def parse(raw: Json, now: int, random_id: Callable[[], bytes], hashed_id: Callable[[str], bytes]) -> Heard:
    """`random_id` and `hashed_id` give what stands for an id: for an event without messageId, and for one with."""
    if not isinstance(raw, dict):
        raise NotHeard("invalid", "an event is an object")
    kind = raw.get("type")
    if kind not in _KINDS:
        raise NotHeard("invalid", f"type: {str(kind)[:40]!r} is none of {', '.join(_KINDS)}")
    user, anonymous = _id(raw, "userId"), _id(raw, "anonymousId")
    at = _instant(raw, now)
    message = raw.get("messageId")
    if message is not None and (not isinstance(message, str) or not 0 < len(message) <= 512):
        raise NotHeard("invalid", "messageId: text of 1 to 512 characters")
    id = hashed_id(message) if message is not None else random_id()
    if kind == "alias":
        return _alias(raw, user, anonymous, at, id)
    version = _version(raw)
    who = Identity("user_id", user) if user else Identity("anonymous_id", anonymous) if anonymous else None
    if who is None:
        raise NotHeard("no_identity", "userId or anonymousId is needed")
    match kind:
        case "track":
            return Heard(kind, who, told_apart(Event(_name(raw.get("event")), at, id, _properties(raw, "properties"))), version=version)
        case "page":
            properties = _properties(raw, "properties")
            for key in ("name", "category"):
                if isinstance(raw.get(key), str):
                    properties.setdefault(key, raw[key])
            return Heard(kind, who, Event("page_viewed", at, id, properties), version=version)
        case "group":
            group = _id(raw, "groupId")
            if not group:
                raise NotHeard("invalid", "groupId is needed")
            return Heard(kind, who, Event("group", at, id, {"group_id": group}), {"group_id": group}, version=version)
        case _:
            traits = _object(raw, "traits")
            check_payload(traits)
            link = Identity("anonymous_id", anonymous) if user and anonymous else None
            return Heard("identify", who, Event("identify", at, id, public(traits)), traits, link, version)


def _alias(raw: Mapping[str, Json], user: str, anonymous: str, at: int, id: bytes) -> Heard:
    previous = _id(raw, "previousId") or anonymous
    if not user or not previous:
        raise NotHeard("no_identity", "alias needs userId and previousId")
    return Heard("alias", Identity("user_id", user), Event("alias", at, id, {}), {}, Identity("anonymous_id", previous))


def _id(raw: Mapping[str, Json], key: str) -> str:
    value = raw.get(key)
    if value is None or value == "":
        return ""
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str) or not value.isprintable() or len(value.encode("utf-8", "replace")) > MAX_ID_BYTES:
        raise NotHeard("invalid", f"{key}: text of 1 to {MAX_ID_BYTES} bytes without control characters")
    return value


def _name(value: Json) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        raise NotHeard("invalid", "event: a name of 1 to 200 characters")
    return event_name(value)


def _instant(raw: Mapping[str, Json], now: int) -> int:
    value = raw.get("timestamp", raw.get("originalTimestamp"))
    if value is None:
        return now
    at = parse_instant(value)
    if at is None or not _OLDEST <= at < LATEST:
        raise NotHeard("invalid", f"timestamp: {str(value)[:60]!r} is no ISO 8601 instant between 1970 and 2100")
    if at > now + FUTURE_MILLISECONDS:
        raise NotHeard("future", f"timestamp: {str(value)[:60]} is more than 24 h ahead of the clock")
    return at


def _version(raw: Mapping[str, Json]) -> str:
    """The version of its type that an event says it is of, where Segment's Protocols put it; empty where it says none."""
    context = raw.get("context")
    if not isinstance(context, dict) or not isinstance(protocols := context.get("protocols"), dict):
        return ""
    value = protocols.get("event_version")
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def _object(raw: Mapping[str, Json], key: str) -> dict[str, Json]:
    value = raw.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotHeard("invalid", f"{key}: an object")
    return value


def _properties(raw: Mapping[str, Json], key: str) -> dict[str, Json]:
    """Properties that have a value, and what the context adds. Plain text and numbers, which most are, cost one look each."""
    found: dict[str, Json] = {}
    size = 0
    for name, value in _object(raw, key).items():
        if value is None:
            continue
        found[name] = value
        size += len(name) + 12
        if type(value) is str and value.isascii():
            size += len(value)
        elif type(value) is not bool and not (type(value) is float and -_FINITE < value < _FINITE):
            size += _size(value)
    if size > MAX_PAYLOAD:
        check_payload(found)
    if isinstance(context := raw.get("context"), dict):
        found |= context_properties(context)
    return found


def check_payload(values: dict[str, Json], limit: int = MAX_PAYLOAD) -> None:
    """`NotHeard` where properties or traits are too large, or hold what is no plain JSON."""
    size = _size(values)
    if size > limit:
        raise NotHeard("too_large", f"{size:,} bytes of properties; at most {limit:,}")


def _size(value: Json) -> int:
    """About how many bytes the value takes; numbers must be finite and fit 64 bits."""
    if type(value) is str:
        try:
            return len(value.encode()) + 3
        except UnicodeEncodeError:
            raise NotHeard("invalid", "text that is not valid Unicode") from None
    if type(value) is dict:
        return 3 + sum(_size(key) + _size(each) for key, each in value.items())
    if type(value) is list:
        return 3 + sum(map(_size, value))
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise NotHeard("invalid", "a number beyond 64 bits")
    if type(value) is float and not math.isfinite(value):
        raise NotHeard("invalid", "a number that is not finite")
    return 9
