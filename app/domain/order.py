"""Events of one person keep their order: how a batch is taken apart without losing it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from app.domain.event import Heard

Numbered: TypeAlias = "tuple[int, Heard]"
"""Which of its batch it was, and what was heard."""


def keys_of(heard: Heard) -> tuple[str, ...]:
    """Every profile that an event is about: one, or the two that it links."""
    return (heard.who.key,) if heard.link is None else (heard.who.key, heard.link.key)


def parted(heard: Sequence[Numbered], holds: Callable[[str], bool]) -> tuple[Sequence[Numbered], Sequence[Numbered]]:
    """Those that may go ahead, and those that must wait behind earlier ones of the same people, which `holds` knows of."""
    ahead: list[Numbered] = []
    behind: list[Numbered] = []
    held: set[str] = set()
    for each in heard:
        keys = keys_of(each[1])
        if any(key in held or holds(key) for key in keys):
            behind.append(each)
            held.update(keys)
        else:
            ahead.append(each)
    return ahead, behind
