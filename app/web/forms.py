"""Reading what forms send, urlencoded or multipart: mail clients' proxies turn the one into the other as they like."""

from __future__ import annotations

from email.errors import MessageError
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, cast
from urllib.parse import parse_qsl

from app.errors import RequestInvalid, Unparsable
from app.web.asgi import Scope, header
from app.web.bodies import read_plain

MAX_BYTES = 64 << 10
MAX_FIELDS = 100
Form = dict[str, list[str]]
"""name -> its values, in the order in which they came"""


async def read_form(receive: Any, scope: Scope) -> Form:
    """At most 64 KiB and 100 fields; files are passed over. `Unparsable`, `RequestInvalid` or `TooLarge`."""
    body = await read_plain(receive, scope, MAX_BYTES)
    kind = (header(scope, b"content-type") or b"").decode("latin-1")
    pairs = _multipart(kind, body) if kind.lower().startswith("multipart/form-data") else _urlencoded(body)
    if len(pairs) > MAX_FIELDS:
        raise RequestInvalid(f"a form has at most {MAX_FIELDS} fields", problems=(("form", "too many fields"),))
    found: Form = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _urlencoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS + 1, errors="strict")
    except UnicodeDecodeError as error:
        raise Unparsable("the form is not UTF-8") from error
    except ValueError as error:
        raise RequestInvalid(f"a form has at most {MAX_FIELDS} fields", problems=(("form", "too many fields"),)) from error


def _multipart(kind: str, body: bytes) -> list[tuple[str, str]]:
    if body.count(b"\nContent-Disposition") > MAX_FIELDS or "boundary=" not in kind or not kind.isprintable():
        raise RequestInvalid(f"a form has a boundary and at most {MAX_FIELDS} fields", problems=(("form", "not readable"),))
    try:
        message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n" + body)
        parts: Any = message.get_payload() if message.is_multipart() else None
        if not isinstance(parts, list):
            raise Unparsable("the form's parts cannot be told apart")
        return [pair for part in cast("list[Any]", parts) if (pair := _field(part)) is not None]
    except (MessageError, UnicodeDecodeError, LookupError, ValueError) as error:
        raise Unparsable("the form cannot be read") from error


def _field(part: Any) -> tuple[str, str] | None:
    """A part's name and text; None for a file and for what has no name."""
    name = part.get_param("name", header="content-disposition")
    if not isinstance(name, str) or part.get_filename() is not None or part.is_multipart():
        return None
    return name, (part.get_payload(decode=True) or b"").decode("utf-8")
