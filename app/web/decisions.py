"""Decisions for internal services: single, batch, stored, and recommendations, as raw ASGI handlers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from app.content.load import read_items_query
from app.content.matching import instant_of
from app.content.snapshot import Snapshot, iso, plain
from app.decide import Answer, Question
from app.domain.decision import decode_record
from app.domain.event import Identity
from app.domain.identity import parse_profile_id
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.trace import read_trace
from app.errors import InlayError, NotFound, RequestInvalid, StoreUnavailable
from app.web.answers import candidate_json, choice_json, decision_json, explain_json
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import read_json
from app.web.hot import count
from app.web.parts import Parts
from app.web.surfaces import SURFACES, Surfaces

_encode = msgspec.json.Encoder().encode
MAX_RECIPIENTS = 1_000
CHUNK = 100
"""Recipients decided at once: their reads travel to the store in one write."""

_KEYS = frozenset({"profile", "send", "mail", "placements", "context", "surface", "explain", "at"})
_BATCH_KEYS = _KEYS - {"profile", "context"} | {"recipients"}
_RECOMMEND_KEYS = frozenset({"profile", "from", "filter", "exclude", "rank", "limit", "at_least", "context"})


class Decisions:
    """The handlers of `/v1/decisions...` and `/v1/recommendations`."""

    def __init__(self, parts: Parts, surfaces: Surfaces) -> None:
        self._parts = parts
        self._surfaces = surfaces

    async def single(self, scope: Scope, receive: Any) -> Reply:
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        if parts.inflight > parts.settings.max_inflight:
            raise InlayError("too many requests in flight", code="overloaded")
        body = await read_json(receive, scope)
        snapshot = current(parts)
        now = self._instant(scope, body)
        q = asked(body, snapshot, _KEYS)
        q.identity = who(body.get("profile"), "profile")
        q.context = context_of(body.get("context"))
        q.preview = "at" in body and body["at"] is not None
        answer = await self._decide(snapshot, q, now, body.get("surface"))
        return Reply(200, _encode(self._body(snapshot, q, answer, explain=body.get("explain") is True)), [JSON, PRIVATE],
                     "degraded" if answer.decision.degraded else "ok")

    async def batch(self, scope: Scope, receive: Any) -> Reply:
        """One line per recipient, in the order given; a line that fails says why and harms no other."""
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        body = await read_json(receive, scope)
        snapshot = current(parts)
        now = self._instant(scope, body)
        recipients = body.get("recipients")
        if not isinstance(recipients, list) or not 1 <= len(recipients) <= MAX_RECIPIENTS:
            raise RequestInvalid(f"recipients: a list of 1 to {MAX_RECIPIENTS} objects", problems=(("recipients", "missing or of the wrong size"),))
        template = asked(body, snapshot, _BATCH_KEYS)
        template.preview = body.get("at") is not None
        lines: list[bytes] = []
        for start in range(0, len(recipients), CHUNK):
            chunk = recipients[start : start + CHUNK]
            lines += await asyncio.gather(*(
                self._line(snapshot, template, recipient, start + i, now, body) for i, recipient in enumerate(chunk)
            ))
        return Reply(200, b"".join(lines), [(b"content-type", b"application/x-ndjson"), PRIVATE])

    async def _line(self, snapshot: Snapshot, template: Question, recipient: Any, index: int, now: int, body: Mapping[str, Any]) -> bytes:
        try:
            if not isinstance(recipient, dict):
                raise RequestInvalid("a recipient is an object {profile, context}")
            if unknown := recipient.keys() - {"profile", "context"}:
                raise RequestInvalid(f"unknown keys: {', '.join(sorted(unknown))}; a recipient has profile and context")
            q = Question(template.placements, who(recipient.get("profile"), "profile"), template.send, template.mail,
                         context_of(recipient.get("context")), template.preview)
            answer = await self._decide(snapshot, q, now, body.get("surface"))
            found = self._body(snapshot, q, answer, explain=body.get("explain") is True)
        except InlayError as error:
            found = {"index": index, "error": {"code": error.code, "message": error.message, "problems": []}}
        return _encode(found) + b"\n"

    async def _decide(self, snapshot: Snapshot, q: Question, now: int, surface: Any) -> Answer:
        draw = self._surfaces.render_for(surface, q, now) if surface is not None else None
        timeout = self._parts.settings.deadline_esp_ms / 1000
        answer = await self._parts.decider.decide(snapshot, q, now, timeout, draw)
        count(self._parts.telemetry, answer)
        return answer

    def _body(self, snapshot: Snapshot, q: Question, answer: Answer, *, explain: bool) -> dict[str, Any]:
        why = explain_json(snapshot, answer, q.placements) if explain else None
        return decision_json(answer, q.placements, explain=why)

    def _instant(self, scope: Scope, body: Mapping[str, Any]) -> int:
        at = body.get("at")
        if at is None:
            return self._parts.clock()
        self._parts.keys.authorise(scope, "preview")
        return instant(at)

    async def stored(self, scope: Scope, receive: Any) -> Reply:
        """`GET /v1/decisions/{id}`: the record as it stands, every candidate and why not."""
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        id = scope["path"].rpartition("/")[2]
        opened = parts.tokens.open(id)
        missing = NotFound("no such decision is recorded: only decisions for a send are, for 35 days", code="not_recorded")
        if opened is None:
            raise missing
        key, send = opened
        data, trace = await parts.store.decision(key, send)
        if data is None:
            raise missing
        record = decode_record(data)
        for choice in record.choices.values():
            choice.items = [item for item_id, _ in choice.priced if (item := parts.catalogue.get(item_id)) is not None]
        tables = {version: await self._table(version) for version in {record.version, *(c.version for c in record.choices.values())}}
        candidates, features = read_trace(trace, tables.get) if trace else ({}, {})
        body = {
            "decision_id": id, "profile": str(Identity.from_key(key)), "send": send, "mail": record.mail,
            "decided_at": iso(record.decided_at), "content_version": record.version, "degraded": [],
            "placements": {
                name: choice_json(choice) | {"items": [{"id": item, "price": price} for item, price in choice.priced]}
                for name, choice in record.choices.items()
            },
            "explain": {
                "placements": {name: [candidate_json(each) for each in rows] for name, rows in candidates.items()},
                "features": {name: {"value": value, "as_of": iso(record.decided_at)} for name, value in features.items()},
            },
        }
        return Reply(200, _encode(body), [JSON, PRIVATE])

    async def _table(self, version: str) -> Any:
        snapshot = self._parts.snapshot
        if snapshot is not None and snapshot.version == version:
            return snapshot.table()
        return await self._parts.load_table(version)

    async def recommend(self, scope: Scope, receive: Any) -> Reply:
        """Items for a person: `{profile, from, filter, exclude, rank, limit, at_least, context}`."""
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        body = await read_json(receive, scope)
        snapshot = current(parts)
        refuse_unknown(body, _RECOMMEND_KEYS)
        query = read_items_query({k: body[k] for k in body.keys() - {"profile", "context"}}, snapshot.definitions)
        identity = who(body.get("profile"), "profile")
        context, _ = snapshot.coerce(context_of(body.get("context")))
        profile, degraded = Profile(), []
        if identity is not None:
            try:
                profile = await parts.store.read(identity.key, sends=bool(query.exclude_shown))
            except StoreUnavailable:
                degraded.append("store")
        r = Request(parts.clock(), snapshot.consented(profile), context, snapshot.score)
        plan = snapshot.plan(query)
        items = plan.choose(r, parts.catalogue) or []
        answer = {
            "profile": body.get("profile") or "", "items": [{**item.fields, "score": plain(score)} for item, score in plan.scored(r, items)],
            "degraded": list(dict.fromkeys(degraded + r.degraded)), "content_version": snapshot.version,
        }
        return Reply(200, _encode(answer), [JSON, PRIVATE], "degraded" if answer["degraded"] else "ok")


def current(parts: Parts) -> Snapshot:
    if parts.snapshot is None:
        raise InlayError("no content yet", code="starting")
    return parts.snapshot


def refuse_unknown(body: Mapping[str, Any], known: frozenset[str]) -> None:
    if unknown := sorted(body.keys() - known):
        raise RequestInvalid(
            f"unknown keys: {', '.join(unknown)}; known are {', '.join(sorted(known))}",
            problems=tuple((key, "unknown key") for key in unknown),
        )


def asked(body: Mapping[str, Any], snapshot: Snapshot, known: frozenset[str]) -> Question:
    """The placements, mail, send and surface of a body, each checked against the content."""
    refuse_unknown(body, known)
    placements, mail, send, surface = body.get("placements"), body.get("mail"), body.get("send"), body.get("surface")
    if surface is not None and surface not in SURFACES:
        raise RequestInvalid(f"surface: {surface!r} is none of {', '.join(SURFACES)}", problems=(("surface", "unknown surface"),))
    if send is not None and (not isinstance(send, str) or not 1 <= len(send.encode()) <= 256):
        raise RequestInvalid("send: text of 1 to 256 bytes", problems=(("send", "not usable"),))
    if mail is not None and mail not in snapshot.definitions.mails:
        raise NotFound(f"no mail {str(mail)[:80]!r}; there are: {', '.join(snapshot.definitions.mails)}", code="unknown_mail")
    if placements is None and mail is not None:
        placements = list(snapshot.definitions.mails[mail].placements)
    if not isinstance(placements, list) or not placements or not all(isinstance(each, str) for each in placements):
        raise RequestInvalid("placements: a list of names", problems=(("placements", "missing, empty or no list of names"),))
    for placement in placements:
        if placement not in snapshot.fallbacks:
            raise NotFound(f"no placement {placement[:80]!r}; there are: {', '.join(snapshot.fallbacks)}", code="unknown_placement")
    return Question(tuple(dict.fromkeys(placements)), send=send, mail=mail)


def who(value: Any, at: str) -> Identity | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise RequestInvalid(f"{at}: an id as text, such as \"u1\" or \"anonymous_id:x\"", problems=((at, "not text"),))
    return parse_profile_id(value)


def context_of(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestInvalid("context: an object of names and values", problems=(("context", "not an object"),))
    return value


def instant(value: Any) -> int:
    """An ISO 8601 instant with a zone, or ms since 1970."""
    if type(value) is int:
        return value
    found = instant_of(value)
    if found is None:
        raise RequestInvalid(f"at: {str(value)[:80]!r} is no instant such as 2026-10-12T09:00:00Z", problems=(("at", "not an instant"),))
    return int(found)
