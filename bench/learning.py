"""Learning: models of real sessions by their ONNX files, and feature values that are the same offline and online."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import urllib.request
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from app.cli.export import export
from app.content.load import load
from app.content.program import Program
from app.content.snapshot import plain
from app.domain import conditions as c
from app.domain.profile import Profile
from app.domain.request import Request
from app.learning import lifetime
from app.learning.clusters import cluster, inertia
from app.learning.clusters import onnx as clusters_onnx
from app.learning.baskets import Basket, Question, questions
from app.learning.completing import by_cosine, by_popularity, hit_rate
from app.learning.copurchase import learn, packed
from app.learning.examples import Examples, read_table
from app.learning.fitting import USUAL, feeds, scores
from app.learning.judging import figures as judged
from app.learning.libraries import library
from app.learning.histories import pasts
from app.learning.spec import METHODS, Column, Method, Spec, Table
from app.learning.splits import Split, folds_at_random
from app.learning.searching import fit_calibrated
from app.settings import load_settings
from bench.machine import ROOT
from bench.registry import Measured, figure
from bench.servers import Inlay, inlay, scratch, wait_for
from bench.stage import doing, tell

DATA = ROOT.parent / "shared" / "data"
SHOPPERS = DATA / "online-shoppers" / "online_shoppers_intention.csv.gz"
RETAIL = DATA / "online-retail" / "online_retail_to_2011-10.csv.gz"
MAP = ROOT / "docs" / "walkthrough" / "map.yaml"
SEED = 7

# -- sessions of a shop ------------------------------------------------------------------------------------------------

NUMBERS = (
    "Administrative", "Administrative_Duration", "Informational", "Informational_Duration", "ProductRelated", "ProductRelated_Duration", "BounceRates", "ExitRates",
    "PageValues", "SpecialDay", "Weekend",
)
TEXTS = ("Month", "OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType")


@figure("shoppers_auc", "AUC", at_least=0.930, title="sessions that end in a purchase, Online Shoppers, 5 folds, by the ONNX files: area under ROC")
def shoppers_auc() -> float:
    return _mean("auc")


@figure("shoppers_ap", "average precision", at_least=0.745, title="the same: average precision")
def shoppers_ap() -> float:
    return _mean("average_precision")


@figure("shoppers_brier", "Brier", at_most=0.070, title="the same: Brier score")
def shoppers_brier() -> float:
    return _mean("brier")


@figure("onnx_max_difference", "difference", at_most=1e-5, title="largest difference of an ONNX file from the library, every row of every fold, boosting, logistic regression and network")
def onnx_max_difference() -> float:
    with doing("training on all folds, by three methods"):
        found = {method: max(difference for _, difference in folds(method)) for method in METHODS}
    tell(", ".join(f"{method} {value:.1e}" for method, value in found.items()))
    return max(found.values())


def _mean(name: str) -> float:
    with doing("training on 5 folds"):
        return float(np.mean([judged(label, told)[name] for (label, told), _ in folds("boosting")]))


@cache
def folds(method: Method) -> list[tuple[tuple[np.ndarray, np.ndarray], float]]:
    """Per fold: ((label, scores by the ONNX file) of the rows kept back, the largest difference from the library)."""
    examples, found = sessions(), list[tuple[tuple[np.ndarray, np.ndarray], float]]()
    rows = library("sklearn.model_selection").StratifiedKFold(5, shuffle=True, random_state=SEED)
    for known, test in rows.split(examples.label, examples.label):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = fit_calibrated(method, USUAL[method], examples, Split(known, test, folds_at_random(examples, known, SEED)), SEED)
        kept = examples.take(test)
        told = scores(fitted.onnx(), feeds(fitted.preparation, kept))
        found.append(((kept.label, told), float(np.abs(told - fitted.probabilities(kept)).max())))
    return found


def sessions() -> Examples:
    columns = tuple(Column(c.Ref(("context", name)), name in TEXTS) for name in (*NUMBERS, *TEXTS))
    return read_table(Spec("shoppers", columns, table=Table(SHOPPERS, "Revenue")), UTC)


# -- offline and online ------------------------------------------------------------------------------------------------

FEATURES = """
version: 1
timezone: Europe/London
features:
  orders: {count: order_completed}
  orders_30d: {count: order_completed, within: 30d}
  of_lanterns: {count: order_completed, where: {products.product_id: "71053"}}
  spent: {sum: order_completed.total}
  spent_90d: {sum: order_completed.total, within: 90d}
  spent_by_line: {sum: order_completed.products.price}
  avg_order: {avg: order_completed.total}
  least: {min: order_completed.products.price, within: 60d}
  most: {max: order_completed.products.price}
  things_60d: {distinct: order_completed.products.product_id, within: 60d}
  first_things: {first: order_completed.products.product_id}
  last_total: {last: order_completed.total}
  last_things: {last: order_completed.products.product_id, where: {total: {gte: 100}}}
  first_order_at: {first_at: order_completed}
  last_order_at: {last_at: order_completed, within: 45d}
  order_days: {days: order_completed}
  days_this_month: {days: order_completed, calendar: month}
  idle: {seconds_since: order_completed}
  since_returned: {count: order_completed, since: {last: order_returned}}
  in_spring: {sum: order_completed.total, between: [2011-03-01, 2011-06-01]}
  mornings: {count: order_completed, where: {_hour: {lt: 12}}}
  returns: {count: order_returned}
  share: {expr: feature.returns / (feature.orders + 1) + log(1 + abs(feature.spent))}
placements:
  told: {fallback: {block: plain}}
offers:
  all:
    placements: [told]
    eligibility: {any: [OFFERS]}
    block: plain
"""
INSTANTS = 25
FIRST, LAST = datetime(2010, 12, 5, tzinfo=UTC), datetime(2011, 10, 31, tzinfo=UTC)


@figure("skewed_feature_values", "values", at_most=0, title="feature values of 100,000 (person, instant) pairs of Online Retail that differ between the training set and the running server")
def skewed_feature_values() -> Measured:
    with scratch() as folder:
        content, data = folder / "content", folder / "data"
        _write(content)
        with doing("importing"):
            inlay("import", "events", str(RETAIL), "--map", str(MAP), "--content", str(content), "--data", str(data), INLAY_DURABILITY="fast")
        with Inlay(content, data) as server, doing("comparing every feature of every pair"):
            asyncio.run(export(load_settings(data=data), "events", folder / "events.parquet"))
            pairs, values, wrong = _compared(server, content, folder / "events.parquet")
    tell(f"{pairs:,} pairs, {values:,} values, {wrong:,} differ")
    return Measured(wrong, {"pairs": f"{pairs:,}", "values": f"{values:,}"})


def _write(content: Path) -> None:
    ids = [line.strip().partition(":")[0] for line in FEATURES.partition("features:\n")[2].partition("placements:")[0].splitlines()]
    leaves = ", ".join(f"{{field: feature.{id}, exists: true}}" for id in ids)
    for name, text in {"rules/told.yaml": FEATURES.replace("OFFERS", leaves), "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>"}.items():
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text)


def _compared(server: Inlay, content: Path, events: Path) -> tuple[int, int, int]:
    """(pairs, values, values that differ)."""
    program, people, pairs, values, wrong = Program(load(content)), list(pasts(events)), 0, 0, 0
    histories = {past.profile: past.history() for past in people}
    step = (LAST - FIRST) / (INSTANTS - 1)
    for number in range(INSTANTS):
        at = FIRST + number * step
        for who, online in _asked(server, list(histories), at):
            r = Request(round(at.timestamp() * 1000), Profile(who, histories[who], known=True))
            offline = {id: _through_json(plain(compute(r))) for id, compute in program.features.items()}
            pairs, values = pairs + 1, values + len(offline)
            wrong += sum(offline[id] != online[id]["value"] for id in offline)
    return pairs, values, wrong


def _through_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _asked(server: Inlay, people: Sequence[str], at: datetime) -> Iterator[tuple[str, Mapping[str, Any]]]:
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    for start in range(0, len(people), 500):
        body = {"placements": ["told"], "explain": True, "at": at.isoformat(timespec="milliseconds"), "recipients": [{"profile": who} for who in people[start : start + 500]]}
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/decisions/batch", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=120) as answer:
            for line in answer.read().splitlines():
                told = json.loads(line)
                assert not told["degraded"], told["degraded"]
                yield told["profile"], told["explain"]["features"]


# -- lifetime value ----------------------------------------------------------------------------------------------------

CDNOW = DATA / "cdnow"
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "p": 6.25, "q": 3.74, "v": 15.44}


@figure("bgnbd_parameter_error", "share", at_most=0.01, title="BG/NBD on CDNOW: largest relative difference of a parameter from the published one")
def bgnbd_parameter_error() -> float:
    return _furthest(lifetime.fit_coming(customers()))


@figure("gamma_gamma_parameter_error", "share", at_most=0.02, title="Gamma-Gamma on CDNOW: the same")
def gamma_gamma_parameter_error() -> float:
    return _furthest(lifetime.fit_spending(customers()))


def _furthest(found: lifetime.Coming | lifetime.Spending) -> float:
    told = {name: getattr(found, name) for name in found.__dataclass_fields__}
    tell(", ".join(f"{name} {value:.4g}" for name, value in told.items()))
    return max(abs(value / PUBLISHED[name] - 1) for name, value in told.items())


@cache
def customers() -> lifetime.Customers:
    """The reference table, and what the days of the calibration period after a customer's first were worth."""
    with (CDNOW / "cdnow_customers_summary.csv").open() as file:
        rows = np.array([(int(row["ID"]), float(row["frequency"]), float(row["recency"]), float(row["T"])) for row in csv.DictReader(file)])
    spent: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in (CDNOW / "CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, amount = line.split()
        if day <= "19970930":
            spent[int(customer)][day] += float(amount)
    worth = [np.mean([spent[id][day] for day in sorted(spent[id])[1:]] or [0.0]) for id in rows[:, 0].astype(int).tolist()]
    return lifetime.Customers(rows[:, 1], rows[:, 2], rows[:, 3], np.array(worth))


# -- kinds of customers ------------------------------------------------------------------------------------------------


@figure("kmeans_inertia_ratio", "ratio", at_most=1.005, title="k-means of 4 on log recency, frequency and money of Online Retail: inertia over that of scikit-learn's best of 50 starts")
def kmeans_inertia_ratio() -> Measured:
    examples = rfm()
    with doing("looking for clusters"):
        found = cluster(examples, 4, 4, "kmeans", SEED)
        matrix = found.preparation.matrix(examples)
        best = library("sklearn.cluster").KMeans(4, n_init=50, random_state=SEED + 1).fit(matrix)
    elsewhere = int((scores(clusters_onnx(found), feeds(found.preparation, examples)) != found.assign(examples)).sum())
    tell(f"{len(examples):,} customers; the ONNX file puts {elsewhere} of them elsewhere")
    if elsewhere:
        raise RuntimeError(f"the ONNX file puts {elsewhere} customers into another cluster")
    return Measured(inertia(matrix, found.middles) / float(best.inertia_), {"customers": f"{len(examples):,}", "elsewhere": str(elsewhere)})


def rfm() -> Examples:
    """Days since the last order, orders, money spent: of every customer at the end of October 2011."""
    orders: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    last: dict[str, str] = {}
    for line in lines():
        orders[line["CustomerID"]][line["InvoiceNo"]] += int(line["Quantity"]) * float(line["UnitPrice"])
        last[line["CustomerID"]] = max(last.get(line["CustomerID"], ""), line["InvoiceDate"])
    end = datetime(2011, 11, 1)
    values = np.array([((end - datetime.fromisoformat(last[who])).days, len(given), sum(given.values())) for who, given in orders.items()], dtype=float)
    columns = tuple(Column(c.Ref(("profile", name))) for name in ("recency", "frequency", "money"))
    return Examples(columns, tuple(values.T), np.zeros(len(values)))


def lines() -> Iterator[dict[str, str]]:
    """The lines of known customers that are sales."""
    with gzip.open(RETAIL, "rt", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["CustomerID"] and not line["InvoiceNo"].startswith("C") and int(line["Quantity"]) > 0 and float(line["UnitPrice"]) > 0:
                yield line


# -- baskets completed by the running server ---------------------------------------------------------------------------

COMPLETED = """
version: 1
timezone: Europe/London
placements: {told: {fallback: {block: plain}}}
recommenders:
  goes_with: {seeds: {last: order_completed.products.product_id}, bought: order_completed.products.product_id}
"""
OCTOBER = datetime(2011, 10, 1, tzinfo=UTC)


@figure("retail_hr10", "HR@10", title="October's baskets of known customers of Online Retail, one item hidden, completed by the running server from what came before")
def retail_hr10() -> float:
    return completed()["served"]


@figure("retail_hr10_vs_popularity", "times", at_least=6, title="the same over what the ten most popular items reach")
def retail_hr10_vs_popularity() -> float:
    return completed()["served"] / completed()["popularity"]


@figure("retail_hr10_vs_item_cosine", "times", at_least=1, title="the same over what plain item-to-item cosine reaches")
def retail_hr10_vs_item_cosine() -> float:
    return completed()["served"] / completed()["cosine"]


@cache
def completed() -> dict[str, float]:
    """HR@10 of the server, of plain cosine and of popularity, on the same questions."""
    before, later = sales()
    asked = questions(before, later, SEED)
    with scratch() as folder, doing(f"completing {len(asked):,} baskets"):
        content, data = folder / "content", folder / "data"
        for name, text in {"rules/told.yaml": COMPLETED, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>"}.items():
            (content / name).parent.mkdir(parents=True, exist_ok=True)
            (content / name).write_text(text)
        (content / "models").mkdir()
        (content / "models" / "goes_with.npz").write_bytes(packed(learn(before)))
        _load(folder, before, data)
        with Inlay(content, data) as server:
            wait_for(lambda: b'"id"' in server.get(f"/v1/items/{before[0].items[0]}")[1])
            found = {"served": hit_rate(asked, lambda question: _served(server, question)), "cosine": hit_rate(asked, by_cosine(before)), "popularity": hit_rate(asked, by_popularity(before))}
    tell(", ".join(f"{name} {value:.4f}" for name, value in found.items()) + f", {len(asked):,} questions")
    return found


def sales() -> tuple[list[Basket], list[Basket]]:
    """Baskets before October, and October's."""
    found: dict[str, tuple[str, int, dict[str, None]]] = {}
    for line in lines():
        at = round(datetime.fromisoformat(line["InvoiceDate"]).replace(tzinfo=UTC).timestamp() * 1000)
        found.setdefault(line["InvoiceNo"], (line["CustomerID"], at, {}))[2][line["StockCode"]] = None
    every = sorted((Basket(who, at, tuple(items)) for who, at, items in found.values()), key=lambda basket: (basket.at, basket.who))
    border = round(OCTOBER.timestamp() * 1000)
    return [basket for basket in every if basket.at < border], [basket for basket in every if basket.at >= border]


def _load(folder: Path, before: Sequence[Basket], data: Path) -> None:
    events, items = folder / "events.jsonl", folder / "items.jsonl"
    rows = [
        {"type": "track", "event": "order_completed", "userId": basket.who, "messageId": str(i), "timestamp": datetime.fromtimestamp(basket.at / 1000, UTC).isoformat(),
         "properties": {"products": [{"product_id": id} for id in basket.items]}}
        for i, basket in enumerate(before)
    ]
    events.write_text("\n".join(map(json.dumps, rows)) + "\n")
    items.write_text("\n".join(json.dumps({"id": id}) for id in dict.fromkeys(id for basket in before for id in basket.items)) + "\n")
    inlay("import", "events", str(events), "--content", str(folder / "content"), "--data", str(data), INLAY_DURABILITY="fast")
    inlay("import", "items", str(items), "--data", str(data))


def _served(server: Inlay, question: Question) -> list[str]:
    body = {"profile": question.who, "recommender": "goes_with", "seeds": list(question.others), "limit": 10}
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/recommendations", json.dumps(body).encode(), headers), timeout=60) as answer:
        told = json.loads(answer.read())
    assert not told["degraded"], told["degraded"]
    return [item["id"] for item in told["items"]]
