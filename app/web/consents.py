"""`/v1/profiles/{id}/consents`: what a person agreed to, with every answer that led there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from app.consents import Consents
from app.domain.consent import MAX_SOURCE, MAX_VERSION, Answer
from app.domain.event import FUTURE_MILLISECONDS
from app.domain.json import is_object
from app.domain.literals import parse_instant
from app.domain.profile import Profile
from app.errors import RequestInvalid
from app.web.answers import STATUS, answer_json
from app.web.asgi import JSON, PRIVATE, Reply, Scope, header
from app.web.bodies import read_json
from app.web.parts import Parts, current
from app.web.profiles import Profiles, filed

_encode = msgspec.json.Encoder().encode
_KEYS = ("status", "source", "version", "at")


class ConsentRoutes:
    def __init__(self, parts: Parts, profiles: Profiles, consents: Consents) -> None:
        self._parts = parts
        self._profiles = profiles
        self._consents = consents

    async def show(self, scope: Scope, receive: Any) -> Reply:
        identity, profile = await self._profiles.known(scope)
        answers = await self._consents.history(identity.key, profile)
        body = {"id": str(filed(identity, profile)), "consents": standing(profile, answers), "history": [answer_json(each) for each in answers]}
        return Reply(200, _encode(body), [JSON, PRIVATE])

    async def put(self, scope: Scope, receive: Any) -> Reply:
        """`{purpose: granted | denied | {status, source, version, at}}`; answers what was recorded."""
        identity = self._profiles.who(scope)
        body, now = await read_json(receive, scope), self._parts.instant()
        answers = read_answers(body, current(self._parts).definitions.consents, now)
        await self._consents.answer(identity.key, answers, now)
        return Reply(200, _encode({each.purpose: STATUS[each.granted] for each in answers}), [JSON, PRIVATE])


def asks_for_privacy(scope: Scope) -> bool:
    """Whether a browser sends Global Privacy Control (`Sec-GPC: 1`)."""
    return header(scope, b"sec-gpc") == b"1"


def read_answers(body: Mapping[str, Any], declared: Mapping[str, Any], now: int) -> list[Answer]:
    """`RequestInvalid` names every purpose that is not declared, and everything that cannot be read."""
    found: list[Answer] = []
    wrong: list[tuple[str, str]] = []
    for purpose, given in body.items():
        if purpose not in declared:
            wrong.append((purpose, f"declared purposes are {', '.join(declared) or 'none'}"))
            continue
        read = _read(purpose, given if is_object(given) else {"status": given}, now)
        if isinstance(read, Answer):
            found.append(read)
        else:
            wrong.append((purpose, read))
    if wrong or not found:
        raise RequestInvalid("purposes with granted or denied, such as {\"marketing\": \"granted\"}", problems=tuple(wrong))
    return found


def _read(purpose: str, given: Mapping[str, Any], now: int) -> Answer | str:
    """One answer, or what is wrong with it."""
    if unknown := [key for key in given if key not in _KEYS]:
        return f"unknown key {unknown[0][:40]!r}; known are {', '.join(_KEYS)}"
    status, source, version = given.get("status"), given.get("source", ""), given.get("version", "")
    if status not in STATUS.values():
        return "granted or denied"
    if not isinstance(source, str) or not isinstance(version, str) or len(source) > MAX_SOURCE or len(version) > MAX_VERSION:
        return f"source and version are texts of at most {MAX_SOURCE} and {MAX_VERSION} characters"
    at = parse_instant(given["at"]) if "at" in given else now
    if at is None or not 0 <= at <= now + FUTURE_MILLISECONDS:
        return "at: an ISO 8601 instant, not ahead of the clock"
    return Answer(at, purpose, status == "granted", source, version)


def standing(profile: Profile, answers: Sequence[Answer]) -> dict[str, Any]:
    """Per purpose the answer that holds; where its history is no longer kept, its status alone."""
    latest = {each.purpose: each for each in answers if profile.consents.get(each.purpose) is each.granted}
    return {purpose: _standing(granted, latest.get(purpose)) for purpose, granted in profile.purposes.items()}


def _standing(granted: bool, answer: Answer | None) -> dict[str, Any]:
    told = answer_json(answer) if answer is not None else {"status": STATUS[granted]}
    return {key: value for key, value in told.items() if key != "purpose"}
