"""Clients that ask for content of many people at once, some of whom cut their connection at random moments, and a Redis
that stops and goes on at random. Every byte that comes back is judged: whose mark is in it?"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio import StreamReader, StreamWriter
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.stories.server import Server

MARK = re.compile(rb"mark(\d+)x")
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
SENDER = b"AMP-Email-Sender: news@shop.example\r\n"
CONTENT = ("html", "txt", "json", "amp")
INTERNAL = ("decide", "profile")
"""Calls that may be told 503: the store is away, or too much is in flight."""
RULES = """version: 1
placements: {mine: {fallback: {block: anyone}}}
features: {seen: {last: seen.mark}}
offers:
  own: {placements: [mine], eligibility: {field: profile.mark, exists: true}, block: marked, vars: {mark: {field: profile.mark}, seen: {field: feature.seen}}}
"""
BLOCK = "description: x\nvariables: {mark: {type: string, default: nobody}, seen: {type: string, default: nothing}}\n"
HTML = "<p>{{ mark }} and {{ seen }}</p>" + "<p>a line that makes the answer longer</p>" * 20
AMP = '<p>{{ mark }}</p><amp-list width="auto" height="200" layout="fixed-height" src="{{ urls.amp }}"><template type="amp-mustache"><p>{{mark}}</p></template></amp-list>'


def write_content(folder: Path) -> Path:
    """Content that shows a person's own mark, from a trait and from an event."""
    for name in ("marked", "anyone"):
        (folder / "blocks" / name).mkdir(parents=True)
        (folder / "blocks" / name / "block.yaml").write_text(BLOCK)
        (folder / "blocks" / name / "html.j2").write_text(HTML)
        (folder / "blocks" / name / "amp.j2").write_text(AMP)
    (folder / "rules").mkdir()
    (folder / "rules" / "storm.yaml").write_text(RULES)
    return folder


def introduce(server: Server, people: int) -> list[str]:
    """Make people known with a mark each; the addresses of their AMP lists."""
    for i in range(people):
        batch = [
            {"type": "identify", "userId": f"p{i}", "traits": {"mark": mark(i)}}, {"type": "track", "userId": f"p{i}", "event": "Seen", "properties": {"mark": mark(i)}},
        ]
        assert server.post("/v1/events", {"batch": batch}).json["accepted"] == 2
    return [re.findall(r'src="https://[^/]+(/amp/[^"]+)"', server.get(f"/v1/placements/mine.amp?profile=p{i}&send=first").text)[0] for i in range(people)]


def mark(person: int) -> str:
    return f"mark{person}x"


@dataclass
class Storm:
    """`counts` of what came; `wrong` holds what must not be: a mark of somebody else, a status that no caller may see."""

    port: int
    lists: list[str]
    draw: Random
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    asked: int = 0

    def run(self, requests: int, redis_pid: int) -> None:
        asyncio.run(self._all(requests, redis_pid))

    async def _all(self, requests: int, redis_pid: int) -> None:
        hindering = asyncio.create_task(self._hinder(redis_pid))
        try:
            await asyncio.gather(*(self._steady(requests) for _ in range(16)), *(self._cutting(requests) for _ in range(32)))
        finally:
            hindering.cancel()
            os.kill(redis_pid, signal.SIGCONT)

    async def _hinder(self, pid: int) -> None:
        """Redis stands still for a moment, now and then."""
        while True:
            await asyncio.sleep(self.draw.uniform(0.2, 1.0))
            os.kill(pid, signal.SIGSTOP)
            self.counts["stops"] += 1
            await asyncio.sleep(self.draw.uniform(0.01, 0.25))
            os.kill(pid, signal.SIGCONT)

    # -- clients ---------------------------------------------------------------------------------------------------

    async def _steady(self, requests: int) -> None:
        """Asks for one person after the other over one connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while self.asked < requests:
            person = self.draw.randrange(len(self.lists))
            kind, request = self._request(person)
            writer.write(request)
            head, body = await asyncio.wait_for(_answer(reader), 5)
            self._judge(person, kind, head, body)
        writer.close()

    async def _cutting(self, requests: int) -> None:
        """Asks for one person, several times in one go, and cuts the connection in the middle of anything. It waits for no answer, so
        on a slow machine it would ask for nearly all: it lets the others ask for a third."""
        while self.asked < requests:
            if self.counts["cut"] > 2 * (self.asked - self.counts["cut"]) + requests // 100:
                await asyncio.sleep(0.01)
                continue
            person = self.draw.randrange(len(self.lists))
            asked = [self._request(person) for _ in range(self.draw.choice((1, 1, 2, 4)))]
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            data = b"".join(request for _, request in asked)
            writer.write(data[: self.draw.choice((len(data), len(data), self.draw.randrange(len(data))))])
            got = await self._until_cut(reader)
            self._cut(writer)
            self.counts["cut"] += len(asked)
            self._judge_part(person, got, only_content=not any(kind in INTERNAL for kind, _ in asked))

    async def _until_cut(self, reader: StreamReader) -> bytes:
        got = b""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(self.draw.choice((0.0, 0.002, 0.01, 0.06))):
                while data := await reader.read(self.draw.choice((1, 100, 2_000))):
                    got += data
        return got

    def _cut(self, writer: StreamWriter) -> None:
        if self.draw.random() < 0.5:
            writer.transport.abort()
        else:
            writer.close()

    def _request(self, person: int) -> tuple[str, bytes]:
        """What is asked for, and the request."""
        self.asked += 1
        kind = self.draw.choice((*CONTENT, *CONTENT, "list", "list", "decide", "profile"))
        send = f"&send=s{self.draw.randrange(3)}" if self.draw.random() < 0.3 else ""
        match kind:
            case "list":
                return kind, b"GET " + self.lists[person].encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + SENDER + b"\r\n"
            case "profile":
                return kind, b"GET /v1/profiles/p%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % person
            case "decide":
                body = b'{"profile":"p%d","placements":["mine"],"surface":"html","explain":true}' % person
                return kind, b"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            case _:
                return kind, f"GET /v1/placements/mine.{kind}?profile=p{person}{send} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()

    # -- judging ---------------------------------------------------------------------------------------------------

    def _judge(self, person: int, kind: str, head: bytes, body: bytes) -> None:
        status = int(STATUS.match(head)[1])  # pyright: ignore[reportOptionalSubscript]
        marks = {int(found) for found in MARK.findall(head + body)}
        self.counts[f"{kind} {status}"] += 1
        if marks - {person}:
            self.wrong.append(f"p{person} was shown {marks} in {kind}")
        if status != 200 and not (kind in INTERNAL and status == 503):
            self.wrong.append(f"{kind} {status}: {body[:200]!r}")
        if marks:
            self.counts["marked"] += 1
        elif status == 200 and b"x-inlay-degraded" not in head.lower() and b'"degraded":["' not in body:
            self.wrong.append(f"p{person} was not shown the own mark in {kind}: {head[:300]!r} {body[:2000]!r}")

    def _judge_part(self, person: int, got: bytes, *, only_content: bool) -> None:
        marks = {int(found) for found in MARK.findall(got)}
        if marks - {person}:
            self.wrong.append(f"p{person} was shown {marks}")
        if only_content and (failed := [status for status in STATUS.findall(got) if status >= b"500"]):
            self.wrong.append(f"content was answered with {failed}")


async def _answer(reader: StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    assert found is not None, head
    return head, await reader.readexactly(int(found[1]))
