"""`/v1/profiles/{id}`: what is known of a person, traits, consents, the kept history, everything held, erasure."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec

from app.consents import Consents
from app.domain.change import Append, Change, Grant, Merge
from app.domain.consent import RESTRICTED
from app.domain.event import ID_BYTES, Event, Identity, public
from app.domain.experiments import SEEDED
from app.domain.identity import looks_like_email
from app.domain.profile import NOBODY, Profile
from app.domain.request import Request
from app.erasure import Erasure
from app.errors import NotFound, RequestInvalid
from app.formats.segment import NotHeard, check_payload
from app.web.answers import answer_json, segments_of
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import read_json, refuse_unknown
from app.web.held import counts, export, page
from app.web.parts import Parts, current
from app.web.paths import segments
from app.web.stored import Stored

_encode = msgspec.json.Encoder().encode
_PATCH_KEYS = frozenset({"traits"})
_RESTRICT_KEYS = frozenset({"restricted"})
MAX_TRAIT_NAME = 128


class Profiles:
    def __init__(self, parts: Parts, consents: Consents, erasure: Erasure) -> None:
        self._parts = parts
        self._erasure = erasure
        self._consents = consents
        self._stored = Stored(parts)

    def who(self, scope: Scope) -> Identity:
        self._parts.keys.authorise(scope, "profiles")
        text = segments(scope, 3)[0]
        if looks_like_email(text) and self._parts.settings.email_in_url != "allow":
            raise RequestInvalid("an e-mail address belongs in no URL: name the person by a user id, or set INLAY_EMAIL_IN_URL=allow",
                                 problems=(("profile", "an e-mail address"),), code="profile")
        return self._parts.identifiers.parse(text)

    async def known(self, scope: Scope, *, sends: bool = False) -> tuple[Identity, Profile]:
        identity = self.who(scope)
        profile = await self._parts.store.read(identity.key, sends=sends)
        if not profile.known or profile.erased:
            raise NotFound("no such profile", code="unknown_profile")
        return identity, profile

    async def show(self, scope: Scope, receive: Any) -> Reply:
        return Reply(200, _encode(self._body(*await self.known(scope))), [JSON, PRIVATE])

    def _body(self, identity: Identity, profile: Profile) -> dict[str, Any]:
        snapshot = current(self._parts)
        r = Request(self._parts.clock(), NOBODY if profile.restricted else profile, None, snapshot.score, snapshot.trials.assign)
        own = filed(identity, profile)
        known = [{"kind": each.kind, "value": each.value} for each in (own, *profile.identities)]
        return {
            "id": str(own), "identities": known, "traits": dict(profile.traits), "consents": {
                purpose: "granted" if granted else "denied" for purpose, granted in profile.purposes.items()
            },
            "segments": [] if profile.restricted else segments_of(snapshot, r), "events": counts(profile.history),
            **({"restricted": True} if profile.restricted else {}),
        }

    async def events(self, scope: Scope, receive: Any) -> Reply:
        """The kept history, the newest first: `?limit=100&before=CURSOR`."""
        identity, profile = await self.known(scope)
        return Reply(200, _encode({"id": str(filed(identity, profile)), **page(profile.history, scope["query_string"])}), [JSON, PRIVATE])

    async def export(self, scope: Scope, receive: Any) -> Reply:
        """Everything that is held of the person."""
        identity, profile = await self.known(scope, sends=True)
        key = filed(identity, profile).key
        decisions = await asyncio.gather(*(self._stored.told(key, send) for send in profile.sends))
        answers = await self._consents.history(key, profile)
        told: dict[str, Any] = {"consent_history": [answer_json(each) for each in answers], "decisions": [each for each in decisions if each is not None]}
        told["experiments"] = {id: stored.partition(SEEDED)[0] for id, stored in profile.variants.items()}
        told |= await self._erasure.held(identity.key, profile)
        body = export(self._body(identity, profile), profile.history, told, self._parts.clock())
        return Reply(200, _encode(body), [JSON, PRIVATE])

    async def patch(self, scope: Scope, receive: Any) -> Reply:
        identity = self.who(scope)
        body = await read_json(receive, scope)
        refuse_unknown(body, _PATCH_KEYS)
        traits = body.get("traits")
        if not isinstance(traits, dict) or not all(0 < len(name) <= MAX_TRAIT_NAME for name in traits):
            raise RequestInvalid(f"traits: an object of names of 1 to {MAX_TRAIT_NAME} characters and their values",
                                 problems=(("traits", "missing, or not such an object"),))
        try:
            check_payload(traits)
        except NotHeard as error:
            raise RequestInvalid(f"traits: {error.detail}", problems=(("traits", error.detail),)) from error
        await self._apply(identity, self._merged(traits))
        profile = await self._parts.store.read(identity.key)
        return Reply(200, _encode(self._body(identity, profile)), [JSON, PRIVATE])

    def _merged(self, traits: dict[str, Any]) -> list[Change]:
        now, id = self._parts.instant(), secrets.token_bytes(ID_BYTES)
        return [Append(Event("identify", now, id, public(traits))), Merge(traits, now, id)]

    async def restrict(self, scope: Scope, receive: Any) -> Reply:
        """`{"restricted": true}`: from the next call on what is held of the person is not used, and goes on being held."""
        identity = self.who(scope)
        body = await read_json(receive, scope)
        refuse_unknown(body, _RESTRICT_KEYS)
        restricted = body.get("restricted")
        if not isinstance(restricted, bool):
            raise RequestInvalid("restricted: true or false", problems=(("restricted", "neither true nor false"),))
        await self._apply(identity, [Grant(RESTRICTED, restricted, self._parts.instant())])
        return Reply(200, _encode({"restricted": restricted}), [JSON, PRIVATE])

    async def _apply(self, identity: Identity, changes: list[Change]) -> None:
        outcome = (await self._parts.store.apply([(identity.key, changes)], self._parts.clock()))[0]
        if outcome.erased:
            raise NotFound("this person was erased: nothing is kept of them any more", code="erased")

    async def erase(self, scope: Scope, receive: Any) -> Reply:
        key = self.who(scope).key
        await self._parts.forget(key)
        await self._erasure.erase(key, self._parts.clock())
        return Reply(204, b"", [PRIVATE])


def filed(identity: Identity, profile: Profile) -> Identity:
    """Under what the person that a request named is filed, an alias followed."""
    return Identity.from_key(profile.key) if profile.key else identity
