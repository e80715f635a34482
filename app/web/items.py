"""`/v1/items/{id}`: the catalogue, one item at a time; every worker sees a change within a second."""

from __future__ import annotations

from typing import Any

import msgspec

from app.catalogue.items import ID_RULE, fits_id, parse_item
from app.errors import NotFound, RequestInvalid
from app.web.asgi import JSON, Reply, Scope
from app.web.bodies import read_json
from app.web.parts import Parts
from app.web.paths import segments

_encode = msgspec.json.Encoder().encode


class Items:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _id(self, scope: Scope, needed: str) -> str:
        self._parts.keys.authorise(scope, needed)
        id = "/".join(segments(scope, 3))
        if not fits_id(id):
            raise RequestInvalid(f"id: {ID_RULE}", problems=(("id", ID_RULE),))
        return id

    async def show(self, scope: Scope, receive: Any) -> Reply:
        id = self._id(scope, "decide")
        item = await self._parts.catalogue_store.get(id)
        if item is None:
            raise unknown(id)
        return Reply(200, _encode(item), [JSON])

    async def put(self, scope: Scope, receive: Any) -> Reply:
        id = self._id(scope, "admin")
        item = parse_item(self._named(id, await read_json(receive, scope)))
        await self._parts.catalogue_store.put([item])
        return Reply(200, _encode(item), [JSON])

    async def patch(self, scope: Scope, receive: Any) -> Reply:
        id = self._id(scope, "admin")
        fields = self._named(id, await read_json(receive, scope))
        parse_item(fields)
        item = await self._parts.catalogue_store.patch(id, fields)
        if item is None:
            raise unknown(id)
        return Reply(200, _encode(item), [JSON])

    def _named(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the address's id, which it may repeat but not contradict."""
        if body.setdefault("id", id) != id:
            raise RequestInvalid(f"id: {str(body['id'])[:80]!r} in the body, {id[:80]!r} in the address", problems=(("id", "differs"),))
        return body

    async def delete(self, scope: Scope, receive: Any) -> Reply:
        await self._parts.catalogue_store.delete([self._id(scope, "admin")])
        return Reply(204, b"", [])


def unknown(id: str) -> NotFound:
    return NotFound(f"no item {id[:80]!r}", code="unknown_item")
