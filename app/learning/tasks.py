"""The other things that `inlay train` is told by a YAML: a recommender, kinds of people, lifetime value, RFM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from zoneinfo import ZoneInfo

from app.content.queries import names_of
from app.content.reader import Reader
from app.content.source import Node, read_yaml
from app.domain import conditions as c
from app.domain import definitions as d
from app.errors import ContentInvalid, Problem
from app.learning.clusters import WAYS, Way
from app.learning.rfm import INPUTS as RFM_INPUTS
from app.learning.spec import KEYS, Column, Spec, inputs_of, spec_of

RECOMMENDER_KEYS = ("recommender", "description", "baskets", "method", "judge_from", "seed")
METHODS = ("neighbours", "factors")
CLUSTERS_KEYS = ("clusters", "description", "inputs", "at", "from", "to", "method", "seed", "version")
LIFETIME_KEYS = ("lifetime", "description", "inputs", "at", "over", "seed", "version")
RFM_KEYS = ("rfm", "description", "inputs", "at", "parts", "version")
LIFETIME_INPUTS = ("orders", "first", "last", "idle", "spent")


@dataclass(frozen=True, slots=True)
class RecommenderTask:
    """`models/<id>.npz` out of the items that events `event` name at `path`; those from `judge_from` on (None: none) are kept to judge by."""

    id: str
    event: str
    path: c.Path
    judge_from: int | None = None
    description: str = ""
    seed: int = 7
    method: str = "neighbours"


@dataclass(frozen=True, slots=True)
class PeopleTask:
    """A model of everybody as they were at `at` (None: the end of the history)."""

    id: str
    inputs: tuple[Column, ...]
    at: int | None = None
    description: str = ""
    seed: int = 7
    version: str = ""


@dataclass(frozen=True, slots=True)
class ClustersTask(PeopleTask):
    """Kinds of people, between `least` and `most` of them."""

    least: int = 2
    most: int = 8
    way: Way = "kmeans"


@dataclass(frozen=True, slots=True)
class LifetimeTask(PeopleTask):
    """What everybody will spend in the `weeks` after an instant. `inputs` name features: how many orders, when the first and the
    last were, seconds since the last, what was spent in all."""

    weeks: float = 52.0


@dataclass(frozen=True, slots=True)
class RfmTask(PeopleTask):
    """Recency, frequency and money of everybody, each in so many `parts`. `inputs` name features: seconds since the last order, how
    many orders, what was spent in all."""

    parts: int = 5


HistoryTask: TypeAlias = RecommenderTask | ClustersTask | LifetimeTask | RfmTask
"""What is learnt of the history itself, without rows of an instant and a label."""
Task: TypeAlias = Spec | HistoryTask


def read_task(path: Path, definitions: d.Definitions) -> Task:
    """What the file asks for, or `ContentInvalid` with every mistake in it."""
    problems: list[Problem] = []
    node = read_yaml(path, str(path), problems)
    reader = Reader(str(path), problems, names_of(definitions), ZoneInfo(definitions.timezone))
    found: Task | None = None
    if isinstance(node, Node) and isinstance(node.value, dict):
        kinds = {"recommender": _recommender, "clusters": _clusters, "lifetime": _lifetime, "rfm": _rfm}
        read = next((kinds[key] for key in kinds if key in node.value), None)
        found = read(reader, node) if read is not None else spec_of(reader, node, path)
    elif not problems:
        problems.append(Problem(str(path), 1, "file", "says nothing", f"a model has the keys {', '.join(KEYS)}; others begin with recommender, clusters, lifetime or rfm"))
    if found is None or any(not problem.warning for problem in problems):
        raise ContentInvalid(tuple(sorted(problems)), str(path))
    return found


def _recommender(reader: Reader, node: Node) -> RecommenderTask:
    given = reader.mapping(node, "", RECOMMENDER_KEYS, ("recommender", "baskets"))
    text = {key: reader.text(given[key], key) for key in ("recommender", "description") if key in given}
    event, *path = reader.path(given["baskets"], "baskets") if "baskets" in given else ("x", "x")
    if not path:
        reader.wrong(given["baskets"].line, "baskets", "names no property", "such as order_completed.products.product_id")
    method = reader.one_of(given["method"], "method", METHODS, "method") if "method" in given else None
    until = int(reader.instant(given["judge_from"], "judge_from")) if "judge_from" in given else None
    return RecommenderTask(text.get("recommender", ""), event, tuple(path), until, text.get("description", ""), _seed(reader, given), method or "neighbours")


def _clusters(reader: Reader, node: Node) -> ClustersTask:
    given = reader.mapping(node, "", CLUSTERS_KEYS, ("clusters", "inputs"))
    least = reader.whole(given["from"], "from", 2, 50, 2) if "from" in given else 2
    most = reader.whole(given["to"], "to", least, 50, max(8, least)) if "to" in given else max(8, least)
    way = reader.one_of(given["method"], "method", WAYS, "method") if "method" in given else None
    inputs = inputs_of(reader, given["inputs"]) if "inputs" in given else ()
    return ClustersTask(*_of_people(reader, given, "clusters", inputs), least, most, way or "kmeans")


def _lifetime(reader: Reader, node: Node) -> LifetimeTask:
    given = reader.mapping(node, "", LIFETIME_KEYS, ("lifetime", "inputs"))
    weeks = reader.duration(given["over"], "over") / (7 * 86_400_000) if "over" in given else 52.0
    return LifetimeTask(*_of_people(reader, given, "lifetime", _features(reader, given, LIFETIME_INPUTS)), weeks)


def _rfm(reader: Reader, node: Node) -> RfmTask:
    given = reader.mapping(node, "", RFM_KEYS, ("rfm", "inputs"))
    parts = reader.whole(given["parts"], "parts", 2, 9, 5) if "parts" in given else 5
    return RfmTask(*_of_people(reader, given, "rfm", _features(reader, given, RFM_INPUTS)), parts)


def _of_people(reader: Reader, given: dict[str, Node], kind: str, inputs: tuple[Column, ...]) -> tuple[str, tuple[Column, ...], int | None, str, int, str]:
    """The fields of a `PeopleTask`, in their order."""
    text = {key: reader.text(given[key], key) for key in (kind, "description", "version") if key in given}
    at = int(reader.instant(given["at"], "at")) if "at" in given else None
    return text.get(kind, ""), inputs, at, text.get("description", ""), _seed(reader, given), text.get("version", "")


def _features(reader: Reader, given: dict[str, Node], names: Sequence[str]) -> tuple[Column, ...]:
    """The features that are named for each of these, in their order."""
    named = reader.mapping(given["inputs"], "inputs", names, names) if "inputs" in given else {}
    refs = [reader.ref(named[name].value, named[name].line, f"inputs.{name}", ("feature",)) for name in names if name in named]
    return tuple(Column(ref) for ref in refs if ref is not None)


def _seed(reader: Reader, given: dict[str, Node]) -> int:
    return reader.whole(given["seed"], "seed", 0, 2**31 - 1, 7) if "seed" in given else 7
