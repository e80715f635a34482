"""A Redis that syncs when it is told to: what a server of 7.2 says of `WAITAOF`, under the control of a test."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import hiredis


class SyncingRedis:
    """Serves `socket`. `appendfsync` is what it says of itself; it replies to `WAITAOF` once `sync()` is called, and at once
    while `quick`. `waited` counts those that it was asked for."""

    def __init__(self, folder: Path, *, appendfsync: bytes = b"everysec", quick: bool = True) -> None:
        self.socket = folder / "redis.sock"
        self.quick = quick
        self.waited = 0
        self.synced = True
        self._appendfsync = appendfsync
        self._disk = asyncio.Event()

    async def __aenter__(self) -> SyncingRedis:
        self._server = await asyncio.start_unix_server(self._serve, str(self.socket))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    def sync(self, *, failed: bool = False) -> None:
        self.synced = not failed
        self._disk.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parser = hiredis.Reader()
        while data := await reader.read(65_536):
            parser.feed(data)
            while (command := parser.gets()) is not False:
                writer.write(await self._reply(command))
        writer.close()

    async def _reply(self, command: list[Any]) -> bytes:
        match command:
            case [b"CONFIG", b"GET", b"appendonly"]:
                return hiredis.pack_command((b"appendonly", b"yes"))
            case [b"CONFIG", b"GET", name]:
                return hiredis.pack_command((name, self._appendfsync))
            case [b"WAITAOF", *_]:
                self.waited += 1
                if not self.quick:
                    self._disk.clear()
                    await self._disk.wait()
                return b"*2\r\n:%d\r\n:0\r\n" % self.synced
            case _:
                return b"+OK\r\n"
