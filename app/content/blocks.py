"""Blocks: the user's templates, made safe by construction and rendered quickly.

Every expression is wrapped in the escape of the place where it stands (`markup.py`), so a value can never add an
element, an attribute, a script or a scheme. A loop whose body reads nothing but its item and the block's variables is
compiled apart, and its rendering is kept on the item: a product card is drawn once per version of the product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

from app.content.css import inline_css
from app.content.escapes import ESCAPES, cut, date_text, money, safe_url, text_of, unbraced
from app.content.markup import NoEscape, Spot, advance, escape_for
from app.content.plaintext import plaintext
from app.domain.definitions import BlockDefinition
from app.domain.item import Item
from app.errors import Problem, RenderFailed

MAX_BYTES = 1 << 20
MAX_FRAGMENTS = 64
_ROOTS = frozenset({"profile", "context", "items", "urls"})
_FILTERS = (
    "batch", "default", "d", "first", "last", "join", "length", "count", "lower", "upper", "title", "capitalize", "trim",
    "replace", "round", "int", "float", "abs", "sort", "reverse", "list", "string", "min", "max", "sum", "slice", "unique",
)
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem,
    nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Add,
    nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Concat, nodes.List, nodes.Tuple,
    nodes.Assign, nodes.Slice, nodes.Keyword,
)
_MUSTACHE = re.compile(r'(<template\b[^>]*type="amp-mustache"[^>]*>)(.*?)(</template>)', re.DOTALL | re.IGNORECASE)
_MUSTACHE_URL = re.compile(r'\b(?:href|src)\s*=\s*"\{\{\s*([\w.]+)\s*\}\}"')
_TYPES = {"string": str, "url": str, "date": str, "number": (int, float), "boolean": bool}


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "%", "+"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if not numbers and (operator != "+" or len(text_of(left)) + len(text_of(right)) > MAX_BYTES):
            raise SecurityError(f"{operator} works on numbers here")
        return super().call_binop(context, operator, left, right)


class View:
    """A mapping whose keys templates read as attributes; absent ones are undefined."""

    __slots__ = ("_found",)

    def __init__(self, found: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_found", found)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._found[name]
        except KeyError:
            raise AttributeError(name) from None


def _environment(amp: bool, text: bool) -> _Environment:
    env = _Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    env.filters = {name: env.filters[name] for name in _FILTERS}
    env.filters |= {"money": money, "date": date_text, "truncate": cut, "plain": text_of}
    for name, escape in ESCAPES.items():
        env.filters[f"_{name}"] = (lambda value, escape=escape: unbraced(escape(value))) if amp else escape
    env.filters["_plain"] = text_of
    env.globals.clear()
    return env


class Surface:
    """One compiled template of a block."""

    def __init__(self, block: str, kind: str, file: str, source: str, variables: frozenset[str]) -> None:
        self._env = _environment(kind == "amp", kind == "text")
        self._key = (block, kind)
        self._cards: list[tuple[Template, str, tuple[str, ...]]] = []
        self._variables = variables
        self._file = file
        if kind == "html":
            source = inline_css(source)
        if kind == "amp":
            source = _MUSTACHE.sub(r"\1{% raw %}\2{% endraw %}\3", source)
        tree = self._env.parse(source)
        _allow(tree)
        self._escape(tree, Spot() if kind != "text" else None)
        names = self._names(tree.body)
        if unknown := sorted(names - variables - _ROOTS):
            raise TemplateSyntaxError(f"unknown name{'s' if len(unknown) > 1 else ''} {', '.join(unknown)}; the block declares {', '.join(sorted(variables)) or 'no variables'}", 1)
        self._cut_cards(tree)
        self._template = self._compile(tree)
        self._root = self._template.root_render_func

    def _compile(self, tree: nodes.Template) -> Template:
        tree.set_environment(self._env)
        return Template.from_code(self._env, self._env.compile(tree, self._file), {"_cards": self._render_cards})

    def render(self, values: dict[str, Any]) -> str:
        context = self._template.new_context(values, shared=False)
        text = "".join(self._root(context))
        if len(text) > MAX_BYTES:
            raise SecurityError("more than 1 MB came out")
        return text

    # -- escaping --------------------------------------------------------------------------------------------------

    def _escape(self, tree: nodes.Node, spot: Spot | None) -> Spot | None:
        """Wrap every expression below `tree`; gives the spot after it. A spot of None is plain text."""
        for name in ("body", "elif_", "else_"):
            branch = getattr(tree, name, None)
            if not branch:
                continue
            after = self._escape_all(branch, spot)
            if isinstance(tree, nodes.Template):
                return after
            if spot is not None and after is not None and not after.same(spot):
                raise TemplateSyntaxError("a branch or loop must end in the same place of the markup as it began", tree.lineno)
        return spot

    def _escape_all(self, body: Sequence[nodes.Node], spot: Spot | None) -> Spot | None:
        for node in body:
            if isinstance(node, nodes.Output):
                node.nodes, spot = self._escape_output(node, spot)
            else:
                self._escape(node, spot)
        return spot

    def _escape_output(self, output: nodes.Output, spot: Spot | None) -> tuple[list[nodes.Expr], Spot | None]:
        found: list[nodes.Expr] = []
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                spot = advance(spot, node.data) if spot is not None else None
                found.append(node)
                continue
            try:
                name = "plain" if spot is None else escape_for(spot)
            except NoEscape as error:
                raise TemplateSyntaxError(str(error), node.lineno) from error
            found.append(nodes.Filter(node, f"_{name}", [], [], None, None, lineno=node.lineno))
            if spot is not None and spot.state == "value":
                spot = advance(spot, "x")
        return found, spot

    # -- cards -----------------------------------------------------------------------------------------------------

    def _cut_cards(self, tree: nodes.Node) -> None:
        for name in ("body", "elif_", "else_"):
            body = getattr(tree, name, None)
            for i, node in enumerate(body or ()):
                if isinstance(node, nodes.For) and self._is_card(node):
                    body[i] = self._card(node)
                else:
                    self._cut_cards(node)

    def _is_card(self, loop: nodes.For) -> bool:
        if not isinstance(loop.target, nodes.Name) or loop.else_ or loop.test or loop.recursive:
            return False
        names = self._names(loop.body)
        inner = any(True for node in loop.body for _ in (*([node] if isinstance(node, nodes.For) else ()), *node.find_all(nodes.For)))
        return not inner and loop.target.name in names and names <= self._variables | {loop.target.name}

    def _names(self, body: list[nodes.Node]) -> set[str]:
        tree = nodes.Template(body)
        tree.set_environment(self._env)
        return meta.find_undeclared_variables(tree)

    def _card(self, loop: nodes.For) -> nodes.Output:
        target = loop.target.name  # pyright: ignore[reportAttributeAccessIssue]
        names = tuple(sorted(self._names(loop.body) - {target}))
        tree = nodes.Template(loop.body, lineno=loop.lineno)
        self._cards.append((self._compile(tree), target, names))
        arguments: list[nodes.Expr] = [nodes.Const(len(self._cards) - 1), loop.iter, nodes.List([nodes.Name(name, "load") for name in names])]
        call = nodes.Call(nodes.Name("_cards", "load"), arguments, [], None, None, lineno=loop.lineno)
        return nodes.Output([call], lineno=loop.lineno)

    def _render_cards(self, number: int, items: Any, values: list[Any]) -> str:
        key = (*self._key, number, *values)
        return "".join([self._one_card(number, item, key, values) for item in items])

    def _one_card(self, number: int, item: Any, key: Any, values: list[Any]) -> str:
        kept = item.fragments if type(item) is Item else None
        if kept is not None:
            found = kept.get(key)
            if found is not None:
                return found
        template, target, names = self._cards[number]
        context = template.new_context({target: item, **dict(zip(names, values, strict=True))}, shared=False)
        found = "".join(template.root_render_func(context))
        if kept is not None and len(kept) < MAX_FRAGMENTS:
            kept[key] = found
        return found


def _allow(tree: nodes.Node) -> None:
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Call) or not isinstance(node, _ALLOWED):
            raise TemplateSyntaxError(f"{type(node).__name__.lower()} is not available in blocks", node.lineno)
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise TemplateSyntaxError(f"names that begin with _ are not readable: {node.attr}", node.lineno)


class Block:
    """One block on all its surfaces. Every method raises `RenderFailed` alone."""

    def __init__(self, definition: BlockDefinition, surfaces: Mapping[str, Surface]) -> None:
        self.id = definition.id
        self.definition = definition
        self.has_amp = "amp" in surfaces
        self._surfaces = surfaces
        self._defaults = {each.name: each.default for each in definition.variables if each.default is not None}
        self._urls = frozenset(each.name for each in definition.variables if each.type == "url")
        amp = definition.templates.get("amp", ("", ""))[1]
        self._list_urls = frozenset(name for part in _MUSTACHE.findall(amp) for name in _MUSTACHE_URL.findall(part[1]))

    def html(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str]) -> str:
        return self._render("html", vars, items, profile, context, urls)

    def text(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str]) -> str:
        if "text" in self._surfaces:
            return self._render("text", vars, items, profile, context, urls).strip() + "\n"
        return plaintext(self._render("html", vars, items, profile, context, urls))

    def amp(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str]) -> str:
        return self._render("amp", vars, items, profile, context, urls)

    def data(self, vars: Mapping[str, Any], items: Sequence[Item]) -> dict[str, Any]:
        """The JSON of the amp-list: `items` with the fields that the block names, and the variables."""
        values = {name: self._listed(name, value) for name, value in {**self._defaults, **vars}.items()}
        rows = [
            {name: self._listed(name, item.fields.get(name)) for name in self.definition.item_fields} for item in items
        ]
        return {"items": rows if self.definition.item_fields else [dict(values)], **values}

    def _listed(self, name: str, value: Any) -> Any:
        if name in self._list_urls or name in self._urls or name in ("url", "image"):
            return safe_url(value) if isinstance(value, str) else "" if value is None else value
        return value

    def _render(self, kind: str, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str]) -> str:
        values: dict[str, Any] = {**self._defaults, **vars}
        values |= {"items": items, "profile": View(profile), "context": View(context), "urls": View(urls)}
        try:
            return self._surfaces[kind].render(values)
        except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise RenderFailed(f"block {self.id} on {kind}: {type(error).__name__}: {error}"[:300]) from error


def compile_blocks(definitions: Mapping[str, BlockDefinition]) -> tuple[dict[str, Block], list[Problem]]:
    """All blocks, and every problem of their templates at once."""
    found: dict[str, Block] = {}
    problems: list[Problem] = []
    for definition in definitions.values():
        surfaces: dict[str, Surface] = {}
        variables = frozenset(variable.name for variable in definition.variables)
        for kind, (file, source) in definition.templates.items():
            try:
                surfaces[kind] = Surface(definition.id, kind, file, source, variables)
            except TemplateSyntaxError as error:
                problems.append(Problem(file, error.lineno or 1, f"blocks.{definition.id}", error.message or "cannot be read"))
            except TemplateError as error:
                problems.append(Problem(file, 1, f"blocks.{definition.id}", str(error)))
        if "html" in surfaces:
            found[definition.id] = Block(definition, surfaces)
    return found, problems


def sample_values(definition: BlockDefinition) -> tuple[dict[str, Any], list[Item]]:
    """Variables and items to try a block with: its `sample`, and what is missing made from the types."""
    made = {"string": "Sample", "number": 1, "boolean": True, "url": "https://example.com/", "date": datetime(2026, 1, 1, tzinfo=UTC).date().isoformat()}
    values = {each.name: definition.sample.get(each.name, each.default if each.default is not None else made[each.type]) for each in definition.variables}
    rows = definition.sample.get("items")
    if not isinstance(rows, (list, tuple)):
        fields = {"price": 19.9, "stock": 5, "url": "https://example.com/item", "image": "https://example.com/item.png"}
        rows = [{name: fields.get(name, f"Sample {name}") for name in definition.item_fields} for _ in range(4)] if definition.item_fields else []
    return values, [Item({"id": f"sample{i}", **row}) for i, row in enumerate(rows) if isinstance(row, dict)]
