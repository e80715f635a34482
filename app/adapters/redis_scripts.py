"""Server-side scripts, sent by hash and reloaded where the server lost them."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any

from app.adapters.redis_link import Command, Link, RedisRefused, refusal


class Script:
    """One file of `lua/`."""

    def __init__(self, name: str) -> None:
        self.source = (files("app.adapters") / "lua" / f"{name}.lua").read_bytes()
        self.sha = sha1(self.source).hexdigest()  # noqa: S324 (Redis names scripts so)

    def command(self, keys: Sequence[str], arguments: Sequence[Any]) -> Command:
        return ("EVALSHA", self.sha, len(keys), *keys, *arguments)


async def evaluate(link: Link, script: Script, keys: Sequence[str], arguments: Sequence[Any], seconds: float) -> Any:
    return (await evaluate_many(link, script, [(keys, arguments)], seconds))[0]


async def evaluate_many(
    link: Link, script: Script, calls: Sequence[tuple[Sequence[str], Sequence[Any]]], seconds: float, *, then: Command | None = None
) -> list[Any]:
    """Run a script for several sets of keys in one write, `then` a last command; the replies of all in order.

    Where the server does not know the script it is loaded and run again: one that was not known has done nothing."""
    last = () if then is None else (then,)
    replies = await link.pipeline([*(script.command(keys, arguments) for keys, arguments in calls), *last], seconds)
    unknown = [i for i, reply in enumerate(replies) if isinstance(reply, Exception) and str(reply).startswith("NOSCRIPT")]
    if unknown:
        commands: list[Command] = [("SCRIPT", "LOAD", script.source), *(script.command(*calls[i]) for i in unknown), *last]
        _, *again = await link.pipeline(commands, seconds)
        places = unknown if then is None else [*unknown, len(replies) - 1]
        for i, reply in zip(places, again, strict=True):
            replies[i] = reply
    for reply in replies:
        if isinstance(reply, Exception):
            raise refusal(reply)
    return replies


__all__ = ["RedisRefused", "Script", "evaluate", "evaluate_many"]
