"""The page for people at `/`, and what it asks for under `/studio/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.errors import InlayError
from app.studio.demo import Demo
from app.studio.desk import Desk
from app.web.bodies import read_json
from app.web.errors import status_of
from app.web.parts import Parts
from app.web.surfaces import Surfaces

_encode = msgspec.json.Encoder().encode
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
_PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAIL = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_SAFE = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-cache"}
_CHALLENGE = 'Basic realm="inlay", charset="UTF-8"'

Story = Callable[[Request], Awaitable[Response]]


def studio_routes(parts: Parts, surfaces: Surfaces, demo: Demo) -> list[BaseRoute]:
    """With keys every route but the assets needs `admin`; a browser is asked for a key as password."""
    assets = _assets()
    desk = Desk(parts, surfaces, demo)

    async def home(request: Request) -> Response:
        return _html(assets["page.html"][0].decode())

    async def people(request: Request) -> Response:
        return _json(desk.people())

    async def decision(request: Request) -> Response:
        return _json(await desk.decision(await read_json(request.receive, request.scope)))

    async def mail(request: Request) -> Response:
        return _html(await desk.mail(request.query_params), policy=_MAIL)

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in assets or name.endswith(".html"):
            return Response(status_code=404)
        body, tag = assets[name]
        headers = {**_SAFE, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=_TYPES[name.rpartition(".")[2]])

    routes: list[BaseRoute] = [
        Route("/", _page(parts, home)), Route("/studio/mail.html", _page(parts, mail)), Route("/studio/people.json", _guarded(parts, people)),
        Route("/studio/decision.json", _guarded(parts, decision), methods=["POST"]), Route("/studio/assets/{name}", asset),
    ]
    if demo.pictures is not None:
        routes.append(Mount("/demo/pictures", StaticFiles(directory=demo.pictures)))
    return routes


def _guarded(parts: Parts, story: Story) -> Story:
    async def answer(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        return await story(request)

    return answer


def _page(parts: Parts, story: Story) -> Story:
    """A page for a browser: what goes wrong is a page too, and one without a key is asked for it."""

    async def answer(request: Request) -> Response:
        try:
            parts.keys.authorise(request.scope, "admin")
            return await story(request)
        except InlayError as error:
            status = status_of(error)
            page = _html(_REFUSED.format(status=status, message=escape(error.message)), status)
            if status == 401:
                page.headers["www-authenticate"] = _CHALLENGE
            return page

    return answer


def _html(body: str, status: int = 200, *, policy: str = _PAGE) -> HTMLResponse:
    return HTMLResponse(body, status, {**_SAFE, "content-security-policy": policy})


def _json(body: Any) -> Response:
    return Response(_encode(body), media_type="application/json", headers={**_SAFE, "cache-control": "no-store"})


def _assets() -> dict[str, tuple[bytes, str]]:
    """Name -> content and entity tag, read once. The page names its modules, so that they come in one round."""
    found = {file.name: file.read_bytes() for file in (files("app.studio") / "assets").iterdir() if file.is_file()}
    ahead = "".join(f'<link rel="modulepreload" href="/studio/assets/{name}">\n' for name in found if name.endswith(".js") and name != "theme.js")
    found["page.html"] = found["page.html"].replace(b"</head>", ahead.encode() + b"</head>")
    return {name: (body, f'"{sha256(body).hexdigest()[:16]}"') for name, body in found.items()}


_REFUSED = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Inlay: {status}</title><link rel="icon" href="/studio/assets/icon.svg"><link rel="stylesheet" href="/studio/assets/base.css"></head>
<body><main class="notice"><h1>{status}</h1><p>{message}</p><p class="muted">This page needs a key with the scope <code>admin</code>, given as
the password; the user name does not matter. <code>inlay keys create --name me --scope admin</code> makes one.</p></main></body></html>"""
