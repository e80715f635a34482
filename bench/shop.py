"""The content of the personalised block, made by code: offers, catalogue, model, blocks. Seeds are fixed.

50 offers with 3 conditions each (one on the person's behaviour in a window, one on a trait, one on a feature); each
offer shows the best 6 of its category's 20 items, scored by a gradient boosting of 100 trees of depth 6 on 20 columns:
8 of the person, 12 of the item.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import yaml

CATEGORIES = 50
ITEMS_PER_CATEGORY = 20
CARDS = 6
CARD = b'class="card"'
"""What each card of the block holds once: an answer with six is whole."""
COUNTRIES = ("DE", "AT", "CH", "FR", "NL", "DK")
TIERS = ("none", "bronze", "silver", "gold")
BRANDS = tuple(f"brand{i:02}" for i in range(12))
ITEM_COLUMNS = ("price", "stock", "rating", "reviews", "sold", "margin", "age_days", "weight", "discount", "returns", "clicks", "views")
PERSON_COLUMNS = {
    "feature.views_7d": 0, "feature.views_90d": 0, "feature.spend_90d": 0, "feature.order_days": 0, "feature.opens_30d": 0,
    "feature.idle_seconds": 2_592_000, "profile.age": 40, "profile.tenure_days": 0,
}
FEATURES: dict[str, Any] = {
    "views_7d": {"count": "product_viewed", "within": "7d"},
    "views_90d": {"count": "product_viewed", "within": "90d"},
    "spend_90d": {"sum": "order_completed.total", "within": "90d"},
    "order_days": {"days": "order_completed"},
    "opens_30d": {"count": "email_opened", "within": "30d"},
    "brands_30d": {"distinct": "product_viewed.brand", "within": "30d"},
    "avg_order": {"avg": "order_completed.total"},
    "idle_seconds": {"seconds_since": "email_opened"},
}


def category(i: int) -> str:
    return f"cat{i % CATEGORIES:02}"


def write_content(folder: Path, model: bytes, *, offers: int = 50) -> None:
    """`rules/`, `blocks/` and `models/` with that many offers in the placement `grid`."""
    for name in ("rules", "blocks/products", "blocks/plain", "models"):
        (folder / name).mkdir(parents=True)
    (folder / "rules" / "bench.yaml").write_text(yaml.safe_dump(rules(offers), sort_keys=False))
    for block, files in BLOCKS.items():
        for name, text in files.items():
            (folder / "blocks" / block / name).write_text(text)
    (folder / "models" / "item_click.onnx").write_bytes(model)
    (folder / "models" / "item_click.yaml").write_text(yaml.safe_dump(CARD_OF_MODEL, sort_keys=False))


def rules(offers: int) -> dict[str, Any]:
    draw = Random(50)
    return {
        "version": 1,
        "features": FEATURES,
        "placements": {name: {"fallback": {"block": "plain"}, "rank": "offer.value"} for name in ("grid", "hero")},
        "offers": {f"offer{i:04}": offer(i, draw) for i in range(offers - 1)} | {"for_all": for_all()} | heroes(),
    }


def heroes() -> dict[str, Any]:
    """Ten offers without items for the placement `hero`; the last one is for everybody."""
    draw = Random(10)
    found = {f"hero{i}": {"eligibility": {"all": [behaviour(draw), trait(draw)]}, "suitability": feature(draw), "value": 10 - i} for i in range(9)}
    found["hero9"] = {"eligibility": {"field": "profile.age", "gte": 18}}
    return {id: each | {"placements": ["hero"], "block": "plain"} for id, each in found.items()}


def offer(i: int, draw: Random) -> dict[str, Any]:
    return shown(category(i)) | {
        "value": round(draw.uniform(1, 10), 2),
        "eligibility": {"all": [behaviour(draw), trait(draw)]},
        "suitability": feature(draw),
    }


def for_all() -> dict[str, Any]:
    """The offer that everybody in the benchmark may have, so that each answer is a whole block."""
    return shown(category(CATEGORIES - 1)) | {
        "value": 0.5,
        "eligibility": {"all": [{"did": "product_viewed", "within": "365d"}, {"field": "profile.age", "gte": 18}]},
        "suitability": {"field": "feature.order_days", "gte": 0},
    }


def shown(items_of: str) -> dict[str, Any]:
    chosen = {"from": "catalogue", "filter": {"field": "item.category", "eq": items_of}, "rank": "model.item_click", "limit": CARDS, "at_least": CARDS}
    variables = {"title": f"New in {items_of}", "name": {"field": "profile.first_name"}}
    return {"placements": ["grid"], "items": chosen, "block": "products", "vars": variables}


def behaviour(draw: Random) -> dict[str, Any]:
    where = {"category": category(draw.randrange(CATEGORIES))}
    window = draw.choice(["24h", "48h", "7d", "30d", "90d"])
    return draw.choice([
        {"did": "product_viewed", "where": where, "within": window},
        {"did": "product_viewed", "where": {"brand": draw.choice(BRANDS)}, "within": window, "count": {"gte": draw.randint(1, 3)}},
        {"did": "cart_updated", "within": window},
        {"did_not": "order_completed", "within": window},
        {"did": "order_completed", "where": {"total": {"gte": draw.randrange(50, 200)}}, "within": "90d"},
        {"did": "email_opened", "within": window, "count": {"gte": draw.randint(1, 4)}},
    ])


def trait(draw: Random) -> dict[str, Any]:
    return draw.choice([
        {"field": "profile.country", "in": draw.sample(COUNTRIES, 2)},
        {"field": "profile.tier", "eq": draw.choice(TIERS)},
        {"field": "profile.age", "between": [low := draw.randrange(18, 60), low + 20]},
        {"field": "profile.tenure_days", "gte": draw.randrange(2_000)},
    ])


def feature(draw: Random) -> dict[str, Any]:
    name, low, high = draw.choice([
        ("views_7d", 1, 8), ("views_90d", 20, 60), ("spend_90d", 100, 900), ("order_days", 2, 9), ("opens_30d", 1, 8),
        ("brands_30d", 2, 9), ("avg_order", 60, 150),
    ])
    return {"field": f"feature.{name}", draw.choice(["gte", "lt"]): draw.randint(low, high)}


def items(*, per_category: int = ITEMS_PER_CATEGORY) -> list[dict[str, Any]]:
    """The catalogue: 20 items in each of 50 categories."""
    draw = Random(20)
    return [
        {
            "id": f"p{i:06}", "name": f"Article {i} with a name of a common length", "category": category(i), "brand": draw.choice(BRANDS),
            "url": f"https://shop.example/products/p{i:06}", "image": f"https://shop.example/pictures/p{i:06}.jpg",
            **{name: round(draw.uniform(1, 100), 2) for name in ITEM_COLUMNS},
        }
        for i in range(CATEGORIES * per_category)
    ]


def write_items(path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in items()))


def train() -> bytes:
    """The model as ONNX: 100 trees of depth 6, fitted on invented clicks so that the trees are full."""
    import numpy as np
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import GradientBoostingClassifier

    draw = np.random.default_rng(6)
    scale = np.array([10, 60, 800, 8, 10, 2_592_000, 80, 3_000] + [100] * len(ITEM_COLUMNS))
    x = (draw.random((6_000, len(scale))) * scale).astype(np.float32)
    pull = x / scale
    chance = 1 / (1 + np.exp(-(4 * pull[:, 0] * pull[:, 10] - 3 * pull[:, 5] + 2 * pull[:, 12] - 2 * pull[:, 8] * pull[:, 6])))
    model = GradientBoostingClassifier(n_estimators=100, max_depth=6, random_state=6).fit(x, draw.random(len(x)) < chance)
    return to_onnx(model, initial_types=[("inputs", FloatTensorType([None, len(scale)]))], options={id(model): {"zipmap": False}}).SerializeToString()


CARD_OF_MODEL: dict[str, Any] = {
    "description": "chance that an item is clicked within 7 days of the send",
    "version": "1",
    "inputs": [
        *({"name": name, "default": default} for name, default in PERSON_COLUMNS.items()),
        *({"name": f"item.{name}", "default": 0} for name in ITEM_COLUMNS),
    ],
    "output": {"name": "probabilities", "index": 1, "range": [0, 1]},
    "fallback": 0.05,
}

_HTML = """<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"><tr><td align="center">
<table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0" style="width:100%;max-width:600px;background-color:#ffffff">
<tr><td style="padding:32px"><h2 style="margin:0 0 12px;font:600 20px/26px Arial,sans-serif;color:#14181f">{{ title }}{% if name is defined %}, {{ name }}{% endif %}</h2>
{% for item in items %}<div class="card" style="display:inline-block;width:48%;padding:8px;vertical-align:top;font:400 16px/24px Arial,sans-serif">
<a href="{{ item.url }}" style="color:#14181f;text-decoration:none"><img src="{{ item.image }}" width="248" height="248" alt="{{ item.name }}" border="0" style="display:block;width:100%;height:auto">
<p style="margin:12px 0 4px;font-weight:600">{{ item.name }}</p></a>
<p style="margin:0;color:#5b6573">{{ item.price|money }}</p></div>
{% endfor %}</td></tr></table>
</td></tr></table>
"""

BLOCKS: dict[str, dict[str, str]] = {
    "products": {
        "block.yaml": yaml.safe_dump({
            "description": "six products with picture, name and price",
            "variables": {"title": {"type": "string", "default": "Picked for you"}, "name": {"type": "string"}},
            "item_fields": ["name", "price", "url", "image"],
        }),
        "html.j2": _HTML,
    },
    "plain": {"block.yaml": "description: what is shown when nothing else can be\n", "html.j2": "<p>See what is new in the shop.</p>\n"},
}
