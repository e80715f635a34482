"""Every request is counted and timed here, whichever way it came."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from time import perf_counter
from typing import Any

from app.errors import InlayError
from app.web.asgi import Reply
from app.web.errors import answer
from app.web.parts import Parts


def measured(parts: Parts, surface: str, answering: Awaitable[Reply]) -> Coroutine[Any, Any, Reply]:
    """The reply; an error is one too. What nobody expected is a 500 that tells nothing but its code.

    A request is in flight, and its time runs, from this call on, not only once its turn comes.
    """
    parts.inflight += 1
    return _measured(parts, surface, answering, perf_counter())


async def _measured(parts: Parts, surface: str, answering: Awaitable[Reply], begun: float) -> Reply:
    try:
        reply = await answering
    except InlayError as error:
        status, body, headers = answer(error)
        reply = Reply(status, body, headers, "refused" if status < 500 else "error")
    except Exception as error:  # noqa: BLE001 (logged by type and place; the caller is told by a body like any other)
        parts.telemetry.failure(error)
        status, body, headers = answer(InlayError("something unexpected happened; the log says where", code="internal"))
        reply = Reply(500, body, headers, "error")
    finally:
        parts.inflight -= 1
    parts.telemetry.request(surface, reply.outcome, perf_counter() - begun)
    return reply
