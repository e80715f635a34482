"""The sandbox that templates run in: what they may say, and how much they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, tzinfo
from functools import partial
from time import perf_counter
from typing import Any, cast

from jinja2 import StrictUndefined, nodes, pass_context, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.content.escapes import ESCAPES, cut, cut_lines, date_text, money, seconds_left, spelt, text_of, time_left, unbraced
from app.content.trans import Trans
from app.domain.item import Item
from app.domain.translation import Translation

MAX_BYTES = 1 << 20
MAX_SECONDS = 0.1
_FILTERS = (
    "default", "d", "first", "last", "length", "count", "lower", "upper", "title", "capitalize", "trim", "int", "float",
    "abs", "sort", "reverse", "list", "min", "max", "sum", "unique",
)
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Add,
    nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat, nodes.List, nodes.Tuple,
    nodes.Assign, nodes.Slice, nodes.Keyword,
)


class View:
    """A mapping whose keys templates read as attributes; absent ones are undefined."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields


class Names(Context):
    """The names of one rendering. Jinja's own makes six more objects each time, for blocks, exports and switches of escaping
    that no template here has (1 µs of a request)."""

    def __init__(self, environment: Sandbox, parent: dict[str, Any]) -> None:
        self.parent = parent
        self.vars = {}
        self.environment = environment
        self.eval_ctx = environment.escaping
        self.exported_vars = set()
        self.name = None
        self.globals_keys: set[str] = set()
        self.blocks = {}


class Sandbox(ImmutableSandboxedEnvironment):
    """No calls, no methods, no imports; what can grow is bounded to 1 MB, what can last to 0.1 s from `start()`."""

    intercepted_binops = frozenset({"*", "%", "+"})

    def __init__(self, *, amp: bool, zone: tzinfo = UTC, translation: Translation | None = None) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, extensions=[Trans])
        self.translation = translation
        self.words: list[str]
        """Every text that a template gave to translate (`Trans`)."""
        self.escaping = EvalContext(self)
        self._deadline = float("inf")
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in _FILTERS} | {
            "join": _join, "replace": _replace, "round": _round, "batch": _batch, "slice": _slice, "_concat": _concat,
            "_counted": self.counted, "_cards": _no_cards, "money": money, "truncate": cut, "truncate_lines": cut_lines,
            "date": _asked(partial(date_text, zone=zone, translation=translation)), "seconds_left": _asked(partial(seconds_left, zone=zone)),
            "time_left": _asked(partial(time_left, zone=zone, translation=translation)), "plural_form": _asked(translation.form if translation is not None else _english),
            "plain": text_of, "string": text_of, "escape": text_of, "e": text_of, "_plain": partial(_spelt, text_of),
        }
        for name, escape in ESCAPES.items():
            self.filters[f"_{name}"] = partial(_spelt, partial(_unbraced, escape) if amp else escape)

    def start(self) -> None:
        # A monotonic bound on work, not a time that content depends on.
        self._deadline = perf_counter() + MAX_SECONDS

    def check(self) -> None:
        if perf_counter() > self._deadline:
            raise SecurityError(f"still at work after {MAX_SECONDS:g} s")

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        for value in values:
            self.check()
            yield value

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        self.check()
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _bounded(left + right)
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            raise SecurityError(f"{operator} works on numbers here")
        if abs(left) > 1e30 or abs(right) > 1e30:
            raise SecurityError(f"{operator} of a number beyond 1e30")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is Item or type(obj) is View:
            obj = obj.fields
        elif not isinstance(obj, Mapping):
            return super().getattr(obj, attribute)
        try:
            return cast("Mapping[str, Any]", obj)[attribute]
        except KeyError:
            return self.undefined(f"{attribute} is missing")

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, str) and isinstance(obj, (Item, View, Mapping)):
            return self.getattr(obj, str(argument))
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return not callable(value) and super().is_safe_attribute(obj, attr, value)


def refusals(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """(line, message) of whatever a template may not say."""
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED):
            line = node.lineno or next((each.lineno for each in node.find_all(nodes.Node) if each.lineno), 1)
            yield line, f"{type(node).__name__.lower()} is not available in blocks"
        elif isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            yield node.lineno, f"names that begin with _ are not readable: {node.attr}"
        elif isinstance(node, nodes.Filter) and node.name.startswith("_"):
            yield node.lineno, f"no filter {node.name}"
        elif isinstance(node, nodes.Name) and (node.name.startswith("_") or node.name == "self"):
            yield node.lineno, f"{node.name} is not readable"


def guarded(node: nodes.Node) -> None:
    """Put a bound around what the sandbox itself does not see: `~`, and the steps of loops."""
    for child in node.iter_child_nodes():
        guarded(child)
    for name, value in node.iter_fields():
        if isinstance(value, nodes.Concat):
            setattr(node, name, _bounded_concat(value))
        elif isinstance(value, list):
            children = cast("list[object]", value)
            children[:] = [_bounded_concat(each) if isinstance(each, nodes.Concat) else each for each in children]


def _bounded_concat(node: nodes.Concat) -> nodes.Filter:
    return nodes.Filter(node.nodes[0], "_concat", list(node.nodes[1:]), [], None, None, lineno=node.lineno)


def _bounded(text: str) -> str:
    if len(text) > MAX_BYTES:
        raise SecurityError("a text of more than 1 MB")
    return text


def _asked(filter: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, never worked out ahead: what it says depends on the language and the time zone, and the code is that of all."""

    @pass_context
    def asked(_: Context, *args: Any, **named: Any) -> Any:
        return filter(*args, **named)

    return asked


@pass_context
def _no_cards(_: Context, items: Iterable[Any], number: int, *values: Any) -> str:
    """Stands for that of the surface (`surface.py`) while a template is compiled."""
    raise NotImplementedError


def _spelt(escape: Callable[[Any], str], value: Any) -> str:
    return spelt(escape(value))


def _unbraced(escape: Callable[[Any], str], value: Any) -> str:
    return unbraced(escape(value))


@pass_environment
def _concat(env: Sandbox, *parts: Any) -> str:
    env.check()
    return _bounded("".join([text_of(part) for part in parts]))


@pass_environment
def _join(env: Sandbox, values: Iterable[Any], separator: Any = "", attribute: str | None = None) -> str:
    env.check()
    parts = [text_of(value if attribute is None else env.getitem(value, attribute)) for value in values]
    between = text_of(separator)
    if sum(map(len, parts)) + len(between) * len(parts) > MAX_BYTES:
        raise SecurityError("a text of more than 1 MB")
    return between.join(parts)


@pass_environment
def _replace(env: Sandbox, value: Any, old: Any, new: Any) -> str:
    env.check()
    text, before, after = text_of(value), text_of(old), text_of(new)
    if len(text) + text.count(before) * len(after) > MAX_BYTES:
        raise SecurityError("a text of more than 1 MB")
    return text.replace(before, after)


def _english(number: float) -> int:
    return int(number != 1)


def _round(value: float, digits: int = 0) -> float:
    return round(value, max(-12, min(int(digits), 12)))


def _batch(values: Iterable[Any], size: int, fill: Any = None) -> list[list[Any]]:
    """Rows of `size`; the last is filled up where `fill` is given."""
    size = max(1, min(int(size), 100))
    found = list(values)
    rows = [found[i : i + size] for i in range(0, len(found), size)]
    if rows and fill is not None:
        rows[-1] += [fill] * (size - len(rows[-1]))
    return rows


def _slice(values: Iterable[Any], count: int) -> list[list[Any]]:
    """`count` columns of about the same length, the longer ones first."""
    count = max(1, min(int(count), 100))
    found = list(values)
    size, longer = divmod(len(found), count)
    starts = [i * size + min(i, longer) for i in range(count + 1)]
    return [found[start:end] for start, end in zip(starts, starts[1:], strict=False)]


