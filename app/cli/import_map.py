"""The map of `inlay import --map`: which column says what. All its mistakes are named at once, with line, key and hint."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import re2

from app.content.reader import Names, Reader
from app.content.source import Node, read_yaml
from app.content.values import meant
from app.domain.event import event_name
from app.domain.identity import KINDS
from app.domain.json import Json
from app.errors import ContentInvalid, Problem
from app.formats.row_conditions import GROUPS, OPERATORS, ColumnTest, Combined, Condition
from app.formats.rows import EventNamed, RowMap

_ALWAYS = ("properties", "decimal", "reject")
_OF_PEOPLE = ("profile", "timestamp", "timezone", "message_id", *_ALWAYS)
KEYS = {"events": ("event", "group_by", *_OF_PEOPLE), "profiles": _OF_PEOPLE, "items": _ALWAYS}
_NEEDED = {"events": ("event", "profile", "timestamp"), "profiles": ("profile",), "items": ()}


def read_map(path: Path, kind: str, columns: Sequence[str], kinds: Collection[str] = (), *, complete: bool) -> RowMap:
    """The map of a file with these columns, or `ContentInvalid`. `kinds` of ids are declared beside the usual ones. `complete`: there are no others, as in CSV."""
    problems: list[Problem] = []
    node = read_yaml(path, str(path), problems)
    found = None
    if node is None:
        if not problems:
            problems.append(Problem(str(path), 1, "file", "is empty", f"a map has the keys {', '.join(KEYS[kind])}"))
    else:
        found = _Maps(Reader(str(path), problems, Names(), ZoneInfo("UTC")), columns, sorted(KINDS.union(kinds)), complete=complete).map(node, kind)
    if found is None or problems:
        raise ContentInvalid(tuple(sorted(problems)), str(path))
    return found


def usual_map(path: Path, kind: str, columns: Sequence[str]) -> RowMap:
    """Without a map: columns of the file at `path` that are called what they are, every other one a property."""
    if kind == "items":
        return RowMap()
    wanted = ("event", "profile", "timestamp") if kind == "events" else ("profile" if "profile" in columns else "id",)
    if missing := [name for name in wanted if name not in columns]:
        hint = f"a map (--map M.yaml) says which column is what; the file has {', '.join(columns[:20])[:400] or 'none'}"
        raise ContentInvalid((Problem(str(path), 1, "columns", f"no column {', '.join(missing)}", hint),), str(path))
    if kind == "profiles":
        return RowMap(profile=wanted[0])
    return RowMap((EventNamed(None, "event", column=True),), "profile", "timestamp", message_id="message_id" if "message_id" in columns else None)


def _are_scalars(value: Json) -> bool:
    return isinstance(value, list) and not any(isinstance(each, (list, dict, type(None))) for each in value)


class _Maps:
    def __init__(self, reader: Reader, columns: Sequence[str], kinds: Sequence[str], *, complete: bool) -> None:
        self._reader = reader
        self._columns = columns
        self._kinds = kinds
        self._complete = complete

    def map(self, node: Node, kind: str) -> RowMap:
        given = self._reader.mapping(node, "", KEYS[kind], _NEEDED[kind])
        profile, id_kind = self._profile(given["profile"]) if "profile" in given else (None, "user_id")
        timestamp, form = self._timestamp(given["timestamp"]) if "timestamp" in given else (None, None)
        single = {key: self._column(given[key], key) for key in ("message_id", "group_by") if key in given}
        return RowMap(
            self._events(given["event"]) if "event" in given else (), profile, timestamp, id_kind, form, self._zone(given.get("timezone")),
            single.get("message_id"), single.get("group_by"), self._properties(given.get("properties")), self._decimal(given.get("decimal")),
            tuple(self._reject(each, at) for at, each in self._reader.items(given["reject"], "reject")) if "reject" in given else (),
        )

    # -- columns ---------------------------------------------------------------------------------------------------

    def _column(self, node: Node, at: str) -> str:
        name = self._reader.text(node, at)
        if name and self._complete and name not in self._columns:
            self._reader.wrong(node.line, at, f'the file has no column "{name[:60]}"', meant(name, self._columns))
        return name

    def _profile(self, node: Node) -> tuple[str, str]:
        if not isinstance(node.value, dict):
            return self._column(node, "profile"), "user_id"
        given = self._reader.mapping(node, "profile", ("column", "kind"), ("column",))
        kind = self._reader.one_of(given["kind"], "profile.kind", self._kinds, "kind of id") if "kind" in given else None
        return self._column(given["column"], "profile.column") if "column" in given else "", kind or "user_id"

    def _timestamp(self, node: Node) -> tuple[str, str | None]:
        if not isinstance(node.value, dict):
            return self._column(node, "timestamp"), None
        given = self._reader.mapping(node, "timestamp", ("column", "format"), ("column",))
        form = self._format(given["format"]) if "format" in given else None
        return self._column(given["column"], "timestamp.column") if "column" in given else "", form

    def _format(self, node: Node) -> str:
        form = self._reader.text(node, "timestamp.format")
        try:
            datetime.strptime("", form)
        except ValueError as error:
            if not str(error).startswith("time data") or "%" not in form:  # else it is only the empty text that does not fit
                self._reader.wrong(node.line, "timestamp.format", f"{form!r:.60} is no format", "such as %d/%m/%Y %H:%M")
        return form

    def _properties(self, node: Node | None) -> dict[str, str] | None:
        if node is None:
            return None
        return {name: self._column(each, f"properties.{name}") for name, each in self._reader.mapping(node, "properties").items()}

    def _zone(self, node: Node | None) -> tzinfo:
        if node is None:
            return UTC
        name = self._reader.text(node, "timezone", "UTC")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._reader.wrong(node.line, "timezone", f'no time zone "{name[:60]}"', "such as Europe/London")
            return UTC

    def _decimal(self, node: Node | None) -> str | None:
        return None if node is None else self._reader.one_of(node, "decimal", (".", ","), "decimal mark")

    # -- events ----------------------------------------------------------------------------------------------------

    def _events(self, node: Node) -> tuple[EventNamed, ...]:
        if not isinstance(node.value, list):
            return (self._named(node, "event", None),)
        if not node.value:
            self._reader.wrong(node.line, "event", "names nothing", "such as [{when: {Column: value}, is: order_returned}, {is: order_completed}]")
        return tuple(self._rule(each, at) for at, each in self._reader.items(node, "event"))

    def _rule(self, node: Node, at: str) -> EventNamed:
        given = self._reader.mapping(node, at, ("when", "is"), ("is",))
        when = self.condition(given["when"], f"{at}.when") if "when" in given else None
        return self._named(given["is"], f"{at}.is", when) if "is" in given else EventNamed(when, "x")

    def _named(self, node: Node, at: str, when: Condition | None) -> EventNamed:
        if isinstance(node.value, dict):
            given = self._reader.mapping(node, at, ("column",), ("column",))
            return EventNamed(when, self._column(given["column"], f"{at}.column") if "column" in given else "", column=True)
        name = self._reader.text(node, at, "x")
        if name in self._columns:
            return EventNamed(when, name, column=True)
        if not event_name(name).strip("_"):
            self._reader.wrong(node.line, at, f"{name!r:.60} is no event and no column", "such as order_completed")
        return EventNamed(when, name)

    def _reject(self, node: Node, at: str) -> tuple[Condition, str]:
        given = self._reader.mapping(node, at, ("when", "reason"), ("when", "reason"))
        when = self.condition(given["when"], f"{at}.when") if "when" in given else ColumnTest("", "exists", value=True)
        return when, self._reader.text(given["reason"], f"{at}.reason", "x") if "reason" in given else ""

    # -- conditions ------------------------------------------------------------------------------------------------

    def condition(self, node: Node, at: str) -> Condition:
        """`{Column: value}`, `{Column: {operator: value}}`, `{field: Column, operator: value}`, or all, any, not of them."""
        parts = self._reader.mapping(node, at)
        if not parts:
            self._reader.wrong(node.line, at, "says nothing", "such as {CustomerID: {exists: false}}")
        tests: list[Condition] = []
        for key, each in parts.items():
            here = f"{at}.{key}"
            if key in GROUPS and (key == "not" or isinstance(each.value, list)):
                inner = [(here, each)] if key == "not" else self._reader.items(each, here)
                tests.append(Combined(key, tuple(self.condition(one, place) for place, one in inner)))
            elif key == "field":
                return self._leaf(parts, at)
            else:
                column = self._column(Node(key, node.keys.get(key, node.line)), here)
                operators = each.value if isinstance(each.value, dict) else {"eq": each}
                tests += [self._test(column, name, value, here) for name, value in operators.items()]
        return tests[0] if len(tests) == 1 else Combined("all", tuple(tests))

    def _leaf(self, parts: dict[str, Node], at: str) -> Condition:
        column = self._column(parts["field"], f"{at}.field")
        tests = [self._test(column, name, value, f"{at}.{name}") for name, value in parts.items() if name != "field"]
        if not tests:
            self._reader.wrong(parts["field"].line, at, "tests nothing", f"an operator belongs here: {', '.join(OPERATORS)}")
        return tests[0] if len(tests) == 1 else Combined("all", tuple(tests))

    def _test(self, column: str, name: str, node: Node, at: str) -> ColumnTest:
        value: Any = node.plain()
        if name not in OPERATORS:
            self._reader.wrong(node.line, at, f'no operator "{name[:60]}"', meant(name, OPERATORS))
            return ColumnTest(column, "eq", "")
        lists, words = name in ("in", "not_in"), name in ("matches", "contains", "not_contains", "starts_with", "ends_with")
        right = isinstance(value, bool) if name == "exists" else _are_scalars(value) if lists else not isinstance(value, (list, dict, type(None)))
        if not right:
            kind = "true or false" if name == "exists" else "a list [...]" if lists else "text or a number"
            self._reader.wrong(node.line, at, f"{name}: {kind} belongs here")
            return ColumnTest(column, "exists", value=True)
        if name == "matches":
            self._pattern(str(value), node.line, at)
        return ColumnTest(column, name, str(value) if words else value)

    def _pattern(self, text: str, line: int, at: str) -> None:
        try:
            re2.compile(text)
        except re2.error as error:
            self._reader.wrong(line, at, f"no regular expression: {error}")
