"""Why a recorded decision fell as it did, kept small: codes of removal, to be read beside the content's table.

A trace is a row of parts, one per call that added placements: u32 length, then msgpack (as zlib where that is worth it)
`[content version, {placement: [judged, chosen, [[offer, by]], [[offer, score]]]}, {feature: value}]`, offers by number.
`judged` holds a bit per offer, set where its code is not the one that it is filed under, then those codes as u16. Scores are
told where the person has a say in them.
A table is `{placement: [offer ids, [[by, place] or nil per code], filed codes as u16, scores]}`, stored once per content version.
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
    def scores(self) -> Mapping[int, float | None]:
        """Those that the table does not hold."""
        ...
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
    differs = now != np.frombuffer(filed, np.uint16)
    return np.packbits(differs).tobytes() + now[differs].tobytes()


def restored(judged: bytes, filed: bytes) -> list[int]:
    """The codes of which `changed` told the difference."""
    codes = np.frombuffer(filed, np.uint16).copy()
    bits = (len(codes) + 7) // 8
    differs = np.unpackbits(np.frombuffer(judged[:bits], np.uint8), count=len(codes)).astype(np.bool_)
    codes[differs] = np.frombuffer(judged[bits:], np.uint16)
    return codes.tolist()


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
    judged, chosen, later, scores = row[0], row[1], dict(row[2]), dict(row[3])
    offers, removals, filed, fixed = meaning
    for i, (offer, code) in enumerate(zip(offers, restored(judged, filed), strict=True)):
        removal, score = removals[code], scores.get(i, fixed[i])
        if i == chosen:
            yield Candidate(offer, "chosen", score=score)
        elif i in later:
            yield Candidate(offer, "removed", later[i], score=score)
        elif removal is None:
            yield Candidate(offer, "outranked", score=score)
        else:
            yield Candidate(offer, "removed", removal[0], removal[1])
