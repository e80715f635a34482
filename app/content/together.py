"""Questions of several requests that are cheaper to answer together than one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[Q, A]):
    """`await together(question)`: all that is asked within one tick of the loop is answered by one call at its end, so that nobody waits
    for anything but others who are there already. Where the call fails each is asked alone: a question harms no other."""

    def __init__(self, answer: Callable[[Sequence[Q]], Sequence[A]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []

    def __call__(self, question: Q) -> asyncio.Future[A]:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, found))
        if len(self._waiting) == 1:
            loop.call_soon(self._flush)
        return found

    def _flush(self) -> None:
        waiting, self._waiting = [(question, future) for question, future in self._waiting if not future.done()], []
        if not waiting:
            return
        try:
            answers = self._answer([question for question, _ in waiting])
        except Exception as error:  # noqa: BLE001 (it is told to whom it concerns)
            if len(waiting) == 1:
                waiting[0][1].set_exception(error)
                return
            for question, future in waiting:
                self._waiting = [(question, future)]
                self._flush()
            return
        for (_, future), found in zip(waiting, answers, strict=True):
            future.set_result(found)


__all__ = ["Together"]
