"""How the offers of a placement were judged, kept small: codes of removal, to be read beside the content's table.

`judged` (of a `Fate`) holds a bit per offer, set where its code is not the one that it is filed under, then those codes as u16. A
table is `{placement: [offer ids, [[by, place] or nil per code], filed codes as u16, scores]}`; the scores that a fate holds are those
in which the person has a say.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np

from app.domain.decision import Candidate
from app.domain.logged import Fate


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


def candidates_of(fate: Fate, meaning: Any) -> Iterator[Candidate]:
    """Every offer of a placement, in the order of the rules, none where they were not judged; `meaning` is what the content's table says of the placement."""
    later, scores = dict(fate.later), dict(fate.scores)
    offers, removals, filed, fixed = meaning
    if not fate.judged:
        return
    for i, (offer, code) in enumerate(zip(offers, restored(fate.judged, filed), strict=True)):
        removal, score = removals[code], scores.get(i, fixed[i])
        if i == fate.chosen:
            yield Candidate(offer, "chosen", score=score)
        elif i in later:
            yield Candidate(offer, "removed", later[i], score=score)
        elif removal is None:
            yield Candidate(offer, "outranked", score=score)
        else:
            yield Candidate(offer, "removed", removal[0], removal[1])
