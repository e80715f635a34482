"""`/v1/profiles/{id}`: what is known of a person, traits, consents, erasure."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import unquote

import msgspec

from app.content.snapshot import iso
from app.domain.change import Append, Change, Grant, Merge
from app.domain.event import PERSONAL, Event, Identity
from app.domain.identity import parse_profile_id
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import Forbidden, NotFound, RequestInvalid
from app.web.answers import segments_of
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import read_json
from app.web.decisions import current, refuse_unknown
from app.web.parts import Parts

_encode = msgspec.json.Encoder().encode


class Profiles:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _who(self, scope: Scope) -> Identity:
        self._parts.keys.authorise(scope, "profiles")
        return parse_profile_id(unquote(scope["path"].split("/")[3]))

    async def show(self, scope: Scope, receive: Any) -> Reply:
        identity = self._who(scope)
        profile = await self._parts.store.read(identity.key)
        if not profile.known or profile.erased:
            raise NotFound("no such profile", code="unknown_profile")
        return Reply(200, _encode(self._body(identity, profile)), [JSON, PRIVATE])

    def _body(self, identity: Identity, profile: Profile) -> dict[str, Any]:
        snapshot = current(self._parts)
        r = Request(self._parts.clock(), profile, None, snapshot.score)
        own = Identity.from_key(profile.key) if profile.key else identity
        known = [{"kind": each.kind, "value": each.value} for each in (own, *profile.identities)]
        return {
            "id": str(own), "identities": known, "traits": dict(profile.traits), "consents": {
                purpose: "granted" if granted else "denied" for purpose, granted in profile.consents.items()
            },
            "segments": segments_of(snapshot, r), "events": event_counts(profile),
        }

    async def patch(self, scope: Scope, receive: Any) -> Reply:
        identity = self._who(scope)
        body = await read_json(receive, scope)
        refuse_unknown(body, frozenset({"traits"}))
        traits = body.get("traits")
        if not isinstance(traits, dict) or not all(0 < len(name) <= 128 for name in traits):
            raise RequestInvalid("traits: an object of names and values", problems=(("traits", "missing or not an object"),))
        await self._apply(identity, self._merged(traits))
        profile = await self._parts.store.read(identity.key)
        return Reply(200, _encode(self._body(identity, profile)), [JSON, PRIVATE])

    def _merged(self, traits: dict[str, Any]) -> list[Change]:
        now, id = self._parts.clock(), secrets.token_bytes(8)
        shown = {name: value for name, value in traits.items() if name.lower() not in PERSONAL and value is not None}
        return [Append(Event("identify", now, id, shown)), Merge(traits, now, id)]

    async def consents(self, scope: Scope, receive: Any) -> Reply:
        identity = self._who(scope)
        body = await read_json(receive, scope)
        declared = current(self._parts).definitions.consents
        wrong = tuple(
            (purpose, f"declared purposes are {', '.join(declared) or 'none'}" if purpose not in declared else "granted or denied")
            for purpose, status in body.items() if purpose not in declared or status not in ("granted", "denied")
        )
        if wrong or not body:
            raise RequestInvalid("purposes with granted or denied, such as {\"marketing\": \"granted\"}", problems=wrong)
        now = self._parts.clock()
        await self._apply(identity, [Grant(purpose, status == "granted", now) for purpose, status in body.items()])
        return Reply(200, _encode(body), [JSON, PRIVATE])

    async def _apply(self, identity: Identity, changes: list[Change]) -> None:
        outcome = (await self._parts.store.apply([(identity.key, changes)], self._parts.clock()))[0]
        if outcome.erased:
            raise Forbidden("this person was erased; nothing is kept of them any more", code="erased")

    async def erase(self, scope: Scope, receive: Any) -> Reply:
        await self._parts.store.erase(self._who(scope).key, self._parts.clock())
        return Reply(204, b"", [PRIVATE])


def event_counts(profile: Profile) -> dict[str, Any]:
    """Per type: how many ever, the first and the last; what was trimmed still counts."""
    history, names = profile.history, profile.history.names.type_names
    trimmed = history.trimmed()
    found: dict[str, Any] = {}
    for number in dict.fromkeys(history.number(i) for i in range(len(history))):
        places = history.positions(number, 0, len(history))
        gone = trimmed.get(number)
        found[names.get(number, str(number))] = {
            "count": len(places) + (gone.count if gone else 0),
            "first_at": iso(min(gone.first_at, history.ts[places[0]]) if gone else history.ts[places[0]]),
            "last_at": iso(history.ts[places[-1]]),
        }
    return found
