"""A small shop's content, written into a folder, for tests to break."""

from __future__ import annotations

from pathlib import Path

RULES = """\
version: 1
timezone: Europe/Berlin
context: {stock: number, device: string, member: boolean}
consents: {marketing: {gates: [decide]}}
features:
  spend_90d: {sum: order_completed.total, within: 90d}
  last_category: {last: product_viewed.category}
  first_order_at: {first_at: order_completed}
segments:
  shoe_browsers: {did: product_viewed, where: {category: shoes}, within: 48h}
placements:
  hero: {fallback: {block: plain}}
mails:
  newsletter: {placements: [hero]}
offers:
  shoes_15:
    placements: [hero]
    eligibility: {segment: shoe_browsers}
    block: card
    vars: {headline: "15 % off"}
"""

CARD = """\
description: A headline
variables:
  headline: {type: string}
  category: {type: string, default: shoes}
  percent: {type: number, default: 5}
"""

MODEL = """\
inputs: [{name: feature.spend_90d, default: 0}]
fallback: 0.05
"""


def write_shop(folder: Path, rules: str = RULES, *, more: dict[str, str] | None = None) -> Path:
    """The shop in `folder`, with `more` files (path -> text) written over it."""
    files = {
        "rules/shop.yaml": rules,
        "blocks/plain/block.yaml": "description: Plain\n",
        "blocks/plain/html.j2": "<p>Hello</p>\n",
        "blocks/card/block.yaml": CARD,
        "blocks/card/html.j2": "<p>{{ headline }} {{ category }} {{ percent }}</p>\n",
        "models/buy.yaml": MODEL,
        "models/buy.onnx": "not looked into here",
        "models/click.yaml": MODEL.replace("feature.spend_90d", "item.price"),
        "models/click.onnx": "not looked into here",
        **(more or {}),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
