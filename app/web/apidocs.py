"""`/docs` and `/openapi.json`: the API's reference for people and for machines. Nothing comes from another host."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec

from app.content.snapshot import Snapshot
from app.errors import NotFound, Unauthorised
from app.web.asgi import JSON, Headers, Reply, Scope
from app.web.errors import answer
from app.web.inference import version_of
from app.web.parts import Parts
from app.web.reference_parts import Sample

_encode = msgspec.json.Encoder().encode
_TYPES = {"html": b"text/html; charset=utf-8", "js": b"text/javascript; charset=utf-8", "css": b"text/css; charset=utf-8"}
NOBODY = "u:reference-example"
_LIBRARY = ("swagger-ui-bundle.js", "swagger-ui.css")
"""Swagger UI, as the wheel of fastapi-offline carries it."""
_OWN = ("docs.html", "docs.js", "docs.css")
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: http: https:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CHALLENGE = (b"www-authenticate", b'Basic realm="inlay", charset="UTF-8"')


class ApiDocs:
    """With keys both need `admin`; a browser is asked for a key as password. The assets are anybody's."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._made: tuple[tuple[Snapshot | None, int], bytes] | None = None
        library, own = files("fastapi_offline") / "static", files("app.web") / "assets"
        self._files = {name: library / name for name in _LIBRARY} | {name: own / name for name in _OWN}

    async def page(self, scope: Scope, receive: Any) -> Reply:
        return self._refusal(scope) or self._file("docs.html", [(b"content-security-policy", _POLICY), (b"cache-control", b"no-cache")])

    async def asset(self, scope: Scope, receive: Any) -> Reply:
        name = scope["path"].rpartition("/")[2]
        if name not in self._files or name == "docs.html":
            raise NotFound(f"no such file: {name[:80]!r}")
        return self._file(name, [(b"cache-control", b"public, max-age=3600")])

    async def openapi(self, scope: Scope, receive: Any) -> Reply:
        return self._refusal(scope) or Reply(200, self._document(), [JSON, (b"cache-control", b"no-store")])

    def _document(self) -> bytes:
        """Made once for each version of content and catalogue: it takes 30 ms, and the first time 50 to load the models of the API."""
        from app.web.openapi import document

        key = (self._parts.snapshot, self._parts.catalogue.version)
        if self._made is None or self._made[0] != key:
            self._made = (key, _encode(document(sample(self._parts))))
        return self._made[1]

    def _file(self, name: str, headers: Headers) -> Reply:
        kind = (b"content-type", _TYPES[name.rpartition(".")[2]])
        return Reply(200, self._files[name].read_bytes(), [kind, (b"x-content-type-options", b"nosniff"), *headers])

    def _refusal(self, scope: Scope) -> Reply | None:
        try:
            self._parts.keys.authorise(scope, "admin")
        except Unauthorised as error:
            status, body, headers = answer(error)
            return Reply(status, body, [*headers, _CHALLENGE], "refused")
        return None


def sample(parts: Parts) -> Sample:
    """What exists on this server, so that the reference's examples can be tried."""
    profile, send = "mara" if parts.settings.demo else "u1", "2026-11-news"
    snapshot: Snapshot | None = parts.snapshot
    if snapshot is None:
        return Sample()
    sender = next(iter(parts.settings.amp_senders), "news@shop.example")
    placements = tuple(snapshot.fallbacks)
    models = [card for card in snapshot.definitions.models.values() if not card.per_item]
    return Sample(
        placements, tuple(snapshot.definitions.mails), tuple(snapshot.definitions.consents), tuple(snapshot.definitions.context),
        profile, send, next((item.id for item in parts.catalogue.rows), "fjell"), f"news{sender}" if sender.startswith("@") else sender,
        parts.tokens.mint("amp", placements[0], "", "", "", parts.clock()) if placements else "", parts.tokens.seal(f"u:{profile}", send),
        tokens=_tokens(parts, snapshot, placements[0]) if placements else {},
        experiments=tuple(snapshot.definitions.experiments), holdouts=tuple(snapshot.definitions.holdouts),
        models=tuple(card.id for card in models), model_version=version_of(models[0]) if models else "1",
    )


def _tokens(parts: Parts, snapshot: Snapshot, placement: str) -> dict[str, str]:
    """Addresses of a mail to nobody: what is tried out with them changes nothing of anybody's."""
    hosts, now = snapshot.definitions.inbox.clicks.hosts, parts.clock()
    leads = f"https://{hosts[0].removeprefix('*.')}/" if hosts else ""
    return {surface: parts.tokens.mint(surface, placement, NOBODY, "", "", now, more=(leads,) if surface == "c" else ()) for surface in ("amp", "c", "o", "i", "u", "p")}
