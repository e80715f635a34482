"""What recipients do with a mail, filed as events that are joined to the decision that they saw."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from app.domain.event import Event, Heard, Identity
from app.domain.machines import by_machine
from app.domain.receipt import Receipt
from app.errors import InlayError
from app.formats.esp import shown
from app.ingest import Ingest
from app.security.tokens import Claims
from app.web.asgi import Scope, header
from app.web.parts import Parts

PATIENCE_SECONDS = 0.3
"""How long a recipient waits for an event to be durable; it is applied all the same."""


class InboxEvents:
    def __init__(self, parts: Parts, ingest: Ingest, hashed_id: Callable[[str], bytes]) -> None:
        self._parts = parts
        self._ingest = ingest
        self._hashed_id = hashed_id
        self._under_way: set[asyncio.Task[None]] = set()

    async def file(self, name: str, claims: Claims, once: str, now: int, properties: Mapping[str, Any], *, machine: str = "", wait: bool = True) -> None:
        """The same `once` of a person files the same event. Never raises, and never keeps a recipient waiting for long; whoever
        is not known by name is not filed."""
        if not claims.profile:
            return
        task = asyncio.create_task(self._apply(self._event(name, claims, once, now, properties, machine), now))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        if wait:
            await asyncio.wait((task,), timeout=PATIENCE_SECONDS)

    def _event(self, name: str, claims: Claims, once: str, now: int, properties: Mapping[str, Any], machine: str) -> Heard:
        decision = self._parts.tokens.seal(claims.profile, claims.send) if claims.send else ""
        known = shown(decision_id=decision, send=claims.send, mail=claims.mail, placement=claims.placement, **properties)
        event = Event(name, now, self._hashed_id(f"inbox {name} {claims.profile} {claims.send} {once}"), known)
        return Heard("track", Identity.from_key(claims.profile), by_machine(event, machine) if machine else event)

    async def _apply(self, heard: Heard, now: int) -> None:
        receipt = Receipt()
        try:
            await self._ingest.apply([(0, heard)], now, receipt)
        except InlayError as error:
            self._parts.telemetry.events(error.code, 1)
        except Exception as error:  # noqa: BLE001 (nobody waits for it: what went wrong is counted)
            self._parts.telemetry.failure(error)
        self._parts.telemetry.receipt(receipt)


def agent_of(scope: Scope) -> str:
    return (header(scope, b"user-agent") or b"").decode("latin-1")


def purpose_of(scope: Scope) -> str:
    """What a request says that it is for: browsers and some clients say so when they fetch ahead."""
    return " ".join(value.decode("latin-1") for name, value in scope["headers"] if name in (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz"))
