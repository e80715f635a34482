"""Caps and codes under fire: 64 callers at once on one person and one pool, through a running server."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bench.registry import Measured, figure
from bench.servers import Inlay, inlay, scratch
from bench.stage import doing, tell

DECISIONS = 100_000
CALLERS = 64
MOST = 3
CODES = 4_000
"""Fewer than the callers would like, so that the pool runs dry under them."""
VOIDED_EVERY = 8
PATIENT = {"INLAY_DURABILITY": "fast", "INLAY_READ_TIMEOUT_MS": "2000", "INLAY_WRITE_TIMEOUT_MS": "5000", "INLAY_DEADLINE_ESP_MS": "10000"}
"""What is counted is who was given too much, not how fast: a busy machine is no reason to give nothing."""
RULES = f"""\
version: 1
placements:
  hero: {{fallback: {{block: plain}}}}
offers:
  coupon:
    placements: [hero]
    caps: [{{max: {MOST}, per: profile, within: 7d}}]
    inventory: {{codes: pool}}
    block: card
    vars: {{code: {{field: offer.code}}}}
"""
FILES = {
    "rules/rules.yaml": RULES, "blocks/plain/block.yaml": "description: Plain\n", "blocks/plain/html.j2": "<p>Hello</p>\n",
    "blocks/card/block.yaml": "description: A code\nvariables: {code: {type: string}}\n", "blocks/card/html.j2": "<p>{{ code }}</p>\n",
}


@dataclass
class Given:
    """What the callers were shown."""

    decisions: int = 0
    degraded: int = 0
    """Answers that a store was too slow for: they show nothing that is limited."""
    exceeded: int = 0
    voids: int = 0
    strayed: int = 0
    """Voids after which another number than one was given again."""
    sends: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """code -> the sends that showed it since it was last given back"""
    split: int = 0
    """Sends whose parts showed different codes."""

    @property
    def twice(self) -> int:
        return sum(max(0, len(sends) - 1) for sends in self.sends.values()) + self.split


@figure("caps_exceeded", "decisions", at_most=0, title="decisions beyond a cap of 3, 64 callers at once on one person, over 100,000 decisions with voids between")
def caps_exceeded() -> Measured:
    given = measured()
    return Measured(given.exceeded + given.strayed, {"decisions": f"{given.decisions:,}", "voids": f"{given.voids:,}", "degraded": f"{given.degraded:,}"})


@figure("codes_given_twice", "codes", at_most=0, title="codes given to more than one send, 64 callers at once on one pool that runs dry, over 100,000 decisions with voids between")
def codes_given_twice() -> Measured:
    given = measured()
    return Measured(given.twice, {"decisions": f"{given.decisions:,}", "codes": f"{len(given.sends):,}"})


@cache
def measured(decisions: int = DECISIONS) -> Given:
    with scratch() as folder, doing(f"{decisions:,} decisions by {CALLERS} callers at once"):
        for name, text in FILES.items():
            (folder / "content" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "content" / name).write_text(text)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("\n".join(f"CODE-{i:05}" for i in range(CODES)))
            file.flush()
            inlay("codes", "import", file.name, "--pool", "pool", "--data", str(folder / "data"), "--content", str(folder / "content"))
        with Inlay(folder / "content", folder / "data", **PATIENT) as server:
            given = asyncio.run(_fire(server, decisions))
    tell(f"{given.decisions:,} decisions, {len(given.sends):,} codes given, {given.voids:,} voids, {given.degraded:,} degraded; beyond the cap {given.exceeded}, after a void {given.strayed}, codes twice {given.twice}")
    return given


async def _fire(server: Inlay, decisions: int) -> Given:
    given = Given()
    async with _callers(server) as callers:
        for number in range(decisions // CALLERS):
            await _round(callers, given, number)
    return given


async def _round(callers: list[Caller], given: Given, number: int) -> None:
    """All callers ask for one person at once, in every other round two for each send; now and then one send is taken back."""
    who, parts = f"p{number}", 1 + number % 2
    shown = await _asked(callers, given, who, "a", parts)
    given.exceeded += max(0, len(shown) - MOST)
    if number % VOIDED_EVERY == 0 and len(shown) == MOST:
        (send, (id, code)), degraded = next(iter(shown.items())), given.degraded
        status, _ = await callers[0].call("DELETE", f"/v1/decisions/{id}")
        given.voids += status == 204
        given.sends[code].discard(send)
        again = await _asked(callers, given, who, "b", 1)
        given.strayed += status != 204 or len(again) > 1 or (not again and given.degraded == degraded)


async def _asked(callers: list[Caller], given: Given, who: str, kind: str, parts: int) -> dict[str, tuple[str, str]]:
    """send -> (decision, code) of those that were shown the offer."""
    sends = [f"{who}{kind}{i // parts}" for i in range(CALLERS)]
    answers = await asyncio.gather(*(caller.decide(who, send) for caller, send in zip(callers, sends, strict=True)))
    given.decisions += len(answers)
    codes: dict[str, set[str]] = {}
    shown: dict[str, tuple[str, str]] = {}
    for send, answer in zip(sends, answers, strict=True):
        if answer["degraded"]:
            given.degraded += 1
            continue
        hero = answer["placements"]["hero"]
        codes.setdefault(send, set()).add(hero["vars"].get("code", ""))
        if hero["offer"] == "coupon":
            shown[send] = answer["decision_id"], hero["vars"]["code"]
            given.sends.setdefault(hero["vars"]["code"], set()).add(send)
    given.split += Counter(len(each) > 1 for each in codes.values())[True]
    return shown


class Caller:
    """One connection that is kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader, self.writer, self._head = reader, writer, head

    async def decide(self, who: str, send: str) -> Any:
        status, answer = await self.call("POST", "/v1/decisions", {"profile": who, "send": send, "placements": ["hero"]})
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
        return answer

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        self.writer.write(head.encode() + data)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().splitlines()
        length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
        told = await self._reader.readexactly(length)
        return int(lines[0].split()[1]), json.loads(told) if told else None


@asynccontextmanager
async def _callers(server: Inlay) -> AsyncIterator[list[Caller]]:
    found = [Caller(*await asyncio.open_connection("127.0.0.1", server.port), server.head().decode()) for _ in range(CALLERS)]
    try:
        yield found
    finally:
        for each in found:
            each.writer.close()
