"""The page for people, and the demo's pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.web.parts import Parts

def studio_routes(parts: Parts, people: Sequence[dict[str, Any]], pictures: str | None) -> list[BaseRoute]:
    """`/`, which needs `admin` where there are keys. `people` are shown on the page."""
    page = (files("app.studio") / "assets" / "page.html").read_text()

    async def home(request: Request) -> Response:
        parts.keys.authorise(request.scope, "admin")
        snapshot = parts.snapshot
        mails = list(snapshot.definitions.mails) if snapshot else []
        placements = list(snapshot.fallbacks) if snapshot else []
        shown = page.replace("PEOPLE_JSON", _inline(people), 1).replace("MAIL_JSON", _inline(mails[0] if mails else ""), 1)
        return HTMLResponse(shown.replace("PLACEMENTS_JSON", _inline(placements), 1))

    routes: list[BaseRoute] = [Route("/", home)]
    if pictures is not None:
        routes.append(Mount("/demo/pictures", StaticFiles(directory=pictures)))
    return routes


def _inline(value: Any) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(value).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
