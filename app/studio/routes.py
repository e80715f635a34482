"""The page for people, and the API's own documentation."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.web.parts import Parts


def studio_routes(parts: Parts, api: FastAPI) -> list[BaseRoute]:
    """`/docs` and `/openapi.json`; with keys they need `admin`."""

    async def openapi(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        return JSONResponse(api.openapi())

    async def docs(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        rows = "".join(
            f"<tr><td><b>{method.upper()}</b></td><td><code>{path}</code></td><td>{operation['summary']}</td></tr>"
            for path, methods in api.openapi()["paths"].items() for method, operation in methods.items()
        )
        return HTMLResponse(f"<!doctype html><meta charset=utf-8><title>Inlay API</title><h1>Inlay API</h1><table>{rows}</table>")

    return [Route("/openapi.json", openapi), Route("/docs", docs)]
