"""Who is whom, and what is known of them: record linkage on real records, recency and frequency of real purchases, any order."""

from __future__ import annotations

import csv
import json
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from app.domain.traits import Trait, TraitKind
from app.learning.linkage import matches
from app.learning.records import Person
from app.learning.resolving import verdicts
from bench.machine import ROOT
from bench.orders import orders_equal
from bench.registry import Measured, figure
from bench.servers import Inlay, inlay, scratch
from bench.stage import doing, tell

DATA = ROOT.parent / "shared" / "data"
MERGE = 0.95
"""As `inlay identities match` merges where nothing else is said."""
KINDS: dict[str, TraitKind] = {
    "given_name": "given_name", "surname": "family_name", "street_number": "house_number", "address_1": "street", "address_2": "street", "suburb": "city",
    "postcode": "postcode", "state": "region", "date_of_birth": "date", "soc_sec_id": "id",
}


@figure("febrl1_f1", "F1", at_least=0.998, title="people of FEBRL 1 found again among 1,000 records, all columns, no labels")
def febrl1_f1() -> Measured:
    return linked(["dataset1.csv"], KINDS)


@figure("febrl4_f1", "F1", at_least=0.998, title="people of FEBRL 4 found again between two files of 5,000, all columns, no labels")
def febrl4_f1() -> Measured:
    return linked(["dataset4a.csv", "dataset4b.csv"], KINDS)


@figure("febrl1_f1_without_id", "F1", at_least=0.995, title="the same of FEBRL 1 without the column soc_sec_id")
def febrl1_f1_without_id() -> Measured:
    return linked(["dataset1.csv"], without_id())


@figure("febrl4_f1_without_id", "F1", at_least=0.995, title="the same of FEBRL 4 without the column soc_sec_id")
def febrl4_f1_without_id() -> Measured:
    return linked(["dataset4a.csv", "dataset4b.csv"], without_id())


def without_id() -> dict[str, TraitKind]:
    return {name: kind for name, kind in KINDS.items() if kind != "id"}


def linked(files: list[str], kinds: dict[str, TraitKind]) -> Measured:
    """F1 over pairs of what would be merged; the truth, which stands in the ids, is looked at only here."""
    people = [read_people(DATA / "febrl" / file) for file in files]
    traits = {name: Trait(name, kind) for name, kind in kinds.items()}
    begun = perf_counter()
    with doing("comparing"):
        found = verdicts(matches(people, traits), [each for list in people for each in list], traits, MERGE)
    seconds = perf_counter() - begun
    merged = [(each.match.a, each.match.b) for each in found if each.outcome == "merge"]
    right = sum(number(a) == number(b) for a, b in merged)
    precision, recall = right / len(merged), right / pairs(people)
    tell(f"precision {precision:.4f}, recall {recall:.4f}, {len(found) - len(merged)} pairs for review, {seconds:.1f} s")
    return Measured(2 * precision * recall / (precision + recall), {"precision": f"{precision:.4f}", "recall": f"{recall:.4f}", "seconds": f"{seconds:.1f}"})


def read_people(path: Path) -> list[Person]:
    with path.open() as file:
        return [Person(row.pop("rec_id"), row) for row in csv.DictReader(file, skipinitialspace=True)]


def number(key: str) -> str:
    """rec-12-dup-0 and rec-12-org are one person."""
    return key.split("-")[1]


def pairs(people: list[list[Person]]) -> int:
    """How many pairs there are to find."""
    counts = [Counter(number(person.key) for person in each) for each in people]
    if len(counts) == 1:
        return sum(n * (n - 1) // 2 for n in counts[0].values())
    return sum(n * counts[1][key] for key, n in counts[0].items())


# -- purchases ---------------------------------------------------------------------------------------------------------

END = "1997-09-30T00:00:00Z"
RULES = """version: 1
timezone: UTC
features:
  days: {days: order_completed}
  frequency: {expr: feature.days - 1}
  first_day: {min: order_completed.day}
  last_day: {max: order_completed.day}
  recency: {expr: (feature.last_day - feature.first_day) / 7}
  idle: {seconds_since: order_completed}
  age: {expr: feature.recency + feature.idle / 604800}
placements: {rfm: {fallback: {block: plain}}}
offers:
  known: {placements: [rfm], block: plain, eligibility: {all: [{field: feature.frequency, gte: 0}, {field: feature.recency, gte: 0}, {field: feature.age, gte: 0}]}}
"""


@figure("cdnow_rfm_equal", "customers", at_least=2_357, title="customers of CDNOW whose frequency, recency and T equal the reference, by `features:` alone")
def cdnow_rfm_equal() -> int:
    with scratch() as folder:
        content = folder / "content"
        (content / "rules").mkdir(parents=True)
        (content / "rules" / "rfm.yaml").write_text(RULES)
        (content / "blocks" / "plain").mkdir(parents=True)
        (content / "blocks" / "plain" / "block.yaml").write_text("description: nothing much\n")
        (content / "blocks" / "plain" / "html.j2").write_text("<p>Hello</p>\n")
        with (folder / "purchases.jsonl").open("w") as file:
            file.writelines(json.dumps(each) + "\n" for each in purchases())
        with Inlay(content, folder / "data") as server:
            inlay("import", "events", str(folder / "purchases.jsonl"), "--data", str(folder / "data"))
            wanted = reference()
            found = rfm(server, list(wanted))
    return sum(found.get(customer) == row for customer, row in wanted.items())


def purchases() -> Iterator[dict[str, Any]]:
    for i, line in enumerate((DATA / "cdnow" / "CDNOW_sample.txt").read_text().splitlines()):
        _, customer, day, quantity, value = line.split()
        when = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        properties = {"day": (when.date() - date(1970, 1, 1)).days, "quantity": int(quantity), "total": float(value)}
        yield {"type": "track", "event": "Order Completed", "userId": str(int(customer)), "messageId": f"cdnow-{i}", "timestamp": when.isoformat(), "properties": properties}


def reference() -> dict[str, tuple[float, float, float]]:
    """Customer -> (frequency, recency, T), in weeks to two decimals."""
    with (DATA / "cdnow" / "cdnow_customers_summary.csv").open() as file:
        return {row["ID"]: (float(row["frequency"]), float(row["recency"]), float(row["T"])) for row in csv.DictReader(file)}


def rfm(server: Inlay, customers: list[str]) -> dict[str, tuple[float, float, float]]:
    """The same as the running server's features tell it, as of the end of the reference."""
    found: dict[str, tuple[float, float, float]] = {}
    for at in range(0, len(customers), 500):
        asked = {"placements": ["rfm"], "explain": True, "at": END, "recipients": [{"profile": each} for each in customers[at : at + 500]]}
        headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/decisions/batch", json.dumps(asked).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            lines = answer.read().splitlines()
        for line in lines:
            told = json.loads(line)
            features = told["explain"]["features"]
            found[told["profile"]] = (features["frequency"]["value"], round(features["recency"]["value"], 2), round(features["age"]["value"], 2))
    return found


# -- any order -----------------------------------------------------------------------------------------------------------

CASES = 10_000


@figure("order_cases_equal", "cases", at_least=CASES, title="made-up histories that arrive in any order, with repetitions, and give the people of one pass in order")
def order_cases_equal() -> int:
    from tests.conftest import start_redis

    with tempfile.TemporaryDirectory(prefix="inlay-") as folder, doing(f"trying {CASES:,} histories"):
        redis = start_redis(Path(folder))
        try:
            return min(orders_equal(str(Path(folder) / "redis.sock"), CASES), CASES)
        finally:
            redis.terminate()
            redis.wait(10)
