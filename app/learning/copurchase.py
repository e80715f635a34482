"""What goes with what, learnt from baskets: neighbours of items, former baskets to compare with, and how both weigh."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from struct import Struct
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from app.content.neighbours import FORMAT, Neighbours
from app.errors import SettingsInvalid
from app.learning.baskets import Basket, matrix, questions
from app.learning.pairs import beside, holders, nearest, popular, together
from app.learning.weighing import LEAST_QUESTIONS, USUAL, weighed

LIKE = 50
HELD_BACK = 0.1
"""The share of baskets, the latest ones, on which it is learnt how to weigh the parts."""
LEAST_BASKETS = 50
HEAD, ALIGNED = 34, 64
"""Bytes before a member's data but for its name and padding, and what the data begin at a multiple of."""
PADDING, PAD = Struct("<HH"), 0xD935
"""The extra field that zip files align data by."""


def learn(given: Sequence[Basket], described: Mapping[str, Any] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a recommender. How its parts weigh is learnt by completing the latest baskets from those before them.
    `SettingsInvalid` where there are too few baskets."""
    pairs = sum(len(basket.items) > 1 for basket in given)
    if pairs < LEAST_BASKETS:
        raise SettingsInvalid(f"{pairs:,} baskets hold two items or more; at least {LEAST_BASKETS} are needed: take in more time, or look at the property that baskets: names")
    before, later = given[: -int(len(given) * HELD_BACK)], given[-int(len(given) * HELD_BACK) :]
    asked, weights = questions(before, later, 0), dict(USUAL)
    if len(asked) >= LEAST_QUESTIONS:
        weights = weighed(Neighbours(_arrays(before, {"weights": {**USUAL, "like": 1.0}, "like": LIKE}, like=True)), before, asked)
    return _arrays(given, {"format": FORMAT, "weights": weights, "like": LIKE, "baskets": len(given), **(described or {})}, like=weights["like"] > 0)


def _arrays(given: Sequence[Basket], meta: Mapping[str, Any], *, like: bool) -> dict[str, np.ndarray]:
    number: dict[str, int] = {}
    for basket in given:
        for id in basket.items:
            number.setdefault(id, len(number))
    held = matrix(given, number)
    near_at, near, goes, stands = nearest(together(held), beside(given, number))
    holder_at, holder = holders(held) if like else (np.zeros(1, np.int64), np.zeros(0, np.int32))
    often = np.asarray(held.sum(axis=0)).ravel()
    return {
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8), "items": np.array(list(number)), "near_at": near_at, "near": near, "together": goes, "beside": stands,
        "popular": popular(given, held), "basket_at": held.indptr.astype(np.int64) if like else np.zeros(1, np.int64), "basket": held.indices.astype(np.int32) if like else np.zeros(0, np.int32),
        "holder_at": holder_at, "holder": holder, "rarity": np.log1p(len(given) / often).astype(np.float32) if like else np.zeros(0, np.float32),
    }


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """As the file that the server maps into memory: an `.npz`, each array at a multiple of 64 bytes."""
    into = BytesIO()
    with ZipFile(into, "w", ZIP_STORED) as archive:
        for name, array in arrays.items():
            member, data = ZipInfo(f"{name}.npy"), BytesIO()
            np.lib.format.write_array(data, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
            more = -(into.tell() + HEAD + len(member.filename)) % ALIGNED
            member.extra = PADDING.pack(PAD, more) + bytes(more)
            archive.writestr(member, data.getvalue())
    return into.getvalue()
