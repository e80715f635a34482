"""What comes of learning kinds of people, lifetime values and recommenders: versions with their cards and pages, or a file in `models/`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from app.domain.definitions import Definitions
from app.errors import SettingsInvalid
from app.learning import lifetime, rfm
from app.learning.cards import inputs_told, rounded
from app.learning.clusters import Clusters, cluster
from app.learning.clusters import onnx as clusters_onnx
from app.learning.baskets import Basket, Question, baskets, questions
from app.learning.completing import by_cosine, by_learnt, by_popularity, hit_rate
from app.learning.copurchase import learn, packed
from app.learning.dataset import everybody
from app.learning.factors import factorised
from app.learning.examples import Examples
from app.learning.fitting import feeds, scores
from app.learning.histories import Events
from app.learning.plots import ACCENT, PALE, canvas, save
from app.learning.tasks import ClustersTask, HistoryTask, LifetimeTask, RecommenderTask, RfmTask
from app.learning.searching import Moved
from app.learning.versions import Shelf, Version, replace
from app.content.recommending import Learnt, read

SAME = 1e-5
SECONDS_A_WEEK = 604_800.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where it went, and what is to be told of it: (number as text, what it is). A `version` is on its shelf and does not serve yet."""

    told: tuple[tuple[str, str], ...]
    version: Version | None = None
    written: tuple[Path, ...] = ()


def carry_out(task: HistoryTask, definitions: Definitions, events: Events, content: Path, moved: Moved, more: Mapping[str, Any] | None = None) -> Outcome:
    """`more` is told in the card, where the task makes one."""
    match task:
        case ClustersTask():
            return learn_clusters(task, definitions, events, content, moved, more)
        case LifetimeTask():
            return learn_lifetime(task, definitions, events, content, moved, more)
        case RfmTask():
            return learn_rfm(task, definitions, events, content, more)
        case RecommenderTask():
            return learn_recommender(task, events, content, moved)


# -- kinds of people ---------------------------------------------------------------------------------------------------


def learn_clusters(task: ClustersTask, definitions: Definitions, events: Events, content: Path, moved: Moved, more: Mapping[str, Any] | None = None) -> Outcome:
    """Clusters that were found before keep their names, and their numbers as far as there are as many. `more` is told in the card."""
    examples, _, _ = everybody(task.inputs, definitions, events, task.at, task.seed)
    found = cluster(examples, task.least, task.most, task.way, task.seed, former_middles(content / "models" / f"{task.id}.yaml"), moved)
    data = clusters_onnx(found)
    tensors, numbers = feeds(found.preparation, examples), found.assign(examples)
    told = scores(data, tensors)
    if (told != numbers).any():
        raise SettingsInvalid(f"the ONNX file puts {int((told != numbers).sum())} of {len(told):,} people into another cluster than the library: it is not written")
    card = _clusters_card(task, found, examples, data, tensors, told)
    card["trained"] |= more or {}

    def page(folder: Path, card: Mapping[str, Any]) -> None:
        _draw_clusters(found, folder / "figures.png")
        (folder / "README.md").write_text(_clusters_page(task, found, len(examples)))

    version = Shelf(content, task.id).keep(card, data, page)
    rows = [(f"{each.share:.1%}", f"{each.name}: {', '.join(each.words) or 'like everybody'}") for each in found.clusters]
    silhouette, stable = found.tried[len(found.clusters)]
    rows += [(f"{silhouette:.3f}", "silhouette"), (f"{stable:.3f}", "of 1, so far do two halves of the people give the same clusters"), ("0", "people whom the ONNX file puts into another cluster than the library")]
    return Outcome(tuple(rows), version)


def former_middles(card: Path) -> Mapping[str, Sequence[float]]:
    """By name the middles that a former card tells."""
    if not card.is_file():
        return {}
    document: dict[str, dict[str, dict[str, list[float]]]] = yaml.safe_load(card.read_text()) or {}
    return (document.get("trained") or {}).get("middles") or {}


def _clusters_card(task: ClustersTask, found: Clusters, examples: Examples, data: bytes, tensors: Mapping[str, np.ndarray], told: np.ndarray) -> dict[str, Any]:
    cells = [tensor.tolist() for tensor in tensors.values()]
    golden = [{"inputs": [value for tensor in cells for value in tensor[i]], "output": float(told[i])} for i in [int(np.flatnonzero(told == k)[0]) for k in range(len(found.clusters)) if (told == k).any()]]
    return {
        "description": task.description or "kinds of people", "version": task.version, "inputs": inputs_told(found.preparation),
        "output": {"labels": [each.name for each in found.clusters]}, "fallback": -1, "golden": golden, "sha256": sha256(data).hexdigest(),
        "trained": {
            "rows": len(examples), "method": task.way, "seed": task.seed, "figures": {"silhouette": rounded(found.silhouette), "inertia": rounded(found.inertia)},
            "middles": {each.name: [rounded(value) for value in each.middle] for each in found.clusters},
            "words": {each.name: list(each.words) for each in found.clusters}, "usual": {each.name: dict(each.usual) for each in found.clusters},
        },
    }


def _clusters_page(task: ClustersTask, found: Clusters, people: int) -> str:
    columns = [str(column.name) for column in found.preparation.columns if not column.text]
    head = "| cluster | people | what sets it apart | " + " | ".join(f"`{name}`" for name in columns) + " |\n|---|---:|---|" + "---:|" * len(columns)
    rows = "\n".join(f"| {each.name} | {each.share:.1%} | {', '.join(each.words)} | " + " | ".join(f"{each.usual.get(name, float('nan')):g}" for name in columns) + " |" for each in found.clusters)
    return f"""# {task.id}: {task.description or "kinds of people"}

{len(found.clusters)} clusters of {people:,} people by {task.way}; the numbers are medians.

![Silhouette and stability by the number of clusters](figures.png)

{head}
{rows}

In rules: `{{field: model.{task.id}, eq: {found.clusters[0].name}}}`. A cluster may be given another name under `output.labels` and `trained.middles` of the card: it keeps it when clusters are found anew.
"""


def _draw_clusters(found: Clusters, path: Path) -> None:
    figure, axes = canvas(1, 2, (9, 3.4))
    numbers = list(found.tried)
    axes[0, 0].plot(numbers, [each[0] for each in found.tried.values()], color=ACCENT, marker="o", label="silhouette")
    axes[0, 0].plot(numbers, [each[1] for each in found.tried.values()], color=PALE, marker="o", label="stability")
    axes[0, 0].axvline(len(found.clusters), color=PALE, linewidth=0.8)
    axes[0, 0].set(title="How many clusters", xlabel="clusters")
    axes[0, 0].legend(frameon=False)
    names = [each.name for each in found.clusters][::-1]
    axes[0, 1].barh(names, [100 * each.share for each in found.clusters][::-1], color=ACCENT)
    axes[0, 1].set(title="People in each", xlabel="per cent")
    save(figure, path)


# -- lifetime value ----------------------------------------------------------------------------------------------------


def learn_lifetime(task: LifetimeTask, definitions: Definitions, events: Events, content: Path, moved: Moved, more: Mapping[str, Any] | None = None) -> Outcome:
    examples, _, _ = everybody(task.inputs, definitions, events, task.at, task.seed)
    raw = np.column_stack([np.nan_to_num(values) for values in examples.values]).astype(np.float32)
    customers = customers_of(raw[raw[:, 0] > 0])
    moved("fitting how often they come")
    coming = lifetime.fit_coming(customers)
    moved("fitting what they spend")
    spending = lifetime.fit_spending(customers)
    data = lifetime.onnx(coming, spending, task.weeks)
    told = scores(data, {"inputs": raw})
    known = raw[:, 0] > 0
    expected = np.zeros(len(raw))
    expected[known] = lifetime.value(coming, spending, customers, task.weeks)
    difference = float(np.max(np.abs(told - expected) / np.maximum(expected, 1)))
    if not difference <= SAME:
        raise SettingsInvalid(f"the ONNX file differs from the formulas by {difference:.2g}, more than {SAME:g}: it is not written")
    parameters = {name: rounded(value) for each in (coming, spending) for name, value in ((name, getattr(each, name)) for name in each.__dataclass_fields__)}
    rows = np.argsort(told, kind="stable")[[0, len(told) // 2, len(told) - 1]]
    card = {
        "description": task.description or f"what a customer will spend in {task.weeks:g} weeks", "version": task.version,
        "inputs": [{"name": str(column.name), "default": 0.0} for column in task.inputs], "output": {"range": [0, 1e12]}, "fallback": rounded(float(np.median(told))),
        "golden": [{"inputs": raw[i].tolist(), "output": float(told[i])} for i in rows.tolist() if told[i] < 1_000] or [{"inputs": [0.0] * 5, "output": 0.0}],
        "sha256": sha256(data).hexdigest(),
        "trained": {"rows": len(raw), "method": "BG/NBD and Gamma-Gamma", "weeks": task.weeks, "parameters": parameters, "onnx_difference": rounded(difference), **(more or {})},
    }
    version = Shelf(content, task.id).keep(card, data, lambda folder, card: None)
    alive = lifetime.alive(coming, customers)
    rows_told = [(f"{value:g}", name) for name, value in parameters.items()]
    rows_told += [(f"{alive.mean():.1%}", "of customers are still customers"), (f"{float(told.sum()):,.0f}", f"will be spent in {task.weeks:g} weeks"), (f"{difference:.1e}", "largest relative difference of the ONNX file from the formulas")]
    return Outcome(tuple(rows_told), version)


def customers_of(rows: np.ndarray) -> lifetime.Customers:
    """Of rows (orders, first, last, idle, spent), as the model's file reads them; time in weeks."""
    x = rows.astype(np.float64)
    recency = np.maximum(x[:, 2] - x[:, 1], 0) / 1000 / SECONDS_A_WEEK
    return lifetime.Customers(x[:, 0] - 1, recency, recency + np.maximum(x[:, 3], 0) / SECONDS_A_WEEK, x[:, 4] / x[:, 0])


# -- recency, frequency, money -----------------------------------------------------------------------------------------


def learn_rfm(task: RfmTask, definitions: Definitions, events: Events, content: Path, more: Mapping[str, Any] | None = None) -> Outcome:
    examples, _, _ = everybody(task.inputs, definitions, events, task.at, task.seed)
    raw = np.column_stack([np.nan_to_num(values) for values in examples.values]).astype(np.float32)
    edges = rfm.edges_of(raw, task.parts)
    data = rfm.onnx(edges)
    told = scores(data, {"inputs": raw})
    if wrong := int((told != rfm.scored(edges, raw)).sum()):
        raise SettingsInvalid(f"the ONNX file scores {wrong:,} of {len(raw):,} people otherwise than the formula: it is not written. Report this with the spec")
    rows = np.unique(told, return_index=True)[1][:: max(1, len(np.unique(told)) // 5)]
    card = {
        "description": task.description or "recency, frequency and money: 100 R + 10 F + M, of people who ordered", "version": task.version,
        "inputs": [{"name": str(column.name), "default": 0.0} for column in task.inputs], "output": {"range": [0, 111 * task.parts]}, "fallback": 0,
        "golden": [{"inputs": raw[i].tolist(), "output": float(told[i])} for i in rows.tolist()], "sha256": sha256(data).hexdigest(),
        "trained": {"rows": len(raw), "method": "RFM", "parts": task.parts, "edges": {name: each.tolist() for name, each in zip(rfm.INPUTS, edges.all, strict=True)}, **(more or {})},
    }
    return Outcome(tuple(rfm.described(told, task.parts)), Shelf(content, task.id).keep(card, data, lambda folder, card: None))


# -- what goes with what -----------------------------------------------------------------------------------------------


def learn_recommender(task: RecommenderTask, events: Events, content: Path, moved: Moved) -> Outcome:
    """With `judge_from`, what is written was learnt from what came before it, and is judged by what came then."""
    moved("reading baskets")
    given = baskets(events, task.event, task.path)
    before = given if task.judge_from is None else [basket for basket in given if basket.at < task.judge_from]
    moved(f"learning from {len(before):,} baskets")
    described = {"from": before[0].at, "to": before[-1].at} if before else {}
    data = packed(factorised(before, described, task.seed, moved) if task.method == "factors" else learn(before, described))
    path = content / "models" / f"{task.id}.npz"
    replace(path, data)
    learnt = read(path)
    told = [(f"{len(before):,}", "baskets"), (f"{len(learnt):,}", "items"), (f"{learnt.bytes / 1e6:.1f} MB", "in the server's memory")]
    if task.judge_from is not None:
        later = [basket for basket in given if basket.at >= task.judge_from]
        asked = questions(before, later, task.seed)
        if not asked:
            raise SettingsInvalid("judge_from: no basket of a known customer comes after it; judge from an earlier date")
        moved(f"completing {len(asked):,} baskets")
        told += [(f"{len(asked):,}", "later baskets without one of their items"), *judged(learnt, before, asked)]
    return Outcome(tuple(told), written=(path,))


def judged(learnt: Learnt, before: Sequence[Basket], asked: Sequence[Question]) -> list[tuple[str, str]]:
    rates = {"this recommender": by_learnt(learnt, before), "plain item-to-item cosine": by_cosine(before), "what is most popular": by_popularity(before)}
    return [(f"{hit_rate(asked, recommend):.4f}", f"HR@10 of {name}") for name, recommend in rates.items()]
