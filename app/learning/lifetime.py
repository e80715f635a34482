"""Lifetime value: how often a customer will come back (BG/NBD), what an order will be worth (Gamma-Gamma), fitted by maximum
likelihood, and both as one ONNX graph.

Fader, Hardie and Lee, "Counting your customers" the easy way, Marketing Science 24 (2005); Fader and Hardie, The Gamma-Gamma
model of monetary value (2013).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from app.errors import SettingsInvalid
from app.learning.graphs import Graph
from app.learning.libraries import library

TERMS = 400
"""Of the hypergeometric series: enough for the customers of this minute over ten times the mean time between orders."""
LEAST = 30


@dataclass(frozen=True, slots=True)
class Customers:
    """Per customer: orders after the first, when the last one came, how long the customer is known (both since the first order,
    in any one unit of time), and what an order after the first was worth in the mean (0 where there was none)."""

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    value: np.ndarray


@dataclass(frozen=True, slots=True)
class Coming:
    """BG/NBD: orders come at a rate that is gamma(r, alpha) among customers; after each one the customer is lost with a probability
    that is beta(a, b)."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True, slots=True)
class Spending:
    """Gamma-Gamma: an order's worth is gamma(p, nu), and nu gamma(q, v) among customers."""

    p: float
    q: float
    v: float


def fit_coming(customers: Customers) -> Coming:
    x, t, age = customers.frequency, customers.recency, customers.age
    _enough(int((x > 0).sum()), "who ordered again")
    gammaln = library("scipy.special").gammaln

    def loss(logs: np.ndarray) -> float:
        r, alpha, a, b = (float(each) for each in cast("list[float]", np.exp(logs).tolist()))
        rate: np.ndarray = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
        alive = -(r + x) * np.log(alpha + age)
        lost = np.where(x > 0, np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t), -np.inf)
        return -float((rate + np.logaddexp(alive, lost)).mean())

    return Coming(*_least(loss, 4, float(age.mean())))


def fit_spending(customers: Customers) -> Spending:
    """Of those who ordered again; that what they spend is independent of how often they come is the model's premise."""
    again = (customers.frequency > 0) & (customers.value > 0)
    _enough(int(again.sum()), "who ordered again and paid")
    x, m = customers.frequency[again], customers.value[again]
    gammaln = library("scipy.special").gammaln

    def loss(logs: np.ndarray) -> float:
        p, q, v = (float(each) for each in cast("list[float]", np.exp(logs).tolist()))
        told: np.ndarray = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(x * m + v)
        return -float(told.mean())

    return Spending(*_least(loss, 3, float(m.mean())))


def _least(loss: Any, parameters: int, scale: float) -> list[float]:
    """The parameters with the least loss, looked for on a logarithmic scale from several beginnings."""
    minimize, best = library("scipy.optimize").minimize, None
    for begin in (0.0, 0.7, -0.7):
        start = np.full(parameters, begin)
        start[1 if parameters == 4 else 2] += np.log(max(scale, 1e-6)) / 2
        found = minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4_000, "xatol": 1e-7, "fatol": 1e-11})
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    return np.exp(best.x).tolist()


def _enough(count: int, what: str) -> None:
    if count < LEAST:
        raise SettingsInvalid(f"there are {count} customers {what}; at least {LEAST} are needed: take in more time")


# -- what they foretell ------------------------------------------------------------------------------------------------


def alive(model: Coming, customers: Customers) -> np.ndarray:
    """The probability that the customer is not lost."""
    x = customers.frequency
    odds = model.a / (model.b + np.maximum(x, 1) - 1) * ((model.alpha + customers.age) / (model.alpha + customers.recency)) ** (model.r + x)
    return 1 / (1 + np.where(x > 0, odds, 0))


def orders(model: Coming, customers: Customers, time: float) -> np.ndarray:
    """Orders expected in the coming `time`."""
    x, hyp2f1 = customers.frequency, library("scipy.special").hyp2f1
    c = model.a + model.b + x - 1
    z = time / (model.alpha + customers.age + time)
    left = ((model.alpha + customers.age) / (model.alpha + customers.age + time)) ** (model.r + x) * hyp2f1(model.r + x, model.b + x, c, z)
    return c / (model.a - 1) * (1 - left) * alive(model, customers)


def worth(model: Spending, customers: Customers) -> np.ndarray:
    """What an order is expected to be worth: between everybody's mean and the customer's own."""
    weight = model.p * customers.frequency + model.q - 1
    return (model.q - 1) / weight * (model.v * model.p / (model.q - 1)) + model.p * customers.frequency / weight * customers.value


def value(coming: Coming, spending: Spending, customers: Customers, time: float) -> np.ndarray:
    """What the customer is expected to spend in the coming `time`."""
    return orders(coming, customers, time) * worth(spending, customers)


def onnx(coming: Coming, spending: Spending, time: float) -> bytes:
    """`value` of rows (orders, instants of the first and the last in ms, seconds since the last, spent in all), as features tell
    them; of who never ordered it is 0. In 64 bits inside: the series adds up what 32 would round away. `time` is in weeks."""
    graph = Graph()
    rows = graph.add("Cast", graph.input("inputs", 5), to=library("onnx").TensorProto.DOUBLE)

    def number(given: float) -> str:
        return graph.constant(given, np.float64)

    def op(kind: str, *given: str | float) -> str:
        return graph.add(kind, *[each if isinstance(each, str) else number(each) for each in given])

    columns = [graph.add("Gather", rows, graph.constant([i], np.int64), axis=1) for i in range(5)]
    count, first, last, idle, total = columns
    x = op("Max", op("Sub", count, 1.0), 0.0)
    recency = op("Div", op("Max", op("Sub", last, first), 0.0), 1000 * _WEEK)
    age = op("Add", recency, op("Div", op("Max", idle, 0.0), _WEEK))
    mean = op("Div", total, op("Max", count, 1.0))
    again = graph.add("Cast", op("Greater", x, 0.0), to=library("onnx").TensorProto.DOUBLE)
    shape, known = op("Add", x, coming.r), op("Add", age, coming.alpha)
    odds = op("Mul", op("Div", coming.a, op("Sub", op("Add", op("Max", x, 1.0), coming.b), 1.0)), op("Pow", op("Div", known, op("Add", recency, coming.alpha)), shape))
    here = op("Div", 1.0, op("Add", 1.0, op("Mul", odds, again)))
    c, z = op("Add", x, coming.a + coming.b - 1), op("Div", time, op("Add", known, time))
    n = graph.constant(np.arange(TERMS, dtype=np.float64).reshape(1, -1), np.float64)
    steps = op("Div", op("Mul", op("Add", shape, n), op("Add", op("Add", x, coming.b), n)), op("Mul", op("Add", c, n), op("Add", n, 1.0)))
    logs = graph.add("CumSum", op("Log", op("Mul", steps, z)), graph.constant(1, np.int64))
    series = op("Add", 1.0, graph.add("ReduceSum", op("Exp", logs), graph.constant([1], np.int64), keepdims=1))
    left = op("Mul", op("Pow", op("Div", known, op("Add", known, time)), shape), series)
    expected = op("Mul", op("Mul", op("Div", c, coming.a - 1), op("Sub", 1.0, left)), here)
    weight = op("Add", op("Mul", x, spending.p), spending.q - 1)
    each = op("Div", op("Add", spending.v * spending.p, op("Mul", op("Mul", x, spending.p), mean)), weight)
    bought = graph.add("Cast", op("Greater", count, 0.0), to=library("onnx").TensorProto.DOUBLE)
    found = op("Mul", op("Mul", expected, each), bought)
    return graph.bytes(graph.add("Cast", found, to=library("onnx").TensorProto.FLOAT, out="value"), 1)


_WEEK = 7 * 86_400.0
