"""Trains `item_click.onnx`: the chance that a product shown in a mail is clicked. `python models/train_item_click.py`

One row is one product shown to one person, so that the model ranks the products of a grid. Its inputs are tensors of
their own, two of them texts. The rows are simulated (seed 11): a stand-in for a shop's own clicks.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

HERE = Path(__file__).parent
CATEGORIES = ("shoes", "cameras", "bags", "jackets", "accessories")
PRICES = {"shoes": 130, "cameras": 600, "bags": 110, "jackets": 175, "accessories": 35}
# tensor -> (what the card reads it from, its default)
COLUMNS = {
    "category": ("item.category", ""), "last_category": ("feature.last_category", ""), "price": ("item.price", 50),
    "usual_order": ("feature.avg_order", 120), "sold": ("item.sold", 0), "views": ("feature.views_this_week", 0),
}  # fmt: skip
TEXTS = ("category", "last_category")


def shown(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(columns, clicked): the category looked at last, a price near the usual and what sells well are clicked most."""
    category = rng.choice(CATEGORIES, count)
    last = rng.choice((*CATEGORIES, ""), count)
    price = np.array([PRICES[each] for each in category]) * rng.lognormal(0, 0.35, count)
    usual = rng.gamma(4, 35, count)
    sold = rng.gamma(2, 80, count)
    views = rng.poisson(3, count)
    pull = -2.6 + 1.5 * (category == last) - 0.5 * np.abs(np.log(price / usual)) + 0.003 * sold + 0.06 * views
    columns = np.column_stack([category.astype(object), last.astype(object), price, usual, sold, views])
    return columns, rng.random(count) < 1 / (1 + np.exp(-pull))


def trained(x: np.ndarray, clicked: np.ndarray) -> Pipeline:
    texts, numbers = [0, 1], [2, 3, 4, 5]
    columns = ColumnTransformer([("texts", OneHotEncoder(handle_unknown="ignore"), texts), ("numbers", "passthrough", numbers)], sparse_threshold=0)
    return make_pipeline(columns, GradientBoostingClassifier(n_estimators=60, max_depth=4, random_state=11)).fit(x, clicked)


def onnx(model: Pipeline) -> bytes:
    types = [(name, StringTensorType([None, 1]) if name in TEXTS else FloatTensorType([None, 1])) for name in COLUMNS]
    return to_onnx(model, initial_types=types, options={id(model): {"zipmap": False}}).SerializeToString()


def card(data: bytes, golden: list[list[object]], outputs: np.ndarray, auc: float) -> str:
    inputs = "\n".join(
        f"  - {{tensor: {tensor}, name: {name}, type: {'string' if tensor in TEXTS else 'float'}, default: {json.dumps(default)}}}"
        for tensor, (name, default) in COLUMNS.items()
    )
    rows = "\n".join(f"  - {{inputs: {json.dumps(row)}, output: {output:.6f}}}" for row, output in zip(golden, outputs, strict=True))
    return f"""description: chance that a product shown in a mail is clicked
version: "1"
inputs:
{inputs}
output: {{name: probabilities, index: 1, range: [0, 1]}}
fallback: 0.08
golden:
{rows}
sha256: "{hashlib.sha256(data).hexdigest()}"
trained: {{script: train_item_click.py, on: "40,000 simulated products in mails, seed 11", figures: {{auc: {auc:.3f}}}}}
"""


def main() -> None:
    rng = np.random.default_rng(11)
    model = trained(*shown(40_000, rng))
    test_x, test_clicked = shown(10_000, rng)
    auc = roc_auc_score(test_clicked, model.predict_proba(test_x)[:, 1])
    data = onnx(model)
    golden: list[list[object]] = [["shoes", "shoes", 129, 130, 310, 4], ["shoes", "bags", 129, 130, 310, 4], ["cameras", "", 1290, 60, 60, 0]]
    outputs = model.predict_proba(np.array(golden, dtype=object))[:, 1]
    (HERE / "item_click.onnx").write_bytes(data)
    (HERE / "item_click.yaml").write_text(card(data, golden, outputs, auc))


if __name__ == "__main__":
    main()
