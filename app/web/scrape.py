"""`/metrics` and `/healthz` of a process that answers nothing else."""

from __future__ import annotations

import asyncio

from app.telemetry import Telemetry

SECONDS = 5.0


async def serve_metrics(telemetry: Telemetry, host: str, port: int) -> asyncio.Server:
    """Listening when it returns. `OSError` where the address is taken."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_reply(head, telemetry))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return await asyncio.start_server(answer, host, port)


def _reply(head: bytes, telemetry: Telemetry) -> bytes:
    line, *rows = head.decode("latin-1").split("\r\n")
    method, _, target = line.partition(" ")
    path = target.partition(" ")[0].partition("?")[0]
    headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rows)}
    status, kind, body = "404 Not Found", "application/json", b'{"error":{"code":"not_found","message":"/metrics and /healthz are here"}}'
    if method == "GET" and path == "/metrics":
        status = "200 OK"
        body, kind = telemetry.exposition(headers.get("accept", ""))
    elif method == "GET" and path == "/healthz":
        status, body = "200 OK", b'{"status":"ok"}'
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
