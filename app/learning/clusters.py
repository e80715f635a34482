"""Kinds of people: k-means or hierarchical clustering of what is known of everybody at an instant, as an ONNX graph that tells a
profile's cluster at the request. Clusters keep their names when they are found anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from app.errors import SettingsInvalid
from app.learning.examples import Examples
from app.learning.graphs import Graph, read
from app.learning.libraries import library, threads
from app.learning.preparing import Scaled, order, scaled

Way: TypeAlias = Literal["kmeans", "hierarchical"]
WAYS: tuple[Way, ...] = get_args(Way)
STARTS = 50
SAMPLE = 2_000
"""Rows of which silhouettes and hierarchies are worked out: both take their square."""
HALVES = 3
"""Pairs of halves of which it is seen whether they give the same clusters."""
APART = 0.35
"""Deviations from everybody's mean from which on a column is said to set a cluster apart."""
LEAST = 50


@dataclass(frozen=True, slots=True)
class Cluster:
    """`middle` is its centre in the scaled matrix; `words` what sets it apart, the most telling first; `usual` the median of each
    column of numbers in it."""

    name: str
    share: float
    middle: tuple[float, ...]
    words: tuple[str, ...]
    usual: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Clusters:
    """`tried` tells for each number of clusters its silhouette and how stable it is (adjusted Rand index of two halves)."""

    preparation: Scaled
    clusters: tuple[Cluster, ...]
    tried: Mapping[int, tuple[float, float]]
    inertia: float
    silhouette: float

    @property
    def middles(self) -> np.ndarray:
        return np.array([cluster.middle for cluster in self.clusters], dtype=np.float32)

    def assign(self, examples: Examples) -> np.ndarray:
        """The number of each row's cluster: that of the nearest middle."""
        return nearest(self.preparation.matrix(examples), self.middles)


def cluster(examples: Examples, least: int, most: int, way: Way, seed: int, former: Mapping[str, Sequence[float]] | None = None, moved: Callable[[str], None] = lambda _: None) -> Clusters:
    """Between `least` and `most` clusters: the number with the best sum of silhouette and stability. `former` are the middles of
    clusters found before, by name: who is nearest to one of them bears its name."""
    if len(examples) < LEAST * most // 2:
        raise SettingsInvalid(f"{len(examples):,} people are too few for {most} clusters; ask for fewer, or take in more")
    preparation = scaled(examples)
    matrix, draw = preparation.matrix(examples), np.random.default_rng(seed)
    if not matrix.std(axis=0).any():
        raise SettingsInvalid("every input is the same for everybody: name inputs by which people differ")
    sample = matrix[np.sort(draw.permutation(len(matrix))[:SAMPLE])]
    tried: dict[int, tuple[float, float]] = {}
    for k in range(least, most + 1):
        moved(f"{k} clusters")
        tried[k] = _silhouette(sample, middles_of(sample, k, way, seed, 5)), stability(sample, k, way, seed)
    k = max(tried, key=lambda k: (sum(tried[k]), -k))
    moved(f"{k} clusters of all {len(matrix):,} people")
    middles = middles_of(matrix, k, way, seed, STARTS)
    middles = middles[np.argsort(-np.bincount(nearest(matrix, middles), minlength=k), kind="stable")]
    names = matched(middles, former or {})
    labels = nearest(matrix, middles)
    found = _described(examples, matrix, labels, middles, names)
    return Clusters(preparation, found, tried, inertia(matrix, middles), _silhouette(sample, middles))


def middles_of(matrix: np.ndarray, k: int, way: Way, seed: int, starts: int) -> np.ndarray:
    """The centres, by k-means from so many starts, or as the means of the clusters of Ward's hierarchy."""
    kinds = library("sklearn.cluster")
    if way == "kmeans":
        with threads(len(matrix)):
            return kinds.KMeans(k, n_init=starts, random_state=seed).fit(matrix).cluster_centers_.astype(np.float32)
    some = matrix[np.linspace(0, len(matrix) - 1, min(len(matrix), SAMPLE)).astype(int)]
    labels = kinds.AgglomerativeClustering(k, linkage="ward").fit_predict(some)
    return np.array([some[labels == i].mean(axis=0) for i in range(k)], dtype=np.float32)


def nearest(matrix: np.ndarray, middles: np.ndarray) -> np.ndarray:
    distances = (middles.astype(np.float64) ** 2).sum(axis=1) - 2 * matrix.astype(np.float64) @ middles.T.astype(np.float64)
    return distances.argmin(axis=1)


def inertia(matrix: np.ndarray, middles: np.ndarray) -> float:
    """The sum of squared distances from the nearest middle."""
    return float(((matrix.astype(np.float64) - middles[nearest(matrix, middles)]) ** 2).sum())


def stability(matrix: np.ndarray, k: int, way: Way, seed: int) -> float:
    """Whether clusters found in one half of the people are those found in the other: the mean adjusted Rand index."""
    draw, index, found = np.random.default_rng(seed), library("sklearn.metrics").adjusted_rand_score, list[float]()
    for _ in range(HALVES):
        rows = draw.permutation(len(matrix))
        one, other = (middles_of(matrix[half], k, way, seed, 3) for half in (rows[::2], rows[1::2]))
        found.append(index(nearest(matrix, one), nearest(matrix, other)))
    return float(np.mean(found))


def _silhouette(matrix: np.ndarray, middles: np.ndarray) -> float:
    labels = nearest(matrix, middles)
    return float(library("sklearn.metrics").silhouette_score(matrix, labels)) if len(set(labels.tolist())) > 1 else -1.0


def matched(middles: np.ndarray, former: Mapping[str, Sequence[float]]) -> list[str]:
    """A name for each middle: of all ways to hand on the former names the one that moves the middles least; none ("") where a
    middle is nearer to another than to the one whose name it would bear."""
    names = [""] * len(middles)
    if not former or any(len(each) != middles.shape[1] for each in former.values()):
        return names
    known, before = list(former), np.array(list(former.values()))
    distances = ((middles[:, None] - before[None]) ** 2).sum(axis=2)
    rows, columns = library("scipy.optimize").linear_sum_assignment(distances)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        others = [((middles[row] - middles[each]) ** 2).sum() for each in range(len(middles)) if each != row]
        if not others or distances[row, column] <= min(others):
            names[row] = known[column]
    return names


# -- in words ----------------------------------------------------------------------------------------------------------


def _described(examples: Examples, matrix: np.ndarray, labels: np.ndarray, middles: np.ndarray, names: Sequence[str]) -> tuple[Cluster, ...]:
    found: list[Cluster] = []
    taken = {name for name in names if name}
    for i, name in enumerate(names):
        mine = labels == i
        told = _words(examples, matrix, mine)
        called = name or _free("_and_".join(f"{how}_{what}" for how, what in told[:2]) or f"cluster_{i + 1}", taken)
        taken.add(called)
        usual = {
            str(column.name): float(f"{np.nanmedian(values[mine]):.6g}")
            for column, values in zip(examples.columns, examples.values, strict=True) if not column.text and not np.isnan(values[mine]).all()
        }
        found.append(Cluster(called, float(mine.mean()), tuple(float(each) for each in middles[i]), tuple(f"{how} {what}" for how, what in told), usual))
    return tuple(found)


def _words(examples: Examples, matrix: np.ndarray, mine: np.ndarray) -> list[tuple[str, str]]:
    """(much or little, column) for numbers, (mostly, text) for texts, by how far the cluster's mean is from everybody's."""
    told: list[tuple[float, str, str]] = []
    numbers = [i for i in order(examples.columns) if not examples.columns[i].text]
    for at, i in enumerate(numbers):
        away = float(matrix[mine, at].mean() - matrix[:, at].mean())
        told.append((abs(away), "much" if away > 0 else "little", examples.columns[i].name.path[-1]))
    for i, column in enumerate(examples.columns):
        if column.text:
            texts, counts = np.unique(examples.values[i][mine].astype(str), return_counts=True)
            text = str(texts[counts.argmax()])
            away = float(counts.max() / mine.sum() - (examples.values[i] == text).mean())
            told.append((2 * away, "mostly", "".join(ch if ch.isalnum() else "_" for ch in text)))
    return [(how, what) for away, how, what in sorted(told, reverse=True) if away >= APART]


def _free(name: str, taken: set[str]) -> str:
    name = name[:48]
    return next(each for each in (name, *(f"{name}_{i}" for i in range(2, 100))) if each not in taken)


# -- as a model --------------------------------------------------------------------------------------------------------


def onnx(found: Clusters) -> bytes:
    """The number of the nearest middle."""
    graph, middles = Graph(), found.middles
    matrix = read(graph, found.preparation)
    along = graph.add("MatMul", matrix, graph.constant(-2 * middles.T))
    distances = graph.add("Add", along, graph.constant((middles.astype(np.float64) ** 2).sum(axis=1)))
    return graph.bytes(graph.add("ArgMin", distances, axis=1, keepdims=0, out="cluster"), None, integers=True)
