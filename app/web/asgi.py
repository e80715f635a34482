"""The few lines of ASGI that the hot path needs: reading a header, sending one whole answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Scope = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
PRIVATE = (b"cache-control", b"private, no-store")


@dataclass(slots=True)
class Reply:
    """A whole answer. `outcome` is what metrics call it: `ok degraded shed refused error`."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)
    outcome: str = "ok"


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header; `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return None


async def send_reply(send: Any, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, head: bool = False) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if head else body})
