"""`/v1/reports`: what experiments and holdouts showed. The command `inlay report` works it out, in a process of its own and behind
everything else: its libraries and its work over the log stay out of the process that decides."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Collection
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from app.errors import NotFound, RequestInvalid, Unreachable
from app.web.asgi import JSON, PRIVATE, Reply, Scope
from app.web.parts import Parts, current
from app.web.paths import segments

SECONDS, NICER = 120, 10
FORMATS = {"json": JSON, "html": (b"content-type", b"text/html; charset=utf-8")}
_STYLED = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")


class Reports:
    """One report at a time; others wait for their turn."""

    def __init__(self, parts: Parts, content: Path, data: Path) -> None:
        self._parts = parts
        self._folders = ("--content", str(content), "--data", str(data))
        self._turn = asyncio.Semaphore(1)

    async def experiment(self, scope: Scope, receive: Any) -> Reply:
        """`?from=2026-11-01&to=2026-12-01&format=json|html`."""
        self._parts.keys.authorise(scope, "admin")
        return await self._reported("experiment", current(self._parts).definitions.experiments, scope)

    async def holdout(self, scope: Scope, receive: Any) -> Reply:
        self._parts.keys.authorise(scope, "admin")
        return await self._reported("holdout", current(self._parts).definitions.holdouts, scope)

    async def _reported(self, what: str, known: Collection[str], scope: Scope) -> Reply:
        name = segments(scope, 4)[0]
        if name not in known:
            raise NotFound(f"no {what} {name[:64]!r}; there are {', '.join(known) or 'none'}", code=f"unknown_{what}")
        given = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        form = given.get("format", "json")
        if form not in FORMATS:
            raise RequestInvalid(f"format: one of {', '.join(FORMATS)}", problems=(("format", "not usable"),))
        days = [part for key in ("from", "to") if key in given for part in (f"--{key}", _day(given[key], key))]
        async with self._turn:
            body = await _run("report", what, name, *days, *self._folders, *(("--json",) if form == "json" else ("--html", "-")))
        return Reply(200, body, [FORMATS[form], PRIVATE, *([_STYLED] if form == "html" else [])])


def _day(text: str, key: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise RequestInvalid(f"{key}: a day, such as 2026-11-01", problems=((key, "not usable"),)) from None


async def _run(*arguments: str) -> bytes:
    """What the command writes; `NotFound` with its message where it has nothing to tell."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    with suppress(ProcessLookupError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICER)
    try:
        async with asyncio.timeout(SECONDS):
            told, said = await process.communicate()
    except TimeoutError as error:
        raise Unreachable(f"the report took longer than {SECONDS} seconds; inlay report has no such limit", code="report") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode:
        raise NotFound(said.decode(errors="replace").strip().removeprefix("inlay: ") or "the report failed", code="no_report")
    return told
