"""Rules compiled to Python: features, segments, and for each placement one function that judges all its offers.

The judging function returns a code per offer: 0 where the offer may be shown, else the number of a `Removal`, so that
the reason costs nothing extra. Offers whose eligibility asks for one value of something (a country, a category viewed,
a segment) are filed under that value, where enough of them share the question: then only the offers of the values that
this person has are looked at, and the rest keep the code of that leaf.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from app.content.emit import Scope, Writer, simple_key
from app.content.features import AGGREGATES, DECODING, compile_feature
from app.content.windows import CLOCK, span
from app.domain import conditions as c
from app.domain.definitions import GROUPS, Definitions, Feature, Offer
from app.domain.request import UNSET, Request

INDEX_FROM = 8
"""Offers that must share a question before they are filed under its answers (measured: `bench/` rules)."""

ONE_BY_ONE = 100
"""Offers of a placement up to which judging them one by one, best first, beats judging all (measured: `bench/`)."""
NOTHING_KNOWN = Request(0)
Judge = Callable[[Request], "tuple[list[int], list[int]]"]


@dataclass(frozen=True, slots=True)
class Removal:
    """What removed an offer: the group, and the place of the leaf."""

    by: str
    place: c.Place


@dataclass(frozen=True, slots=True)
class Judgement:
    """The compiled offers of one placement. `judge(request)` gives (codes, offers left), both by number of offer."""

    offers: tuple[Offer, ...]
    removals: tuple[Removal | None, ...]
    judge: Judge
    rank: Callable[[Request, Mapping[str, Any]], float | None] | None
    order: tuple[int, ...]
    """Each offer's place by what does not depend on the person; equal places are ties. For use where `rank` is None."""
    scores: tuple[float | None, ...]
    first: Callable[[Request], Iterator[int]] | None
    """The offers that may be shown, best first, each judged only when it is asked for, without reasons; None where the
    person has a say in the order, or where the index of many offers is quicker."""


def flatten(condition: c.Condition | None) -> Iterator[c.Condition]:
    """The conditions that all have to hold."""
    if isinstance(condition, c.All):
        for child in condition.children:
            yield from flatten(child)
    elif condition is not None:
        yield condition


def names(expression: c.Expression) -> Iterator[c.Ref]:
    """Everything that an expression refers to."""
    match expression:
        case c.Name(ref):
            yield ref
        case c.Arithmetic(_, left, right):
            yield from names(left)
            yield from names(right)
        case c.Negative(operand):
            yield from names(operand)
        case c.Call(_, arguments):
            for argument in arguments:
                yield from names(argument)
        case c.Number():
            pass


def attributes(offer: Offer) -> Mapping[str, Any]:
    """What `offer.*` means in an expression."""
    return {"value": offer.value, "priority": offer.priority, **offer.attributes}


def price(condition: c.Condition) -> int:
    """What a condition costs, roughly: traits are at hand, events have to be decoded, models run."""
    match condition:
        case c.All(children) | c.Any(children):
            return max(map(price, children), default=0)
        case c.Not(child):
            return price(child)
        case c.Field(ref, tests):
            roots = {ref.root, *(test.value.root for test in tests if isinstance(test.value, c.Ref))}
            return 9 if "model" in roots else 3 if "feature" in roots else 0
        case c.Did(_, where):
            return 4 if where else 1
        case c.Changed():
            return 5
        case c.InSegment() | c.LocalTime():
            return 2
        case c.Consented():
            return 0


def untied(r: Request, offers: Sequence[Offer], tied: list[int]) -> list[int]:
    """Offers of one rank, by a hash of (profile, offer): the same for the same, never chance."""
    who = (r.profile.key or "").encode() + b"\0"
    return sorted(tied, key=lambda i: blake2b(who + offers[i].id.encode(), digest_size=8).digest())


def rank_key(offer: Offer, score: float | None) -> tuple[Any, ...]:
    """Smaller is better: priority, then score (missing last), then the earliest end."""
    end = float("inf") if offer.valid_to is None else int(offer.valid_to)
    return (-offer.priority, score is None, 0.0 if score is None else -score, end)


class Program:
    """Everything of one version of the rules that is code."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.timezone = ZoneInfo(definitions.timezone)
        self.writer = Writer(self.timezone)
        self._sources: list[str] = []
        namespace = self.writer.namespace
        namespace["UNTIED"] = untied
        self.features: dict[str, Callable[[Request], Any]] = namespace["FEATURE"]
        self.segments: dict[str, Callable[[Request], bool]] = namespace["SEGMENT"]
        for feature in definitions.features.values():
            self.features[feature.id] = self._feature(feature)
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
        found.writer.namespace |= {"FEATURE": self.features, "SEGMENT": self.segments}
        return found

    def _fresh(self, prefix: str) -> str:
        return f"{prefix}_{len(self._sources)}"

    def _feature(self, feature: Feature) -> Callable[[Request], Any]:
        if feature.kind == "expr":
            assert feature.expression is not None
            compute = self.expression(feature.expression)
        else:
            back, writer = span(feature.window), self.writer
            pairs = stream = None
            if feature.kind in AGGREGATES and feature.where:
                pairs = writer.matches(feature.event, feature.where, back).pairs(feature.path)
            elif feature.kind in DECODING or (feature.path and feature.path[0] in CLOCK):
                pairs = writer.column(feature.event, feature.path, back)
            elif feature.where:
                stream = writer.stream(feature.event, feature.where, back)
            compute = compile_feature(feature, pairs, stream, self.timezone)
        id = feature.id

        def remembered(r: Request) -> Any:
            value = r.features.get(id, UNSET)
            if value is UNSET:
                value = r.features[id] = compute(r)
            return value

        return remembered

    def _segment(self, id: str, condition: c.Condition) -> Callable[[Request], bool]:
        compute = self.condition(condition)
        gated = any("segments" in consent.gates for consent in self.definitions.consents.values())
        purposes = [each.purpose for each in self.definitions.consents.values() if "segments" in each.gates]

        def remembered(r: Request) -> bool:
            held = r.segments.get(id)
            if held is None:
                open_ = not gated or all(r.consents.get(purpose) is True for purpose in purposes)
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
        conditions = [_Conditions(offer, removals) for offer in offers]
        filed = _file_offers(conditions)
        judge = self._judge(placement, conditions, filed)
        expression = self.definitions.placements[placement].rank or c.Name(c.Ref(("offer", "value")))
        rank, fixed = self.expression(expression), all(ref.root == "offer" for ref in names(expression))
        scores = tuple(rank(NOTHING_KNOWN, attributes(offer)) if fixed else None for offer in offers)
        keys = [rank_key(offer, score) for offer, score in zip(offers, scores, strict=True)]
        places = {key: i for i, key in enumerate(sorted(set(keys)))}
        order = tuple(places[key] for key in keys)
        first = self._first(conditions, order) if fixed and len(offers) <= ONE_BY_ONE else None
        return Judgement(offers, tuple(removals), judge, None if fixed else rank, order, scores, first)

    def _first(self, conditions: list[_Conditions], order: tuple[int, ...]) -> Callable[[Request], Iterator[int]]:
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

    def _admits(self, scope: Scope, each: _Conditions) -> str:
        start, end = each.offer.valid_from, each.offer.valid_to
        parts = [f"{int(start)} <= {scope.now}"] if start is not None else []
        parts += [f"{scope.now} < {int(end)}"] if end is not None else []
        for _, condition, removes_where in sorted(each.checks, key=lambda check: price(check[1])):
            source = scope.condition(condition)
            parts.append(f"not {source}" if removes_where else source)
        return " and ".join(parts) or "True"

    def _judge(self, placement: str, conditions: list[_Conditions], filed: dict[Any, list[tuple[int, c.Condition]]]) -> Judge:
        writer = self.writer
        initial = _Initial(conditions, {i: leaf for rows in filed.values() for i, leaf in rows})
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

    def _offer_lines(self, scope: Scope, i: int, each: _Conditions, known: c.Condition | None) -> list[str]:
        """Judge one offer; `known` is a leaf that is settled already."""
        parts = []
        if each.timed:
            parts.append(f"1 if codes[{i}] == 1")
        for code, condition, removes_where in each.checks:
            if condition is not known:
                source = scope.condition(condition)
                parts.append(f"{code} if {source}" if removes_where else f"{code} if not {source}")
        if not parts:
            return [f"codes[{i}] = 0", f"live.append({i})"]
        return [f"c = {' else '.join(parts)} else 0", f"codes[{i}] = c", f"if not c: live.append({i})"]

    def _bucket_lines(self, scope: Scope, subject: Any, rows: list[tuple[int, c.Condition]], conditions: list[_Conditions]) -> list[str]:
        buckets: dict[Any, list[tuple[int, c.Condition]]] = {}
        for i, leaf in rows:
            for key in _answers(leaf):
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
            index = self.writer.index(leaf.event, leaf.where[0].path, _widest(leaf_ for _, leaf_ in rows))
            found = scope.lazy(f"{self.writer.constant(index, 'I', key=id(index))}(r)")
            return [f"for key in {found}.keys() & {name}.keys():", f"    {name}[key](r, codes, live)"]
        if isinstance(leaf, c.InSegment):
            return [f"if {scope.condition(leaf)}: {name}[True](r, codes, live)"]
        assert isinstance(leaf, c.Field)
        value = scope.value(leaf.ref)
        return [f"b = {name}.get({value}) if type({value}) is str else None", "if b is not None: b(r, codes, live)"]


class _Conditions:
    """An offer's conditions, each with the number of the removal that it stands for."""

    def __init__(self, offer: Offer, removals: list[Removal | None]) -> None:
        self.offer = offer
        self.timed = offer.valid_from is not None or offer.valid_to is not None
        if len(removals) == 1:
            removals.append(Removal("valid", c.NOWHERE))
        self.checks: list[tuple[int, c.Condition, bool]] = []
        for group in GROUPS:
            condition: c.Condition | None = getattr(offer, group)
            suppresses = group == "suppress"
            children = condition.children if suppresses and isinstance(condition, c.Any) else flatten(condition)
            if suppresses and condition is not None and not isinstance(condition, c.Any):
                children = (condition,)
            for child in children:
                removals.append(Removal(group, child.place if child.place != c.NOWHERE else offer.place))
                self.checks.append((len(removals) - 1, child, suppresses))

    def code(self, leaf: c.Condition) -> int:
        return next(code for code, condition, _ in self.checks if condition is leaf)

    def indexable(self) -> Iterator[tuple[Any, c.Condition]]:
        """Leaves of the eligibility that one value of something answers, with what they ask about."""
        for leaf in flatten(self.offer.eligibility):
            match leaf:
                case c.Field(ref, (test,)) if ref.root in ("profile", "context") and len(ref.path) == 2:
                    if test.operator in ("eq", "in") and all(type(each) is str for each in test.values):
                        yield ("field", ref), leaf
                case c.InSegment(segment):
                    yield ("segment", segment), leaf
                case c.Did(event, (where,), _, count, False) if _at_least_one(count) and simple_key(leaf.where) is not None:
                    if where.test.operator == "eq":
                        yield ("did", event, where.path), leaf
                case _:
                    pass


def _at_least_one(count: tuple[c.Test, ...]) -> bool:
    return len(count) == 1 and count[0].operator == "gte" and isinstance(count[0].value, int) and count[0].value >= 1


def _answers(leaf: c.Condition) -> tuple[Any, ...]:
    match leaf:
        case c.Field(_, (test,)):
            return test.values
        case c.Did():
            return simple_key(leaf.where) or ()
        case _:
            return (True,)


def _widest(leaves: Any) -> int | None:
    spans = [span(leaf.window) for leaf in leaves]
    return None if None in spans else max(spans)


def _file_offers(conditions: list[_Conditions]) -> dict[Any, list[tuple[int, c.Condition]]]:
    """subject -> (offer, leaf): each offer under the question that most offers share, where that is enough of them."""
    shared: dict[Any, int] = {}
    questions = [dict(reversed(list(each.indexable()))) for each in conditions]
    for asked in questions:
        for subject in asked:
            shared[subject] = shared.get(subject, 0) + 1
    filed: dict[Any, list[tuple[int, c.Condition]]] = {}
    for i, asked in enumerate(questions):
        best = max(asked, key=lambda subject: shared[subject], default=None)
        if best is not None and shared[best] >= INDEX_FROM:
            filed.setdefault(best, []).append((i, asked[best]))
    return {subject: rows for subject, rows in filed.items() if len(rows) >= INDEX_FROM}


class _Initial:
    """The codes before anything was looked at: 1 where the offer is not valid now, the code of the leaf that it is
    filed under, else 0. One list per stretch of time in which no validity begins or ends."""

    def __init__(self, conditions: list[_Conditions], filed: Mapping[int, c.Condition]) -> None:
        self._conditions = conditions
        self._filed = filed
        edges = {int(edge) for each in conditions for edge in (each.offer.valid_from, each.offer.valid_to) if edge is not None}
        self._edges = sorted(edges)
        self._lists: dict[int, list[int]] = {}
        if not self._edges:
            self._lists[0] = self._codes(0)

    def __call__(self, now: int) -> list[int]:
        stretch = bisect_right(self._edges, now) if self._edges else 0
        codes = self._lists.get(stretch)
        if codes is None:
            codes = self._lists[stretch] = self._codes(now)
        return codes.copy()

    def _codes(self, now: int) -> list[int]:
        return [self._code(i, each, now) for i, each in enumerate(self._conditions)]

    def _code(self, i: int, each: _Conditions, now: int) -> int:
        offer = each.offer
        if (offer.valid_from is not None and now < offer.valid_from) or (offer.valid_to is not None and now >= offer.valid_to):
            return 1
        return each.code(self._filed[i]) if i in self._filed else 0
