"""A sender played against a running server, as its documents say it behaves: what would recipients have received?

Recipients arrive when they are due, whether or not earlier ones were answered: a server that is too slow is not spared.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
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
    late: float = 0.0
    """Seconds that a recipient was begun with after being due, at most: this side's own fault, which the server is not charged with."""

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
    return await _Play(sender, run).outcome()


AT_ONCE = 8
"""Recipients that are begun before answers are read, where the calls are behind their time."""
TICK_SECONDS = 0.001
"""What is due within it is asked for together."""


class _Play:
    """One run. Calls are answered to functions, not to tasks, which would cost more than all else."""

    def __init__(self, sender: Sender, run: Run) -> None:
        self._sender, self._run = sender, run
        self._pool = Pool(run.server, run.connections, sender.seconds)
        self._outcome = Outcome(recipients=len(run.people))
        self._left, self._ended = 0, asyncio.Event()
        self._opening: set[asyncio.Task[None]] = set()

    async def outcome(self) -> Outcome:
        outcome, begun = self._outcome, time.monotonic()
        await self._begin(begun)
        while self._left:
            self._ended.clear()
            await self._ended.wait()
        outcome.seconds = time.monotonic() - begun
        failed = sum(number for status, number in outcome.statuses.items() if status in COUNTED or status == 0)
        if self._sender.breaker and failed > HALT_FAILURES and failed > HALT_SHARE * outcome.calls:
            outcome.halts = 1 + int(outcome.seconds // HALT_SECONDS)
        self._pool.close()
        return outcome

    async def _begin(self, begun: float) -> None:
        """Begin with every recipient when due, or as soon after as this machine can."""
        asked = set[str]()
        for i, who in enumerate(self._run.people):
            wait = begun + i / self._run.rate - time.monotonic()
            if wait > TICK_SECONDS or i % AT_ONCE == 0:
                await asyncio.sleep(max(wait, 0))
            self._outcome.late = max(self._outcome.late, -wait)
            if not self._sender.unique or who not in asked:
                asked.add(who)
                self._mail(who)

    def _mail(self, who: str) -> None:
        """Ask for all parts of a recipient's mail."""
        self._left += 1
        parts = self._sender.parts
        answers: list[Got] = [Got()] * len(parts)
        missing = len(parts)

        def came(at: int, got: Got) -> None:
            nonlocal missing
            answers[at] = got
            missing -= 1
            if not missing:
                self._whole(answers)

        for at, part in enumerate(parts):
            self._ask(_request(self._sender, self._run, who, part), partial(came, at), self._sender.tries)

    def _ask(self, request: bytes, done: Callable[[Got], None], tries: int) -> None:
        def came(got: Got) -> None:
            outcome = self._outcome
            outcome.calls += 1
            outcome.statuses[got.status] += 1
            outcome.times.append(got.milliseconds)
            if got.status == 200 or tries == 1:
                done(got)
            else:
                self._ask(request, done, tries - 1)

        self._pool.call(request, came)

    def _whole(self, answers: Sequence[Got]) -> None:
        """All parts of a mail are there, or are not to be had."""
        wrong = [why for part, answer in zip(self._sender.parts, answers, strict=True) if (why := _wrong(self._sender, part, answer))]
        if self._sender.opens and not wrong:
            task = asyncio.create_task(self._opened(answers))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._judge(answers, wrong)

    async def _opened(self, answers: Sequence[Got]) -> None:
        """Ask for what the mail shows when it is opened; calls to one address are shared."""
        run, loop = self._run, asyncio.get_running_loop()
        found = list(dict.fromkeys(gmail_proxy.fetches(answers[0].body.decode(), forms=run.forms)))
        shown = [loop.create_future() for _ in found]
        for each, future in zip(found, shown, strict=True):
            self._ask(gmail_proxy.request(each, run.server, run.amp_sender), future.set_result, self._sender.tries)
        self._judge(answers, [why for each, answer in zip(found, await asyncio.gather(*shown), strict=True) if (why := gmail_proxy.wrong(each, answer, run.amp_sender))])

    def _judge(self, answers: Sequence[Got], wrong: Sequence[str]) -> None:
        outcome = self._outcome
        if wrong:
            outcome.invalid[wrong[0]] += 1
        else:
            shed = [_shed(answer) for answer in answers]
            outcome.shed += any(shed)
            outcome.mixed += any(shed) and not all(shed)
            chosen = {answer.headers["x-inlay-decision"] for answer, each in zip(answers, shed, strict=True) if not each and "x-inlay-decision" in answer.headers}
            if len(chosen) > 1:
                outcome.invalid["parts of one mail were decided differently"] += 1
        self._left -= 1
        self._ended.set()


def _shed(answer: Got) -> bool:
    """Whether the load made it a fallback."""
    why = answer.headers.get("x-inlay-degraded", "")
    return "overload" in why or "deadline" in why


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


def _said(body: bytes) -> str:
    """What an error of Inlay's says."""
    try:
        told = json.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return ""
    return f": {told}"


def _wrong(sender: Sender, part: str, answer: Got) -> str:
    """Why the sender would not have used it; empty where it would."""
    if answer.status != 200:
        return answer.why or f"answered {answer.status}{_said(answer.body)}"
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
