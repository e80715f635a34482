"""One worker process: uvicorn on the listening socket that the parent opened. Settings come by standard input."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import uvicorn

from app.main import Application, create_app
from app.settings import Settings
from app.supervise.door import GRACE_SECONDS, Door
from app.web.protocol import Connection, close_slow, content_protocol, heads_read

LEAVE_SECONDS = GRACE_SECONDS + 0.05
"""A little after the parent has locked the socket, so that nobody is half in."""
UVICORN: dict[str, Any] = {
    "loop": "uvloop", "http": "httptools", "access_log": False, "server_header": False, "date_header": False, "proxy_headers": False,
    "log_config": None, "timeout_graceful_shutdown": 10, "timeout_keep_alive": 75, "backlog": 2048, "ws": "none",
}
"""How uvicorn serves; the benchmark's no-op is served in the same way."""


class Server(uvicorn.Server):
    """Readiness flips first; for a moment the server goes on taking requests, and asks that no more come on their connections. Then it closes."""

    def __init__(self, config: uvicorn.Config, app: Application) -> None:
        super().__init__(config)
        self._app = app
        self._doors: list[Door] = []

    def handle_exit(self, sig: int, frame: object) -> None:
        self._app.begin_stop()
        self._connection.leave()
        asyncio.get_event_loop().call_later(LEAVE_SECONDS, setattr, self, "should_exit", True)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._doors = [Door(each, self._app.worker.settings.workers, self._protocol) for each in sockets or ()]
        try:
            os.write(1, b"ready\n")
        except BrokenPipeError:  # the parent was killed meanwhile
            self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for each in (*self.servers, *(sockets or ())):
            each.close()
        for door in self._doors:
            await door.close()
        await heads_read(self.server_state.connections)
        await super().shutdown(sockets)

    @property
    def _connection(self) -> type[Connection]:
        made: Any = self.config.http_protocol_class
        return made

    def _protocol(self) -> asyncio.Protocol:
        return self._connection(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)


async def end_with_parent(parent: int, server: Server) -> None:
    """A worker whose parent is gone ends too."""
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    server.should_exit = True


async def serve(settings: Settings, listening: socket.socket, parent: int) -> None:
    app = create_app(settings)
    serving: dict[str, Any] = {**UVICORN, "http": content_protocol(app.hot.content, app.hot.short, app.whole)}
    server = Server(uvicorn.Config(app, **serving), app)
    watching = [asyncio.create_task(end_with_parent(parent, server)), asyncio.create_task(close_slow(server.server_state.connections))]
    for sig in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sig, server.handle_exit, sig, None)
    # serve() would install signal handlers of its own
    await server._serve([listening])  # pyright: ignore[reportPrivateUsage]
    for each in watching:
        each.cancel()


def main() -> None:
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    gc.collect()
    gc.freeze()  # while the content is looked at: what was loaded is not looked through again
    told = sys.stdin.read()
    if not told:  # the parent ended before it had anything to serve
        return
    settings = Settings.model_validate_json(told)
    uvloop_run(serve(settings, socket.socket(fileno=fd), parent))


def uvloop_run(story: Coroutine[Any, Any, None]) -> None:
    import uvloop

    uvloop.run(story)

