"""A third party on loopback that answers in every way that one should not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GOOD = b'{"main": {"temp": 7.5}, "weather": [{"main": "Rain"}]}'
ANSWERS = {
    "/good": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(GOOD), GOOD),
    "/none": b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "/error": b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
    "/redirect": b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/meta-data\r\ncontent-length: 0\r\n\r\n",
    "/huge": b"HTTP/1.1 200 OK\r\ncontent-length: 900000\r\n\r\n" + b"x" * 900_000, "/endless-head": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 900_000,
    "/html": b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", "/deep": b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n" + b"[" * 60_000,
    "/no-http": b"220 mail.example ESMTP\r\n", "/cut": b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "/nothing": b"",
    "/bytes": b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\"\xff\xfe\"",
}
"""Path -> all that comes before the connection is closed."""


@dataclass
class Party:
    port: int
    asked: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    connections: int = 0

    def url(self, path: str, host: str = "party.example", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def third_party(trust: ssl.SSLContext | None = None) -> AsyncIterator[Party]:
    """One that listens; `/slow` never answers, `/drip` a byte at a time."""
    party = Party(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        party.connections += 1
        try:
            await _answer(party, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=trust)
    party.port = server.sockets[0].getsockname()[1]
    try:
        yield party
    finally:
        server.close()


async def _answer(party: Party, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := (await reader.readuntil(b"\r\n\r\n")).decode():
        path = head.split(" ")[1]
        party.asked.append(path)
        party.heads.append(head)
        if path.startswith(("/slow", "/drip")):
            for byte in ANSWERS["/good"] * 100 if path.startswith("/drip") else b"":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)
            await asyncio.sleep(30)
        answer = ANSWERS[path.partition("?")[0]]
        writer.write(answer)
        await writer.drain()
        if path.partition("?")[0] not in ("/good", "/none", "/error", "/redirect"):
            return
