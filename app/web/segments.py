"""`/v1/segments`: who is in them. Membership is worked out at the instant of a question; these are the lists that are kept
of it, put right as people enter and leave."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from app.domain.event import Identity
from app.errors import NotFound, RequestInvalid
from app.live.backfill import told
from app.ports import LiveStore
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.parts import Parts, current
from app.web.paths import segments

PAGE, LONGEST_PAGE = 100, 10_000
FORMATS = {"json": b"application/json", "ndjson": b"application/x-ndjson", "csv": b"text/csv; charset=utf-8"}
_encode = msgspec.json.Encoder().encode


class Segments:
    def __init__(self, parts: Parts, live: LiveStore) -> None:
        self._parts = parts
        self._live = live

    async def show(self, scope: Scope, receive: Any) -> Reply:
        """Every segment with the number of people in it, and how far filling new ones has come."""
        self._parts.keys.authorise(scope, "profiles")
        declared = current(self._parts).definitions.segments
        sizes, progress = await self._live.sizes(list(declared)), await self._live.progress()
        rows = [{"id": each.id, "description": each.description, "size": sizes[each.id]} for each in declared.values()]
        return Reply(200, _encode({"segments": rows, "filling": told(progress)}), [JSON, PRIVATE])

    async def members(self, scope: Scope, receive: Any) -> Reply:
        """Who is in a segment: `?limit=100&after=CURSOR&format=json|ndjson|csv`."""
        self._parts.keys.authorise(scope, "profiles")
        id, declared = segments(scope, 3)[0], current(self._parts).definitions.segments
        if id not in declared:
            raise NotFound(f"no segment {id[:64]!r}; there are {', '.join(declared) or 'none'}", code="unknown_segment")
        given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        form = given.get("format", "json")
        if form not in FORMATS:
            raise RequestInvalid(f"format: one of {', '.join(FORMATS)}", problems=(("format", "not usable"),))
        keys, after = await self._live.members(id, _cursor(given.get("after", "")), _limit(given.get("limit")))
        people = [str(Identity.from_key(key)) for key in keys]
        body = _encode({"segment": id, "profiles": people, "next": _sealed(after) or None}) if form == "json" else written(people, form)
        link = [(b"x-inlay-next", _sealed(after).encode())] if after and form != "json" else []
        return Reply(200, body, [(b"content-type", FORMATS[form]), PRIVATE, *link])


def written(people: list[str], form: str, *, head: bool = True) -> bytes:
    """People as lines: of JSON, or of CSV with a head."""
    if form == "ndjson":
        return b"".join(_encode({"profile": each}) + b"\n" for each in people)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerows([*([["profile"]] if head else []), *([each] for each in people)])
    return text.getvalue().encode()


def _sealed(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode()


def _cursor(text: str) -> str:
    try:
        return base64.b64decode(text, b"-_", validate=True).decode()
    except (ValueError, UnicodeDecodeError):
        raise RequestInvalid("after: the `next` of an earlier page", problems=(("after", "no cursor"),)) from None


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= LONGEST_PAGE):
        raise RequestInvalid(f"limit: a whole number from 1 to {LONGEST_PAGE:,}", problems=(("limit", "not usable"),))
    return int(text)
