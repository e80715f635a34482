"""What `inlay dataset` and `inlay train` are told, in a short YAML: which people at which instants, what became of them, and
what a model may know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from app.content import sections
from app.content.leaves import condition
from app.content.reader import Reader
from app.content.source import Node
from app.domain import conditions as c
from app.domain import definitions as d

Method: TypeAlias = Literal["boosting", "logistic", "network"]
Uplift: TypeAlias = Literal["two_models", "class_transformation"]
UPLIFTS: tuple[Uplift, ...] = get_args(Uplift)
METHODS: tuple[Method, ...] = get_args(Method)
Word = TypeVar("Word", bound=str)
ROOTS = ("feature", "profile", "context")
ROW_KEYS = ("every", "on", "from", "to", "who")
TABLE_KEYS = ("file", "label", "time", "treated")
SEARCH_KEYS = ("trials", "for")
KEYS = ("model", "description", "rows", "table", "label", "inputs", "method", "search", "seed", "version", "uplift", "treated")
MOST_TRIALS = 1_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Everybody of a history every so many ms from `start` on, or at each event `on`; before `end` (None: as long as what
    followed is known); only those for whom `who` holds at the instant."""

    start: int
    end: int | None = None
    every: int = 0
    on: str = ""
    who: c.Condition | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that are there already: a CSV or Parquet file, the column to be foretold, and the ones that tell when, and who was
    treated (or none)."""

    file: Path
    label: str
    time: str = ""
    treated: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """What happened in the `horizon` ms after the instant, that instant left out: whether a condition came true, or a number.
    It is looked at from the end of the horizon, over a window as long."""

    horizon: int
    condition: c.Condition | None = None
    feature: d.Feature | None = None

    @property
    def yes_or_no(self) -> bool:
        return self.condition is not None


@dataclass(frozen=True, slots=True)
class Column:
    """One input: a number or a text. `of` is the column of a table that holds it, empty where it is called as it is."""

    name: c.Ref
    text: bool = False
    of: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """How long hyper-parameters are looked for: as many trials, or until the seconds are over (0: no bound)."""

    trials: int = 0
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Spec:
    model: str
    inputs: tuple[Column, ...]
    rows: Rows | None = None
    table: Table | None = None
    label: Label | None = None
    method: Method = "boosting"
    search: Search = Search()
    seed: int = 7
    description: str = ""
    version: str = ""
    uplift: Uplift | None = None
    """How the difference that a treatment makes is learnt; None: not that, but the label."""
    treated: c.Condition | None = None
    """Who was treated, as of the row's instant; of a table a column says it."""


def spec_of(reader: Reader, node: Node, path: Path) -> Spec:
    """The spec that a node is; what is wrong becomes problems."""
    given = reader.mapping(node, "", KEYS, ("model", "inputs"))
    if ("rows" in given) == ("table" in given):
        reader.wrong(node.line, "rows", "stands beside table" if "rows" in given else "is missing", "rows: {every: 7d, from: 2026-01-01} of a history, or table: {file: rows.csv, label: bought}")
    table = _table(reader, given["table"], path.parent) if "table" in given else None
    if ("label" in given) == (table is not None):
        reader.wrong(node.line, "label", "is a key of table here" if table is not None else "is missing", "such as {did: order_completed, within: 7d}")
    uplift = _one(reader, given, "uplift", UPLIFTS)
    told = "treated" in given or (table is not None and table.treated != "")
    if (uplift is not None) != told:
        reader.wrong(node.line, "uplift" if told else "treated", "is missing", f"uplift: {' or '.join(UPLIFTS)}, and treated: a condition, or of a table the column that tells who was treated")
    if "treated" in given and table is not None:
        reader.wrong(given["treated"].line, "treated", "is a key of table here")
    whole = {key: reader.whole(given[key], key, 0, 2**31 - 1, 7) for key in ("seed",) if key in given}
    text = {key: reader.text(given[key], key) for key in ("model", "description", "version") if key in given}
    return Spec(
        text.get("model", "model"), inputs_of(reader, given["inputs"], table=table is not None) if "inputs" in given else (), _rows(reader, given["rows"]) if "rows" in given else None,
        table, _label(reader, given["label"]) if "label" in given else None, _one(reader, given, "method", METHODS) or "boosting",
        _search(reader, given["search"]) if "search" in given else Search(), whole.get("seed", 7), text.get("description", ""), text.get("version", ""),
        uplift, condition(reader, given["treated"], "treated") if "treated" in given else None,
    )


def _one(reader: Reader, given: dict[str, Node], key: str, known: Sequence[Word]) -> Word | None:
    return reader.one_of(given[key], key, known, key) if key in given else None


def _rows(reader: Reader, node: Node) -> Rows:
    given = reader.mapping(node, "rows", ROW_KEYS, ("from",))
    if ("every" in given) == ("on" in given):
        reader.wrong(node.line, "rows", "has both every and on" if "on" in given else "says not at which instants", "every: 7d, or on: email_sent")
    start = reader.instant(given["from"], "rows.from") if "from" in given else 0
    end = reader.instant(given["to"], "rows.to") if "to" in given else None
    if end is not None and start >= end:
        reader.wrong(given["to"].line, "rows.to", "ends before it begins", "from is included, to is not")
    return Rows(
        start, end, reader.duration(given["every"], "rows.every") if "every" in given else 0, reader.event(given["on"], "rows.on") if "on" in given else "",
        condition(reader, given["who"], "rows.who") if "who" in given else None,
    )


def _table(reader: Reader, node: Node, folder: Path) -> Table:
    given = reader.mapping(node, "table", TABLE_KEYS, ("file", "label"))
    text = {key: reader.text(given[key], f"table.{key}") for key in given}
    path = folder / text.get("file", "")
    if "file" in text and not path.is_file():
        reader.wrong(node.line, "table.file", f"no file {str(path)[:200]}", "a path as seen from this file")
    return Table(path, text.get("label", ""), text.get("time", ""), text.get("treated", ""))


def _label(reader: Reader, node: Node) -> Label:
    """`did` and `did_not` are a yes or no; every other kind of a feature gives a number."""
    if not isinstance(node.value, dict) or not node.value.keys() & {"did", "did_not", *sections.FEATURE_KINDS}:
        reader.wrong(node.line, "label", "is no label", "such as {did: order_completed, within: 7d}, or {sum: order_completed.total, within: 90d}")
        return Label(1)
    told = condition(reader, node, "label") if node.value.keys() & {"did", "did_not"} else sections.feature(reader, "label", node, "label")
    window = told.window if isinstance(told, (c.Did, d.Feature)) else None
    if not isinstance(window, c.Within):
        reader.wrong(node.line, "label", "has no window", "within: 7d says how long after the instant is looked at")
        return Label(1)
    return Label(window.milliseconds, told if isinstance(told, c.Did) else None, told if isinstance(told, d.Feature) else None)


def inputs_of(reader: Reader, node: Node, *, table: bool = False) -> tuple[Column, ...]:
    """The columns that a list names; of a table there may also be those of the request's context."""
    found = tuple(_column(reader, each, at, table=table) for at, each in reader.items(node, "inputs"))
    if not found:
        reader.wrong(node.line, "inputs", "names nothing", "such as [feature.spend_90d, profile.country]")
    twice = {column.name for i, column in enumerate(found) if column.name in [other.name for other in found[:i]]}
    for name in sorted(map(str, twice)):
        reader.wrong(node.line, "inputs", f"{name} stands here twice")
    return found


def _column(reader: Reader, node: Node, at: str, *, table: bool) -> Column:
    given = reader.mapping(node, at, ("name", "type", "column"), ("name",)) if isinstance(node.value, dict) else {"name": node}
    roots = ROOTS if table else ("feature", "profile")
    ref = reader.ref(given["name"].value, node.line, at, roots) if "name" in given else None
    said = reader.one_of(given["type"], f"{at}.type", ("number", "text"), "type") if "type" in given else None
    kind = reader.names.kind_of(ref) if ref is not None else "number"
    if kind == "instant":
        reader.wrong(node.line, at, f"{ref} is an instant", "seconds_since tells how long ago it was, as a number")
    text = said == "text" if said is not None else kind not in ("number", "boolean")
    return Column(ref or c.Ref(("profile", "_")), text, reader.text(given["column"], f"{at}.column") if "column" in given else "")


def _search(reader: Reader, node: Node) -> Search:
    given = reader.mapping(node, "search", SEARCH_KEYS)
    trials = reader.whole(given["trials"], "search.trials", 1, MOST_TRIALS, 20) if "trials" in given else 0
    return Search(trials, reader.duration(given["for"], "search.for") // 1000 if "for" in given else 0)
