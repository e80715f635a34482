"""Asks a running server for every customer's grid, and tells what it showed.

    python grids.py LINES.csv.gz http://localhost:8000                    # as of now
    python grids.py LINES.csv.gz http://localhost:8000 --at 2011-10-01    # as of then, and who then bought one of the six
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from time import sleep
from typing import Any
from urllib.request import Request, urlopen

CALL, TRIES = 1_000, 10


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("lines")
    parser.add_argument("server")
    parser.add_argument("--at")
    given = parser.parse_args()
    with gzip.open(given.lines, "rt", encoding="utf-8", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["CustomerID"]]
    if given.at is None:
        now(given.server, list(dict.fromkeys(line["CustomerID"] for line in lines)))
    else:
        then(given.server, given.at, lines)


def now(server: str, customers: list[str]) -> None:
    decisions = dict(ask(server, customers, "grid", None))
    shown = [decision["placements"]["grid"] for decision in decisions.values()]
    items = {item["id"] for grid in shown for item in grid["items"]}
    why = Counter(decision["explain"]["placements"]["grid"][0].get("by") for decision in decisions.values())
    fitting = sum(grid["offer"] == "goes_with" for grid in shown)
    print(f"{len(shown):,} customers: {fitting:,} grids for their last order with {len(items):,} different items")
    print(f"{len(shown) - fitting:,} of bestsellers, {why['eligibility']:,} because of eligibility, {why['items']:,} because of items")


def then(server: str, at: str, lines: list[dict[str, str]]) -> None:
    """Customers who had ordered before `at` and did again: did their next order hold, as something new to them, one of the six?"""
    before = {line["CustomerID"] for line in lines if line["InvoiceDate"] < at and is_order(line)}
    following: dict[str, tuple[str, set[str]]] = {}
    for line in lines:
        if line["InvoiceDate"] >= at and line["CustomerID"] in before and is_order(line):
            invoice, bought = following.setdefault(line["CustomerID"], (line["InvoiceNo"], set()))
            if line["InvoiceNo"] == invoice:
                bought.add(line["StockCode"])
    for placement, name in (("grid", "things that go with the last order"), ("popular", "bestsellers")):
        hits = 0
        for who, decision in ask(server, list(following), placement, at):
            hits += any(item["id"] in following[who][1] for item in decision["placements"][placement]["items"])
        print(f"{hits:,} of {len(following):,} customers ({hits / len(following):.1%}) bought one of six {name} in their next order")


def is_order(line: dict[str, str]) -> bool:
    return not line["InvoiceNo"].startswith("C") and int(line["Quantity"]) > 0


def ask(server: str, customers: list[str], placement: str, at: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(customer, the decision for them), by the batch route; whose answer was degraded is asked for again."""
    waiting = customers
    for _ in range(TRIES):
        again: list[str] = []
        for start in range(0, len(waiting), CALL):
            for who, decision in call(server, waiting[start : start + CALL], placement, at):
                if decision["degraded"]:
                    again.append(who)
                else:
                    yield who, decision
        waiting = again
        if not waiting:
            return
        sleep(0.5)
    raise SystemExit(f"{len(waiting):,} answers are still degraded")


def call(server: str, customers: list[str], placement: str, at: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    body = {"placements": [placement], "explain": at is None, "recipients": [{"profile": who} for who in customers]} | ({"at": f"{at}T00:00:00Z"} if at else {})
    with urlopen(Request(f"{server}/v1/decisions/batch", json.dumps(body).encode()), timeout=60) as answer:
        yield from zip(customers, map(json.loads, answer), strict=True)


if __name__ == "__main__":
    main()
