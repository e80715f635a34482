"""Nordlys, an invented outdoor shop: its products, people, and what they did lately. All of it deterministic."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HOUR, DAY = 3_600_000, 86_400_000

# id, category, name, price, list price, stock, sold, related
PRODUCTS: tuple[tuple[str, str, str, float, float | None, int, int, tuple[str, ...]], ...] = (
    ("fjell", "shoes", "Fjell Trail shoe", 129.0, 149.0, 24, 310, ("ull", "drypack")),
    ("strand", "shoes", "Strand Canvas sneaker", 79.0, None, 40, 265, ("ull",)),
    ("tinde", "shoes", "Tinde Mountain boot", 219.0, None, 9, 140, ("ull", "vax")),
    ("elv", "shoes", "Elv River sandal", 69.0, 89.0, 15, 120, ("drypack",)),
    ("sno", "shoes", "Snø Winter boot", 189.0, None, 12, 205, ("vax", "ull")),
    ("lys1", "cameras", "Lys One compact camera", 449.0, None, 11, 95, ("strap", "cube", "tripod", "card")),
    ("lyspro", "cameras", "Lys Pro mirrorless camera", 1290.0, 1390.0, 4, 60, ("strap", "cube", "tripod", "filter")),
    ("action", "cameras", "Foss Action camera", 279.0, None, 18, 130, ("tripod", "card", "drypack")),
    ("skog", "bags", "Skog Day pack 22 l", 89.0, None, 33, 290, ("bottle", "drypack")),
    ("vidde", "bags", "Vidde Trekking pack 48 l", 179.0, 209.0, 10, 110, ("bottle", "drypack")),
    ("cube", "bags", "Lys Camera cube", 59.0, None, 20, 75, ("strap",)),
    ("by", "bags", "By Commuter bag", 109.0, None, 17, 150, ("bottle",)),
    ("regn", "jackets", "Regn Rain jacket", 159.0, None, 22, 240, ("vax",)),
    ("dun", "jackets", "Dun Down jacket", 249.0, 299.0, 14, 225, ("ull",)),
    ("vind", "jackets", "Vind Wind shell", 119.0, None, 19, 135, ("ull",)),
    ("strap", "accessories", "Lys Leather strap", 39.0, None, 50, 160, ("cube",)),
    ("tripod", "accessories", "Lys Travel tripod", 99.0, None, 16, 105, ("strap",)),
    ("bottle", "accessories", "Kilde Steel bottle 0.7 l", 29.0, None, 80, 330, ("skog",)),
    ("filter", "accessories", "Lys Polariser 67 mm", 49.0, None, 0, 40, ("strap",)),
    ("drypack", "accessories", "Elv Dry sack 10 l", 24.0, None, 60, 180, ("vidde",)),
    ("vax", "accessories", "Bivoks Care set", 19.0, None, 70, 170, ("tinde",)),
    ("ull", "accessories", "Ull Merino socks", 22.0, None, 90, 350, ("fjell",)),
    ("card", "accessories", "Lys Memory card 128 GB", 35.0, None, 45, 115, ("cube",)),
)

PEOPLE: tuple[dict[str, Any], ...] = (
    {"id": "mara", "name": "Mara Lindqvist", "line": "looked at trail shoes this morning", "traits": {"city": "Berlin"}, "consent": "granted"},
    {"id": "jonas", "name": "Jonas Weber", "line": "bought a camera last week", "traits": {"city": "Munich"}, "consent": "granted"},
    {"id": "ines", "name": "Inês Duarte", "line": "four orders this year, gold member", "traits": {"city": "Lisbon", "tier": "gold"}, "consent": "granted"},
    {"id": "tom", "name": "Tom Bakker", "line": "opened nothing since summer", "traits": {"city": "Utrecht"}, "consent": "granted"},
    {"id": "lea", "name": "Lea Moreau", "line": "looked at shoes, gave no consent", "traits": {"city": "Lyon"}, "consent": "denied"},
    {"id": "finn", "name": "Finn Petersen", "line": "lives round the corner in Hamburg", "traits": {"city": "Hamburg"}, "consent": "granted"},
    {"id": "aiko", "name": "Aiko Sato", "line": "compares day packs", "traits": {"city": "Vienna"}, "consent": "granted"},
    {"id": "guest", "name": "A new reader", "line": "nothing is known yet", "traits": {}, "consent": ""},
)


def items(base: str) -> list[dict[str, Any]]:
    """The catalogue; pictures are served at `base`/demo/pictures."""
    found = []
    for id, category, name, price, was, stock, sold, related in PRODUCTS:
        item = {"id": id, "name": name, "category": category, "price": price, "stock": stock, "sold": sold, "related": list(related),
                "url": f"https://nordlys.example/p/{id}", "image": f"{base}/demo/pictures/{id}.png"}
        found.append(item | ({"list_price": was} if was else {}))
    return found


def events(now: int) -> list[dict[str, Any]]:
    """Segment-shaped events relative to the start of the current hour, so that a restart repeats none."""
    hour = now // HOUR * HOUR
    by_id = {product[0]: product for product in PRODUCTS}
    found: list[dict[str, Any]] = []

    def add(who: str, name: str, ago: int, **properties: Any) -> None:
        at = hour - ago
        found.append({"type": "track", "userId": who, "event": name, "messageId": f"demo-{who}-{name}-{at}-{properties.get('product_id', '')}",
                      "timestamp": datetime.fromtimestamp(at / 1000, UTC).isoformat(), "properties": properties})

    def viewed(who: str, id: str, ago: int) -> None:
        add(who, "Product Viewed", ago, product_id=id, category=by_id[id][1], brand=by_id[id][2].split()[0], price=by_id[id][3])

    def bought(who: str, ago: int, *ids: str) -> None:
        lines = [{"product_id": id, "category": by_id[id][1], "price": by_id[id][3]} for id in ids]
        add(who, "Order Completed", ago, total=sum(line["price"] for line in lines), products=lines)

    for i, id in enumerate(("fjell", "strand", "tinde", "fjell")):
        viewed("mara", id, 3 * HOUR + i * HOUR)
        viewed("lea", id, 20 * HOUR + i * HOUR)
    bought("mara", 40 * DAY, "regn")
    viewed("jonas", "lys1", 8 * DAY)
    bought("jonas", 6 * DAY, "lys1", "card")
    for i, id in enumerate(("dun", "skog", "ull", "vidde")):
        bought("ines", (20 + 60 * i) * DAY, id)
    viewed("ines", "vind", 2 * DAY)
    bought("tom", 200 * DAY, "sno")
    add("tom", "Email Opened", 130 * DAY)
    viewed("finn", "regn", 4 * DAY)
    for i, id in enumerate(("skog", "vidde", "by", "skog")):
        viewed("aiko", id, (5 + i) * HOUR)
    for person in ("mara", "jonas", "ines", "lea", "finn", "aiko"):
        add(person, "Email Opened", 3 * DAY)
    return found


def announce(data: Path) -> None:
    """Tell the page whom to show, and where the pictures lie."""
    data.mkdir(parents=True, exist_ok=True)
    shown = [{key: person[key] for key in ("id", "name", "line")} for person in PEOPLE]
    (data / "demo.json").write_text(json.dumps({"people": shown, "pictures": str(Path(__file__).parent / "pictures")}))
