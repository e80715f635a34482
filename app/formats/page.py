"""What a page, or a picture in one, may say with a public key: `page` and `track` under its own anonymous id, and `identify`
with a proof. Whoever reads a page's source can send anything, so whatever else is said makes the whole call refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from app.domain.event import event_name
from app.domain.json import Json
from app.domain.literals import parse_instant
from app.errors import Forbidden, RequestInvalid

MAX_EVENTS = 100
SKEW_MILLISECONDS = 60_000
"""A page's clock that is further off than this is not believed: its events are moved by the difference."""
_OWN_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_KEPT = ("type", "event", "name", "category", "anonymousId", "messageId", "timestamp", "properties")
_CONTEXT = ("page", "campaign", "device")
"""Of the context; the address and the program that it comes from are seen, not said."""
_RESERVED = frozenset({"identify", "group", "alias"})
"""Names that other kinds of event have in a history."""
_RESERVED_PREFIX = "email_"
"""What ESPs say: a page could forge opens."""

Proves = Callable[[str, object], bool]
"""`proves(user, proof)`"""


def page_events(raws: Sequence[Json], proves: Proves) -> tuple[str, list[dict[str, Json]]]:
    """(anonymous id, the events with nothing but what a page may say). `Forbidden` names the first that oversteps; its code
    is `forged` where a user is claimed without proof."""
    if len(raws) > MAX_EVENTS:
        raise RequestInvalid(f"batch: a page sends at most {MAX_EVENTS} events at once", problems=(("batch", f"{len(raws):,} events"),))
    events = [_event(index, raw, proves) for index, raw in enumerate(raws)]
    ids = {str(each["anonymousId"]) for each in events}
    if len(ids) > 1:
        raise Forbidden("a page speaks for one anonymous id at a time", code="not_allowed")
    return next(iter(ids), ""), events


def _event(index: int, raw: Json, proves: Proves) -> dict[str, Json]:
    at = f"batch.{index}"
    if not isinstance(raw, dict):
        raise RequestInvalid("an event is an object", problems=((at, "not an object"),))
    own = raw.get("anonymousId")
    if not isinstance(own, str) or not _OWN_ID.fullmatch(own):
        raise RequestInvalid("anonymousId: 16 to 64 letters, digits, - or _, made at random", problems=((f"{at}.anonymousId", "not such an id"),))
    kept = {key: raw[key] for key in _KEPT if key in raw}
    if isinstance(context := raw.get("context"), dict):
        kept["context"] = {key: context[key] for key in _CONTEXT if key in context}
    match raw.get("type"):
        case "identify":
            return {**kept, "userId": _proven(at, raw, proves)}
        case "page" | "track":
            _own_words(at, raw)
            return kept
        case _:
            raise _overstep(f"{at}.type", "a web key sends page, track, and identify with a proof")


def _proven(at: str, raw: Mapping[str, Json], proves: Proves) -> str:
    user = raw.get("userId")
    if raw.get("traits"):
        raise _overstep(f"{at}.traits", "traits come from the shop's server: a page could claim any")
    if not isinstance(user, str) or not user or not proves(user, raw.get("userHash")):
        raise Forbidden(
            "userHash is not the proof of this userId: the HMAC-SHA256 of it, in hex, that the shop's server makes with the web key's secret",
            code="forged", problems=((f"{at}.userHash", "no proof"),),
        )
    return user


def _own_words(at: str, raw: Mapping[str, Json]) -> None:
    if raw.get("userId"):
        raise _overstep(f"{at}.userId", "page and track are sent under the anonymous id alone; identify says whose it is")
    name = raw.get("event")
    if isinstance(name, str) and ((called := event_name(name)) in _RESERVED or called.startswith(_RESERVED_PREFIX)):
        raise _overstep(f"{at}.event", "this name is reserved for what servers say")


def _overstep(at: str, message: str) -> Forbidden:
    return Forbidden(message, code="not_allowed", problems=((at, message),))


def on_our_clock(events: Sequence[dict[str, Json]], sent: Json, now: int) -> list[dict[str, Json]]:
    """The events with timestamps as they would be had the page's clock been right; `sent` is when it says it sent them."""
    said = parse_instant(sent)
    if said is None or abs(now - said) <= SKEW_MILLISECONDS:
        return list(events)
    return [_moved(each, now - said) for each in events]


def _moved(event: dict[str, Json], by: int) -> dict[str, Json]:
    at = parse_instant(event.get("timestamp"))
    try:
        moved = datetime.fromtimestamp((at or 0) / 1000 + by / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return event
    return event if at is None else {**event, "timestamp": moved.isoformat(timespec="milliseconds")}


def pixel_event(query: Mapping[str, str], referrer: str, proves: Proves) -> dict[str, Json]:
    """One event from a picture's address: `e` its name (page_viewed where left out), `a` the anonymous id or `u` the user with
    `h` the proof, `m` the messageId, `p.NAME` its properties. Errors as of `page_events`."""
    name, user = query.get("e", ""), query.get("u", "")
    event: dict[str, Json] = {"type": "track", "event": name, "properties": _named(query, "p.")} if name else {"type": "page", "properties": _named(query, "p.")}
    event["context"] = {"page": {"url": referrer}}
    if query.get("m"):
        event["messageId"] = query["m"]
    if user:
        _own_words("e", event)
        _proven("u", {"userId": user, "userHash": query.get("h", "")}, proves)
        return {**event, "userId": user}
    return page_events([{**event, "anonymousId": query.get("a", "")}], proves)[1][0]


def _named(query: Mapping[str, str], prefix: str) -> dict[str, Json]:
    return {name[len(prefix) :]: value for name, value in query.items() if name.startswith(prefix) and len(name) > len(prefix)}
