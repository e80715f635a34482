"""Decisions for internal services: single, batch and stored, as raw ASGI handlers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from app.content.question import Answer, Question
from app.content.snapshot import Snapshot
from app.domain.event import Identity
from app.domain.identity import SEND_RULE, Identifiers, fits_send
from app.domain.json import Json, is_list, is_object
from app.domain.literals import parse_instant
from app.errors import InlayError, NotFound, RequestInvalid, StoreUnavailable
from app.web.answers import decision_json, explain_json, refuse_degraded
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import read_json, refuse_unknown
from app.web.errors import body_of
from app.web.hot import count
from app.web.lines import Lines
from app.web.parts import Parts, current
from app.web.paths import segments
from app.web.stored import Stored
from app.web.surfaces import SURFACES, Surfaces, check_placement
from app.voiding import NOT_RECORDED, Voiding

_encode = msgspec.json.Encoder().encode
MAX_RECIPIENTS = 1_000
CHUNK = 32
"""Recipients decided together, in one read of the store and one write; other requests have their turn in between. What comes of
more of them outgrows the buffer of the socket to Redis and the processor's cache."""
WHOLE_BYTES = 4 << 20
"""An answer up to which is sent whole; of a longer one no more than this and a chunk is ever held."""
EARLIEST, LATEST = 946_684_800_000, 4_102_444_800_000
"""The clock of a preview stands before 2100 and, where it is given as a number, not before 2000: those are seconds."""

_KEYS = frozenset({"profile", "send", "mail", "placements", "context", "surface", "explain", "at", "variants"})
_BATCH_KEYS = _KEYS - {"profile", "context"} | {"recipients"}
_RECIPIENT_KEYS = frozenset({"profile", "context"})


class Decisions:
    """The handlers of `/v1/decisions...`."""

    def __init__(self, parts: Parts, surfaces: Surfaces, voiding: Voiding) -> None:
        self._parts = parts
        self._surfaces = surfaces
        self._voiding = voiding
        self._stored = Stored(parts)

    async def single(self, scope: Scope, receive: Any) -> Reply:
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        parts.admit()
        body = await read_json(receive, scope)
        snapshot = current(parts)
        now = self._instant(scope, body)
        q = asked(body, snapshot, _KEYS)
        q.identity = who(body.get("profile"), "profile", parts.identifiers)
        q.context = context_of(body.get("context"))
        q.variants = self._forced(scope, body, snapshot)
        q.preview = body.get("at") is not None or bool(q.variants)
        q.draw = self._surfaces.draw(q.surface) if q.surface is not None else None
        timeout = snapshot.deadline(q.placements, parts.settings.deadline_esp_ms)
        answer = await parts.decider.decide(snapshot, q, now, timeout)
        self._finish(snapshot, q, answer)
        found = await self._explained(snapshot, q, answer) if q.explain else decision_json(answer, q.placements)
        return Reply(200, _encode(found), [JSON, PRIVATE], "degraded" if answer.decision.degraded else "ok")

    async def batch(self, scope: Scope, receive: Any) -> Reply:
        """One line per recipient, in the order given; a line that fails says why and harms no other."""
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        parts.admit(urgent=False)
        body = await read_json(receive, scope)
        snapshot = current(parts)
        now = self._instant(scope, body)
        template = asked(body, snapshot, _BATCH_KEYS)
        template.variants = self._forced(scope, body, snapshot)
        template.preview = body.get("at") is not None or bool(template.variants)
        recipients = body.get("recipients")
        if not isinstance(recipients, list) or not 1 <= len(recipients) <= MAX_RECIPIENTS:
            raise RequestInvalid(f"recipients: a list of 1 to {MAX_RECIPIENTS} objects", problems=(("recipients", "missing or of the wrong size"),))
        chunks, made = self._chunks(snapshot, template, recipients, now), list[bytes]()
        reply = Reply(200, b"", [(b"content-type", b"application/x-ndjson"), PRIVATE])
        async for chunk in chunks:
            made.append(chunk)
            if sum(map(len, made)) > WHOLE_BYTES:
                reply.rest = self._under_way(chunks)
                break
        reply.body = b"".join(made)
        return reply

    async def _chunks(self, snapshot: Snapshot, template: Question, recipients: Sequence[Json], now: int) -> AsyncIterator[bytes]:
        lines = Lines(template.placements)
        for start in range(0, len(recipients), CHUNK):
            yield b"".join(await self._lines(snapshot, template, recipients[start : start + CHUNK], start, now, lines))
            await asyncio.sleep(0)

    async def _under_way(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What is made while the answer leaves: the request is in flight until then."""
        self._parts.inflight += 1
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            self._parts.inflight -= 1

    async def _lines(self, snapshot: Snapshot, template: Question, recipients: Sequence[Json], start: int, now: int, bodies: Lines) -> list[bytes]:
        """The lines of these recipients, `start` being the number of the first, decided together within one deadline."""
        lines = [b""] * len(recipients)
        questions: dict[int, Question] = {}
        for i, recipient in enumerate(recipients):
            try:
                q = questions[i] = self._question(template, recipient)
            except InlayError as error:
                lines[i] = _failed(start + i, error)
                continue
            if q.surface is not None:
                q.draw = self._surfaces.draw(q.surface)
        timeout = snapshot.deadline(template.placements, self._parts.settings.deadline_esp_ms)
        answers = await self._parts.decider.decide_all(snapshot, tuple(questions.values()), now, timeout)
        for (i, q), answer in zip(questions.items(), answers, strict=True):
            try:
                self._finish(snapshot, q, answer)
                lines[i] = (_encode(await self._explained(snapshot, q, answer)) if q.explain else bodies.of(answer)) + b"\n"
            except InlayError as error:
                lines[i] = _failed(start + i, error)
        return lines

    def _question(self, template: Question, recipient: Json) -> Question:
        if not isinstance(recipient, dict):
            raise RequestInvalid("a recipient is an object {profile, context}")
        refuse_unknown(recipient, _RECIPIENT_KEYS)
        return Question(template.placements, who(recipient.get("profile"), "profile", self._parts.identifiers), template.send, template.mail,
                        context_of(recipient.get("context")), template.preview, explain=template.explain, surface=template.surface,
                        variants=template.variants)

    def _finish(self, snapshot: Snapshot, q: Question, answer: Answer) -> None:
        """Count the answer and make its content whole; `Degraded` where a placement would rather fail."""
        count(self._parts, answer)
        if answer.decision.degraded and any(snapshot.definitions.placements[id].on_degraded == "fail" for id in q.placements):
            refuse_degraded(answer.decision)
        if q.surface is not None:
            if not snapshot.definitions.inbox.idle:
                self._dress(snapshot, q, answer, q.surface)
            self._fill(snapshot, q, answer, q.surface)

    async def _explained(self, snapshot: Snapshot, q: Question, answer: Answer) -> dict[str, Any]:
        return decision_json(answer, q.placements, explain=await self._why(snapshot, q, answer))

    def _dress(self, snapshot: Snapshot, q: Question, answer: Answer, surface: str) -> None:
        """Links as the inbox has them."""
        for id in q.placements:
            self._surfaces.links.dress(snapshot, q, answer, id, surface, answer.request.now)

    def _fill(self, snapshot: Snapshot, q: Question, answer: Answer, surface: str) -> None:
        """The fallback's content where a choice has none on this surface, such as a block without AMP."""
        for id in q.placements:
            choice = answer.decision.choices[id]
            if not choice.content:
                choice.content = self._surfaces.fallbacks(snapshot).get(id, surface).decode()
                answer.decision.degraded.append(f"render:{choice.block}")

    async def _why(self, snapshot: Snapshot, q: Question, answer: Answer) -> dict[str, Any]:
        """The reasons; those of a decision that was recorded earlier as they were then."""
        why = explain_json(snapshot, answer, q.placements)
        opened = self._parts.tokens.open(answer.decision.id) if answer.decision.replayed else None
        with suppress(StoreUnavailable):
            told = await self._stored.told(*opened) if opened is not None else None
            if told is not None:
                recorded = told["explain"]
                why["placements"] = {id: recorded["placements"][id] for id in q.placements if id in recorded["placements"]} | why["placements"]
                why["features"] |= {id: row for id, row in recorded["features"].items() if id in why["features"]}
        return why

    def _instant(self, scope: Scope, body: Mapping[str, Any]) -> int:
        at = body.get("at")
        if at is None:
            return self._parts.clock()
        self._parts.keys.authorise(scope, "preview")
        return instant(at)

    def _forced(self, scope: Scope, body: Mapping[str, Any], snapshot: Snapshot) -> Mapping[str, str]:
        """`variants` of the body: which variant of an experiment to show, whoever asks; then nothing is recorded."""
        given = body.get("variants")
        if given is None:
            return {}
        self._parts.keys.authorise(scope, "preview")
        known = {id: [name for name, _ in each.variants] for id, each in snapshot.definitions.experiments.items()}
        if not is_object(given):
            raise RequestInvalid("variants: an object of experiments and variants", problems=(("variants", "not an object"),))
        wrong = tuple((f"variants.{id}", f"one of {', '.join(known[id])}" if id in known else "no such experiment") for id, name in given.items() if name not in known.get(id, ()))
        if wrong:
            raise RequestInvalid(f"{wrong[0][0][:80]}: {wrong[0][1]}", problems=wrong)
        return given

    async def stored(self, scope: Scope, receive: Any) -> Reply:
        """`GET /v1/decisions/{id}`: the record as it stands, every candidate and why not."""
        self._parts.keys.authorise(scope, "decide")
        opened = self._parts.tokens.open(segments(scope, 3)[0])
        told = await self._stored.told(*opened) if opened is not None else None
        if told is None:
            raise NotFound(NOT_RECORDED, code="not_recorded")
        return Reply(200, _encode(told), [JSON, PRIVATE])

    async def void(self, scope: Scope, receive: Any) -> Reply:
        """`DELETE /v1/decisions/{id}`: the send did not go out; what it used up is there for others."""
        self._parts.keys.authorise(scope, "decide")
        id = segments(scope, 3)[0]
        opened = self._parts.tokens.open(id)
        if opened is None:
            raise NotFound(NOT_RECORDED, code="not_recorded")
        await self._voiding.void(*opened, id, self._parts.clock())
        return Reply(204, b"", [PRIVATE])


def _failed(index: int, error: InlayError) -> bytes:
    return _encode({"index": index, **body_of(error.code, error.message, error.problems)}) + b"\n"


def asked(body: Mapping[str, Any], snapshot: Snapshot, known: frozenset[str]) -> Question:
    """The placements, mail, send and surface of a body, each checked against the content."""
    refuse_unknown(body, known)
    placements, mail, send, surface = body.get("placements"), body.get("mail"), body.get("send"), body.get("surface")
    if surface is not None and surface not in SURFACES:
        raise RequestInvalid(f"surface: {str(surface)[:80]!r} is none of {', '.join(SURFACES)}", problems=(("surface", "unknown surface"),))
    if not isinstance(body.get("explain", False), bool | None):
        raise RequestInvalid("explain: true or false", problems=(("explain", "neither true nor false"),))
    if send is not None and not fits_send(send):
        raise RequestInvalid(f"send: {SEND_RULE}", problems=(("send", "not usable"),))
    if mail is not None and not isinstance(mail, str):
        raise RequestInvalid("mail: the name of a mail", problems=(("mail", "not text"),))
    if mail is not None and mail not in snapshot.definitions.mails:
        raise NotFound(f"no mail {mail[:80]!r}; there are: {', '.join(snapshot.definitions.mails)}", code="unknown_mail")
    if placements is None and mail is not None:
        placements = list(snapshot.definitions.mails[mail].placements)
    if not is_list(placements) or not placements or not all(isinstance(each, str) for each in placements):
        raise RequestInvalid("placements: a list of names", problems=(("placements", "missing, empty or no list of names"),))
    for placement in placements:
        check_placement(snapshot, placement, surface)
    return Question(tuple(dict.fromkeys(placements)), send=send, mail=mail, explain=body.get("explain") is True, surface=surface)


def who(value: Any, at: str, identifiers: Identifiers) -> Identity | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise RequestInvalid(f"{at}: an id as text, such as \"u1\" or \"anonymous_id:x\"", problems=((at, "not text"),))
    return identifiers.parse(value)


def context_of(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not is_object(value):
        raise RequestInvalid("context: an object of names and values", problems=(("context", "not an object"),))
    return value


def instant(value: Any) -> int:
    """An ISO 8601 instant, or ms since 1970."""
    found = value if type(value) is int else parse_instant(value)
    if found is None or not (EARLIEST if type(value) is int else 1) <= found < LATEST:
        raise RequestInvalid(f"at: {str(value)[:80]!r} is no instant of the years 1970 to 2100, such as 2026-10-12T09:00:00Z", problems=(("at", "not an instant"),))
    return found
