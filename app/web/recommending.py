"""`POST /v1/recommendations`: items for a person out of the whole catalogue, each with what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from app.content.items import ItemsPlan
from app.content.queries import read_items_query
from app.content.neighbours import MOST_SEEDS
from app.content.recommending import SEEDS, reasons
from app.content.snapshot import Snapshot, plain
from app.domain.definitions import Recommended
from app.domain.event import Identity
from app.domain.item import Item
from app.domain.json import Json, is_list
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import RequestInvalid, StoreUnavailable
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.bodies import object_of, read_json, refuse_unknown
from app.web.decisions import context_of, who
from app.web.parts import Parts, current

_encode = msgspec.json.Encoder().encode
_VERBS = {"order_completed": "bought", "product_viewed": "viewed"}
_KEYS = frozenset({"profile", "recommender", "seeds", "from", "filter", "exclude", "rank", "limit", "at_least", "arbitration", "context"})
_SCORE, _REASON, _BECAUSE = "score", "score reason", "score because reason"
"""The keys that an answer adds to an item's own, over which they go."""


class Recommendations:
    """The handler of `/v1/recommendations`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def answer(self, scope: Scope, receive: Any) -> Reply:
        """Items for a person: `{profile, from or recommender, seeds, filter, exclude, rank, limit, at_least, context}`."""
        self._let_in(scope)
        return await self._answered(await read_json(receive, scope))

    async def of(self, scope: Scope, body: bytes) -> Reply:
        """The same of a request that came whole."""
        self._let_in(scope)
        return await self._answered(object_of(body, scope))

    def _let_in(self, scope: Scope) -> None:
        self._parts.keys.authorise(scope, "decide")
        self._parts.admit()

    async def _answered(self, body: dict[str, Json]) -> Reply:
        parts, snapshot = self._parts, current(self._parts)
        refuse_unknown(body, _KEYS)
        given = query_of(body)
        plan = snapshot.planned(_encode(given), lambda: read_items_query(given, snapshot.definitions))
        context, _ = snapshot.coerce(context_of(body.get("context")))
        seeds, identity, degraded = seeds_of(body.get("seeds")), who(body.get("profile"), "profile", parts.identifiers), list[str]()
        profile = await self._profile(identity, plan, degraded)
        r = Request(parts.clock(), snapshot.consented(profile), context, snapshot.score, snapshot.trials.assign)
        if seeds is not None:
            r.memo[SEEDS] = seeds
        await plan.think(r)
        items = plan.choose(r, parts.catalogue) or []
        told = ",".join(Telling(snapshot, plan, r, parts.catalogue).all(items))
        degraded = list(dict.fromkeys(degraded + r.degraded))
        text = f'{{"profile":{_text(body.get("profile") or "")},"items":[{told}],"degraded":{_text(degraded)},"content_version":{_text(snapshot.version)}}}'
        return Reply(200, text.encode(), [JSON, PRIVATE], "degraded" if degraded else "ok")

    async def _profile(self, identity: Identity | None, plan: ItemsPlan, degraded: list[str]) -> Profile:
        """What is known of the person; nobody, and why, where the store is away."""
        if identity is not None:
            try:
                return await self._parts.store.read(identity.key, sends=plan.query.looks_back)
            except StoreUnavailable:
                degraded.append("store")
        return Profile()


class Telling:
    """The items of one answer as JSON: their own fields, a score, and where a recommender chose what speaks for them."""

    def __init__(self, snapshot: Snapshot, plan: ItemsPlan, r: Request, catalogue: Any) -> None:
        source = plan.query.source
        self._verb = _VERBS.get(snapshot.definitions.recommenders[source.recommender].event) if isinstance(source, Recommended) else None
        self._of = f"because {self._verb}"
        self._scored = plan.scored
        self._r = r
        self._catalogue = catalogue
        self._said: dict[str, str] = {}

    def all(self, items: list[Item]) -> list[str]:
        found, said, told = reasons(self._r), self._said, list[str]()
        for item, score in self._scored(self._r, items):
            idea = found.get(item.id)
            if idea is None:
                told.append(f'{_own(item, _SCORE)}"score":{_number(score)}}}')
                continue
            shown = f"{idea.score:.6f}" if score is None else _number(score)
            because = idea.because
            if because is None:
                told.append(f'{_own(item, _REASON)}"score":{shown},"reason":"{"new" if idea.why == "new" else "popular now"}"}}')
            elif because == item.id:
                told.append(f'{_own(item, _BECAUSE)}"score":{shown},"because":{_text(because)},"reason":"because you bought it before"}}')
            else:
                told.append(f'{item.fragments.get(_BECAUSE) or _own(item, _BECAUSE)}"score":{shown},{said.get(because) or self._because(because)}')
        return told

    def _because(self, id: str) -> str:
        """The item that speaks for others, and that in words; made once for each version of the item."""
        seed = self._catalogue.get(id)
        found = seed.fragments.get(self._of) if seed is not None else None
        if found is None:
            name = (seed.fields.get("name") if seed is not None else None) or id
            words = f"because you {self._verb} {name}" if self._verb is not None else f"because of {name}"
            found = f'"because":{_text(id)},"reason":{_text(words)}}}'
            if seed is not None:
                seed.fragments[self._of] = found
        self._said[id] = found
        return found


def query_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a body that is an items query; `recommender` is another word for `from`."""
    query = {key: value for key, value in body.items() if key not in ("profile", "context", "seeds", "recommender")}
    if "recommender" not in body:
        return query
    if "from" in body:
        raise RequestInvalid("recommender, or from: not both", problems=(("recommender", "stands beside from"),))
    return {**query, "from": body["recommender"]}


def seeds_of(value: Any) -> list[str] | None:
    """The items to start from, where the caller says it; None where the person's events do."""
    if value is None:
        return None
    if not is_list(value) or len(value) > MOST_SEEDS or not all(isinstance(each, str) for each in value):
        raise RequestInvalid(f"seeds: a list of at most {MOST_SEEDS} ids of items", problems=(("seeds", "no list of ids, or too long"),))
    return [str(each) for each in value]


def _own(item: Item, but: str) -> str:
    """The item's fields but these as JSON, left open for more; made once for each version of the item."""
    found = item.fragments.get(but)
    if found is None:
        left_out = but.split()
        found = item.fragments[but] = _text({key: value for key, value in item.fields.items() if key not in left_out})[:-1] + ","
    return found


def _number(score: Any) -> str:
    return repr(score) if type(score) is float and isfinite(score) else _text(plain(score))


def _text(value: Any) -> str:
    return _encode(value).decode()
