"""From examples to a model that the server loads: the file, and how good it is on rows that nothing was learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from app.errors import SettingsInvalid
from app.learning.examples import Examples
from app.learning.fitting import feeds, scores
from app.learning.judging import baseline
from app.learning.kinds import Kind, Learnt, Trained
from app.learning.leaks import constants
from app.learning.propensity import PROPENSITY
from app.learning.searching import Moved
from app.learning.spec import Spec
from app.learning.splits import split
from app.learning.uplift import UPLIFT

SAME = 1e-5
"""How far the ONNX file may be from the library on any row of the test set."""
MOST_PERMUTED = 20_000


def kind_of(spec: Spec) -> Kind:
    return PROPENSITY if spec.uplift is None else UPLIFT


def train(spec: Spec, examples: Examples, moved: Moved = lambda _: None) -> Trained:
    """`SettingsInvalid` where the examples do not allow it, with what to do."""
    kind = kind_of(spec)
    parts = split(examples, spec.label.horizon if spec.label is not None else 0, spec.seed)
    notes = kind.looked(examples, parts)
    if dead := constants(examples):
        notes.append(f"{', '.join(dead)}: the same in every row, and left out; take it out of inputs, or look at its window")
        examples = examples.without(dead)
    if not examples.columns:
        raise SettingsInvalid("every input is the same in every row: there is nothing to learn from; name other inputs")
    learnt = kind.learn(spec, examples, parts, moved)
    test, known = examples.take(parts.test), examples.take(parts.train)
    told = scores(learnt.data, feeds(learnt.preparation, test))
    difference = float(np.max(np.abs(told - learnt.by_library(test))))
    if difference > SAME:
        raise SettingsInvalid(f"the ONNX file differs from the library by {difference:.2g}, more than {SAME:g}: it is not written. Report this with the spec")
    moved("asking which inputs matter")
    baselines = {str(column.name): baseline(values, text=column.text) for column, values in zip(known.columns, known.values, strict=True)}
    baselines["score"] = baseline(scores(learnt.data, feeds(learnt.preparation, known)), text=False)
    figures, weights = kind.judged(test, told, spec.seed), importance(learnt, test, kind.measure, spec.seed)
    return Trained(spec, learnt, test, told, difference, figures, weights, baselines, len(parts.train), tuple(notes))


def importance(learnt: Learnt, test: Examples, measure: Callable[[Examples, np.ndarray], float], seed: int) -> dict[str, float]:
    """How much of `measure` is lost where a column's values are dealt out anew (Breiman 2001), the most important first; measured
    on the file."""
    draw = np.random.default_rng(seed)
    some = test.take(np.sort(draw.permutation(len(test))[:MOST_PERMUTED]))

    def measured(rows: Examples) -> float:
        return measure(rows, scores(learnt.data, feeds(learnt.preparation, rows)))

    whole, found = measured(some), dict[str, float]()
    for i, column in enumerate(some.columns):
        dealt = tuple(values[draw.permutation(len(values))] if at == i else values for at, values in enumerate(some.values))
        found[str(column.name)] = whole - measured(replace(some, values=dealt))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
