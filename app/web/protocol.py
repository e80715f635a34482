"""uvicorn's HTTP protocol with a short way for content, and for a few short questions: no ASGI messages in between, one
write an answer.

Of what uvicorn itself spends on a request to a raw ASGI application this leaves about a third (`bench/`). A request that
came whole and is as plain as nearly all are is read by one regular expression; anything that it does not admit is
httptools' to judge. Everything but a `GET` of a placement, and a `POST` of what is taken whole, takes uvicorn's own way:
other methods, other paths, pipelined requests, bodies that follow later, a full write buffer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app.web.asgi import JSON, Reply, Scope, head, plain_headers
from app.web.errors import body_of

PREFIX = b"/v1/placements/"
MAX_HEAD = 64 << 10
"""Bytes of a request line and headers beyond the first read of the socket."""
HEAD_SECONDS = 15.0
"""Within twice of which a request line and headers have arrived."""
DISCARD_SECONDS = 5.0
LAST_HEAD_SECONDS = 0.25
"""Within which the head of a request has arrived on a connection made just before the server closes."""
GET = ord("G")
NO_PATH = b"(?!)"
LINES = rb" HTTP/1\.1\r\n((?:[A-Za-z0-9-]+:[\t -~]*\r\n)+)\r\n"
PLAIN = re.compile(rb"GET (/v1/placements/[!\"$-~]*)" + LINES)
"""A whole request: target, header lines."""
Answering = Callable[[Scope], Awaitable[Reply]]
Asked = Callable[[Scope, bytes], Awaitable[Reply]]
"""Gives the reply to a request and its body; never raises."""
Short = Callable[[bytes, bytes], Awaitable[Reply] | bytes | None]


_TAKEN: Any = {"raw_path": b""}
"""What a connection holds of a request of which no scope was made."""


class _Nobody:
    """An event that nobody waits for: there is no body to be read, or it has been."""

    def set(self) -> None:
        pass


class ContentCycle:
    """What uvicorn's protocol wants to know of a request under way, and the way to answer it."""

    __slots__ = ("_protocol", "body", "disconnected", "keep_alive", "more_body", "response_complete", "task")
    message_event = _Nobody()
    task: asyncio.Task[None]

    def __init__(self, protocol: HttpToolsProtocol, *, keep_alive: bool) -> None:
        self._protocol = protocol
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_complete = False

    async def run(self, answering: Awaitable[Reply]) -> None:
        protocol = self._protocol
        try:
            reply = await answering
        finally:
            protocol.tasks.discard(self.task)  # here, not in a callback: that is one more turn of the loop for each request
        if self.disconnected:
            return
        self.response_complete = True
        protocol.transport.write(head(reply.status, reply.headers, len(reply.body), keep_alive=self.keep_alive) + reply.body)
        if not self.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()


class Connection(HttpToolsProtocol):
    """`leave()`: from then on each answer on any connection of this class is its last, and says so."""

    leaving = False

    @classmethod
    def leave(cls) -> None:
        cls.leaving = True


def content_protocol(answering: Answering, short: Short, asked: Mapping[str, Asked]) -> type[Connection]:
    """The protocol class for uvicorn's `http`; `answering` gives the reply to a GET of a placement, and never raises.
    `short` gives the reply to one (target, header lines), the whole answer to one that there is no room for, and None where it
    takes a scope to say more, as of one whose lines say something of the connection. `asked` are the paths of which a POST that came whole is taken so."""
    posted = re.compile(b"POST (" + (b"|".join(re.escape(path.encode()) for path in asked) or NO_PATH) + b")" + LINES)

    class ContentProtocol(Connection):
        # uvicorn begins with None, and asks a cycle for no more than ours has
        cycle: RequestResponseCycle | ContentCycle | None
        head_bytes = 0
        refused = False
        between = True
        idle_since = 0.0

        def data_received(self, data: bytes) -> None:
            if self.refused or (self.between and not self.leaving and self._short(data)):
                return
            scope = self.scope
            super().data_received(data)
            self.head_bytes = self.head_bytes + len(data) if self.scope is scope and awaits_head(self) else 0
            if self.head_bytes > MAX_HEAD and not self.refused:
                self._refuse(431, "head_too_large", f"the request line and headers are over {MAX_HEAD:,} bytes")

        def send_400_response(self, msg: str) -> None:
            self._refuse(400, "unparsable", "this is not HTTP as it should be: a malformed request line, header, length or encoding of the body")

        def _refuse(self, status: int, code: str, message: str) -> None:
            """Answer and close; what still comes is thrown away, since a connection closed over unread bytes loses the answer."""
            self.refused = True
            body = msgspec.json.encode(body_of(code, message))
            self.transport.write(head(status, [JSON], len(body), keep_alive=False) + body)
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self.loop.call_later(DISCARD_SECONDS, self.transport.close)

        def _short(self, data: bytes) -> bool:
            """Whether this request takes the short way; it does not while another is under way, or the caller reads slowly."""
            plain = PLAIN.fullmatch(data) or posted.match(data)
            if plain is None or (self.cycle is not None and not self.cycle.response_complete) or self.flow.write_paused:
                return False
            return self._taken(plain) if data[0] == GET else self._asked(plain, data[plain.end() :])

        def _taken(self, plain: re.Match[bytes]) -> bool:
            answer = short(plain[1], plain[2])
            if type(answer) is bytes:
                self.scope = _TAKEN
                self.transport.write(answer)
                self.on_response_complete()
                return True
            if answer is not None:
                self.scope = _TAKEN
                self._run(answer, keep_alive=True)  # pyright: ignore[reportArgumentType]
                return True
            headers = plain_headers(plain[2])
            if headers is None:
                return False
            self.scope = {"type": "http", "headers": headers}  # pyright: ignore[reportAttributeAccessIssue]
            self._begin(plain[1], keep_alive=True)
            return True

        def _asked(self, plain: re.Match[bytes], body: bytes) -> bool:
            headers = plain_headers(plain[2], len(body))
            if headers is None:
                return False
            path = plain[1].decode()
            scope: dict[str, Any] = {"type": "http", "headers": headers, "method": "POST", "path": path, "raw_path": plain[1], "query_string": b""}
            self.scope = scope  # pyright: ignore[reportAttributeAccessIssue]
            self._run(asked[path](scope, body), keep_alive=True)
            return True

        def on_message_begin(self) -> None:
            self.between = False
            super().on_message_begin()

        def on_message_complete(self) -> None:
            self.between = True
            super().on_message_complete()

        def on_headers_complete(self) -> None:
            cycle, parser = self.cycle, self.parser
            if (
                not self.url.startswith(PREFIX) or parser is None or parser.get_method() != b"GET" or self.flow.write_paused
                or self.expect_100_continue or parser.should_upgrade() or (cycle is not None and not cycle.response_complete)
            ):
                super().on_headers_complete()
                if self.leaving and self.cycle is not None:
                    self.cycle.keep_alive = False
                return
            self._begin(self.url, keep_alive=parser.get_http_version() == "1.1" and parser.should_keep_alive() and not self.leaving)

        def _begin(self, url: bytes, *, keep_alive: bool) -> None:
            raw_path, _, query = url.partition(b"?")
            path = raw_path.decode("ascii", "replace")
            scope: dict[str, Any] = self.scope  # pyright: ignore[reportAssignmentType]
            scope["method"] = "GET"
            scope["path"] = unquote(path) if "%" in path else path
            scope["raw_path"] = raw_path
            scope["query_string"] = query.partition(b"#")[0]
            self._run(answering(scope), keep_alive=keep_alive)

        def _run(self, answer: Awaitable[Reply], *, keep_alive: bool) -> None:
            self.cycle = cycle = ContentCycle(self, keep_alive=keep_alive)  # pyright: ignore[reportIncompatibleVariableOverride]
            cycle.task = self.loop.create_task(cycle.run(answer))
            self.tasks.add(cycle.task)

        def on_response_complete(self) -> None:
            """As uvicorn has it, but that one timer watches the connection for all its requests."""
            if self.pipeline or self.flow.read_paused or self.transport.is_closing():
                super().on_response_complete()
                return
            self.server_state.total_requests += 1
            self.idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

        def timeout_keep_alive_handler(self) -> None:
            left = self.idle_since + self.timeout_keep_alive - self.loop.time()
            if self.cycle is not None and not self.cycle.response_complete:
                left = float(self.timeout_keep_alive)
            if left > 0:
                self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
            else:
                super().timeout_keep_alive_handler()

    return ContentProtocol


def awaits_head(protocol: HttpToolsProtocol) -> bool:
    """Whether a request has begun, or a connection was made, and its head has not been read to the end."""
    scope: Any = protocol.scope
    return scope is None or "raw_path" not in scope


async def close_slow(connections: Collection[Any], seconds: float = HEAD_SECONDS) -> None:
    """Close, for ever and every `seconds`, connections whose head was awaited at the last look already: callers that send
    nothing, or a byte now and then, must not hold what others need."""
    awaited: dict[Any, Any] = {}
    while True:
        now = {each: each.scope for each in list(connections) if isinstance(each, HttpToolsProtocol) and awaits_head(each)}
        for each, scope in now.items():
            if each in awaited and awaited[each] is scope:
                each.transport.close()
        awaited = now
        await asyncio.sleep(seconds)


async def heads_read(connections: Collection[Any], seconds: float = LAST_HEAD_SECONDS) -> None:
    """Wait for the requests of those who have come and have not been heard yet, at most so long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and any(isinstance(each, HttpToolsProtocol) and awaits_head(each) for each in connections):
        await asyncio.sleep(0.01)
