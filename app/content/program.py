"""Rules compiled to Python: features, segments, and for each placement one function that judges all its offers.

The judging function returns a code per offer: 0 where the offer may be shown, else the number of a `Removal`, so that
the reason costs nothing extra. Offers whose eligibility asks for one value of something (a country, a category viewed,
a segment) are filed under that value, where enough of them share the question: then only the offers of the values that
this person has are looked at, and the rest keep the code of that leaf.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from app.content.alternatives import barring, ranking
from app.content.emit import Scope
from app.content.writer import Writer
from app.content.features import written
from app.content.filing import Conditions, Initial, Removal, answers, file_offers, widest
from app.content.lookup import columns, results
from app.content.ranking import attributes, names, price, rank_key, untied
from app.domain import conditions as c
from app.domain.definitions import Definitions, Feature, Input, Offer
from app.domain.request import Request
from app.domain.tables import Table

ONE_BY_ONE = 5_000
"""Offers of a placement up to which they are judged one by one, best first, where nobody asks for reasons: the first that
may be shown comes early, and a thousand refused by a trait cost less than judging all (measured: `bench/`)."""
NOTHING_KNOWN = Request(0)
Judge = Callable[[Request], "tuple[array[int], list[int]]"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The compiled offers of one placement. `judge(request)` gives (codes, offers left), both by number of offer."""

    offers: tuple[Offer, ...]
    removals: tuple[Removal | None, ...]
    judge: Judge
    filed: array[int]
    """The codes of offers that nobody looked at; a trace keeps what differs from them."""
    rank: Callable[[Request, Mapping[str, Any]], float | None] | None
    order: tuple[int, ...]
    """Each offer's place by what does not depend on the person; equal places are ties. For use where `rank` is None."""
    scores: tuple[float | None, ...]
    first: Callable[[Request], Iterator[int]] | None
    """The offers that may be shown, best first, each judged only when it is asked for, without reasons; None where the
    person has a say in the order, or where there are too many for one function."""


class Program:
    """Everything of one version of the rules that is code."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.timezone = ZoneInfo(definitions.timezone)
        self.writer = Writer(self.timezone)
        self._sources: list[str] = []
        self._rows: dict[tuple[Input, ...], Callable[[Request], list[float | str]]] = {}
        namespace = self.writer.namespace
        namespace["UNTIED"] = untied
        self.features: dict[str, Callable[[Request], Any]] = namespace["FEATURE"]
        self.segments: dict[str, Callable[[Request], bool]] = namespace["SEGMENT"]
        for feature in definitions.features.values():
            self.features[feature.id] = self.feature(feature)
        self.tables: dict[str, Callable[[Request], Mapping[str, Any]]] = namespace["TABLE"]
        for table in definitions.tables.values():
            self.tables[table.id] = self._table(table)
        for segment in definitions.segments.values():
            self.segments[segment.id] = self._segment(segment.id, segment.condition)
        self.judgements = {id: self._judgement(id) for id in definitions.placements}

    @property
    def source(self) -> str:
        """The generated Python, for reading."""
        return "\n".join(self._sources)

    # -- compiling -------------------------------------------------------------------------------------------------

    def function(self, name: str, parameters: str, scope: Scope, body: list[str]) -> Callable[..., Any]:
        """Compile one function whose expressions were written in `scope`."""
        lines = [f"def {name}({parameters}):", *("    " + line for line in scope.head() + body)]
        source = "\n".join(lines)
        self._sources.append(source)
        exec(compile(source, f"<rules {name}>", "exec"), self.writer.namespace)  # noqa: S102 (our own source)
        return self.writer.namespace[name]

    def apart(self) -> Program:
        """A compiler for what comes with a request: it reads the same features and segments, and what it compiles goes
        when nothing uses it any more."""
        found = copy(self)
        found.writer, found._sources = Writer(self.timezone), []
        found.writer.namespace |= {"FEATURE": self.features, "SEGMENT": self.segments, "TABLE": self.tables}
        return found

    def _fresh(self, prefix: str) -> str:
        return f"{prefix}_{len(self._sources)}"

    def feature(self, feature: Feature) -> Callable[[Request], Any]:
        """A function that computes the feature once per request."""
        scope = Scope(self.writer)
        if feature.expression is not None:
            compute = self.writer.constant(self.expression(feature.expression), "F", key=("feature", feature.id))
            lines = [f"value = {compute}(r)"]
        else:
            lines = written(feature, self.writer)
        id = self.writer.constant(feature.id)
        body = [
            "features = r.features", f"value = features.get({id}, U)", "if value is U:", *("    " + line for line in lines),
            f"    features[{id}] = value", "return value",
        ]
        return self.function(self._fresh("feature"), "r", scope, body)

    def _table(self, table: Table) -> Callable[[Request], Mapping[str, Any]]:
        """A function that finds the rows that fit, and what follows from them, once per request."""
        scope, constant = Scope(self.writer), self.writer.constant
        asked = zip(table.inputs, columns(table, self.timezone), strict=True)
        looked_up = [f"{constant(column, 'C', key=id(column))}({scope.value(each.ref)})" for each, column in asked if column is not None]
        fits = " & ".join(looked_up) or str((1 << len(table.rows)) - 1)
        key = constant(("table", table.id))
        body = [
            f"found = r.memo.get({key}, U)", "if found is U:",
            f"    found = r.memo[{key}] = {constant(results(table), 'T', key=('table', table.id))}({fits})", "return found",
        ]
        return self.function(self._fresh("table"), "r", scope, body)

    def _segment(self, id: str, condition: c.Condition) -> Callable[[Request], bool]:
        compute = self.condition(condition)
        gated = any("segments" in consent.gates for consent in self.definitions.consents.values())
        purposes = [each.purpose for each in self.definitions.consents.values() if "segments" in each.gates]

        def remembered(r: Request) -> bool:
            held = r.segments.get(id)
            if held is None:
                open_ = not r.profile.restricted and (not gated or all(r.consents.get(purpose) is True for purpose in purposes))
                held = r.segments[id] = open_ and compute(r)
            return held

        return remembered

    def condition(self, condition: c.Condition) -> Callable[[Request], bool]:
        scope = Scope(self.writer)
        return self.function(self._fresh("condition"), "r", scope, [f"return {scope.condition(condition)}"])

    def expression(self, expression: c.Expression) -> Callable[..., float | None]:
        """`f(request, offer attributes)`: None where anything is missing or the result is not finite."""
        scope = Scope(self.writer)
        body = [
            "try:",
            f"    value = {scope.expression(expression)}",
            "except (TypeError, ValueError, ZeroDivisionError, OverflowError):",
            "    return None",
            "return value if isfinite(value) else None",
        ]
        return self.function(self._fresh("expression"), "r, offer={}", scope, body)

    def row(self, inputs: Sequence[Input]) -> Callable[[Request], list[float | str]]:
        """`f(request)`: what a model's columns of these names are, in their order; the default where a value is absent or
        of another kind."""
        key = tuple(inputs)
        if key in self._rows:
            return self._rows[key]
        scope = Scope(self.writer)
        cells: list[str] = []
        for each in inputs:
            value, default = scope.value(each.name), self.writer.constant(each.default)
            cells.append(f"INPUT({value}, {default})" if isinstance(each.default, str) else f"(v if type(v := {value}) in NUMBER else INPUT(v, {default}))")
        found = self._rows[key] = self.function(self._fresh("row"), "r", scope, [f"return [{', '.join(cells)}]"])
        return found

    def item_filter(self, condition: c.Condition) -> Callable[[Request, list[Any]], list[Any]]:
        """`f(request, items)`: those that the condition keeps, in order."""
        scope = Scope(self.writer, item=True)
        source = scope.condition(condition)
        body = ["kept = []", "for item in items:", "    it = item.fields", f"    if {source}:", "        kept.append(item)"]
        return self.function(self._fresh("filter"), "r, items", scope, [*body, "return kept"])

    def item_rank(self, expression: c.Expression, models: Sequence[str] = ()) -> Callable[..., list[float | None]]:
        """`f(request, items, scores of each model of items)`: a score per item, None where something is missing."""
        lists = [f"m{i}" for i in range(len(models))]
        scope = Scope(self.writer, item=True, scores={id: f"s{i}" for i, id in enumerate(models)})
        source = scope.expression(expression)
        names = ", ".join(("item", *scope.scores.values()))
        body = [
            "scores = []", f"for {names} in zip({', '.join(('items', *lists))}):" if models else "for item in items:", "    it = item.fields", "    try:", f"        value = {source}",
            "        scores.append(value if isfinite(value) else None)",
            "    except (TypeError, ValueError, ZeroDivisionError, OverflowError):", "        scores.append(None)",
            "return scores",
        ]
        return self.function(self._fresh("rank"), ", ".join(("r", "items", *lists)), scope, body)

    # -- offers ----------------------------------------------------------------------------------------------------

    def _judgement(self, placement: str) -> Judgement:
        offers = tuple(offer for offer in self.definitions.offers.values() if placement in offer.placements)
        removals: list[Removal | None] = [None]
        declared = self.definitions.placements[placement]
        conditions = [Conditions(offer, removals, barring(declared, offer.id)) for offer in offers]
        filed = file_offers(conditions)
        initial = Initial(conditions, {i: leaf for rows in filed.values() for i, leaf in rows})
        judge = self._judge(placement, conditions, filed, initial)
        expression = declared.rank or c.Name(c.Ref(("offer", "value")))
        rank, fixed = self.expression(expression), all(ref.root == "offer" for ref in names(expression))
        if (alternative := ranking(self, declared, rank)) is not None:
            rank, fixed = alternative, False
        scores = tuple(rank(NOTHING_KNOWN, attributes(offer)) if fixed else None for offer in offers)
        keys = [rank_key(offer, score) for offer, score in zip(offers, scores, strict=True)]
        places = {key: i for i, key in enumerate(sorted(set(keys)))}
        order = tuple(places[key] for key in keys)
        first = self._first(conditions, order) if fixed and len(offers) <= ONE_BY_ONE and not self.definitions.placements[placement].bandit else None
        return Judgement(offers, tuple(removals), judge, initial.filed, None if fixed else rank, order, scores, first)

    def _first(self, conditions: list[Conditions], order: tuple[int, ...]) -> Callable[[Request], Iterator[int]]:
        """A generator of the offers left, best first. Within an offer the cheapest question is asked first."""
        scope = Scope(self.writer)
        body: list[str] = []
        offers = [each.offer for each in conditions]
        for _, tied in groupby(sorted(range(len(order)), key=order.__getitem__), order.__getitem__):
            first, *more = tied
            if not more:
                body.append(f"if {self._admits(scope, conditions[first])}: yield {first}")
                continue
            body.append("tied = []")
            body += [f"if {self._admits(scope, conditions[i])}: tied.append({i})" for i in (first, *more)]
            body.append(f"if tied: yield from UNTIED(r, {self.writer.constant(offers, key=id(offers))}, tied)")
        return self.function(self._fresh("first"), "r", scope, [*body, "return; yield"])

    def _admits(self, scope: Scope, each: Conditions) -> str:
        start, end = each.offer.valid_from, each.offer.valid_to
        parts = [f"{int(start)} <= {scope.now}"] if start is not None else []
        parts += [f"{scope.now} < {int(end)}"] if end is not None else []
        for _, condition, removes_where in sorted(each.checks, key=lambda check: price(check[1])):
            source = scope.condition(condition)
            parts.append(f"not {source}" if removes_where else source)
        return " and ".join(parts) or "True"

    def _judge(self, placement: str, conditions: list[Conditions], filed: dict[Any, list[tuple[int, c.Condition]]], initial: Initial) -> Judge:
        writer = self.writer
        writer.namespace[start := f"INITIAL_{len(self._sources)}"] = initial
        scope = Scope(writer)
        indexed = {i for rows in filed.values() for i, _ in rows}
        body = [f"codes = {start}({scope.now})", "live = []"]
        for i, each in enumerate(conditions):
            if i not in indexed:
                body += self._offer_lines(scope, i, each, None)
        for subject, rows in filed.items():
            body += self._bucket_lines(scope, subject, rows, conditions)
        return self.function(self._fresh("judge"), "r", scope, [*body, "return codes, live"])

    def _offer_lines(self, scope: Scope, i: int, each: Conditions, known: c.Condition | None) -> list[str]:
        """Judge one offer; `known` is a leaf that is settled already."""
        parts: list[str] = []
        if each.timed:
            parts.append(f"1 if codes[{i}] == 1")
        for code, condition, removes_where in each.checks:
            if condition is not known:
                source = scope.condition(condition)
                parts.append(f"{code} if {source}" if removes_where else f"{code} if not {source}")
        if not parts:
            return [f"codes[{i}] = 0", f"live.append({i})"]
        return [f"c = {' else '.join(parts)} else 0", f"codes[{i}] = c", f"if not c: live.append({i})"]

    def _bucket_lines(self, scope: Scope, subject: Any, rows: list[tuple[int, c.Condition]], conditions: list[Conditions]) -> list[str]:
        buckets: dict[Any, list[tuple[int, c.Condition]]] = {}
        for i, leaf in rows:
            for key in answers(leaf):
                buckets.setdefault(key, []).append((i, leaf))
        functions = {}
        for key, members in buckets.items():
            inner = Scope(self.writer)
            body: list[str] = []
            for i, leaf in members:
                settled = leaf if not isinstance(leaf, c.Did) else None
                body += self._offer_lines(inner, i, conditions[i], settled)
            functions[key] = self.function(self._fresh("bucket"), "r, codes, live", inner, body)
        name = self.writer.constant(functions, "B", key=subject)
        leaf = rows[0][1]
        if isinstance(leaf, c.Did):
            index = self.writer.index(leaf.event, leaf.where[0].path, widest(each for _, each in rows if isinstance(each, c.Did)))
            found = scope.lazy(f"{self.writer.constant(index, 'I', key=id(index))}(r)")
            return [f"for key in {found}.keys() & {name}.keys():", f"    {name}[key](r, codes, live)"]
        if isinstance(leaf, c.InSegment):
            return [f"if {scope.condition(leaf)}: {name}[True](r, codes, live)"]
        assert isinstance(leaf, c.Field)
        value = scope.value(leaf.ref)
        return [f"b = {name}.get({value}) if type({value}) is str else None", "if b is not None: b(r, codes, live)"]
