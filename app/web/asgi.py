"""The few lines of ASGI and HTTP that the hot path needs: reading headers, sending one whole answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import suppress
from typing import Any

from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

Scope = MutableMapping[str, Any]
Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
PRIVATE = (b"cache-control", b"private, no-store")

_BY_THE_BOOK = frozenset({b"connection", b"content-length", b"transfer-encoding", b"upgrade", b"expect", b"keep-alive"})
"""Headers that say something about the connection or a body; but `Connection: keep-alive` says nothing new."""


class Reply(Struct):
    """An answer. `outcome` is what metrics call it: `ok degraded shed refused error`. Where it is a long one, `rest` follows
    its body in parts, each made when the one before has left."""

    status: int
    body: bytes
    headers: Headers = []  # noqa: RUF012 (a Struct copies it)
    outcome: str = "ok"
    rest: AsyncIterator[bytes] | None = None


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first value of a header; `name` in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return value
    return None


LARGE = 64 << 10
DRAINED = 64 << 20
DRAIN_SECONDS = 10.0


def has_large_body(scope: Scope) -> bool:
    """Whether more is announced than lies in a socket's buffers."""
    length = header(scope, b"content-length")
    return header(scope, b"transfer-encoding") is not None if length is None else int(length) > LARGE


def draining(scope: Scope, receive: Any, send: Any) -> tuple[Any, Any]:
    """For a request that may be answered before its body was read: the rest is read first, and thrown away.

    A connection that is closed over unread bytes is reset, and the caller never sees the answer. One that waits for
    leave to send (`Expect`) is answered at once; 64 MiB and 10 s are the end of patience.
    """
    whole = header(scope, b"expect") is not None

    async def reading() -> Any:
        nonlocal whole
        message = await receive()
        whole = not message.get("more_body", False)
        return message

    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start" and not whole:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    size = 0
                    while not whole and size < DRAINED:
                        size += len((await reading()).get("body", b""))
        await send(message)

    return reading, sending


def without_body(send: Any) -> Any:
    """For the answer to a HEAD: its head, and nothing after it."""

    async def sending(message: Any) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sending


async def send_reply(send: Any, reply: Reply, *, head: bool = False) -> None:
    if reply.rest is not None:
        await _send_parts(send, reply, reply.rest)
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": with_length(reply.headers, reply.status, reply.body)})
    await send({"type": "http.response.body", "body": b"" if head else reply.body})


async def _send_parts(send: Any, reply: Reply, rest: AsyncIterator[bytes]) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": True})
    async for part in rest:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def with_length(headers: Headers, status: int, body: bytes) -> Headers:
    """The headers and the body's length, which answers that have no body do not tell."""
    return [*headers] if status in (204, 304) else [*headers, (b"content-length", str(len(body)).encode())]


def plain_headers(lines: bytes, length: int = 0) -> Headers | None:
    """Header lines of a request with a body of this length, taken apart; None where one of them is about more than the request
    itself, or the body has another length."""
    found: Headers = []
    untold = length
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            name, value = name.lower(), value.strip(b" \t")
            if name in _BY_THE_BOOK and (name != b"connection" or value.lower() != b"keep-alive"):
                if name != b"content-length" or not untold or value != b"%d" % untold:
                    return None
                untold = 0
            found.append((name, value))
    return found if not untold else None


def head(status: int, headers: Headers, length: int, *, keep_alive: bool) -> bytes:
    """Status line and headers. No header can smuggle another in: a line break in one is refused."""
    parts = [STATUS_LINE[status]]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"content-length: %d\r\n\r\n" % length if keep_alive else b"content-length: %d\r\nconnection: close\r\n\r\n" % length)
    found = b"".join(parts)
    if found.count(b"\n") != len(headers) + (3 if keep_alive else 4) or found.count(b"\r") != found.count(b"\n"):
        raise ValueError("a header holds a line break")
    return found
