"""What the source of one generated module refers to: constants `K7`, features, columns, streams and indexes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import exp, isfinite, log
from typing import Any
from zoneinfo import ZoneInfo

from app.content.columns import Column, Index, Matches, Stream, index_key, tally
from app.content.event_rows import EventRows
from app.content.matching import compile_columns, operate, reach, same
from app.domain import conditions as c
from app.domain.request import NEVER, UNSET, Request

NAN = float("nan")
NUMBER = frozenset({int, float})


def number_or_nan(value: Any) -> float:
    """Itself where it is a number, else NaN, which no comparison admits."""
    return value if type(value) in NUMBER else NAN


def need_number(value: Any) -> float:
    if type(value) not in NUMBER:
        raise TypeError(value)
    return value


class Writer:
    """The namespace of one generated module, with one shared instance of each thing that rules read."""

    def __init__(self, timezone: ZoneInfo) -> None:
        self.timezone = timezone
        self.namespace: dict[str, Any] = {
            "U": UNSET, "NAN": NAN, "NUMBER": NUMBER, "NUM": number_or_nan, "NEED": need_number, "NEVER": NEVER,
            "TALLY": tally, "REACH": reach, "isfinite": isfinite, "log": log, "exp": exp, "OPERATE": operate, "SAME": same,
            "INPUT": as_input, "FEATURE": {}, "SEGMENT": {}, "TABLE": {}, "bisect_right": bisect_right,
        }
        self._names: dict[Any, str] = {}
        self._rows: dict[str, EventRows] = {}
        self._columns: dict[tuple[str, c.Path], Column] = {}
        self._indexes: dict[tuple[str, c.Path], Index] = {}
        self._matches: dict[tuple[str, str], Matches] = {}

    def constant(self, value: Any, prefix: str = "K", key: Any = None) -> str:
        """The name under which a value is passed to the generated code."""
        try:
            key = (prefix, type(value), value if key is None else key)
            hash(key)
        except TypeError:
            key = (prefix, id(value))
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"{prefix}{len(self._names)}"
            self.namespace[name] = value
        return name

    def rows(self, event: str) -> EventRows:
        return self._rows.setdefault(event, EventRows(event, self.timezone))

    def column(self, event: str, path: c.Path, reach_back: int | None) -> Column:
        found = self._columns.setdefault((event, path), Column(self.rows(event), path))
        found.widen(reach_back)
        return found

    def index(self, event: str, path: c.Path, reach_back: int | None) -> Index:
        """It has a column of its own: what features read of the property need not go back as far, nor it as far as they."""
        found = self._indexes.setdefault((event, path), Index(Column(self.rows(event), path)))
        found.column.widen(reach_back)
        return found

    def matches(self, event: str, wheres: tuple[c.Where, ...], reach_back: int | None) -> Matches:
        found = self._matches.get((event, repr(wheres)))
        if found is None:
            checks = compile_columns(wheres, self.resolver, self.timezone)
            found = self._matches[event, repr(wheres)] = Matches(self.rows(event), checks)
        found.widen(reach_back)
        return found

    def stream(self, event: str, wheres: tuple[c.Where, ...], reach_back: int | None) -> Callable[[Request], Stream]:
        """The instants of the events that match, through the index of a property where one value of it is asked for."""
        keys = simple_key(wheres)
        if keys is None or len(keys) != 1:
            return self.matches(event, wheres, reach_back)
        index, key = self.index(event, wheres[0].path, reach_back), keys[0]
        return lambda r: index(r).get(key, NEVER)

    def resolver(self, ref: c.Ref) -> Callable[[Request], Any]:
        """A function that looks a reference up at the request (not for `item` and `offer`)."""
        root, path = ref.root, ref.path[1:]
        match root:
            case "profile":
                return (lambda r: r.traits.get(path[0])) if len(path) == 1 else (lambda r: reach(r.traits, path))
            case "context":
                return lambda r: r.context.get(path[0])
            case "feature":
                features = self.namespace["FEATURE"]
                return lambda r: features[path[0]](r)
            case "model":
                return lambda r: r.score(r, path[0])
            case "table":
                tables, (id, output) = self.namespace["TABLE"], path
                return lambda r: tables[id](r).get(output)
            case _:
                return lambda r: None


def simple_key(wheres: tuple[c.Where, ...]) -> tuple[Any, ...] | None:
    """The constants that the one `eq` or short `in` of a `where` asks for, where an index answers it."""
    if len(wheres) != 1:
        return None
    test = wheres[0].test
    if test.operator == "eq" and not isinstance(test.value, (c.Ref, c.Instant)):
        return (index_key(test.value),)
    if test.operator == "in" and not isinstance(test.value, c.Ref) and 0 < len(test.values) <= 8:
        return tuple(index_key(value) for value in test.values)
    return None


def as_input(value: Any, default: float | str) -> float | str:
    """A value as a model's column takes it: the default where it is absent or of another kind."""
    if isinstance(default, str):
        return value if isinstance(value, str) else default
    if type(value) is float or type(value) is int:
        return float(value)
    return float(value) if isinstance(value, (bool, int)) else default
