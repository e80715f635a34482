"""What an ONNX file names, read just far enough to refuse what is never loaded.

The file is walked as the protobuf that it is (onnx.proto, IR version 12): every graph, function, attribute and tensor,
however deep. Refused are tensors whose data lie in other files, and operators that onnxruntime does not bring along.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.errors import ModelUnavailable

DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
"""Where operators may come from, besides functions that the file itself defines."""

_INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 11: "attribute"},
    "training": {1: "graph", 2: "graph"},
    "tensor": {},
}
"""Message -> field number -> the message that lies there."""
_NAMES = {"node": {4: "name", 7: "domain"}, "function": {1: "name", 10: "domain"}}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_NUMBERS = re.compile(rb"(?:\x3d.{4})++|(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++", re.DOTALL)
"""A run of an attribute's floats or ints: a tree ensemble holds them by the million."""


def refuse_foreign(data: bytes) -> None:
    """`ModelUnavailable` where the file is no ONNX file, or reaches for what is not in it."""
    called: set[tuple[str, str]] = set()
    defined: set[tuple[str, str]] = set()
    graphs = 0
    todo = [("model", 0, len(data))]
    while todo:
        kind, start, end = todo.pop()
        inside, named = _INSIDE[kind], dict.fromkeys(_NAMES.get(kind, {}).values(), "")
        graphs += kind == "graph"
        for field, value, at, stop in fields(data, start, end, runs=kind == "attribute"):
            if field in inside and stop:
                todo.append((inside[field], at, stop))
            elif kind == "tensor" and (field == _EXTERNAL_DATA or (field == _DATA_LOCATION and value)):
                raise ModelUnavailable("its data lie in other files: models with external data are not loaded", code="external")
            elif stop and kind in _NAMES and field in _NAMES[kind]:
                named[_NAMES[kind][field]] = data[at:stop].decode("utf-8", "replace")
        if kind in _NAMES:
            (called if kind == "node" else defined).add((named["domain"], named["name"]))
    if not graphs:
        raise ModelUnavailable("is no ONNX file: it holds no graph", code="load")
    for domain, name in sorted(called - defined):
        if domain not in DOMAINS:
            known = ", ".join(sorted(DOMAINS - {""}))
            raise ModelUnavailable(f"needs the operator {domain}.{name}"[:100] + f": custom operators are not loaded, only those of {known}", code="operator")


def fields(data: bytes, at: int, end: int, *, runs: bool = False) -> Iterator[tuple[int, int, int, int]]:
    """(field, number, 0, 0) or (field, 0, start, stop) of each field between `at` and `end`; with `runs`, for attributes,
    (field, 1, start, stop) of all the floats or ints that follow each other, their tags included."""
    while at < end:
        if runs and (run := _NUMBERS.match(data, at, end)) is not None:
            yield data[at] >> 3, 1, at, run.end()
            at = run.end()
            continue
        tag, at = varint(data, at, end)
        field, wire = tag >> 3, tag & 7
        if field == 0 or wire in (3, 4, 6, 7):
            raise _damaged(at)
        if wire == 0:
            value, at = varint(data, at, end)
            yield field, value, 0, 0
            continue
        size, at = (8, at) if wire == 1 else (4, at) if wire == 5 else varint(data, at, end)
        if at + size > end:
            raise _damaged(at)
        if wire == 2:
            yield field, 0, at, at + size
        at += size


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _damaged(at)


def _damaged(at: int) -> ModelUnavailable:
    return ModelUnavailable(f"is no ONNX file, or a damaged one (at byte {at:,})", code="load")
