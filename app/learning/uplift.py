"""What a message changes: the difference that being treated makes for a person, learnt from people of whom chance chose who was.

Two ways, both around the models that tell yes from no: two models, one of those who were treated and one of those who were not, whose difference
it is (Hansotia and Rukstales 2002); and the class transformation (Jaskowski and Jaroszewicz 2012), one model of whether a person did what
their side hopes for, with each side weighted alike. Judged by Qini (Radcliffe 2007) and the area under the uplift curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.errors import SettingsInvalid
from app.learning import graphs
from app.learning.examples import Examples
from app.learning.fitting import Fitted, prepared
from app.learning.kinds import Compared, Finding, Kind, Learnt, Trained
from app.learning.libraries import library
from app.learning.plots import ACCENT, PALE, canvas, importances, save
from app.learning.searching import Moved, fit_calibrated, searched
from app.learning.spec import Spec
from app.learning.splits import LEAST, Split

RESAMPLES = 200
BY_CHANCE = 0.6
"""Area under the ROC curve of telling who was treated, from which on it was not chance that chose."""
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Curve:
    """By share of the people, those with the highest scores first: `qini`, what treating them brings per person treated, and `uplift`, the
    difference of the two sides among them times the share."""

    share: np.ndarray
    qini: np.ndarray
    uplift: np.ndarray


# -- learning ----------------------------------------------------------------------------------------------------------


def _looked(examples: Examples, parts: Split) -> list[str]:
    for name, rows in (("learn from", parts.train), ("judge by", parts.test)):
        _enough(examples, rows, f"the rows to {name}")
    return _notes(examples, _sides(examples))


def _learn(spec: Spec, examples: Examples, parts: Split, moved: Moved) -> Learnt:
    learn = _two_models if spec.uplift == "two_models" else _transformed
    return learn(spec, examples, _sides(examples), parts, moved)


def _sides(examples: Examples) -> np.ndarray:
    if examples.treated is None:
        raise SettingsInvalid("the rows do not tell who was treated: treated: names a column of the table, or a condition")
    return examples.treated.astype(bool)


def _enough(examples: Examples, rows: np.ndarray, what: str) -> None:
    sides = _sides(examples)[rows]
    for side, mine in (("treated", sides), ("not treated", ~sides)):
        yes = int(examples.label[rows][mine].sum())
        if mine.sum() < LEAST or not LEAST / 10 <= yes <= mine.sum() - LEAST / 10:
            raise SettingsInvalid(f"of {what} {int(mine.sum()):,} are {side}, {yes:,} of them with the label: too few. Both sides are needed, chosen by chance, such as by a holdout")


def _notes(examples: Examples, treated: np.ndarray) -> list[str]:
    """Whether inputs tell who was treated: then it was not chance, and the difference is of other people too."""
    matrix = prepared("logistic", replace(examples, label=treated.astype(float))).matrix(examples)
    half = np.arange(len(examples)) % 2 == 0
    model = library("sklearn.linear_model").LogisticRegression(max_iter=500).fit(matrix[half], treated[half])
    auc = float(library("sklearn.metrics").roc_auc_score(treated[~half], model.decision_function(matrix[~half])))
    return [f"inputs tell who was treated (AUC {auc:.3f}): it was not chance alone, and what is learnt may be the difference of the people, not of the treatment"] if auc > BY_CHANCE else []


def _two_models(spec: Spec, examples: Examples, treated: np.ndarray, parts: Split, moved: Moved) -> Learnt:
    preparation = prepared(spec.method, examples.take(parts.train))
    parameters, trials = searched(spec.method, spec.search, examples, parts, spec.seed, moved)
    sides: list[Fitted] = []
    for side in (treated, ~treated):
        moved(f"fitting {int(side[parts.train].sum()):,} rows of one side")
        sides.append(fit_calibrated(spec.method, parameters, examples, _of(parts, side), spec.seed, preparation))
    graph = graphs.Graph()
    matrix = graphs.read(graph, preparation)
    data = graph.bytes(graph.add("Sub", *(side.into(graph, matrix) for side in sides), out="uplift"), 1)
    return Learnt(preparation, parameters, trials, data, lambda rows: sides[0].probabilities(rows) - sides[1].probabilities(rows))


def _of(parts: Split, side: np.ndarray) -> Split:
    return Split(parts.train[side[parts.train]], parts.test[side[parts.test]], tuple((learn[side[learn]], validate[side[validate]]) for learn, validate in parts.folds))


def _transformed(spec: Spec, examples: Examples, treated: np.ndarray, parts: Split, moved: Moved) -> Learnt:
    share = float(treated[parts.train].mean())
    hoped = np.where(treated, examples.label, 1 - examples.label)
    turned = replace(examples, label=hoped, weight=np.where(treated, 0.5 / share, 0.5 / (1 - share)))
    parameters, trials = searched(spec.method, spec.search, turned, parts, spec.seed, moved)
    moved(f"fitting {len(parts.train):,} rows")
    fitted = fit_calibrated(spec.method, parameters, turned, parts, spec.seed)
    graph = graphs.Graph()
    chance = fitted.into(graph, graphs.read(graph, fitted.preparation))
    data = graph.bytes(graph.add("Sub", graph.add("Mul", chance, graph.constant(2.0)), graph.constant(1.0), out="uplift"), 1)
    return Learnt(fitted.preparation, parameters, trials, data, lambda rows: 2 * fitted.probabilities(rows) - 1)


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


def _judged(rows: Examples, told: np.ndarray, seed: int) -> dict[str, float]:
    """Qini with its interval of 95 %, the area under the uplift curve and that of chance, the effect on everybody and on the best tenth."""
    label, treated, best = rows.label, _sides(rows), np.argsort(-told, kind="stable")[: max(1, len(told) // TENTHS)]
    low, high = np.quantile(_drawn_anew(rows, (told,), seed)[:, 0], [0.025, 0.975])
    return {
        "qini": qini(label, treated, told), "qini_low": float(low), "qini_high": float(high), "auuc": float(curve(label, treated, told).uplift.mean()),
        "auuc_by_chance": effect(label, treated) / 2, "effect": effect(label, treated), "effect_on_best_tenth": effect(label[best], treated[best]),
        "base_rate": float(label.mean()), "treated_share": float(treated.mean()),
    }


def _compared(rows: Examples, first: np.ndarray, second: np.ndarray, seed: int) -> Compared:
    """By Qini. Worse is who has less beyond chance, or is not shown to order people better than chance does where the first one is."""
    treated, both = _sides(rows), (first, second)
    low = np.quantile(drawn := _drawn_anew(rows, both, seed), 0.025, axis=0)
    least, most = (float(end) for end in np.quantile(drawn[:, 1] - drawn[:, 0], [0.025, 0.975]))
    was, found = (qini(rows.label, treated, told) for told in both)
    finding: Finding = "worse" if most < 0 or low[1] <= 0 < low[0] else "better" if least > 0 else "as good"
    return Compared(finding, "Qini", found - was, least, most, {})


def _drawn_anew(rows: Examples, told: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """Qini of each of several scores for people drawn anew (bootstrap), (resamples, scores): all rows of a person together, the same for each."""
    who: np.ndarray = np.arange(len(rows)) if rows.who is None else np.unique(rows.who.astype(str), return_inverse=True)[1]
    people, draw, treated, found = int(who.max()) + 1, np.random.default_rng(seed), _sides(rows), np.empty((RESAMPLES, len(told)))
    for i in range(RESAMPLES):
        times = np.bincount(draw.integers(people, size=people), minlength=people)
        some = np.repeat(np.arange(len(rows)), times[who])
        found[i] = [qini(rows.label[some], treated[some], each[some]) for each in told]
    return found


def effect(label: np.ndarray, treated: np.ndarray) -> float:
    """How much more often the treated did it."""
    sides = [float(label[mine].mean()) if mine.any() else 0.0 for mine in (treated.astype(bool), ~treated.astype(bool))]
    return sides[0] - sides[1]


# -- what is told ------------------------------------------------------------------------------------------------------


def _draw(trained: Trained, path: Path) -> None:
    label, treated, told = trained.test.label, _sides(trained.test), trained.told
    figure, axes = canvas(1, 4, (15, 3.4))
    found = curve(label, treated, told)
    axes[0, 0].plot([0, 1], [0, found.qini[-1]], color=PALE)
    axes[0, 0].plot(found.share, found.qini, color=ACCENT)
    axes[0, 0].set(title=f"Qini {trained.figures['qini']:.4f}", xlabel="share treated, the best first", ylabel="more, per treated person")
    tenths = np.array_split(np.argsort(-told, kind="stable"), TENTHS)
    axes[0, 1].axhline(trained.figures["effect"], color=PALE)
    axes[0, 1].bar(range(1, TENTHS + 1), [effect(label[rows], treated[rows]) for rows in tenths], color=ACCENT)
    axes[0, 1].set(title="Effect by tenths", xlabel="tenth, the best first")
    importances(axes[0, 2], trained, "Qini")
    axes[0, 3].hist(told, 30, color=ACCENT)
    axes[0, 3].set(title="Scores", xlabel="score")
    save(figure, path)


def _verdict(trained: Trained) -> str:
    if trained.figures["qini_low"] > 0:
        return "It orders people better than chance does."
    return "**It is not shown to order people better than chance does**: its Qini could be 0. Treating everybody, or nobody, is as good as choosing by it."


UPLIFT = Kind(
    looked=_looked, learn=_learn, judged=_judged, measure=lambda rows, told: qini(rows.label, _sides(rows), told),
    lost="Qini", enough=_enough, compared=_compared, shown=("qini", "qini_low", "qini_high", "auuc", "auuc_by_chance", "effect_on_best_tenth"), draw=_draw, drawn="Qini curve, effect by tenths, importance and scores", purpose="what {} changes", method=lambda spec: f"{spec.uplift}, {spec.method}",
    output=lambda spec: {"range": [-1, 1]}, fallback="effect", foretells=False, verdict=_verdict,
    limits=(
        "A score is how much likelier the treatment makes it, for groups: of people with 0.02, two in a hundred do it because of it. It may be negative.",
        "It is learnt from people of whom chance chose who was treated, and holds for people like them.",
        "Where the model cannot be used, the server takes the fallback score {fallback:g}, the effect on everybody.",
    ),
)
