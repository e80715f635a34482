"""What a message changes: the difference that being treated makes for a person, learnt from people of whom chance chose who was.

Two ways, both around the models that tell yes from no: two models, one of those who were treated and one of those who were not, whose difference
it is (Hansotia and Rukstales 2002); and the class transformation (Jaskowski and Jaroszewicz 2012), one model of whether a person did what
their side hopes for, with each side weighted alike. Judged by Qini (Radcliffe 2007) and the area under the uplift curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from app.errors import SettingsInvalid
from app.learning import graphs
from app.learning.cards import SHARES, inputs_told, rounded, times
from app.learning.examples import Examples
from app.learning.fitting import Fitted, Parameters, feeds, prepared, scores
from app.learning.judging import Baseline, baseline
from app.learning.leaks import constants
from app.learning.libraries import library
from app.learning.plots import ACCENT, PALE, canvas, save
from app.learning.preparing import Preparation
from app.learning.spec import Spec
from app.learning.splits import LEAST, Split, split
from app.learning.training import MOST_PERMUTED, SAME, Moved, fit_calibrated, searched
from app.learning.versions import Shelf, Version

RESAMPLES = 200
BY_CHANCE = 0.6
"""Area under the ROC curve of telling who was treated, from which on it was not chance that chose."""
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Lifted:
    """A model of the difference: `told` are its scores of `test` by the file, `difference` the largest one from the library's."""

    preparation: Preparation
    parameters: Parameters
    data: bytes
    test: Examples
    told: np.ndarray
    difference: float
    figures: Mapping[str, float]
    importance: Mapping[str, float]
    baselines: Mapping[str, Baseline]
    rows: int
    trials: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """By share of the people, those with the highest scores first: `qini`, what treating them brings per person treated, and `uplift`, the
    difference of the two sides among them times the share."""

    share: np.ndarray
    qini: np.ndarray
    uplift: np.ndarray


# -- learning ----------------------------------------------------------------------------------------------------------


def train_uplift(spec: Spec, examples: Examples, moved: Moved = lambda _: None) -> Lifted:
    """`SettingsInvalid` where the examples do not allow it, with what to do."""
    treated = _sides(examples)
    parts = split(examples, spec.label.horizon if spec.label is not None else 0, spec.seed)
    _enough(examples, treated, parts)
    notes = _notes(examples, treated)
    if dead := constants(examples):
        notes.append(f"{', '.join(dead)}: the same in every row, and left out; take it out of inputs, or look at its window")
        examples = examples.without(dead)
    if not examples.columns:
        raise SettingsInvalid("every input is the same in every row: there is nothing to learn from; name other inputs")
    learn = _two_models if spec.uplift == "two_models" else _transformed
    preparation, parameters, trials, data, by_library = learn(spec, examples, treated, parts, moved)
    test, learnt = examples.take(parts.test), examples.take(parts.train)
    told = scores(data, feeds(preparation, test))
    difference = float(np.max(np.abs(told - by_library(test))))
    if difference > SAME:
        raise SettingsInvalid(f"the ONNX file differs from the library by {difference:.2g}, more than {SAME:g}: it is not written. Report this with the spec")
    moved("asking which inputs matter")
    baselines = {str(column.name): baseline(values, text=column.text) for column, values in zip(learnt.columns, learnt.values, strict=True)}
    baselines["score"] = baseline(scores(data, feeds(preparation, learnt)), text=False)
    figures = judged(test.label, treated[parts.test], told, spec.seed)
    return Lifted(preparation, parameters, data, test, told, difference, figures, _importance(data, preparation, test, spec.seed), baselines, len(parts.train), trials, tuple(notes))


def _sides(examples: Examples) -> np.ndarray:
    if examples.treated is None:
        raise SettingsInvalid("the rows do not tell who was treated: treated: names a column of the table, or a condition")
    return examples.treated.astype(bool)


def _enough(examples: Examples, treated: np.ndarray, parts: Split) -> None:
    for name, rows in (("learn from", parts.train), ("judge by", parts.test)):
        for side, mine in (("treated", treated[rows]), ("not treated", ~treated[rows])):
            yes = int(examples.label[rows][mine].sum())
            if mine.sum() < LEAST or not LEAST / 10 <= yes <= mine.sum() - LEAST / 10:
                raise SettingsInvalid(f"of the rows to {name} {int(mine.sum()):,} are {side}, {yes:,} of them with the label: too few. Both sides are needed, chosen by chance, such as by a holdout")


def _notes(examples: Examples, treated: np.ndarray) -> list[str]:
    """Whether inputs tell who was treated: then it was not chance, and the difference is of other people too."""
    matrix = prepared("logistic", replace(examples, label=treated.astype(float))).matrix(examples)
    half = np.arange(len(examples)) % 2 == 0
    model = library("sklearn.linear_model").LogisticRegression(max_iter=500).fit(matrix[half], treated[half])
    auc = float(library("sklearn.metrics").roc_auc_score(treated[~half], model.decision_function(matrix[~half])))
    return [f"inputs tell who was treated (AUC {auc:.3f}): it was not chance alone, and what is learnt may be the difference of the people, not of the treatment"] if auc > BY_CHANCE else []


_Learnt = tuple[Preparation, Parameters, int, bytes, Callable[[Examples], np.ndarray]]


def _two_models(spec: Spec, examples: Examples, treated: np.ndarray, parts: Split, moved: Moved) -> _Learnt:
    preparation = prepared(spec.method, examples.take(parts.train))
    parameters, trials = searched(spec.method, spec.search, examples, parts, spec.seed, moved)
    sides: list[Fitted] = []
    for side in (treated, ~treated):
        moved(f"fitting {int(side[parts.train].sum()):,} rows of one side")
        sides.append(fit_calibrated(spec.method, parameters, examples, _of(parts, side), spec.seed, preparation))
    graph = graphs.Graph()
    matrix = graphs.read(graph, preparation)
    data = graph.bytes(graph.add("Sub", *(side.into(graph, matrix) for side in sides), out="uplift"), 1)
    return preparation, parameters, trials, data, lambda rows: sides[0].probabilities(rows) - sides[1].probabilities(rows)


def _of(parts: Split, side: np.ndarray) -> Split:
    return Split(parts.train[side[parts.train]], parts.test[side[parts.test]], tuple((learn[side[learn]], validate[side[validate]]) for learn, validate in parts.folds))


def _transformed(spec: Spec, examples: Examples, treated: np.ndarray, parts: Split, moved: Moved) -> _Learnt:
    share = float(treated[parts.train].mean())
    hoped = np.where(treated, examples.label, 1 - examples.label)
    turned = replace(examples, label=hoped, weight=np.where(treated, 0.5 / share, 0.5 / (1 - share)))
    parameters, trials = searched(spec.method, spec.search, turned, parts, spec.seed, moved)
    moved(f"fitting {len(parts.train):,} rows")
    fitted = fit_calibrated(spec.method, parameters, turned, parts, spec.seed)
    graph = graphs.Graph()
    chance = fitted.into(graph, graphs.read(graph, fitted.preparation))
    data = graph.bytes(graph.add("Sub", graph.add("Mul", chance, graph.constant(2.0)), graph.constant(1.0), out="uplift"), 1)
    return fitted.preparation, parameters, trials, data, lambda rows: 2 * fitted.probabilities(rows) - 1


# -- judging -----------------------------------------------------------------------------------------------------------


def curve(label: np.ndarray, treated: np.ndarray, told: np.ndarray) -> Curve:
    order = np.argsort(-told, kind="stable")
    label, treated = label[order], treated[order].astype(bool)
    mine, others = np.cumsum(treated), np.cumsum(~treated)
    came, came_so = np.cumsum(label * treated), np.cumsum(label * ~treated)
    share = np.arange(1, len(label) + 1) / len(label)
    expected = np.divide(came_so * mine, others, out=np.zeros(len(label)), where=others > 0)
    lift = np.divide(came, mine, out=np.zeros(len(label)), where=mine > 0) - np.divide(came_so, others, out=np.zeros(len(label)), where=others > 0)
    return Curve(share, (came - expected) / max(int(treated.sum()), 1), lift * share)


def qini(label: np.ndarray, treated: np.ndarray, told: np.ndarray) -> float:
    """The area between the Qini curve and the straight line of treating people by chance."""
    found = curve(label, treated, told)
    return float(found.qini.mean() - found.qini[-1] / 2)


def judged(label: np.ndarray, treated: np.ndarray, told: np.ndarray, seed: int) -> dict[str, float]:
    """Qini with its interval of 95 % (bootstrap), the area under the uplift curve and that of chance, the effect on everybody and on the best tenth."""
    found, best = curve(label, treated, told), np.argsort(-told, kind="stable")[: max(1, len(told) // TENTHS)]
    draw, drawn = np.random.default_rng(seed), list[float]()
    for _ in range(RESAMPLES):
        rows = draw.integers(len(label), size=len(label))
        drawn.append(qini(label[rows], treated[rows], told[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "qini": qini(label, treated, told), "qini_low": float(low), "qini_high": float(high), "auuc": float(found.uplift.mean()), "auuc_by_chance": effect(label, treated) / 2,
        "effect": effect(label, treated), "effect_on_best_tenth": effect(label[best], treated[best]), "base_rate": float(label.mean()), "treated_share": float(treated.mean()),
    }


def effect(label: np.ndarray, treated: np.ndarray) -> float:
    """How much more often the treated did it."""
    sides = [float(label[mine].mean()) if mine.any() else 0.0 for mine in (treated.astype(bool), ~treated.astype(bool))]
    return sides[0] - sides[1]


def _importance(data: bytes, preparation: Preparation, test: Examples, seed: int) -> dict[str, float]:
    """How much Qini falls where a column's values are dealt out anew."""
    draw = np.random.default_rng(seed)
    some = test.take(np.sort(draw.permutation(len(test))[:MOST_PERMUTED]))
    treated = _sides(some)
    whole, found = qini(some.label, treated, scores(data, feeds(preparation, some))), dict[str, float]()
    for i, column in enumerate(some.columns):
        dealt = tuple(values[draw.permutation(len(values))] if at == i else values for at, values in enumerate(some.values))
        found[str(column.name)] = whole - qini(some.label, treated, scores(data, feeds(preparation, replace(some, values=dealt))))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


# -- card and page -----------------------------------------------------------------------------------------------------


def keep_uplift(lifted: Lifted, spec: Spec, content: Path, source: str, more: Mapping[str, Any] | None = None) -> Version:
    card = _card(lifted, spec, source)
    card["trained"] |= more or {}

    def page(folder: Path, card: Mapping[str, Any]) -> None:
        _draw(lifted, folder / "figures.png")
        (folder / "README.md").write_text(_page(lifted, spec, card))

    return Shelf(content, spec.model).keep(card, lifted.data, page)


def _card(lifted: Lifted, spec: Spec, source: str) -> dict[str, Any]:
    rows = lifted.test.take(np.argsort(lifted.told, kind="stable")[[int(share * (len(lifted.told) - 1)) for share in SHARES]])
    tensors = feeds(lifted.preparation, rows)
    told, cells = scores(lifted.data, tensors), [tensor.tolist() for tensor in tensors.values()]
    golden = [{"inputs": [value for tensor in cells for value in tensor[i]], "output": round(float(told[i]), 6)} for i in range(len(told))]
    return {
        "description": spec.description or f"what {spec.model} changes", "version": spec.version, "inputs": inputs_told(lifted.preparation), "output": {"range": [-1, 1]},
        "fallback": rounded(lifted.figures["effect"]), "golden": golden, "sha256": sha256(lifted.data).hexdigest(),
        "trained": {
            "on": source, **times(lifted.test), "rows": lifted.rows, "test_rows": len(lifted.test), "method": f"{spec.uplift}, {spec.method}", "seed": spec.seed, "trials": lifted.trials,
            "parameters": {name: rounded(value) if isinstance(value, float) else value for name, value in lifted.parameters.items()},
            "figures": {name: rounded(value) for name, value in lifted.figures.items()}, "onnx_difference": rounded(lifted.difference),
            "importance": {name: rounded(value) for name, value in lifted.importance.items()}, "baseline": {name: each.plain() for name, each in lifted.baselines.items()},
        },
    }


def _page(lifted: Lifted, spec: Spec, card: Mapping[str, Any]) -> str:
    told = card["trained"]
    rows = "\n".join(f"| {name.replace('_', ' ')} | {value:g} |" for name, value in told["figures"].items())
    weights = "\n".join(f"| `{name}` | {value:g} |" for name, value in told["importance"].items())
    notes = "".join(f"\n- {note}" for note in lifted.notes) or "\n- Nothing was noticed that should be looked at."
    sure = "It orders people better than chance does." if lifted.figures["qini_low"] > 0 else "**It is not shown to order people better than chance does**: its Qini could be 0. Treating everybody, or nobody, is as good as choosing by it."
    return f"""# {spec.model}: {card["description"]}

{told["method"]}, version {card["version"]}, learnt from {told["rows"]:,} rows of {told["on"]}; judged by {told["test_rows"]:,} others. {sure}

![Qini curve, effect by tenths, importance and scores](figures.png)

| figure | |
|---|---:|
{rows}
| largest difference of the ONNX file from the library | {told["onnx_difference"]:g} |

| input | Qini that is lost without it |
|---|---:|
{weights}

## To be looked at
{notes}

## Limits

- A score is how much likelier the treatment makes it, for groups: of people with 0.02, two in a hundred do it because of it. It may be negative.
- It is learnt from people of whom chance chose who was treated, and holds for people like them.
"""


def _draw(lifted: Lifted, path: Path) -> None:
    label, treated, told = lifted.test.label, _sides(lifted.test), lifted.told
    figure, axes = canvas(1, 4, (15, 3.4))
    found = curve(label, treated, told)
    axes[0, 0].plot([0, 1], [0, found.qini[-1]], color=PALE)
    axes[0, 0].plot(found.share, found.qini, color=ACCENT)
    axes[0, 0].set(title=f"Qini {lifted.figures['qini']:.4f}", xlabel="share treated, the best first", ylabel="more, per treated person")
    tenths = np.array_split(np.argsort(-told, kind="stable"), TENTHS)
    axes[0, 1].axhline(lifted.figures["effect"], color=PALE)
    axes[0, 1].bar(range(1, TENTHS + 1), [effect(label[rows], treated[rows]) for rows in tenths], color=ACCENT)
    axes[0, 1].set(title="Effect by tenths", xlabel="tenth, the best first")
    shown = list(lifted.importance.items())[:10][::-1]
    axes[0, 2].barh([name for name, _ in shown], [value for _, value in shown], color=ACCENT)
    axes[0, 2].set(title="Importance", xlabel="Qini lost without it")
    axes[0, 3].hist(told, 30, color=ACCENT)
    axes[0, 3].set(title="Scores", xlabel="score")
    save(figure, path)
