"""Error class -> status, and the one shape of every error answer."""

from __future__ import annotations

from typing import Any

import msgspec

from app.errors import (
    Conflict,
    Degraded,
    Forbidden,
    InlayError,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    RateLimited,
    RequestInvalid,
    SpoolFull,
    Starting,
    StoreUnavailable,
    TooLarge,
    Unauthorised,
    Unparsable,
    Unreachable,
)
from app.security.redaction import hide_addresses

STATUS: dict[type[InlayError], int] = {
    Unparsable: 400, TooLarge: 413, RequestInvalid: 422, Unauthorised: 401, Forbidden: 403, NotFound: 404, MethodNotAllowed: 405, Conflict: 409,
    RateLimited: 429, Overloaded: 503, Starting: 503, Degraded: 503, StoreUnavailable: 503, SpoolFull: 503, Unreachable: 503,
}
MAX_PROBLEMS = 100
Headers = list[tuple[bytes, bytes]]


def status_of(error: InlayError) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 503)


def body_of(code: str, message: str, problems: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """The one shape of errors; an address that a caller sent is not said back."""
    said = [{"at": hide_addresses(at[:200]), "message": hide_addresses(text)} for at, text in problems[:MAX_PROBLEMS]]
    return {"error": {"code": code, "message": hide_addresses(message), "problems": said}}


def answer(error: InlayError) -> tuple[int, bytes, Headers]:
    """(status, body, headers): a 503 and a 429 say when to come back, a 401 how to identify oneself."""
    status = status_of(error)
    headers: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    if isinstance(error, RateLimited):
        headers.append((b"retry-after", str(error.seconds).encode()))
    if status == 401:
        headers += [(b"www-authenticate", b'Bearer realm="inlay"'), (b"www-authenticate", b'Basic realm="inlay"')]
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    return status, msgspec.json.encode(body_of(error.code, error.message, error.problems)), headers
