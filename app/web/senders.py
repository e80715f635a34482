"""Routes in the shapes that senders have of their own: Emarsys' batches, Notifuse's contacts, feeds that are the same for all.

They answer 200 whoever is asked for: a sender that is told anything else skips people, or pauses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from app.content.question import Answer, Question
from app.content.snapshot import Snapshot, plain
from app.domain.identity import fits_send
from app.domain.json import is_list, is_object
from app.errors import NotFound, RequestInvalid
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import read_json
from app.web.hot import count
from app.web.parts import Parts, current
from app.web.surfaces import Surfaces, check_placement

_encode = msgspec.json.Encoder().encode
MAX_ROWS = 1_000
CHUNK = 64
SHARED = (b"cache-control", b"public, max-age=300")
SURFACES = ("html", "text")


class Senders:
    def __init__(self, parts: Parts, surfaces: Surfaces) -> None:
        self._parts = parts
        self._surfaces = surfaces

    async def emarsys(self, scope: Scope, receive: Any) -> Reply:
        """`{"parameters": [...], "fields": [...], "limit": n}` -> `{"content": [...]}`, every parameter echoed; `profile=` names the
        reference field that holds the person."""
        query, snapshot = self._begun(scope)
        body = await read_json(receive, scope)
        rows, fields = body.get("parameters"), body.get("fields", [])
        if not is_list(rows) or not all(map(is_object, rows)) or len(rows) > MAX_ROWS or not is_list(fields):
            raise RequestInvalid(f"parameters: a list of at most {MAX_ROWS:,} objects; fields: a list of names", problems=(("parameters", "not readable"),))
        field = query.get("profile", "contact_id")
        told = await self._told(snapshot, query, [(str(row.get(field) or ""), query.get("send", "")) for row in rows])
        content = [{**row, **_chosen(next(iter(each.values())), fields)} for row, each in zip(rows, told, strict=True)]
        return Reply(200, _encode({"content": content}), [JSON, PRIVATE])

    async def notifuse(self, scope: Scope, receive: Any) -> Reply:
        """`{"contact": {...}, "broadcast": {...}}` -> `{"placements": {...}}` for `contact.external_id`, the send being `broadcast.id`."""
        query, snapshot = self._begun(scope)
        body = await read_json(receive, scope)
        contact, broadcast = ({**each} if is_object(each := body.get(name)) else {} for name in ("contact", "broadcast"))
        who, send = contact.get("external_id"), query.get("send") or broadcast.get("id")
        told = await self._told(snapshot, query, [(who if isinstance(who, str) else "", send if isinstance(send, str) else "")])
        return Reply(200, _encode({"placements": told[0]}), [JSON, PRIVATE])

    async def feed(self, scope: Scope, receive: Any) -> Reply:
        """The same for everybody: what each placement shows somebody unknown."""
        query, snapshot = self._begun(scope)
        told = (await self._told(snapshot, query, [("", "")]))[0]
        content = [{"placement": id, "url": each["vars"].get("url", ""), "html": each["html"], "text": each["text"]} for id, each in told.items()]
        return Reply(200, _encode({"placements": told, "content": content}), [JSON, SHARED])

    def _begun(self, scope: Scope) -> tuple[dict[str, str], Snapshot]:
        self._parts.keys.authorise(scope, "content")
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        snapshot = current(self._parts)
        mail = query.get("mail")
        if mail is not None and mail not in snapshot.definitions.mails:
            raise NotFound(f"no mail {mail[:80]!r}; there are: {', '.join(snapshot.definitions.mails)}", code="unknown_mail")
        for placement in _placements(query, snapshot):
            check_placement(snapshot, placement, None)
        return query, snapshot

    async def _told(self, snapshot: Snapshot, query: Mapping[str, str], people: Sequence[tuple[str, str]]) -> list[dict[str, dict[str, Any]]]:
        """Per person: placement -> what it shows, as HTML, as text and in parts."""
        placements, found = _placements(query, snapshot), list[dict[str, dict[str, Any]]]()
        for at in range(0, len(people), CHUNK):
            questions = [self._question(placements, query.get("mail"), *each) for each in people[at : at + CHUNK]]
            drawn = [await self._decided(snapshot, questions, surface) for surface in SURFACES]
            for html, text in zip(*drawn, strict=True):
                found.append({id: _shown(html, text, id) for id in placements})
            await asyncio.sleep(0)
        return found

    async def _decided(self, snapshot: Snapshot, questions: Sequence[Question], surface: str) -> list[Answer]:
        parts, now = self._parts, self._parts.clock()
        for q in questions:
            q.draw = self._surfaces.draw(surface)
        answers = await parts.decider.decide_all(snapshot, questions, now, snapshot.deadline(questions[0].placements, parts.settings.deadline_esp_ms))
        for q, answer in zip(questions, answers, strict=True):
            if surface == SURFACES[0]:
                count(parts, answer)
            for id in q.placements:
                if not snapshot.definitions.inbox.idle:
                    self._surfaces.links.dress(snapshot, q, answer, id, surface, now)
                choice = answer.decision.choices[id]
                choice.content = choice.content or self._surfaces.fallbacks(snapshot).get(id, surface).decode()
        return answers

    def _question(self, placements: tuple[str, ...], mail: str | None, who: str, send: str) -> Question:
        """An id that cannot be used is no error: the fallback is shown."""
        q = Question(placements, mail=mail)
        if not who:
            return q
        try:
            q.identity = self._parts.identifiers.parse(who)
        except RequestInvalid:
            q.unusable = True
        q.send = send if fits_send(send) else None
        if q.unusable:
            q.identity = q.send = None
        return q


def _placements(query: Mapping[str, str], snapshot: Snapshot) -> tuple[str, ...]:
    """Those that are named, comma-separated, else all of the mail."""
    if named := query.get("placement"):
        return tuple(dict.fromkeys(named.split(",")))
    mail = query.get("mail", "")
    if mail not in snapshot.definitions.mails:
        raise RequestInvalid("placement: one or several, comma-separated; or mail", problems=(("placement", "missing"),))
    return snapshot.definitions.mails[mail].placements


def _shown(html: Answer, text: Answer, id: str) -> dict[str, Any]:
    choice = html.decision.choices[id]
    return {
        "decision_id": html.decision.id, "offer": choice.offer or "", "block": choice.block, "html": choice.content, "text": text.decision.choices[id].content,
        "vars": {name: plain(value) for name, value in choice.vars.items()}, "items": [item.fields for item in choice.items],
    }


def _chosen(shown: Mapping[str, Any], fields: Sequence[Any]) -> dict[str, Any]:
    """The fields that were asked for, as text; all that a row can hold where none were."""
    known = {"html": shown["html"], "text": shown["text"], "offer": shown["offer"], **{name: value for name, value in shown["vars"].items() if not is_object(value)}}
    return {str(field): known.get(str(field), "") for field in fields} if fields else known
