"""What is held about a person, as it may be asked for: the kept history page by page, and everything at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from app.content.snapshot import iso
from app.domain.dictionary import ESCAPE
from app.domain.history import History
from app.errors import RequestInvalid

PAGE, LONGEST_PAGE = 100, 1_000


def event_json(history: History, i: int) -> dict[str, Any]:
    """One kept event. `id` is the hash that stands for its messageId."""
    name = history.names.type_names[history.number(i)]
    return {"id": history.id(i).hex(), "event": name, "timestamp": iso(history.ts[i]), "properties": history.properties(i)}


def page(history: History, query: bytes) -> dict[str, Any]:
    """`?limit=100&before=CURSOR`: kept events, the newest first; `next` is the cursor of the page that follows, or null."""
    given = dict(parse_qsl(query.decode("latin-1")))
    limit, stop = _limit(given.get("limit")), _stop(history, given.get("before"))
    start = max(stop - limit, 0)
    events = [event_json(history, i) for i in range(stop - 1, start - 1, -1)]
    return {"events": events, "next": f"{history.ts[start]}-{history.id(start).hex()}" if start else None}


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LONGEST_PAGE):
        raise RequestInvalid(f"limit: a whole number from 1 to {LONGEST_PAGE:,}", problems=(("limit", "not usable"),))
    return int(text)


def _stop(history: History, cursor: str | None) -> int:
    """How many events are older than the cursor; what has gone since it was given moves nothing."""
    if not cursor:
        return len(history)
    at, _, id = cursor.partition("-")
    try:
        last = (int(at), bytes.fromhex(id))
    except ValueError:
        raise RequestInvalid("before: the `next` of an earlier page", problems=(("before", "no cursor"),)) from None
    stop = history.upto(last[0])
    while stop and (history.ts[stop - 1], history.id(stop - 1)) >= last:
        stop -= 1
    return stop


def counts(history: History) -> dict[str, Any]:
    """Per type: how many ever, the first and the last; what was trimmed still counts."""
    names, trimmed = history.names.type_names, history.trimmed()
    kept = dict.fromkeys(history.number(i) for i in range(len(history)))
    found: dict[str, Any] = {}
    for number in (*kept, *(code for code in trimmed if code not in kept and code != ESCAPE)):
        at = [history.ts[i] for i in history.positions(number, 0, len(history))]
        gone = trimmed.get(number)
        first = min(at[:1] + ([gone.first_at] if gone else []))
        last = at[-1] if at else gone.watermark if gone else 0
        count = len(at) + (gone.count if gone else 0)
        found[names.get(number, str(number))] = {"count": count, "first_at": iso(first), "last_at": iso(last)}
    return found


def export(known: Mapping[str, Any], history: History, more: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Everything: what `GET /v1/profiles/{id}` tells, every kept event, and what else is held by its name."""
    return {
        **known, "exported_at": iso(now), "event_counts": known["events"],
        "events": [event_json(history, i) for i in range(len(history))], **more,
    }
