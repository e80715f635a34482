"""Nordlys, an invented outdoor shop: what it sells."""

from __future__ import annotations

from typing import Any

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


def brand(name: str) -> str:
    """Nordlys calls its products after their brands."""
    return name.split()[0]


def items(base: str) -> list[dict[str, Any]]:
    """The catalogue; pictures are served at `base`/demo/pictures."""
    found: list[dict[str, Any]] = []
    for id, category, name, price, was, stock, sold, related in PRODUCTS:
        item: dict[str, Any] = {"id": id, "name": name, "brand": brand(name), "category": category, "price": price, "stock": stock, "sold": sold, "related": list(related),
                "url": f"https://nordlys.example/p/{id}", "image": f"{base}/demo/pictures/{id}.png"}
        found.append(item | ({"list_price": was} if was else {}))
    return found
