"""A sender played against a running server, as its documents say it behaves: what would recipients have received?

Recipients arrive when they are due, whether or not earlier ones were answered: a server that is too slow is not spared.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

HALT_FAILURES, HALT_SHARE, HALT_SECONDS = 3_000, 0.9, 60
"""Braze halts the calls to a host for a minute after more failures than this within one, being more than this share."""
COUNTED = frozenset({408, 429, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Sender:
    """How one sender calls: `parts` are the surfaces of each recipient's mail, asked at once; what it does not take in time or size is
    lost; `tries` are made of what fails."""

    title: str
    parts: tuple[str, ...]
    seconds: float
    bytes: int
    tries: int = 1
    agent: str = "Inlay-Conformance"
    breaker: bool = False
    unique: bool = False
    """One call per unique address in a send."""
    post: str = ""
    """The path and shape that it posts to, where it does."""


SENDERS: Mapping[str, Sender] = {
    "braze": Sender("Braze: HTML, text, AMP and a test render, 2 s, 1 MB, no redirect", ("html", "txt", "amp", "html"), 2.0, 1_000_000, agent="Braze Sender conformance", breaker=True),
    "iterable": Sender("Iterable: 10 s, anything but a 200 skips the recipient", ("json",), 10.0, 10_000_000),
    "salesforce": Sender("Salesforce: 30 s, one call per unique address", ("html",), 30.0, 10_000_000, unique=True),
    "emarsys": Sender("Emarsys: batches, a 4xx pauses the programme", ("json",), 30.0, 10_000_000, post="emarsys"),
    "notifuse": Sender("Notifuse: three tries, then the broadcast pauses", ("json",), 5.0, 10_000_000, tries=3, post="notifuse"),
    "gmail": Sender("Gmail's proxy: AMP lists, no cookies, 3xx fails", ("amp",), 5.0, 1_000_000, agent="Mozilla/5.0 (via ggpht.com GoogleImageProxy)"),
}


@dataclass(slots=True)
class Got:
    """One answer as the sender sees it; `status` 0 where there was none in time."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    milliseconds: float = 0.0
    why: str = ""


@dataclass(slots=True)
class Outcome:
    """What came of a run."""

    recipients: int = 0
    calls: int = 0
    statuses: Counter[int] = field(default_factory=Counter[int])
    invalid: Counter[str] = field(default_factory=Counter[str])
    """Recipients who did not get what they should, by why."""
    shed: int = 0
    mixed: int = 0
    halts: int = 0
    times: list[float] = field(default_factory=list[float])
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """Against which server, for whom, and how fast: recipients a second, over so many connections at most."""

    server: str
    placement: str
    people: Sequence[str]
    send: str
    rate: float
    mail: str = ""
    key: str = ""
    connections: int = 256
    amp_sender: str = ""


async def play(sender: Sender, run: Run) -> Outcome:
    """Every recipient is asked for once due; a recipient waits for a connection no longer than the sender waits for an answer."""
    outcome, pool = Outcome(recipients=len(run.people)), _Pool(run.server, run.connections)
    begun, tasks, asked = time.monotonic(), list[asyncio.Task[None]](), set[str]()
    for i, who in enumerate(run.people):
        due = begun + i / run.rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if sender.unique and who in asked:
            continue
        asked.add(who)
        tasks.append(asyncio.create_task(_recipient(sender, run, who, pool, outcome)))
    await asyncio.gather(*tasks)
    outcome.seconds = time.monotonic() - begun
    failed = sum(number for status, number in outcome.statuses.items() if status in COUNTED or status == 0)
    if sender.breaker and failed > HALT_FAILURES and failed > HALT_SHARE * outcome.calls:
        outcome.halts = 1 + int(outcome.seconds // HALT_SECONDS)
    pool.close()
    return outcome


async def _recipient(sender: Sender, run: Run, who: str, pool: _Pool, outcome: Outcome) -> None:
    answers = await asyncio.gather(*(_asked(sender, run, who, part, pool, outcome) for part in sender.parts))
    wrong = [why for part, answer in zip(sender.parts, answers, strict=True) if (why := _wrong(sender, part, answer))]
    if wrong:
        outcome.invalid[wrong[0]] += 1
        return
    shed = [("overload" in answer.headers.get("x-inlay-degraded", "") or "deadline" in answer.headers.get("x-inlay-degraded", "")) for answer in answers]
    outcome.shed += any(shed)
    outcome.mixed += any(shed) and not all(shed)
    chosen = {answer.headers["x-inlay-decision"] for answer, each in zip(answers, shed, strict=True) if not each and "x-inlay-decision" in answer.headers}
    if len(chosen) > 1:
        outcome.invalid["parts of one mail were decided differently"] += 1


async def _asked(sender: Sender, run: Run, who: str, part: str, pool: _Pool, outcome: Outcome) -> Got:
    got = Got()
    for _ in range(sender.tries):
        got = await pool.ask(_request(sender, run, who, part), sender.seconds)
        outcome.calls += 1
        outcome.statuses[got.status] += 1
        outcome.times.append(got.milliseconds)
        if got.status == 200:
            break
    return got


def _request(sender: Sender, run: Run, who: str, part: str) -> bytes:
    mail = f"&mail={quote(run.mail)}" if run.mail else ""
    head = f"Host: {urlsplit(run.server).netloc}\r\nUser-Agent: {sender.agent}\r\n" + (f"Authorization: Bearer {run.key}\r\n" if run.key else "")
    if not sender.post:
        path = f"/v1/placements/{run.placement}.{part}?profile={quote(who, safe='')}&send={quote(run.send, safe='')}{mail}"
        return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
    shaped = {"parameters": [{"contact_id": who}], "fields": ["html"], "limit": 1} if sender.post == "emarsys" else {"contact": {"external_id": who}, "broadcast": {"id": run.send}}
    body = json.dumps(shaped).encode()
    path = f"/v1/senders/{sender.post}?placement={run.placement}&send={quote(run.send, safe='')}{mail}"
    return f"POST {path} HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _wrong(sender: Sender, part: str, answer: Got) -> str:
    """Why the sender would not have used it; empty where it would."""
    if answer.status != 200:
        return answer.why or f"answered {answer.status}"
    if not answer.body.strip() or len(answer.body) > sender.bytes:
        return "empty" if not answer.body.strip() else f"over {sender.bytes:,} bytes"
    kind = answer.headers.get("content-type", "")
    if part == "json":
        try:
            return "" if kind.startswith("application/json") and isinstance(json.loads(answer.body), dict) else "no JSON object"
        except ValueError:
            return "no JSON"
    if not kind.startswith("text/plain" if part == "txt" else "text/html"):
        return f"is {kind or 'of no type'}"
    return "" if part == "txt" or b"<" in answer.body else "no markup"


class _Pool:
    """Connections that are kept; a request on a kept one that had died goes over a new one."""

    def __init__(self, server: str, connections: int) -> None:
        parts = urlsplit(server)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = parts.scheme == "https"
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._places = asyncio.Semaphore(connections)

    async def ask(self, request: bytes, seconds: float) -> Got:
        begun = time.monotonic()
        got = Got(why="no answer in time")
        writer: asyncio.StreamWriter | None = None
        try:
            async with asyncio.timeout(seconds), self._places:
                reader, writer = self._free.pop() if self._free else await self._opened()
                writer.write(request)
                got = await _read(reader)
                self._free.append((reader, writer))
        except TimeoutError:
            _closed(writer)
        except (OSError, ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            _closed(writer)
            got = Got(why="the connection broke")
        got.milliseconds = (time.monotonic() - begun) * 1000
        return got

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls or None)

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()


def _closed(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Got:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Got(int(head[0].split(" ")[1]), headers, body)
