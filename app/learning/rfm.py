"""Recency, frequency and money as one number that rules can compare: 543 is who bought not long ago (5), often (4) and for a middling sum (3).

Each digit says in which of so many equal parts of the customers somebody lies, 1 the least valuable; 0 is who never ordered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from app.errors import SettingsInvalid
from app.learning.graphs import Graph
from app.learning.libraries import library

LEAST = 50
INPUTS = ("idle", "orders", "spent")


@dataclass(frozen=True, slots=True)
class Edges:
    """Of each of `idle`, `orders` and `spent`, ascending, in 32 bits: what lies above an edge is a part further."""

    idle: np.ndarray
    orders: np.ndarray
    spent: np.ndarray

    @property
    def all(self) -> tuple[np.ndarray, ...]:
        return self.idle, self.orders, self.spent


def edges_of(rows: np.ndarray, parts: int) -> Edges:
    """Of the customers among the rows (idle, orders, spent). `SettingsInvalid` where there are few."""
    known = rows[rows[:, 1] > 0]
    if len(known) < LEAST:
        raise SettingsInvalid(f"there are {len(known)} customers; at least {LEAST} are needed: take in more time")
    shares = np.arange(1, parts) / parts
    return Edges(*(np.quantile(known[:, i], shares).astype(np.float32) for i in range(3)))


def scored(edges: Edges, rows: np.ndarray) -> np.ndarray:
    """100 R + 10 F + M of each row."""
    x, parts = rows.astype(np.float32), len(edges.idle) + 1
    above = [(x[:, i : i + 1] > each.reshape(1, -1)).sum(axis=1) for i, each in enumerate(edges.all)]
    return np.where(x[:, 1] > 0, 100 * (parts - above[0]) + 10 * (1 + above[1]) + 1 + above[2], 0).astype(np.float64)


def onnx(edges: Edges) -> bytes:
    """`scored`, of rows (idle, orders, spent)."""
    graph, kind = Graph(), library("onnx").TensorProto.FLOAT
    rows = graph.input("inputs", 3)
    columns = [graph.add("Gather", rows, graph.constant([i], np.int64), axis=1) for i in range(3)]
    above = [
        graph.add("ReduceSum", graph.add("Cast", graph.add("Greater", column, graph.constant(each.reshape(1, -1))), to=kind), graph.constant([1], np.int64), keepdims=1)
        for column, each in zip(columns, edges.all, strict=True)
    ]
    parts = len(edges.idle) + 1
    total = graph.add("Sub", graph.constant(100.0 * parts + 11), graph.add("Mul", above[0], graph.constant(100.0)))
    total = graph.add("Add", total, graph.add("Add", graph.add("Mul", above[1], graph.constant(10.0)), above[2]))
    known = graph.add("Cast", graph.add("Greater", columns[1], graph.constant(0.0)), to=kind)
    return graph.bytes(graph.add("Mul", total, known, out="rfm"), 1)


def described(told: np.ndarray, parts: int) -> list[tuple[str, str]]:
    """(share, words) of the groups that people speak of."""
    digits = np.stack([told // 100, told // 10 % 10, told % 10])
    best, worst = parts - parts // 3, 1 + parts // 4
    names = Counter[str]()
    for r, f, m in digits.T.tolist():
        names["never ordered" if r == 0 else "best: lately, often and much" if min(r, f, m) >= best else "lapsing: often or much, and long ago" if r <= worst and max(f, m) >= best
              else "new: lately, once or seldom" if r >= best and f <= worst else "lost: long ago, seldom and little" if max(r, f, m) <= worst else "others"] += 1
    return [(f"{count / len(told):.1%}", name) for name, count in names.most_common()]
