"""`/v1/items/{id}`: the catalogue, one item at a time; every worker sees a change within a second."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import msgspec

from app.catalogue.items import parse_item
from app.errors import NotFound, RequestInvalid
from app.web.asgi import JSON, Reply, Scope
from app.web.bodies import read_json
from app.web.parts import Parts

_encode = msgspec.json.Encoder().encode


class Items:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _id(self, scope: Scope, needed: str) -> str:
        self._parts.keys.authorise(scope, needed)
        return unquote(scope["path"].split("/", 3)[3])

    async def show(self, scope: Scope, receive: Any) -> Reply:
        item = await self._parts.catalogue_store.get(self._id(scope, "decide"))
        if item is None:
            raise NotFound("no such item", code="unknown_item")
        return Reply(200, _encode(item), [JSON])

    async def put(self, scope: Scope, receive: Any) -> Reply:
        id = self._id(scope, "admin")
        body = await read_json(receive, scope)
        if body.setdefault("id", id) != id:
            raise RequestInvalid(f"id: {str(body['id'])[:80]!r} in the body, {id[:80]!r} in the address", problems=(("id", "differs"),))
        item = parse_item(body)
        await self._parts.catalogue_store.put([item])
        return Reply(200, _encode(item), [JSON])

    async def patch(self, scope: Scope, receive: Any) -> Reply:
        id = self._id(scope, "admin")
        body = await read_json(receive, scope)
        parse_item({**body, "id": id})
        item = await self._parts.catalogue_store.patch(id, {**body, "id": id})
        if item is None:
            raise NotFound("no such item", code="unknown_item")
        return Reply(200, _encode(item), [JSON])

    async def delete(self, scope: Scope, receive: Any) -> Reply:
        await self._parts.catalogue_store.delete([self._id(scope, "admin")])
        return Reply(204, b"", [])
