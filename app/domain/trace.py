"""Why a recorded decision fell as it did, kept small: codes of removal, to be read beside the content's table.

A trace is a row of parts, one per call that added placements: u32 length, then msgpack (as zlib where that is worth it)
`[content version, {placement: [numbers and codes as u16, chosen, {offer: by}, {offer: score}]}, {feature: value}]`, of those
offers whose code is not the one they are filed under; offers by number.
A table is `{placement: [offer ids, [[by, place] or nil per code], filed codes as u16]}`, stored once per content version.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec
import numpy as np

from app.domain.decision import Candidate

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(strict=False).decode
SMALL = 1_024
"""Bytes up to which compressing costs more than it saves."""
PLAIN = 0x93
"""The first byte of a msgpack array of three, which no zlib stream begins with."""

Table = Mapping[str, Any]


class Judged(Protocol):
    """What a trace keeps of one placement's judging."""

    @property
    def codes(self) -> array[int] | None: ...
    @property
    def filed(self) -> array[int]: ...
    @property
    def scores(self) -> Mapping[int, float | None]: ...
    @property
    def later(self) -> Mapping[int, str]: ...
    @property
    def chosen(self) -> int | None: ...


def encode_trace(version: str, verdicts: Mapping[str, Judged], features: Mapping[str, Any]) -> bytes:
    rows = {
        placement: [changed(each.codes, each.filed), each.chosen, list(each.later.items()), list(each.scores.items())]
        for placement, each in verdicts.items() if each.codes is not None
    }
    body = _encode([version, rows, dict(features)])
    if len(body) > SMALL:
        body = zlib.compress(body, 1)
    return len(body).to_bytes(4, "big") + body


def changed(codes: array[int], filed: array[int]) -> bytes:
    """Where the codes differ from those that the offers are filed under, and what they are there."""
    now = np.frombuffer(codes, np.uint16)
    at = np.flatnonzero(now != np.frombuffer(filed, np.uint16))
    return at.astype(np.uint16).tobytes() + now[at].tobytes()


def decode_trace(trace: bytes) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(content version, placement -> row, features) of each part."""
    at = 0
    while at + 4 <= len(trace):
        end = at + 4 + int.from_bytes(trace[at : at + 4], "big")
        body = trace[at + 4 : end]
        version, rows, features = _decode(body if body[0] == PLAIN else zlib.decompress(body, bufsize=4096))
        yield version, rows, features
        at = end


def read_trace(trace: bytes, table: Callable[[str], Table | None]) -> tuple[dict[str, list[Candidate]], dict[str, Any]]:
    """(candidates by placement, features as they were). `table` gives what the numbers of a content version mean."""
    candidates: dict[str, list[Candidate]] = {}
    seen: dict[str, Any] = {}
    for version, rows, features in decode_trace(trace):
        seen = {**features, **seen}
        meaning = table(version)
        for placement, row in rows.items():
            if meaning is not None and placement in meaning:
                candidates[placement] = list(_candidates(row, meaning[placement]))
    return candidates, seen


def _candidates(row: Any, meaning: Any) -> Iterator[Candidate]:
    differing, chosen, later, scores = array("H", row[0]), row[1], dict(row[2]), dict(row[3])
    offers, removals, filed = meaning
    codes = array("H", filed)
    half = len(differing) // 2
    for i, code in zip(differing[:half], differing[half:], strict=True):
        codes[i] = code
    for i, (offer, code) in enumerate(zip(offers, codes, strict=True)):
        removal = removals[code]
        if i == chosen:
            yield Candidate(offer, "chosen", score=scores.get(i))
        elif i in later:
            yield Candidate(offer, "removed", later[i], score=scores.get(i))
        elif removal is None:
            yield Candidate(offer, "outranked", score=scores.get(i))
        else:
            yield Candidate(offer, "removed", removal[0], removal[1])
