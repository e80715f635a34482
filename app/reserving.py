"""What limited offers use up: held before their decision is recorded, kept once it is, let go of where it was not.

Between the two lies one round trip, and only for offers that use something up. Whoever dies in between leaves it in doubt;
an hour later it goes back, unless the decision was recorded after all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from hashlib import blake2b

from app.content.question import Answer, Question
from app.content.snapshot import Snapshot
from app.domain.caps import Ask, Hold
from app.domain.decision import Choice
from app.errors import RenderFailed, StoreUnavailable
from app.ports import Stocks

EMPTY_MILLISECONDS = 1_000
"""How long a process takes it for granted that nothing is left of a stock, rather than asking for each decision."""


def holder_of(key: bytes) -> Callable[[str, str], str]:
    """(profile key, send) -> the name under which their decision holds things: it names nobody to who lacks the key."""

    def holder(profile: str, send: str) -> str:
        return blake2b(f"{profile}\0{send}".encode(), digest_size=12, key=key[:64]).hexdigest()

    return holder


class Reserving:
    """One process's way to the stocks."""

    def __init__(self, stocks: Stocks, holder: Callable[[str, str], str]) -> None:
        self._stocks = stocks
        self.holder = holder
        self._empty: dict[str, int] = {}
        self._keeping: set[asyncio.Task[None]] = set()

    def refused(self, q: Question, now: int) -> Collection[str]:
        """Stocks that have nothing for a question, or had nothing for others a moment ago."""
        return {*q.refused, *(stock for stock, until in self._empty.items() if until > now)}

    async def take(self, asked: Sequence[tuple[Question, Answer]], snapshot: Snapshot, now: int) -> list[Answer]:
        """The answers that have all they need, with their codes in place. The questions of the others know what there is
        nothing of: they are to be decided anew. Where the stocks cannot be reached, of everything asked for."""
        rows = [(q, answer, ask) for q, answer in asked for _, ask in answer.asks]
        given = await self._given([ask for *_, ask in rows], [q for q, *_ in rows], now)
        found: dict[int, dict[Hold, str]] = {}
        for (q, answer, ask), code in zip(rows, given, strict=True):
            if code is None:
                self._refuse(q, ask, now)
            elif not ask.looks:
                found.setdefault(id(answer), {})[Hold(ask.stock, ask.holder)] = code
        return [answer for q, answer in asked if await self._all(q, answer, snapshot, found.get(id(answer), {}))]

    async def _given(self, asks: list[Ask], questions: list[Question], now: int) -> list[str | None]:
        try:
            return await self._stocks.take(asks, now)
        except StoreUnavailable:
            for q in questions:
                q.degraded.add("store")
            return [None] * len(asks)

    def _refuse(self, q: Question, ask: Ask, now: int) -> None:
        q.refused = {*q.refused, ask.stock}
        self._empty[ask.stock] = now + EMPTY_MILLISECONDS

    async def _all(self, q: Question, answer: Answer, snapshot: Snapshot, held: dict[Hold, str]) -> bool:
        answer.held = tuple(held)
        if all(ask.stock not in q.refused for _, ask in answer.asks) and self._filled(q, answer, snapshot, held):
            return True
        await self.drop(answer)
        return False

    def _filled(self, q: Question, answer: Answer, snapshot: Snapshot, held: dict[Hold, str]) -> bool:
        """Put codes where their offers show them. False where one cannot be drawn with its code."""
        for offer, ask in answer.asks:
            mine = Hold(ask.stock, ask.holder)
            for choice in answer.decision.choices.values():
                if choice.offer == offer and choice.placement in answer.verdicts and mine in held:
                    choice.held = [*choice.held, mine]
                    if ask.of_codes and not self._shown(q, answer, choice, snapshot, held[mine]):
                        q.refused = {*q.refused, ask.stock}
                        return False
        return True

    def _shown(self, q: Question, answer: Answer, choice: Choice, snapshot: Snapshot, code: str) -> bool:
        dish = snapshot.offers[choice.offer or ""]
        choice.vars = {**choice.vars, **dict.fromkeys(dish.coded, code)}
        draw = q.drawing(choice.placement, answer.request)
        if draw is None:
            return True
        try:
            choice.content = draw(dish, choice.vars, choice.items)
        except RenderFailed:
            answer.request.degraded.append(f"render:{dish.block.id}")
            return False
        return True

    # -- afterwards ------------------------------------------------------------------------------------------------

    async def settled(self, answer: Answer) -> None:
        """It was recorded, or is still open because it was not. Nobody waits for what is kept: where that fails it is found in
        doubt, and kept, an hour later."""
        if answer.open:
            await self.drop(answer)
        else:
            self._see_through(self._stocks.keep(answer.held))

    async def drop(self, answer: Answer) -> None:
        """It was not recorded, and will not be."""
        if answer.held:
            with suppress(StoreUnavailable):
                await self._stocks.drop(answer.held)
            answer.held = ()

    def freed(self, held: Sequence[Hold]) -> None:
        """There is something of these again."""
        for each in held:
            self._empty.pop(each.stock, None)

    def _see_through(self, doing: Awaitable[None]) -> None:
        async def done() -> None:
            with suppress(StoreUnavailable):
                await doing

        task = asyncio.ensure_future(done())
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
