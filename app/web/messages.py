"""`POST /v1/messages/render`: a whole mail for one person, by one joint decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from app.content.amp import amp_document
from app.content.plaintext import plaintext
from app.content.question import Answer, Question
from app.content.snapshot import Dish, Snapshot, iso
from app.domain.identity import SEND_RULE, fits_send
from app.domain.item import Item
from app.domain.json import is_object
from app.domain.request import Request
from app.errors import NotFound, RequestInvalid
from app.mail.limits import warnings
from app.mail.mime import OWN, message
from app.mail.template import MailTemplate, as_text, filled, filled_text, prepared, with_preheader, with_scripts
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import read_json, refuse_unknown
from app.web.decisions import context_of, who
from app.web.hot import count
from app.web.leaving import leaving_headers
from app.web.parts import Parts, current
from app.web.surfaces import Surfaces, check_placement

_encode = msgspec.json.Encoder().encode
_KEYS = frozenset({"profile", "send", "mail", "context", "template", "subject", "preheader", "from", "to", "reply_to", "headers"})
_PARTS = frozenset({"html", "text", "amp"})
MAX_PART = 512 << 10


class Messages:
    def __init__(self, parts: Parts, surfaces: Surfaces, public_url: str) -> None:
        self._parts, self._surfaces, self._public_url = parts, surfaces, public_url.rstrip("/")

    async def render(self, scope: Scope, receive: Any) -> Reply:
        """The parts, the headers and the message; `warnings` say what clients will do to it."""
        parts = self._parts
        parts.keys.authorise(scope, "decide")
        parts.admit()
        body = await read_json(receive, scope)
        refuse_unknown(body, _KEYS)
        snapshot, now = current(parts), parts.clock()
        template = _template(body.get("template"), snapshot)
        q = self._question(body, template, snapshot)
        answer = await parts.decider.decide(snapshot, q, now, snapshot.deadline(q.placements, parts.settings.deadline_esp_ms))
        count(parts, answer)
        contents = self._contents(snapshot, q, answer, now)
        made = _filled(template, contents, _text(body, "subject"), _text(body, "preheader"))
        leaving = leaving_headers(parts.tokens, self._public_url, snapshot, q, now)
        headers = _headers(body) | leaving
        mime = message(made, headers, now)
        decision = answer.decision
        return Reply(200, _encode({
            "decision_id": decision.id, "profile": decision.profile, "send": decision.send, "decided_at": iso(decision.decided_at), "content_version": decision.content_version,
            "degraded": list(dict.fromkeys(decision.degraded)), "placements": {id: {"offer": decision.choices[id].offer, "block": decision.choices[id].block} for id in q.placements},
            "parts": made, "headers": headers, "message": mime.decode("ascii", "replace"),
            "warnings": list(warnings(made["html"], made["text"], made.get("amp", ""), leavable=bool(leaving))),
        }), [JSON, PRIVATE], "degraded" if decision.degraded else "ok")

    def _question(self, body: Mapping[str, Any], template: MailTemplate, snapshot: Snapshot) -> Question:
        send, mail = body.get("send"), body.get("mail")
        if send is not None and not fits_send(send):
            raise RequestInvalid(f"send: {SEND_RULE}", problems=(("send", "not usable"),))
        if mail is not None and mail not in snapshot.definitions.mails:
            raise NotFound(f"no mail {str(mail)[:80]!r}; there are: {', '.join(snapshot.definitions.mails)}", code="unknown_mail")
        q = Question(template.placements, who(body.get("profile"), "profile", self._parts.identifiers), send, mail, context_of(body.get("context")))
        q.draw = self._draw
        return q

    def _draw(self, q: Question, placement: str, r: Request, dish: Dish, variables: Mapping[str, Any], items: Sequence[Item]) -> dict[str, str]:
        """All parts at once: an offer that cannot be shown in one of them is shown in none."""
        return {surface: self._surfaces.draw(surface)(q, placement, r, dish, variables, items) for surface in ("html", "text", "amp")}

    def _contents(self, snapshot: Snapshot, q: Question, answer: Answer, now: int) -> dict[str, dict[str, str]]:
        """surface -> placement -> content."""
        found: dict[str, dict[str, str]] = {"html": {}, "text": {}, "amp": {}}
        for id in q.placements:
            choice = answer.decision.choices[id]
            drawn: Mapping[str, str] = choice.content or {}
            for surface, contents in found.items():
                choice.content = drawn.get(surface)
                if not snapshot.definitions.inbox.idle:
                    self._surfaces.links.dress(snapshot, q, answer, id, surface, now)
                contents[id] = choice.content or self._surfaces.fallbacks(snapshot).get(id, surface).decode()
        return found


def _filled(template: MailTemplate, contents: Mapping[str, Mapping[str, str]], subject: str, preheader: str) -> dict[str, str]:
    html = with_preheader(filled(prepared(template.html), contents["html"]), preheader, escape)
    text = filled_text(template.text, contents["text"]) if template.text else as_text(template.html, contents["text"], plaintext)
    made = {"text": text, "html": html}
    if template.amp and all(contents["amp"][id] for id in template.in_amp):
        body = filled(template.amp, contents["amp"])
        made["amp"] = with_scripts(body) if "<html" in body.lower() else amp_document(subject, [body])
    return made


def _template(given: Any, snapshot: Snapshot) -> MailTemplate:
    if not is_object(given) or not isinstance(given.get("html"), str) or any(name not in _PARTS or not isinstance(part, str) for name, part in given.items()):
        raise RequestInvalid("template: {html, text, amp}, each a text; html is required", problems=(("template", "not readable"),))
    if any(len(part) > MAX_PART for part in given.values()):
        raise RequestInvalid(f"template: a part has at most {MAX_PART:,} characters", problems=(("template", "too long"),))
    template = MailTemplate(given["html"], given.get("text", ""), given.get("amp", ""))
    if not template.placements:
        hint = f'<div data-content="{next(iter(snapshot.fallbacks))}"></div>'
        raise RequestInvalid(f"template: no part has a place for content, such as {hint}, or a line [[{next(iter(snapshot.fallbacks))}]] in the text", problems=(("template", "no placeholder"),))
    for placement in template.placements:
        check_placement(snapshot, placement, None)
    return template


def _headers(body: Mapping[str, Any]) -> dict[str, str]:
    named = {"From": _text(body, "from"), "To": _text(body, "to"), "Reply-To": _text(body, "reply_to"), "Subject": _text(body, "subject")}
    more: Any = body.get("headers") or {}
    if not is_object(more) or any(not isinstance(value, str) or name.lower() in OWN for name, value in more.items()):
        raise RequestInvalid("headers: names and texts, none of those that the message has itself", problems=(("headers", "not usable"),))
    return {name: value for name, value in named.items() if value} | {**more}


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str) or len(value) > 2_000:
        raise RequestInvalid(f"{name}: a text of at most 2,000 characters", problems=((name, "not text"),))
    return value
