"""Trains `buy_7d.onnx`: the chance that a person buys within 7 days. `python models/train_buy_7d.py`

The people are simulated (seed 7): a stand-in for a shop's own history, so the figures say nothing about a real shop.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score

HERE = Path(__file__).parent
COLUMNS = ("feature.shoe_views_48h", "feature.spend_90d", "feature.order_days", "feature.idle_seconds")


def people(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(columns, bought): more views, more past orders and a recent opening make a purchase likelier."""
    views = rng.poisson(1.2, count)
    orders = rng.poisson(1.5, count)
    spend = orders * rng.gamma(4, 25, count)
    idle = rng.exponential(20 * 86_400, count)
    chance = 1 / (1 + np.exp(2.4 - 0.7 * views - 0.35 * orders - 0.002 * spend + idle / (30 * 86_400)))
    return np.column_stack([views, spend, orders, idle]).astype(np.float32), rng.random(count) < chance


def main() -> None:
    rng = np.random.default_rng(7)
    x, bought = people(20_000, rng)
    model = GradientBoostingClassifier(n_estimators=60, max_depth=3, random_state=7).fit(x, bought)
    test_x, test_bought = people(10_000, rng)
    auc = roc_auc_score(test_bought, model.predict_proba(test_x)[:, 1])
    data = to_onnx(model, initial_types=[("inputs", FloatTensorType([None, len(COLUMNS)]))], options={id(model): {"zipmap": False}}).SerializeToString()
    (HERE / "buy_7d.onnx").write_bytes(data)
    golden = [[0, 0, 0, 2_592_000], [3, 120, 2, 86_400], [6, 900, 6, 3_600]]
    outputs = model.predict_proba(np.array(golden, dtype=np.float32))[:, 1]
    rows = "\n".join(f"  - {{inputs: {row}, output: {output:.6f}}}" for row, output in zip(golden, outputs, strict=True))
    inputs = "\n".join(f"  - {{name: {name}, default: {2_592_000 if 'idle' in name else 0}}}" for name in COLUMNS)
    (HERE / "buy_7d.yaml").write_text(f"""description: chance that a person buys within 7 days of the send
version: "1"
inputs:
{inputs}
output: {{name: probabilities, index: 1, range: [0, 1]}}
fallback: 0.1
golden:
{rows}
sha256: "{hashlib.sha256(data).hexdigest()}"
trained: {{script: train_buy_7d.py, on: "20,000 simulated people, seed 7", figures: {{auc: {auc:.3f}}}}}
""")


if __name__ == "__main__":
    main()
