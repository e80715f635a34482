"""The nearest of a million items: an approximate index against all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from app.content.arrays import mapped
from app.content.vectors import Vectors
from app.learning.copurchase import packed
from app.learning.factors import factors, indexed
from app.learning.libraries import library
from bench.kept import kept, source
from bench.machine import ROOT
from bench.registry import Measured, figure
from bench.stage import doing, tell

ITEMS, KINDS, BASKETS = 1_000_000, 10_000, 2_000_000
SIZE, QUERIES, SEED = 64, 500, 7


@figure("ann_recall10", "share", at_least=0.95, title="of the true ten nearest of a million items, by vectors out of two million baskets, those that the memory-mapped index finds")
def ann_recall10() -> Measured:
    path = kept("nearest", source("app/learning/factors.py", "app/content/vectors.py", "bench/nearest.py"), _make) / "index.npz"
    index = Vectors(mapped(path))
    true, asked = np.load(path.with_name("true.npy")), np.load(path.with_name("asked.npy"))
    begun = perf_counter()
    found = [index.nearest(middle, 10)[0] for middle in asked]
    microseconds = (perf_counter() - begun) / len(asked) * 1e6
    recall = float(np.mean([len(set(some.tolist()) & set(all_.tolist())) / 10 for some, all_ in zip(found, true, strict=True)]))
    held = _held(path)
    tell(f"a file of {path.stat().st_size / 1e6:,.0f} MB, {held} MB of them held by a process of its own after {len(asked)} searches of {microseconds:,.0f} µs each")
    return Measured(recall, {"file_mb": f"{path.stat().st_size / 1e6:.0f}", "own_mb": held, "search_us": f"{microseconds:.0f}"})


def _make(into: Path) -> None:
    with doing("factorising two million baskets"):
        held = _baskets()
        vectors = factors(held, SIZE, SEED)
    with doing("building the index"):
        arrays = indexed([f"i{i:07}" for i in range(ITEMS)], vectors, np.arange(100))
        (into / "index.npz").write_bytes(packed(arrays))
    rows = np.random.default_rng(SEED).choice(BASKETS, QUERIES, replace=False)
    asked = np.asarray(held[rows] @ vectors)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    rounded = arrays["vectors"]
    with doing("looking through all of them"):
        scores = np.concatenate([rounded[start : start + 50_000].astype(np.float32) @ asked.T for start in range(0, ITEMS, 50_000)])
        true = np.stack([np.argpartition(-scores[:, i], 10)[:10] for i in range(QUERIES)])
    np.save(into / "true.npy", true)
    np.save(into / "asked.npy", asked)


def _baskets() -> Any:
    """Two to six things of a kind, some of which sell better than others, one in five of a kind nearby: sparse, baskets by items."""
    draw = np.random.default_rng(SEED)
    size, kind = draw.integers(2, 7, BASKETS), draw.integers(0, KINDS, BASKETS)
    of, kinds = np.repeat(np.arange(BASKETS), size), np.repeat(kind, size)
    kinds = np.where(draw.random(len(of)) < 0.2, (kinds + draw.integers(1, 6, len(of))) % KINDS, kinds)
    items = kinds + KINDS * (draw.random(len(of)) ** 1.5 * (ITEMS // KINDS)).astype(np.int64)
    held = library("scipy.sparse").csr_matrix((np.ones(len(of), np.float32), (of, items)), shape=(BASKETS, ITEMS))
    held.data[:] = 1
    return held


_MEMORY = """
import sys
import numpy as np
from pathlib import Path
from app.content.arrays import mapped
from app.content.vectors import Vectors
index = Vectors(mapped(Path(sys.argv[1])))
for asked in np.load(Path(sys.argv[1]).with_name("asked.npy")):
    index.nearest(asked, 10)
print(sum(int(line.split()[1]) for line in open("/proc/self/smaps_rollup") if line.startswith("Private_Dirty:")) // 1000)
"""


def _held(path: Path) -> str:
    """MB that a process holds by itself, Python and all, the mapped file left out."""
    return subprocess.run([sys.executable, "-c", _MEMORY, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=600).stdout.strip()
