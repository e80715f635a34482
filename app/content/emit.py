"""Conditions and expressions written out as Python source.

A `Scope` is one generated function: what is cheap (a trait, a context value) is read once at its head, what costs
(a feature, a stream, a score) at its first use, by an assignment inside the expression.

Nothing of the user's enters the source but numbers; every text is a constant that is passed in by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

from app.content.matching import compile_test
from app.content.windows import edges, local_time, span
from app.content.writer import NUMBER, Writer, simple_key
from app.domain import conditions as c
from app.domain.request import Request

_LONG = 10**12
_SYMBOL = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=="}


class Scope:
    """One generated function: its head (locals that are read at once) and the lazily filled locals."""

    def __init__(self, writer: Writer, *, item: bool = False, scores: Mapping[str, str] | None = None) -> None:
        """`scores` are the locals that hold an item's score by a model."""
        self.writer = writer
        self.scores = scores or {}
        self.item = item
        self._head: dict[str, str] = {}
        self._lazy: dict[str, str] = {}

    def head(self) -> list[str]:
        """The lines that must stand before the expressions."""
        lines = [f"{name} = {source}" for source, name in self._head.items()]
        if self._lazy:
            lines.append(" = ".join(self._lazy.values()) + " = U")
        return lines

    def local(self, source: str) -> str:
        """A local read at the head of the function."""
        return self._head.setdefault(source, f"h{len(self._head)}")

    def lazy(self, source: str) -> str:
        """An expression that evaluates `source` at most once."""
        name = self._lazy.setdefault(source, f"z{len(self._lazy)}")
        return f"({name} if {name} is not U else ({name} := {source}))"

    @property
    def now(self) -> str:
        return self.local("r.now")

    # -- values ----------------------------------------------------------------------------------------------------

    def value(self, ref: c.Ref) -> str:
        """Source of the value of a reference; None where it is absent."""
        root, path = ref.root, ref.path[1:]
        constant = self.writer.constant
        if root in ("profile", "context", "item"):
            mapping = "it" if root == "item" else self.local({"profile": "r.traits", "context": "r.context"}[root])
            if len(path) == 1:
                source = f"{mapping}.get({constant(path[0])})"
            else:
                source = f"REACH({mapping}, {constant(path)})"
            return source if root == "item" else self.local(source)
        if root == "feature":
            return self.lazy(f"FEATURE[{constant(path[0])}](r)")
        if root == "model":
            if path[0] in self.scores:
                return self.scores[path[0]]
            return self.lazy(f"r.score(r, {constant(path[0])})")
        if root == "table":
            return self.lazy(f"TABLE[{constant(path[0])}](r).get({constant(path[1])})")
        if root == "offer":
            return f"offer.get({constant('.'.join(path))})"
        return "None"

    def number(self, ref: c.Ref) -> str:
        """The value where it is a number, else NaN."""
        source = self.value(ref)
        if ref.root in ("profile", "context"):
            return self.local(f"{source} if type({source}) in NUMBER else NAN")
        return self.lazy(f"(v if type(v := {source}) in NUMBER else NAN)") if ref.root != "item" else f"NUM({source})"

    # -- conditions ------------------------------------------------------------------------------------------------

    def condition(self, node: c.Condition) -> str:
        match node:
            case c.All(children):
                return "(" + " and ".join(map(self.condition, children)) + ")" if children else "True"
            case c.Any(children):
                return "(" + " or ".join(map(self.condition, children)) + ")" if children else "False"
            case c.Not(child):
                return f"(not {self.condition(child)})"
            case c.Field(ref, tests):
                return "(" + " and ".join(self.test(ref, test) for test in tests) + ")"
            case c.Did():
                return f"(not {self.did(node)})" if node.negated else self.did(node)
            case c.Changed(trait, window):
                return self.changed(trait, window)
            case c.InSegment(segment):
                return self.lazy(f"SEGMENT[{self.writer.constant(segment)}](r)")
            case c.Consented(purpose):
                consents = self.local("r.consents")
                return f"({consents}.get({self.writer.constant(purpose)}) is True)"
            case c.InVariant(experiment, variant):
                constant = self.writer.constant
                return f"({self.lazy(f'r.variant({constant(experiment)})')} == {constant(variant)})"
            case c.LocalTime():
                return self.lazy(f"{self.writer.constant(_clock(node, self.writer.timezone), key=node)}(r)")

    def test(self, ref: c.Ref, test: c.Test) -> str:
        name, right = test.operator, test.value
        constant = self.writer.constant
        if name == "exists":
            return f"({self.value(ref)} is {'not ' if right else ''}None)"
        if name in _SYMBOL and type(right) in NUMBER:
            return f"({self.number(ref)} {_SYMBOL[name]} {constant(right)})"
        if name == "eq" and type(right) is str:
            return f"({self.value(ref)} == {constant(right)})"
        if name == "eq" and type(right) is bool:
            return f"({self.value(ref)} is {right})"
        if name == "between" and all(type(each) in NUMBER for each in test.values):
            low, high = map(constant, test.values)
            return f"({low} <= {self.number(ref)} <= {high})"
        if name == "in" and test.values and all(type(each) is str for each in test.values):
            source = self.value(ref)
            return f"(type({source}) is str and {source} in {constant(frozenset(test.values))})"
        if name == "eq" and isinstance(right, c.Ref):
            left, other = self.value(ref), self.value(right)
            return f"({left} == {other} and SAME({left}, {other}))"
        if isinstance(right, c.Ref) and right.root == "item":
            return f"OPERATE({constant(name)}, {self.value(ref)}, {self.value(right)})"
        check = compile_test(test, self.writer.resolver, self.writer.timezone)
        return f"{constant(check, key=repr(test))}({self.value(ref)}, r)"

    def did(self, did: c.Did) -> str:
        """Whether enough events match, negation aside."""
        if not did.where and did.count == (c.Test("gte", 1),) and not isinstance(did.window, c.Between):
            return f"({self.lazy(f'r.last({self.writer.constant(did.event)})')} > {self._after(did.window)})"
        tests = [self._at_least(did, test) or self._counted(self._tally(did), test) for test in did.count]
        return "(" + " and ".join(tests) + ")"

    def _at_least(self, did: c.Did, test: c.Test) -> str | None:
        """`count: {gte: n}` up to now: the n-th latest match lies inside the window."""
        n = test.value
        if test.operator != "gte" or type(n) is not int or n < 1 or isinstance(did.window, c.Between) or not did.where:
            return None
        keys = simple_key(did.where)
        after = self._after(did.window)
        if keys is None or (len(keys) > 1 and n > 1):
            stream = self._stream(did)
            return f"({stream}[-1] > {after})" if n == 1 else f"(len(s := {stream}) > {n} and s[-{n}] > {after})"
        index = self.writer.index(did.event, did.where[0].path, span(did.window))
        name, constant = self.writer.constant(index, "I", key=id(index)), self.writer.constant
        asked = [f"{name}.since(r, {constant(key)}, {constant(index.needle(key))}, {n}, {after})" for key in keys]
        return asked[0] if len(asked) == 1 else "(" + " or ".join(asked) + ")"

    def _counted(self, tally: str, test: c.Test) -> str:
        if test.operator in _SYMBOL and type(test.value) in NUMBER:
            return f"{tally} {_SYMBOL[test.operator]} {self.writer.constant(test.value)}"
        check = compile_test(test, self.writer.resolver, self.writer.timezone)
        return f"{self.writer.constant(check, key=repr(test))}({tally}, r)"

    def _after(self, window: c.Window) -> str:
        match window:
            case c.Within(milliseconds) if milliseconds < _LONG:
                return f"{self.now} - {milliseconds}"
            case c.Ever():
                return "-1"
            case c.Since(instant):
                return str(int(instant) - 1)
            case _:
                return self.lazy(f"{self._edges(window)}(r)[0]")

    def _edges(self, window: c.Window) -> str:
        return self.writer.constant(edges(window, self.writer.timezone), "W", key=window)

    def _index(self, did: c.Did) -> str:
        index = self.writer.index(did.event, did.where[0].path, span(did.window))
        return self.lazy(f"{self.writer.constant(index, 'I', key=id(index))}(r)")

    def _stream(self, did: c.Did) -> str:
        matches = self.writer.matches(did.event, did.where, span(did.window))
        return self.lazy(f"{self.writer.constant(matches, 'S', key=id(matches))}(r)")

    def _tally(self, did: c.Did) -> str:
        if isinstance(did.window, c.Ever | c.Within):
            ends = f"{self._after(did.window)}, None"
        else:
            ends = f"*{self.lazy(f'{self._edges(did.window)}(r)')}"
        if not did.where:
            return f"r.tally({self.writer.constant(did.event)}, {ends})"
        return f"TALLY({self._matching(did)}, {ends})"

    def _matching(self, did: c.Did) -> str:
        """The stream of the events that match, through an index where one value is asked for."""
        keys = simple_key(did.where)
        if keys is not None and len(keys) == 1:
            return f"{self._index(did)}.get({self.writer.constant(keys[0])}, NEVER)"
        return self._stream(did)

    def changed(self, trait: str, window: c.Window) -> str:
        """`identify` events carry traits; a change is a value other than the one that the trait had before."""
        column = self.writer.column("identify", (trait,), None)
        window_edges = edges(window, self.writer.timezone)

        def changed(r: Request) -> bool:
            after, upto = window_edges(r)
            instants, values = column(r)
            return any(
                values[i] != values[i - 1] and instants[i] > after and (upto is None or instants[i] <= upto)
                for i in range(1, len(values))
            )

        return self.lazy(f"{self.writer.constant(changed, key=('changed', trait, window))}(r)")

    # -- expressions -----------------------------------------------------------------------------------------------

    def expression(self, node: c.Expression) -> str:
        """Source that raises TypeError, ZeroDivisionError, ValueError or OverflowError where something is missing."""
        match node:
            case c.Number(value):
                return repr(float(value))
            case c.Name(ref):
                return f"NEED({self.value(ref)})"
            case c.Negative(operand):
                return f"(-{self.expression(operand)})"
            case c.Arithmetic(symbol, left, right):
                return f"({self.expression(left)} {symbol} {self.expression(right)})"
            case c.Call(function, arguments):
                inside = ", ".join(map(self.expression, arguments))
                return inside if function in ("min", "max") and len(arguments) == 1 else f"{function}({inside})"


def _clock(node: c.LocalTime, timezone: ZoneInfo) -> Callable[[Request], bool]:
    def inside(r: Request) -> bool:
        local = local_time(r.now, timezone)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if node.start <= node.end:
            return (not node.days or day in node.days) and node.start <= minute < node.end
        if minute >= node.start:
            return not node.days or day in node.days
        return minute < node.end and (not node.days or (day - 1) % 7 in node.days)

    return inside
