"""The catalogue of a shop out of its invoice lines, each item with what is bought together with it.

    python related.py LINES.csv.gz items.jsonl [--until 2011-10-01]

Items are alike as the cosine of their orders says: orders that hold both, over the root of the product of the orders that
hold each. Pairs that met in fewer than four orders are chance and are left out. `--until` looks at earlier orders only.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from collections import Counter, defaultdict
from string import capwords

import numpy as np

RELATED = 20
MET = 4


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("lines")
    parser.add_argument("items")
    parser.add_argument("--until", default="9999", help="leave out orders from this date on")
    given = parser.parse_args()
    orders: dict[str, set[str]] = defaultdict(set)
    names: dict[str, Counter[str]] = defaultdict(Counter)
    prices: dict[str, Counter[float]] = defaultdict(Counter)
    with gzip.open(given.lines, "rt", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            code, quantity, price = line["StockCode"], int(line["Quantity"]), float(line["UnitPrice"])
            if is_sale(line, quantity, price) and line["InvoiceDate"] < given.until:
                orders[line["InvoiceNo"]].add(code)
                names[code][line["Description"].strip()] += 1
                prices[code][price] += 1
    related = together(list(orders.values()))
    times = Counter(code for order in orders.values() for code in order)
    with open(given.items, "w", encoding="utf-8") as file:
        for code in names:
            item = {"id": code, "name": capwords(names[code].most_common(1)[0][0]), "price": prices[code].most_common(1)[0][0],
                    "orders": times[code], "url": f"https://gifts.example/p/{code}", "related": related[code]}
            file.write(json.dumps(item) + "\n")
    print(f"{len(orders):,} orders, {len(names):,} items, {sum(map(bool, related.values())):,} of them with related ones")


def is_sale(line: dict[str, str], quantity: int, price: float) -> bool:
    """A customer bought a thing: no cancellation, no correction, no postage or fee (whose codes do not begin with five digits)."""
    return bool(line["CustomerID"]) and not line["InvoiceNo"].startswith("C") and quantity > 0 and price > 0 and line["StockCode"][:5].isdigit()


def together(orders: list[set[str]]) -> dict[str, list[str]]:
    """Per item the items that are most alike, the most alike first."""
    number: dict[str, int] = {}
    for order in orders:
        for code in sorted(order):
            number.setdefault(code, len(number))
    both = np.zeros((len(number), len(number)), dtype=np.float32)
    for order in orders:
        rows = np.array([number[code] for code in order])
        both[np.ix_(rows, rows)] += 1
    each = both.diagonal().copy()
    alike = np.where(both >= MET, both / np.sqrt(np.outer(each, each)), 0)
    np.fill_diagonal(alike, 0)
    best = np.argsort(-alike, axis=1, kind="stable")[:, :RELATED]
    codes = list(number)
    return {code: [codes[j] for j in best[i] if alike[i, j] > 0] for code, i in number.items()}


if __name__ == "__main__":
    main()
