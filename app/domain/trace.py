"""Why a recorded decision fell as it did, kept small: codes of removal, to be read beside the content's table.

A trace is a row of parts, one per call that added placements: u32 length, then zlib of msgpack
`[content version, {placement: [codes as u16, chosen, {offer: by}, {offer: score}]}, {feature: value}]`, offers by number.
A table is `{placement: [offer ids, [[by, place] or nil per code]]}`, stored once per content version.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from app.domain.decision import Candidate

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(strict=False).decode
MAX_TRACE = 1 << 20

Table = Mapping[str, Any]


class Judged(Protocol):
    """What a trace keeps of one placement's judging."""

    codes: list[int]
    scores: dict[int, float | None]
    later: dict[int, str]
    chosen: int | None


def encode_trace(version: str, verdicts: Mapping[str, Judged], features: Mapping[str, Any]) -> bytes:
    rows = {
        placement: [array("H", each.codes).tobytes(), each.chosen, list(each.later.items()), list(each.scores.items())]
        for placement, each in verdicts.items()
    }
    body = zlib.compress(_encode([version, rows, dict(features)]), 1)
    return len(body).to_bytes(4, "big") + body


def decode_trace(trace: bytes) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """(content version, placement -> row, features) of each part."""
    at = 0
    while at + 4 <= len(trace):
        end = at + 4 + int.from_bytes(trace[at : at + 4], "big")
        version, rows, features = _decode(zlib.decompress(trace[at + 4 : end], bufsize=4096))
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
    codes, chosen, later, scores = array("H", row[0]), row[1], dict(row[2]), dict(row[3])
    offers, removals = meaning
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
