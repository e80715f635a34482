"""A template as Python code: what is worked out once for all who draw it.

A loop whose body reads nothing but its item and the block's variables is compiled apart, so that its rendering can be
kept on the item: a product card is drawn once per version of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import CodeType
from typing import Any

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame

from app.content.escapes import spelt
from app.content.sandbox import Sandbox, guarded

VIEWS = ("profile", "context", "urls")


@dataclass(frozen=True, slots=True)
class Card:
    """The body of a loop: `target` is what it calls its item, `names` the variables that it reads besides."""

    code: CodeType
    target: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """`main` draws the template; `views` are those of `VIEWS` that it reads, `looping` tells whether it repeats anything but
    cards. It knows neither language nor time zone: those are the sandbox's that it is run in."""

    main: CodeType
    cards: tuple[Card, ...]
    views: tuple[str, ...]
    looping: bool


def compiled(tree: nodes.Template, env: Sandbox, name: str, variables: frozenset[str]) -> tuple[Code, frozenset[str]]:
    """(the code, every name that it looks up). `tree` has its escapes, and is used up. `TemplateSyntaxError`; `SyntaxError`
    and `RecursionError` where it is nested too deeply."""
    guarded(tree)
    for node in tree.find_all(nodes.TemplateData):
        node.data = spelt(node.data)
    cutting = _Cutting(env, name, variables)
    cutting.cut(tree)
    looping = tree.find(nodes.For) is not None
    source, names = _written(tree, env, name)
    views = tuple(view for view in VIEWS if view in names)
    return Code(_code(source), tuple(cutting.cards), views, looping), names


class _Cutting:
    """Takes the cards out of a tree."""

    def __init__(self, env: Sandbox, name: str, variables: frozenset[str]) -> None:
        self._env = env
        self._name = name
        self._variables = variables
        self.cards: list[Card] = []

    def cut(self, tree: nodes.Node) -> None:
        for name in ("body", "elif_", "else_"):
            body: list[nodes.Node] = getattr(tree, name, None) or []
            for i, node in enumerate(body):
                if isinstance(node, nodes.For) and (card := self._card(node)) is not None:
                    body[i] = self._drawn(node, card)
                    continue
                self.cut(node)
                if isinstance(node, nodes.For):
                    node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)

    def _card(self, loop: nodes.For) -> Card | None:
        if loop.else_ or loop.test or loop.recursive or not isinstance(loop.target, nodes.Name):
            return None
        if any(isinstance(node, nodes.For) or node.find(nodes.For) is not None for node in loop.body):
            return None
        source, names = _written(nodes.Template(loop.body, lineno=loop.lineno), self._env, self._name)
        target = loop.target.name
        if target not in names or not names <= self._variables | {target}:
            return None
        return Card(_code(source), target, tuple(sorted(names - {target})))

    def _drawn(self, loop: nodes.For, card: Card) -> nodes.Output:
        self.cards.append(card)
        arguments: list[nodes.Expr] = [nodes.Const(len(self.cards) - 1), *[nodes.Name(name, "load") for name in card.names]]
        return nodes.Output([nodes.Filter(loop.iter, "_cards", arguments, [], None, None, lineno=loop.lineno)], lineno=loop.lineno)


class _Writer(CodeGenerator):
    """Jinja's own, which notes the names that are looked up as it goes, like `jinja2.meta`."""

    def __init__(self, env: Sandbox, name: str) -> None:
        super().__init__(env, name, None)
        self.names: set[str] = set()

    def enter_frame(self, frame: Frame) -> None:
        super().enter_frame(frame)
        self.names.update(name for action, name in frame.symbols.loads.values() if action == "resolve" and name is not None)


def _written(tree: nodes.Template, env: Sandbox, name: str) -> tuple[str, frozenset[str]]:
    """The Python of a tree, and the names that it looks up."""
    writer = _Writer(env, name)
    writer.visit(tree)
    stream: Any = writer.stream
    return stream.getvalue(), frozenset(writer.names)


def _code(source: str) -> CodeType:
    return compile(source, "<template>", "exec")
