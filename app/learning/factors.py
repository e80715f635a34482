"""Items as vectors: matrix factorisation of baskets and items, and the index over them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.content.neighbours import FORMAT
from app.errors import SettingsInvalid
from app.learning.baskets import Basket, matrix
from app.learning.libraries import MANY, library
from app.learning.pairs import popular
from app.learning.searching import Moved

SIZE = 64
BELIEF, REGULARISATION, ROUNDS = 40.0, 30.0, 15
"""Chosen on September's baskets of Online Retail: HR@10 0.182, 0.111 by a truncated SVD, 0.238 by the cosines of a shop so small."""
LISTS = 2.0
"""Lists for each root of the items."""
SHARE = 0.005
"""The share of the lists that a search looks through: enough for 0.95 of the true ten nearest among a million (`ann_recall10`)."""
LEAST_LISTS = 8
SAMPLE = 100_000
LEAST_BASKETS, LEAST_ITEMS = 50, 10


def _unmoved(text: str) -> None:
    """Nobody watches."""


def factorised(given: Sequence[Basket], described: Mapping[str, Any] | None = None, seed: int = 7, moved: Moved = _unmoved) -> dict[str, np.ndarray]:
    """The arrays of a recommender by vectors. `SettingsInvalid` where there are too few baskets."""
    pairs = sum(len(basket.items) > 1 for basket in given)
    number = {id: i for i, id in enumerate(dict.fromkeys(id for basket in given for id in basket.items))}
    if pairs < LEAST_BASKETS or len(number) < LEAST_ITEMS:
        raise SettingsInvalid(f"{pairs:,} baskets hold two items or more, of {len(number):,} items; at least {LEAST_BASKETS} and {LEAST_ITEMS} are needed: take in more time, or look at the property that baskets: names")
    held = matrix(given, number)
    return indexed(list(number), factors(held, SIZE, seed, moved), popular(given, held), described, seed)


def factors(held: Any, size: int, seed: int, moved: Moved = _unmoved) -> np.ndarray:
    """A vector of length 1 per item: alternating least squares over baskets and items, where what a basket holds is believed so much
    more than what it does not (Hu, Koren and Volinsky 2008, as `implicit` computes it)."""
    def tell(done: int, took: float, loss: float | None) -> None:
        moved(f"factorising, round {done + 1} of {ROUNDS}")

    squares, pools = library("implicit.cpu.als"), library("threadpoolctl")
    with pools.threadpool_limits(1, "blas"):
        made = squares.AlternatingLeastSquares(
            factors=size, alpha=BELIEF, regularization=REGULARISATION, iterations=ROUNDS, random_state=seed, num_threads=0 if held.nnz >= MANY else 1,
        )
        made.fit(held, show_progress=False, callback=tell)
    return _even(np.asarray(made.item_factors, dtype=np.float32))


def indexed(ids: Sequence[str], vectors: np.ndarray, popular: np.ndarray, described: Mapping[str, Any] | None = None, seed: int = 7) -> dict[str, np.ndarray]:
    """The index over vectors of length 1, one per id: twice as many lists as the root of the items."""
    middles = _middles(vectors, max(1, round(LISTS * len(ids) ** 0.5)), seed)
    of = np.concatenate([np.argmax(vectors[start : start + 16_384] @ middles.T, axis=1) for start in range(0, len(vectors), 16_384)])
    rows = np.argsort(of, kind="stable")
    place = np.empty(len(rows), dtype=np.int64)
    place[rows] = np.arange(len(rows))
    data = [id.encode() for id in ids]
    by_id = sorted(range(len(data)), key=data.__getitem__)
    lists = min(len(middles), max(LEAST_LISTS, round(SHARE * len(middles))))
    meta = {"format": FORMAT, "kind": "vectors", "lists": lists, "items": len(ids), **(described or {})}
    return {
        "meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8), "ids": np.frombuffer(b"".join(data[i] for i in by_id), dtype=np.uint8),
        "id_at": np.concatenate([[0], np.cumsum([len(data[i]) for i in by_id])]).astype(np.int64), "order": place[by_id].astype(np.int32),
        "middles": middles, "list_at": np.searchsorted(of[rows], np.arange(len(middles) + 1)).astype(np.int64), "vectors": vectors[rows].astype(np.float16),
        "popular": place[popular].astype(np.int32),
    }


def _middles(vectors: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Spherical k-means of a sample, a dozen rounds; a middle without any moves to a vector drawn anew."""
    draw = np.random.default_rng(seed)
    sample = vectors[draw.permutation(len(vectors))[:SAMPLE]]
    found = sample[:count].copy()
    sparse = library("scipy.sparse")
    for _ in range(12):
        of = np.concatenate([np.argmax(sample[start : start + 16_384] @ found.T, axis=1) for start in range(0, len(sample), 16_384)])
        sums = sparse.csr_matrix((np.ones(len(of), np.float32), (of, np.arange(len(of)))), shape=(count, len(of))) @ sample
        empty = np.bincount(of, minlength=count) == 0
        sums[empty] = sample[draw.integers(0, len(sample), int(empty.sum()))]
        found = _even(sums)
    return found


def _even(vectors: np.ndarray) -> np.ndarray:
    """Each of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
