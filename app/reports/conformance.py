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

import uvloop

from app.reports import gmail_proxy
from app.reports.calls import Got, Pool

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
    opens: bool = False
    """The mail is opened: its AMP part's lists and forms are called for too, as Gmail's proxy does."""


SENDERS: Mapping[str, Sender] = {
    "braze": Sender("Braze: HTML, text, AMP and a test render, 2 s, 1 MB, no redirect, five retries", ("html", "txt", "amp", "html"), 2.0, 1_000_000, tries=6, agent="Braze Sender conformance", breaker=True),
    "iterable": Sender("Iterable: 10 s, anything but a 200 skips the recipient", ("json",), 10.0, 10_000_000),
    "salesforce": Sender("Salesforce: 30 s, one call per unique address", ("html",), 30.0, 10_000_000, unique=True),
    "emarsys": Sender("Emarsys: batches, a 4xx pauses the programme", ("json",), 30.0, 10_000_000, post="emarsys"),
    "notifuse": Sender("Notifuse: three tries, then the broadcast pauses", ("json",), 5.0, 10_000_000, tries=3, post="notifuse"),
    "gmail": Sender("Gmail's proxy: every list and form of the AMP part, no cookies, no redirect, forms urlencoded", ("amp",), 5.0, 1_000_000, opens=True),
}


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
    forms: bool = True
    """Post the forms of mails that are opened: each is an answer of that person."""


def played(sender: Sender, run: Run) -> Outcome:
    """`play` to its end, in an event loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(play(sender, run))


async def play(sender: Sender, run: Run) -> Outcome:
    """Every recipient is asked for once due; a recipient waits for a connection no longer than the sender waits for an answer."""
    outcome, pool = Outcome(recipients=len(run.people)), Pool(run.server, run.connections)
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


async def _recipient(sender: Sender, run: Run, who: str, pool: Pool, outcome: Outcome) -> None:
    answers = await asyncio.gather(*(_asked(sender, run, who, part, pool, outcome) for part in sender.parts))
    wrong = [why for part, answer in zip(sender.parts, answers, strict=True) if (why := _wrong(sender, part, answer))]
    if sender.opens and not wrong:
        wrong = await _opened(sender, run, answers[0].body.decode(), pool, outcome)
    if wrong:
        outcome.invalid[wrong[0]] += 1
        return
    shed = [("overload" in answer.headers.get("x-inlay-degraded", "") or "deadline" in answer.headers.get("x-inlay-degraded", "")) for answer in answers]
    outcome.shed += any(shed)
    outcome.mixed += any(shed) and not all(shed)
    chosen = {answer.headers["x-inlay-decision"] for answer, each in zip(answers, shed, strict=True) if not each and "x-inlay-decision" in answer.headers}
    if len(chosen) > 1:
        outcome.invalid["parts of one mail were decided differently"] += 1


async def _opened(sender: Sender, run: Run, markup: str, pool: Pool, outcome: Outcome) -> list[str]:
    """What the mail would not show when it is opened; calls to one address are shared."""
    found = list(dict.fromkeys(gmail_proxy.fetches(markup, forms=run.forms)))
    asked = [gmail_proxy.request(each, run.server, run.amp_sender) for each in found]
    answers = await asyncio.gather(*(_tried(sender, each, pool, outcome) for each in asked))
    return [why for each, answer in zip(found, answers, strict=True) if (why := gmail_proxy.wrong(each, answer, run.amp_sender))]


async def _asked(sender: Sender, run: Run, who: str, part: str, pool: Pool, outcome: Outcome) -> Got:
    return await _tried(sender, _request(sender, run, who, part), pool, outcome)


async def _tried(sender: Sender, request: bytes, pool: Pool, outcome: Outcome) -> Got:
    got = Got()
    for _ in range(sender.tries):
        got = await pool.ask(request, sender.seconds)
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
