"""JSON as it is taken from outside: at most 32 deep."""

from __future__ import annotations

import msgspec

from app.domain.json import Json
from app.errors import Unparsable

MAX_DEPTH = 32

_decode = msgspec.json.Decoder().decode
_ROUND = bytes.maketrans(b"{}", b"[]")
_OTHERS = bytes(set(range(256)) - set(b'[]{}"'))


def parse_json(data: bytes) -> Json:
    """`Unparsable` where it is no JSON, or too deep."""
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise Unparsable(f"the JSON is nested deeper than {MAX_DEPTH} levels")
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unparsable(f"the body is not JSON: {str(error)[:120]}") from error


def _depth(data: bytes) -> int:
    """How deep the brackets nest, strings left out; 33 stands for anything deeper than 32. Each round takes the
    innermost pairs away."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(data.translate(_ROUND, _OTHERS).split(b'"')[::2])
    depth = 0
    while brackets and depth <= MAX_DEPTH:
        rest = brackets.replace(b"[]", b"")
        if len(rest) == len(brackets):
            break
        brackets, depth = rest, depth + 1
    return depth
