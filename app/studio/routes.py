"""The page for people, the API's own documentation, and the demo's pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.web.parts import Parts

_DOCS = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Inlay API</title>
<style>body{font:16px/1.5 -apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;color:#14181f;background:#f6f7f9;margin:40px auto;max-width:860px;padding:0 16px}
table{border-collapse:collapse;width:100%%;background:#fff;border:1px solid #e3e7ec;border-radius:8px}td{padding:8px 12px;border-top:1px solid #e3e7ec;vertical-align:top}
code{font:14px ui-monospace,Menlo,Consolas,monospace}a{color:#2f5bea}</style>
<h1>Inlay API</h1><p>%s</p><p>Machine-readable: <a href="/openapi.json">/openapi.json</a>. Errors are <code>{"error": {"code", "message", "problems"}}</code>.</p><table>%s</table></html>"""


def studio_routes(parts: Parts, api: FastAPI, people: Sequence[dict[str, Any]], pictures: str | None) -> list[BaseRoute]:
    """`/`, `/docs` and `/openapi.json`; with keys they need `admin`. `people` are shown on the page."""
    page = (files("app.studio") / "assets" / "page.html").read_text()

    async def home(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        snapshot = parts.snapshot
        mails = list(snapshot.definitions.mails) if snapshot else []
        placements = list(snapshot.fallbacks) if snapshot else []
        shown = page.replace("PEOPLE_JSON", _inline(people), 1).replace("MAIL_JSON", _inline(mails[0] if mails else ""), 1)
        return HTMLResponse(shown.replace("PLACEMENTS_JSON", _inline(placements), 1))

    async def openapi(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        return JSONResponse(api.openapi())

    async def docs(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        rows = "".join(
            f"<tr><td><b>{method.upper()}</b></td><td><code>{escape(path)}</code></td><td>{escape(operation['summary'])}</td></tr>"
            for path, methods in api.openapi()["paths"].items() for method, operation in methods.items()
        )
        return HTMLResponse(_DOCS % (escape(api.description).replace("\n\n", "</p><p>"), rows))

    routes: list[BaseRoute] = [Route("/", home), Route("/openapi.json", openapi), Route("/docs", docs)]
    if pictures is not None:
        routes.append(Mount("/demo/pictures", StaticFiles(directory=pictures)))
    return routes


def _inline(value: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
