"""Tree ensembles over rows of which only some columns differ between calls; the others are worked out ahead.

QuickScorer (Lucchese et al., SIGIR 2015): leaves are numbered left to right, a split that is false strikes the leaves of
its true branch, and the first leaf that nobody struck is where the row ends. What the items' columns strike is known per
version of the catalogue; the person's columns strike the same leaves in every row. What is left of a run is a few numpy
calls over one 64-bit mask of struck leaves per row and tree (`bench/` compares them with ONNX Runtime's walk).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import isnan
from typing import Any, TypeAlias

import numpy as np

from app.adapters.onnx_file import fields
from app.errors import ModelUnavailable
from app.ports import Scorer

MAX_LEAVES = 64
MAX_BYTES = 32 << 20
"""Bytes of tables a model may take up."""
_ONE = np.array(1, dtype=np.uint64)
_DE_BRUIJN = 0x03F79D71B4CB0A89
"""Times a run of ones from the lowest bit on, the upper six bits are another number for each length of the run (Leiserson,
Prokop and Randall, Using de Bruijn Sequences to Index a 1 in a Computer Word, 1998)."""
_FACTOR, _UPPER_SIX = np.array(_DE_BRUIJN, dtype=np.uint64), np.array(58, dtype=np.uint64)
_PLACES = [((2 << leaf) - 1) * _DE_BRUIJN % (1 << 64) >> 58 for leaf in range(MAX_LEAVES)]
"""Where the weight of each leaf of a tree stands."""

Desk: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Trees:
    """An ensemble as tables: per column its thresholds, ascending, and where in `_struck` the rows begin that say, by their
    number in `_masks`, which of every tree's leaves are struck once the splits on the first 0, 1, 2 ... of them are false.
    There are no more masks than splits: what each request reads at random stays in the processor's caches."""

    def __init__(self, nodes: dict[str, list[Any]], base: float, finish: Callable[[np.ndarray], np.ndarray]) -> None:
        self._finish = finish
        self._trees = max(nodes["treeids"]) + 1
        self._leaves = np.zeros((self._trees, MAX_LEAVES))
        splits: dict[int, list[tuple[float, int, int]]] = {}
        for tree, column, threshold, mask in _walked(nodes, self._leaves):
            splits.setdefault(column, []).append((threshold, tree, mask))
        number = sum(map(len, splits.values()))
        if number * self._trees * 4 > MAX_BYTES:
            raise ValueError("too large")
        masks = [0]
        tables = {column: self._table(sorted(rows), masks) for column, rows in splits.items()}
        starts = accumulate([len(struck) for _, struck in tables.values()], initial=0)
        self._masks = np.array(masks, dtype=np.uint64)
        numbers = np.uint16 if len(masks) <= 1 << 16 else np.uint32
        self._struck = np.concatenate([np.empty((0, self._trees), dtype=numbers), *[struck.astype(numbers) for _, struck in tables.values()]])
        self._tables = {column: (thresholds, start) for (column, (thresholds, _)), start in zip(tables.items(), starts, strict=False)}
        self._leaves[0] += base
        self.width = max(tables, default=-1) + 1
        """Columns that are read, and those before them."""
        self._ones = np.ones(self._trees)
        self._desks: dict[int, Desk] = {}

    def _table(self, rows: list[tuple[float, int, int]], masks: list[int]) -> tuple[Sequence[float], np.ndarray]:
        """A column's thresholds and rows; `masks` gets those of its splits."""
        thresholds = sorted({threshold for threshold, _, _ in rows})
        struck = np.zeros((len(thresholds) + 1, self._trees), dtype=np.uint32)
        at = 0
        for i, threshold in enumerate(thresholds, 1):
            struck[i] = struck[i - 1]
            while at < len(rows) and rows[at][0] == threshold:
                _, tree, mask = rows[at]
                masks.append(masks[int(struck[i, tree])] | mask)
                struck[i, tree] = len(masks) - 1
                at += 1
        return thresholds, struck

    def stays_in(self, limits: tuple[float, float] | None) -> bool:
        """Whether no score can leave these limits, nor be anything but a number."""
        if self._finish is _logistic:
            return limits is None or (limits[0] <= 0 and limits[1] >= 1)
        return limits is None

    def rows(self, width: int, count: int) -> np.ndarray:
        """Rows to compare with: each value at, just below or just above one of its column's thresholds, and some no number."""
        draw = np.random.default_rng(1)
        matrix = draw.normal(size=(count, width)).astype(np.float32)
        for column, (thresholds, _) in self._tables.items():
            picked = draw.choice(np.array(thresholds, dtype=np.float32), count)
            matrix[:, column] = np.nextafter(picked, picked + draw.integers(-1, 2, count).astype(np.float32))
            matrix[draw.integers(count), column] = np.nan
        return matrix

    def fix(self, matrix: np.ndarray, varying: Sequence[int], *, ranking: bool = False) -> Scorer:
        """`score(values, rows)`: the scores of these rows of the matrix (None: all), `values` being the varying columns'.
        With `ranking` the sums that they are made of, which grow as they do."""
        count = len(matrix)
        fixed = np.zeros((count, self._trees), dtype=np.uint64)
        for column in self._tables.keys() - set(varying):
            thresholds, start = self._tables[column]
            fixed |= self._masks[self._struck[start + np.searchsorted(np.array(thresholds), matrix[:, column], "left")]]
        columns = [(i, *self._tables[column]) for i, column in enumerate(varying) if column in self._tables]
        strike = np.empty(self._trees, dtype=np.uint64)
        leaves, struck, struck_by, ones = self._leaves.ravel(), self._struck, self._masks, self._ones
        finish = _as_they_are if ranking else self._finish
        whole = self._desk(count)

        def score(values: Sequence[float], rows: Sequence[int] | None) -> list[float]:
            masks, above, exits, weights, first = whole
            known = fixed
            if rows is not None:
                known = fixed[rows]
                masks, above, exits, weights, first = self._desk(len(known))
            if columns:
                rounded = array("f", values)
                picked = [start + bisect_left(thresholds, rounded[i]) for i, thresholds, start in columns]
                if isnan(sum(rounded)):  # a value that is no number is at most no threshold
                    picked = [start + (len(thresholds) if isnan(rounded[i]) else bisect_left(thresholds, rounded[i])) for i, thresholds, start in columns]
                np.bitwise_or.reduce(struck_by.take(struck.take(picked, 0)), axis=0, out=strike)
                np.bitwise_or(known, strike, masks)
            else:
                np.copyto(masks, known)
            # Adding one turns the struck leaves before the first that is left into zeros, and that one into a one: what
            # differs is a run of ones up to that leaf. All of it stays in one type: to turn one into another costs as much.
            np.add(masks, _ONE, above)
            np.bitwise_xor(masks, above, masks)
            np.multiply(masks, _FACTOR, masks)
            np.right_shift(masks, _UPPER_SIX, masks)
            np.add(masks, first, masks)
            leaves.take(exits, None, weights, "clip")  # none is out of range: the cheapest way to say so
            return finish(weights.dot(ones)).tolist()

        return score

    def _desk(self, rows: int) -> Desk:
        """Arrays that every run of up to so many rows works in: they stay in the cache, new ones for each step would not."""
        size = 1 << (rows - 1).bit_length() if rows else 1
        found = self._desks.get(size)
        if found is None:
            shape = size, self._trees
            first = np.tile(np.arange(self._trees, dtype=np.uint64) * MAX_LEAVES, (size, 1))
            masks, above = np.empty(shape, dtype=np.uint64), np.empty(shape, dtype=np.uint64)
            # what is done with is written over: half as much memory is gone through
            found = self._desks[size] = masks, above, masks.view(np.int64), above.view(np.float64), first
        masks, above, exits, weights, first = found
        return masks[:rows], above[:rows], exits[:rows], weights[:rows], first[:rows]


def trees_of(data: bytes, index: Any) -> Trees | None:
    """The ensemble that the file is, where it is one that the tables can hold: `x <= t` splits, at most 64 leaves a
    tree, a sum that is either the score or, as a logit, the probability of the second of two classes."""
    try:
        found = list(_ensembles(data))
        if len(found) != 1:
            return None
        kind, values = found[0]
        nodes = {name: values.get(f"nodes_{name}", []) for name in ("treeids", "nodeids", "featureids", "values", "truenodeids", "falsenodeids", "modes")}
        prefix, target = ("class", "classlabels_int64s") if kind == "TreeEnsembleClassifier" else ("target", "")
        nodes |= {"leaf_" + name: values[f"{prefix}_{name}"] for name in ("treeids", "nodeids", "weights")}
        if set(nodes["modes"]) - {b"BRANCH_LEQ", b"LEAF"} or any(values.get("nodes_missing_value_tracks_true", ())):
            return None
        bases = values.get("base_values", [0.0])
        if target:
            binary = len(values.get(target, ())) == 2 and len(set(values["class_ids"])) == 1 and values.get("post_transform") == b"LOGISTIC"
            if not binary or index not in (None, 1) or len(bases) != 1:
                return None
            return Trees(nodes, bases[0], _logistic)
        plain = values.get("n_targets", 1) == 1 and values.get("aggregate_function", b"SUM") == b"SUM" and values.get("post_transform", b"NONE") == b"NONE"
        return Trees(nodes, bases[0], _as_they_are) if plain and len(bases) == 1 else None
    except (ModelUnavailable, KeyError, IndexError, ValueError, RecursionError):
        return None


def _as_they_are(sums: np.ndarray) -> np.ndarray:
    return sums


def _logistic(sums: np.ndarray) -> np.ndarray:
    np.negative(sums, out=sums)
    np.exp(sums, out=sums)
    np.add(sums, 1.0, out=sums)
    return np.reciprocal(sums, out=sums)


def _walked(nodes: dict[str, list[Any]], leaves: np.ndarray) -> Iterator[tuple[int, int, float, int]]:
    """(tree, column, threshold, leaves struck where it is false) of every split; fills in the leaves' weights."""
    at = {key: i for i, key in enumerate(zip(nodes["treeids"], nodes["nodeids"], strict=True))}
    weight = dict(zip(zip(nodes["leaf_treeids"], nodes["leaf_nodeids"], strict=True), nodes["leaf_weights"], strict=True))
    found: list[tuple[int, int, float, int]] = []

    def walk(tree: int, node: int, start: int) -> int:
        i = at[tree, node]
        if nodes["modes"][i] == b"LEAF":
            if start >= MAX_LEAVES:
                raise ValueError("too many leaves")
            leaves[tree, _PLACES[start]] = weight.get((tree, node), 0.0)
            return start + 1
        middle = walk(tree, nodes["truenodeids"][i], start)
        end = walk(tree, nodes["falsenodeids"][i], middle)
        found.append((tree, nodes["featureids"][i], nodes["values"][i], ((1 << (middle - start)) - 1) << start))
        return end

    for tree in range(len(leaves)):
        walk(tree, 0, 0)
    return iter(found)


# -- reading the file ----------------------------------------------------------------------------------------------


def _ensembles(data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """(operator, attributes) of the graph's nodes but those that only hand on; more than one node that computes is none
    that the tables can hold."""
    for field, _, start, end in fields(data, 0, len(data)):
        if field != 7:
            continue
        for inner, _, at, stop in fields(data, start, end):
            if inner != 1:
                continue
            node = list(fields(data, at, stop))
            kind = next((data[a:b].decode() for f, _, a, b in node if f == 4), "")
            if kind not in ("Identity", "Cast", "ZipMap"):
                attributes = dict(_attribute(data, a, b) for f, _, a, b in node if f == 5)
                yield kind, attributes if kind.startswith("TreeEnsemble") else {}


def _attribute(data: bytes, start: int, end: int) -> tuple[str, Any]:
    name, found = "", None
    many: list[Any] = []
    for field, run, at, stop in fields(data, start, end, runs=True):
        match field:
            case 1:
                name = data[at:stop].decode()
            case 3:
                found = run
            case 4:
                found = data[at:stop]
            case 7:
                many += np.frombuffer(data, _TAGGED if run else "<f4", (stop - at) // (5 if run else 4), at)["f1" if run else ()].tolist()
            case 8:
                many += _varints(data[at:stop], tagged=bool(run))
            case 9:
                many.append(data[at:stop])
            case _:
                pass
    return name, many or found


_TAGGED = np.dtype([("f0", "u1"), ("f1", "<f4")])


def _varints(data: bytes, *, tagged: bool) -> list[int]:
    """The numbers that varints stand for, each behind a tag of one byte where they are tagged."""
    raw = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(raw < 0x80)
    before = ends[:-1:2] if tagged else np.concatenate(([-1], ends[:-1]))
    ends = ends[1::2] if tagged else ends
    found = np.zeros(len(ends), dtype=np.int64)
    for k in range(int((ends - before).max(initial=0))):
        at = before + 1 + k
        found += np.where(at <= ends, (raw[np.minimum(at, ends)] & 0x7F).astype(np.int64) << (7 * k), 0)
    return found.tolist()
