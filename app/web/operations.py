"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from app.errors import InlayError
from app.web.asgi import JSON, Reply, Scope, header
from app.web.parts import Parts

_encode = msgspec.json.Encoder().encode


class Operations:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def alive(self, scope: Scope, receive: Any) -> Reply:
        """The process answers; it checks nothing else, so that a blip of Redis removes no replica."""
        return Reply(200, b'{"status":"ok"}', [JSON])

    async def ready(self, scope: Scope, receive: Any) -> Reply:
        """503 before the first content and while stopping; degraded is ready. Details in development or with `admin`."""
        parts = self._parts
        serving = parts.snapshot is not None and not parts.stopping
        troubles: Mapping[str, str] = parts.snapshot.runtime.troubles() if parts.snapshot is not None else {}
        away = parts.breaker.open or parts.store_away
        degraded = ["store"] * away + [f"model:{id}" for id in troubles]
        body: dict[str, Any] = {"status": "stopping" if parts.stopping else "ready" if serving else "starting", "degraded": degraded}
        try:
            parts.keys.authorise(scope, "admin")
        except InlayError:
            body["degraded"] = bool(degraded)
        else:
            state = parts.content_state
            problems = [str(problem) for problem in (state.problems if state else ())]
            kept = {id: f"the one before it is served: {why}" for id, why in (state.kept if state else ())}
            body |= {
                "content": {"version": parts.snapshot.version if parts.snapshot else None, "problems": problems},
                "store": "down" if away else "up", "models": kept | dict(troubles) or "ok", "durability": parts.durability,
            }
        return Reply(200 if serving else 503, _encode(body), [JSON])

    async def metrics(self, scope: Scope, receive: Any) -> Reply:
        parts = self._parts
        parts.keys.authorise(scope, "admin")
        text, content_type = parts.telemetry.exposition((header(scope, b"accept") or b"").decode("latin-1"))
        return Reply(200, text, [(b"content-type", content_type.encode())])
