"""What ESPs report of a mail, in one vocabulary. Each ESP's own module turns a row of its JSON into these values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from app.domain.custom_keys import CustomKeys
from app.domain.event import FUTURE_MILLISECONDS, PERSONAL, Event, Heard, Identity
from app.domain.identity import fits_send, parse_profile_id
from app.domain.json import Json, is_list, is_object
from app.domain.literals import parse_instant, parse_number
from app.domain.machines import by_machine, told_apart
from app.errors import RequestInvalid
from app.formats.segment import LATEST, NotHeard, check_payload

SENT, DELIVERED, DEFERRED, BOUNCED = "email_sent", "email_delivered", "email_deferred", "email_bounced"
DROPPED, FAILED = "email_dropped", "email_failed"
OPENED, CLICKED, COMPLAINED = "email_opened", "email_clicked", "email_complained"
UNSUBSCRIBED, SUBSCRIBED = "email_unsubscribed", "email_subscribed"
UNKNOWN = ""
"""What an ESP reports that means nothing here: accepted and counted, not applied."""

Row = Mapping[str, Any]
LONGEST_TEXT = 1_000
MOST_NESTED = 8
"""Levels of a sender's own data that are kept."""


class Reported(Struct, frozen=True, gc=False):
    """One thing an ESP says happened to one mail. `name` is of the vocabulary (or `UNKNOWN`), `type` the ESP's own word,
    `at` in ms (None: it does not say), `custom` the sender's own data on the mail, `machine` why no person did it."""

    name: str
    type: str
    at: int | None = None
    recipient: str = ""
    message_id: str = ""
    event_id: str = ""
    properties: dict[str, Any] = {}  # noqa: RUF012 (a Struct copies it)
    custom: dict[str, Any] = {}  # noqa: RUF012
    machine: str = ""


def heard(
    report: Reported, source: str, keys: CustomKeys, now: int, hashed_id: Callable[[str], bytes], parse: Callable[[str], Identity] = parse_profile_id
) -> Heard:
    """What was heard of whom; `NotHeard` where it cannot be filed. The same report gives the same event id, however often
    and in whatever batch it comes."""
    custom = dict(report.custom)
    message = _named(custom, keys.message) or report.message_id
    named, send = _named(custom, keys.profile), _named(custom, keys.send)
    at = report.at if report.at is not None else now
    _check_instant(at, now, report)
    own = {name: value for name, value in custom.items() if name.lower() not in PERSONAL and _flat(value, MOST_NESTED)}
    properties = report.properties | shown(message_id=message, send=send if fits_send(send) else "", metadata=own)
    check_payload(properties)
    event = told_apart(Event(report.name, at, hashed_id(_identity_of(report, source)), properties))
    if report.machine and event.name == report.name:
        event = by_machine(event, report.machine)
    return Heard("track", _who(named, report, message, parse), event)


def _identity_of(report: Reported, source: str) -> str:
    """What tells this report from every other: the ESP's id of it, else what happened to which mail and when."""
    if report.event_id:
        return f"webhook {source} {report.type} {report.name} {report.event_id}"
    url = report.properties.get("url", "")
    return f"webhook {source} {report.type} {report.name} {report.message_id} {report.recipient.lower()} {report.at} {url}"


def _check_instant(at: int, now: int, report: Reported) -> None:
    if not 0 <= at < LATEST:
        raise NotHeard("invalid", f"{report.name}: its time is not between 1970 and 2100")
    if at > now + FUTURE_MILLISECONDS:
        raise NotHeard("future", f"{report.name}: more than 24 h ahead of the clock")


def _who(named: str, report: Reported, message: str, parse: Callable[[str], Identity]) -> Identity:
    if named:
        try:
            return parse(named)
        except RequestInvalid as error:
            raise NotHeard("invalid", f"{report.name}: the mail's own data name no usable profile") from error
    if not report.recipient:
        of = f" of message {message[:80]}" if message else ""
        raise NotHeard("no_identity", f"{report.name}{of}: neither a recipient nor a profile in the mail's own data")
    try:
        return parse("email:" + report.recipient.strip())
    except RequestInvalid as error:
        raise NotHeard("invalid", f"{report.name}: the recipient is no usable address") from error


def _named(custom: dict[str, Any], keys: Iterable[str]) -> str:
    """Take the first of these keys that has a value out of the mail's own data."""
    for key in keys:
        if value := text(custom.get(key)):
            del custom[key]
            return value
    return ""


def _flat(value: Any, levels: int) -> bool:
    inner: Iterable[Any] = value.values() if is_object(value) else value if is_list(value) else ()
    return levels > 0 and all(_flat(each, levels - 1) for each in inner)


# -- reading rows --------------------------------------------------------------------------------------------------------


def rows_of(body: Json) -> list[Json]:
    """The reports in a body: those of a list, or the one that it is."""
    return body if isinstance(body, list) else [body]


def shown(**properties: Any) -> dict[str, Any]:
    """Properties that say something; long texts are cut."""
    found = {name: value for name, value in properties.items() if value not in (None, "", [], {})}
    return {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in found.items()}


def text(value: Any) -> str:
    """Text, or a number as text; empty for anything else."""
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) else ""


def row_of(value: Any) -> Row:
    """An object; empty for anything else."""
    return value if is_object(value) else {}


def texts(value: Any) -> list[str]:
    """A list of texts: from a list, from one text, or from a JSON list in a text."""
    if isinstance(value, str) and value.startswith("["):
        value = _decoded(value)
    if is_list(value):
        return [found for each in value if (found := text(each))]
    return [value] if isinstance(value, str) and value else []


def mapping(value: Any) -> dict[str, Any]:
    """An object, or a JSON object in a text."""
    if isinstance(value, str) and value.startswith("{"):
        value = _decoded(value)
    return dict(value) if is_object(value) else {}


def _decoded(value: str) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value


def seconds(value: Any) -> int | None:
    """Milliseconds of seconds since 1970, as a number or as text; None for anything else."""
    if isinstance(value, str):
        value = parse_number(value)
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value < LATEST / 1000:
        return None
    return round(value * 1000)


def instant(*values: Any) -> int | None:
    """Milliseconds of the first ISO 8601 instant among the values."""
    return next((at for value in values if (at := parse_instant(value)) is not None), None)
