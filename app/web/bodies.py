"""Reading a request's body: at most 4 MiB, within 10 s, JSON at most 32 deep, an object."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from app.domain.json import Json
from app.errors import RequestInvalid, TooLarge, Unparsable
from app.formats.strict import parse_json
from app.web.asgi import Scope, header

MAX_BYTES = 4 << 20
MAX_SHOWN = 20
SECONDS = 10.0
"""A body that takes longer to arrive is given up: a slow caller must not hold a place for long."""


async def read_body(receive: Any, limit: int = MAX_BYTES) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Unparsable("the caller went away")
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise TooLarge(f"the body is over {limit:,} bytes")
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError as error:
        raise Unparsable(f"the body did not arrive within {SECONDS:g} s") from error


async def read_plain(receive: Any, scope: Scope, limit: int = MAX_BYTES) -> bytes:
    """The body, which must not be compressed."""
    return _plain(await read_body(receive, limit), scope)


def _plain(data: bytes, scope: Scope) -> bytes:
    if (coding := header(scope, b"content-encoding")) and coding.lower() != b"identity":
        raise Unparsable(f"Content-Encoding {coding[:40].decode('latin-1')!r} is not taken: send the JSON as it is")
    return data


async def read_json(receive: Any, scope: Scope) -> dict[str, Json]:
    """The body as an object; 400 where it is not JSON or too deep, 422 where it is something else."""
    return object_of(await read_body(receive), scope)


def object_of(data: bytes, scope: Scope) -> dict[str, Json]:
    """The same of a body that was read."""
    return as_object(parse_json(_plain(data, scope)))


async def read_any(receive: Any, scope: Scope, limit: int = MAX_BYTES, *, empty: bool = False) -> Json:
    """The body as whatever JSON it is; None for no body at all where `empty` allows that."""
    data = await read_plain(receive, scope, limit)
    return None if empty and not data else parse_json(data)


def as_object(body: Json) -> dict[str, Json]:
    if not isinstance(body, dict):
        raise RequestInvalid("the body must be a JSON object", problems=(("body", "not an object"),))
    return body


def refuse_unknown(body: Mapping[str, Any], known: frozenset[str]) -> None:
    """422 that names the keys which are not known."""
    if not body.keys() <= known:
        unknown = sorted(body.keys() - known)
        shown = [key if len(key) <= 80 else key[:80] + "…" for key in unknown[:MAX_SHOWN]]
        raise RequestInvalid(
            f"unknown keys: {', '.join(shown)}; known are {', '.join(sorted(known))}",
            problems=tuple((key, "unknown key") for key in shown),
        )
