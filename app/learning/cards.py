"""A trained model's card, and the page about it that people read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from app.domain import conditions as c
from app.learning.examples import Examples
from app.learning.fitting import feeds, scores
from app.learning.graphs import NUMBERS
from app.learning.kinds import Kind, Trained
from app.learning.preparing import Preparation, order
from app.learning.spec import Spec
from app.learning.training import kind_of
from app.learning.versions import Shelf, Version

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def keep(trained: Trained, content: Path, source: str, more: Mapping[str, Any] | None = None) -> Version:
    """The model as a version on its shelf, with its card, and the page about it. `more` is told in the card of how it was trained."""
    kind = kind_of(trained.spec)
    card = card_of(trained, kind, source)
    card["trained"] |= more or {}

    def page(folder: Path, card: Mapping[str, Any]) -> None:
        kind.draw(trained, folder / "figures.png")
        (folder / "README.md").write_text(page_of(trained, kind, card))

    return Shelf(content, trained.spec.model).keep(card, trained.learnt.data, page)


def card_of(trained: Trained, kind: Kind, source: str) -> dict[str, Any]:
    spec, learnt = trained.spec, trained.learnt
    return {
        "description": spec.description or kind.purpose.format(spec.model), "version": spec.version, "inputs": inputs_told(learnt.preparation), "output": dict(kind.output(spec)),
        "fallback": rounded(trained.figures[kind.fallback]), "golden": golden(trained), "sha256": sha256(learnt.data).hexdigest(),
        "trained": {
            "on": source, **(label_told(spec) if kind.foretells else {}), **times(trained.test), "rows": trained.rows, "test_rows": len(trained.test),
            "method": kind.method(spec), "seed": spec.seed, "trials": learnt.trials,
            "parameters": {name: rounded(value) if isinstance(value, float) else value for name, value in learnt.parameters.items()},
            "figures": {name: rounded(value) for name, value in trained.figures.items()}, "onnx_difference": rounded(trained.difference),
            "importance": {name: rounded(value) for name, value in trained.importance.items()},
            "baseline": {name: each.plain() for name, each in trained.baselines.items()},
        },
    }


def label_told(spec: Spec) -> dict[str, Any]:
    """What is foretold, where the decision log can tell whether it came true: one event within a time."""
    told = spec.label.condition if spec.label is not None else None
    if spec.label is None or not isinstance(told, c.Did) or told.where or told.count != (c.Test("gte", 1),):
        return {}
    return {"label": {"event": told.event, "within_ms": spec.label.horizon, "happened": not told.negated}}


def inputs_told(preparation: Preparation) -> list[dict[str, Any]]:
    """As a card has them."""
    columns = preparation.columns
    texts = any(column.text for column in columns)
    return [
        {
            "name": str(columns[i].name), "default": preparation.defaults[i], **({"type": "string"} if columns[i].text else {}),
            **({"tensor": str(columns[i].name) if columns[i].text else NUMBERS} if texts else {}),
        }
        for i in order(columns)
    ]


def rounded(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")


def golden(trained: Trained) -> list[dict[str, Any]]:
    """Rows of the test set from the lowest score to the highest, each with its score."""
    by_score = np.argsort(trained.told, kind="stable")
    rows = trained.test.take(by_score[[int(share * (len(by_score) - 1)) for share in SHARES]])
    tensors = feeds(trained.learnt.preparation, rows)
    told = scores(trained.learnt.data, tensors)
    cells = [tensor.tolist() for tensor in tensors.values()]
    return [{"inputs": [value for tensor in cells for value in tensor[i]], "output": round(float(told[i]), 6)} for i in range(len(told))]


def times(test: Examples) -> dict[str, str]:
    """From when to when what is judged by lies, and from which instant on nothing was learnt from."""
    at = test.instant
    return {} if at is None else {"judged_from": _day(int(at.min())), "judged_to": _day(int(at.max())), "unseen_from": f"{datetime.fromtimestamp(int(at.min()) / 1000, UTC).isoformat(timespec='milliseconds')}"}


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"


def page_of(trained: Trained, kind: Kind, card: Mapping[str, Any]) -> str:
    told = card["trained"]
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value:g} |" for name, value in told["figures"].items())
    weights = "\n".join(f"| `{name}` | {value:g} |" for name, value in told["importance"].items())
    judged = f"the {told['test_rows']:,} rows from {told['judged_from']} to {told['judged_to']}, later than everything that was learnt from" if "judged_from" in told else f"{told['test_rows']:,} rows drawn at random"
    notes = "".join(f"\n- {note}" for note in trained.notes) or "\n- Nothing was noticed that should be looked at."
    limits = "\n".join(f"- {limit.format(fallback=card['fallback'])}" for limit in kind.limits)
    summary = f"{told['method']}, version {card['version']}, learnt from {told['rows']:,} rows of {told['on']}; judged by {judged}. {kind.verdict(trained)}"
    return f"""# {trained.spec.model}: {card["description"]}

{summary.rstrip()}

![{kind.drawn}](figures.png)

| figure | |
|---|---:|
{rows}
| largest difference of the ONNX file from the library | {told["onnx_difference"]:g} |

| input | {kind.lost} that is lost without it |
|---|---:|
{weights}

## To be looked at
{notes}

## Limits

{limits}
"""
