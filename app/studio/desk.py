"""What the page asks for: who there is, one person's decision with its reasons, one person's mail."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from app.content.question import Answer
from app.content.snapshot import Snapshot
from app.content.why import Why, lately, segments_in_words
from app.domain.identity import looks_like_email
from app.errors import RequestInvalid
from app.studio.demo import Demo, plain_frame
from app.studio.mail import Scheme, fill, in_scheme
from app.web.answers import decision_json, explain_json
from app.web.decisions import asked, context_of, current, instant, who
from app.web.parts import Parts
from app.web.surfaces import Surfaces

MAX_DRAWN = 64
"""Mails kept for the frames that ask for them next."""

_KEYS = frozenset({"profile", "mail", "placements", "context", "surface", "explain", "at"})
_SCHEMES: Mapping[str, Scheme] = {"light": "light", "dark": "dark"}


class Desk:
    """Every decision taken here is a preview: nothing is recorded or counted."""

    def __init__(self, parts: Parts, surfaces: Surfaces, demo: Demo) -> None:
        self._parts = parts
        self._surfaces = surfaces
        self._demo = demo
        self._frame = demo.frame or plain_frame()
        self._latest: Why | None = None
        self._drawn: dict[str, dict[str, str]] = {}

    def people(self) -> dict[str, Any]:
        """Whom to show, and what the content declares."""
        snapshot = current(self._parts)
        return {
            "people": self._demo.people, "content_version": snapshot.version,
            "mails": {id: list(mail.placements) for id, mail in snapshot.definitions.mails.items()},
            "placements": list(snapshot.fallbacks), "segments": segments_in_words(snapshot),
            "development": self._parts.keys.development,
        }

    async def decision(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body of `POST /v1/decisions`; its answer, with the reasons in words, what the person did lately, and how long it took."""
        snapshot = current(self._parts)
        begun = perf_counter()
        answer, placements = await self._decide(snapshot, {**body, "explain": True}, body.get("surface"))
        took = (perf_counter() - begun) * 1000
        explain = explain_json(snapshot, answer, placements)
        if body.get("surface") == "html":
            self._keep(answer)
        found = {
            "decision": decision_json(answer, placements, explain=explain), "why": self._why(snapshot).explain(answer, placements),
            "person": self._person(answer), "lately": lately(answer.request, self._item_name), "took_ms": round(took, 2),
        }
        if body.get("surface") == "amp":
            lists, _ = await self._decide(snapshot, body, "list")
            found["lists"] = {id: lists.decision.choices[id].content for id in placements}
        return found

    async def mail(self, query: Mapping[str, str]) -> str:
        """The whole mail as HTML, in the light or dark scheme that was asked for.

        It is the one of the `decision` that was asked for just before, where this worker took it, else decided anew.
        """
        contents = self._drawn.get(query.get("decision", "")) or await self._contents(query)
        return in_scheme(fill(self._frame, contents), _SCHEMES.get(query.get("scheme", "")))

    async def _contents(self, query: Mapping[str, str]) -> dict[str, str]:
        snapshot = current(self._parts)
        if looks_like_email(query.get("profile", "")) and self._parts.settings.email_in_url != "allow":
            raise RequestInvalid("an e-mail address does not belong into a URL: use the user id")
        body = {name: query[name] for name in ("profile", "mail", "at") if query.get(name)}
        given = {"placements": query["placements"].split(",")} if query.get("placements") else {}
        answer, placements = await self._decide(snapshot, {**body, **given}, "html")
        return {id: answer.decision.choices[id].content or "" for id in placements}

    def _keep(self, answer: Answer) -> None:
        contents = {id: choice.content or "" for id, choice in answer.decision.choices.items()}
        self._drawn[answer.decision.id] = contents
        if len(self._drawn) > MAX_DRAWN:
            self._drawn.pop(next(iter(self._drawn)))

    async def _decide(self, snapshot: Snapshot, body: Mapping[str, Any], surface: str | None) -> tuple[Answer, tuple[str, ...]]:
        parts = self._parts
        q = asked(body, snapshot, _KEYS)
        q.identity, q.context, q.preview = who(body.get("profile"), "profile", parts.identifiers), context_of(body.get("context")), True
        now = parts.clock() if body.get("at") is None else instant(body["at"])
        q.draw = self._surfaces.draw(surface) if surface is not None else None
        answer = await parts.decider.decide(snapshot, q, now, parts.settings.deadline_esp_ms / 1000)
        return answer, q.placements

    def _why(self, snapshot: Snapshot) -> Why:
        if self._latest is None or self._latest.snapshot is not snapshot:
            self._latest = Why(snapshot)
        return self._latest

    def _person(self, answer: Answer) -> dict[str, Any]:
        profile = answer.request.profile
        consents = {purpose: "granted" if granted else "denied" for purpose, granted in profile.purposes.items()}
        return {"known": profile.known and not profile.erased, "traits": dict(profile.traits), "consents": consents}

    def _item_name(self, id: str) -> str:
        item = self._parts.catalogue.get(id)
        name = item.fields.get("name") if item is not None else None
        return name if isinstance(name, str) else ""
