"""Which items go together, as sparse matrices of baskets and items say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.content.neighbours import POPULAR
from app.learning.baskets import Basket
from app.learning.libraries import library

NEAR = 150
EXACT = 4_000
"""Items, those in most baskets, whose weights come from a matrix that is inverted whole; of the others cosine gives them."""
SHRUNK = 150.0
"""Baskets' worth of doubt about any two items: the ridge of EASE (Steck 2019). It matters little: on September 2011 of Online
Retail, completed from what came before, 50 finds 0.330 of 2,000 hidden items, 100 0.328, 150 and 250 0.327, 400 0.324."""
REACH = 3
"""How far apart two items of a basket count as beside each other, half and a third as much at two and three."""
FRESH_DAYS = 14.0
"""Days in which a sale counts half as much towards what is popular."""
HOLDERS = 2_000
"""Baskets, the latest ones, that are looked through for an item."""
DAY = 86_400_000.0


def together(held: Any) -> Any:
    """Per item how much each other one says for it: EASE (Steck 2019) among the items that sell most, cosine for the rest."""
    often = np.asarray(held.sum(axis=0)).ravel()
    chosen = np.sort(np.argsort(-often, kind="stable")[:EXACT])
    sparse = library("scipy.sparse")
    part = held[:, chosen]
    exact = (part.T @ part).toarray().astype(np.float32)
    exact[np.diag_indices(len(chosen))] += SHRUNK
    exact = _inverse(exact)
    exact /= -np.diag(exact)
    exact[np.diag_indices(len(chosen))] = 0
    rows, columns, values = _strongest(exact)
    found = sparse.csr_matrix((values, (chosen[rows], chosen[columns])), shape=(len(often), len(often)))
    return found if len(chosen) == len(often) else found + _rest(held, often, chosen)


def _inverse(positive: np.ndarray) -> np.ndarray:
    """Of a symmetric, positive definite matrix, by Cholesky."""
    lapack = library("scipy.linalg.lapack")
    factor, _ = lapack.spotrf(positive, lower=1)
    half, _ = lapack.spotri(factor, lower=1)
    half = np.tril(half)
    return half + np.tril(half, -1).T


def _strongest(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, columns, values) of the `NEAR` largest of each row."""
    most = min(NEAR, weights.shape[1] - 1)
    columns = np.argpartition(-weights, most, axis=1)[:, :most]
    rows = np.repeat(np.arange(len(weights)), most)
    values = np.take_along_axis(weights, columns, axis=1).ravel()
    kept = values > 0
    return rows[kept], columns.ravel()[kept], values[kept]


def _rest(held: Any, often: np.ndarray, exact: np.ndarray) -> Any:
    """Cosines of the pairs that hold an item of which the matrix is not inverted, shrunk like the others; a slice of items at a time."""
    sparse, columns, inside = library("scipy.sparse"), held.T.tocsr(), np.zeros(len(often), dtype=bool)
    inside[exact] = True
    slices: list[Any] = []
    for start in range(0, held.shape[1], 512):
        met = (columns[start : start + 512] @ held).tocoo()
        row = met.row + start
        kept = (row != met.col) & (met.data > 1) & ~(inside[row] & inside[met.col])
        row, column = met.row[kept], met.col[kept]
        values = met.data[kept] / (np.sqrt(often[row + start] * often[column]) + SHRUNK / 10)
        order = np.lexsort((-values, row))
        ordered: np.ndarray = row[order]
        place: np.ndarray = np.arange(len(order)) - np.searchsorted(ordered, ordered)
        best = order[place < NEAR]
        slices.append(sparse.csr_matrix((values[best], (row[best], column[best])), shape=met.shape))
    return sparse.vstack(slices).tocsr()


def beside(given: Sequence[Basket], number: Mapping[str, int]) -> Any:
    """Per pair of items how often they stood beside each other, over how often they were there: the order of a basket's lines."""
    sparse, whole = library("scipy.sparse"), [np.fromiter((number[id] for id in basket.items), np.int32) for basket in given]
    lengths = np.array([len(each) for each in whole])
    line, basket = np.concatenate(whole), np.repeat(np.arange(len(whole)), lengths)
    found = sparse.csr_matrix((len(number), len(number)), dtype=np.float32)
    for apart in range(1, REACH + 1):
        same = basket[apart:] == basket[:-apart]
        pairs = (line[:-apart][same], line[apart:][same])
        found = found + sparse.csr_matrix((np.full(int(same.sum()), 1 / apart, np.float32), pairs), shape=found.shape)
    found = (found + found.T).tocsr()
    often = sparse.diags(1 / np.sqrt(np.bincount(line, minlength=len(number)) + 3))
    return (often @ found @ often).tocsr()


def nearest(goes: Any, stands: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per item the others of either kind, with both weights."""
    few = _fewest(stands)
    union = ((goes != 0).astype(np.int8) + (few != 0).astype(np.int8)).tocsr()
    union.sort_indices()
    rows: np.ndarray = np.repeat(np.arange(int(union.shape[0])), np.diff(union.indptr))
    weights = [np.asarray(each[rows, union.indices]).ravel().astype(np.float16) for each in (goes.tocsr(), stands)]
    return union.indptr.astype(np.int64), union.indices.astype(np.int32), weights[0], weights[1]


def _fewest(weights: Any) -> Any:
    """The `NEAR` largest of each row."""
    found = weights.tocsr()
    rows: np.ndarray = np.repeat(np.arange(int(found.shape[0])), np.diff(found.indptr))
    order = np.lexsort((-found.data, rows))
    place = np.arange(len(order)) - found.indptr[rows[order]]
    best = order[place < NEAR]
    return library("scipy.sparse").csr_matrix((found.data[best], (rows[best], found.indices[best])), shape=found.shape)


def popular(given: Sequence[Basket], held: Any) -> np.ndarray:
    """Items by how often they sold, a sale counting half as much with every `FRESH_DAYS`."""
    age = (given[-1].at - np.array([basket.at for basket in given])) / DAY
    sold = held.T @ np.exp2(-age / FRESH_DAYS)
    return np.argsort(-sold, kind="stable")[:POPULAR].astype(np.int32)


def holders(held: Any) -> tuple[np.ndarray, np.ndarray]:
    columns = held.T.tocsr()
    columns.sort_indices()
    lists = [columns.indices[columns.indptr[i] : columns.indptr[i + 1]][-HOLDERS:] for i in range(columns.shape[0])]
    return np.concatenate([[0], np.cumsum([len(each) for each in lists])]).astype(np.int64), np.concatenate(lists).astype(np.int32)
