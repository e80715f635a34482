"""A proxy before a Redis of its own that can be made to fail: gone, silent, slow, or letting bytes drip."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from redis import Redis
from redis.exceptions import ResponseError

from tests.conftest import start_redis

Fault = Literal["none", "gone", "silent", "slow", "drip"]


class FaultyRedis:
    """`url` is what a server is given. `fault` takes effect on open connections too; `seconds` is how late replies are."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="inlay-"))
        self._redis = start_redis(self._folder)
        self.fault: Fault = "none"
        self.seconds = 0.0
        self._loop = asyncio.new_event_loop()
        listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, sock=listening), self._loop).result(5)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._redis.terminate()
        self._redis.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Meanwhile it answers, and refuses all work, as one does that still loads its data: a script that does not end keeps it busy."""
        with self._client() as own, self._client() as other:
            other.config_set("lua-time-limit", 1)
            script = threading.Thread(target=_suppressing, args=(own.eval, "while true do end", 0), daemon=True)
            script.start()
            try:
                _until_busy(other)
                yield
            finally:
                other.script_kill()
                script.join(5)
                other.config_set("lua-time-limit", 5000)

    def _client(self) -> Redis:
        return Redis(unix_socket_path=str(self._folder / "redis.sock"), socket_timeout=30)

    async def _end(self) -> None:
        self._server.close()
        serving = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream, back = await asyncio.open_unix_connection(str(self._folder / "redis.sock"))
            await asyncio.gather(self._pass(reader, back), self._pass(upstream, writer, replies=True))
        except (OSError, ConnectionError):
            writer.transport.abort()

    async def _send(self, target: asyncio.StreamWriter, data: bytes) -> None:
        if target.is_closing():
            raise ConnectionResetError
        target.write(data)
        await target.drain()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, replies: bool = False) -> None:
        while data := await source.read(1 << 16):
            if self.fault == "gone":
                raise ConnectionResetError
            if replies and self.fault == "silent":
                await asyncio.sleep(3600)
            if replies and self.fault == "slow":
                await asyncio.sleep(self.seconds)
            if replies and self.fault == "drip":
                for byte in data[:-1]:
                    await self._send(target, bytes([byte]))
                    await asyncio.sleep(self.seconds)
                data = data[-1:]
            await self._send(target, data)
        target.close()


def _until_busy(client: Redis) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.get("nothing")
        except ResponseError:
            return
        time.sleep(0.01)
    raise AssertionError("the script does not run")


def _suppressing(work: Callable[..., Any], *arguments: Any) -> None:
    with suppress(ResponseError):
        work(*arguments)
