"""uvicorn's HTTP protocol with a short way for content: no ASGI messages in between, one write an answer.

Of what uvicorn itself spends on a request to a raw ASGI application this leaves about half (`bench/`). Everything but a
plain `GET` of a placement takes uvicorn's own way: other methods, other paths, pipelined requests, a full write buffer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.web.asgi import Headers, Reply, Scope

PREFIX = b"/v1/placements/"
Answering = Callable[[Scope], Awaitable[Reply]]


class _Nobody:
    """An event that nobody waits for: a placement's request has no body to be read."""

    def set(self) -> None:
        pass


class ContentCycle:
    """What uvicorn's protocol wants to know of a request under way, and the way to answer it."""

    __slots__ = ("_protocol", "body", "disconnected", "keep_alive", "more_body", "response_complete")
    message_event = _Nobody()

    def __init__(self, protocol: HttpToolsProtocol, *, keep_alive: bool) -> None:
        self._protocol = protocol
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_complete = False

    async def run(self, answering: Awaitable[Reply]) -> None:
        reply = await answering
        if self.disconnected:
            return
        protocol = self._protocol
        self.response_complete = True
        protocol.transport.write(head(reply.status, reply.headers, len(reply.body), keep_alive=self.keep_alive) + reply.body)
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


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


def content_protocol(answering: Answering) -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn's `http`; `answering` gives the reply to a GET of a placement, and never raises."""

    class ContentProtocol(HttpToolsProtocol):
        # uvicorn begins with None, and asks a cycle for no more than ours has
        cycle: RequestResponseCycle | ContentCycle | None

        def on_headers_complete(self) -> None:
            url, cycle, parser = self.url, self.cycle, self.parser
            if (
                not url.startswith(PREFIX) or parser is None or parser.get_method() != b"GET" or self.flow.write_paused
                or self.expect_100_continue or parser.should_upgrade() or (cycle is not None and not cycle.response_complete)
            ):
                super().on_headers_complete()
                return
            raw_path, _, query = url.partition(b"?")
            path = raw_path.decode("ascii", "replace")
            scope: dict[str, Any] = self.scope  # pyright: ignore[reportAssignmentType]
            scope["method"] = "GET"
            scope["path"] = unquote(path) if "%" in path else path
            scope["raw_path"] = raw_path
            scope["query_string"] = query.partition(b"#")[0]
            keep_alive = parser.get_http_version() == "1.1" and parser.should_keep_alive()
            self.cycle = cycle = ContentCycle(self, keep_alive=keep_alive)  # pyright: ignore[reportIncompatibleVariableOverride]
            task = self.loop.create_task(cycle.run(answering(scope)))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    return ContentProtocol
