"""A template as its author wrote it: read, checked, its CSS put inline, each expression wrapped in the escape of its place.

What holds of it in every language is worked out once; a language in which it says the same has the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias

from jinja2 import TemplateSyntaxError, nodes

from app.content.amp import verbatim
from app.content.codes import VIEWS, Code, compiled
from app.content.css import inline_css
from app.content.markup import NoEscape, Spot, advance, ending, escape_for, joined
from app.content.sandbox import Sandbox, refusals
from app.domain.translation import Translation

MAX_PARTS = 10_000
"""Tokens of a template: what takes longer to compile than a change may take to be served."""
TOO_DEEP = "nested too deeply"
_ROOTS = frozenset({*VIEWS, "items", "now"})

Trouble: TypeAlias = tuple[int, str]
"""A line of the template, and what is wrong there."""
Advance: TypeAlias = Callable[[Spot, str], Spot]


class Draft:
    """A template of `kind`: `html`, `text` or `amp`. `code` is None where there are `troubles`; `words` is what it gives to translate."""

    def __init__(self, name: str, kind: str, source: str, variables: frozenset[str]) -> None:
        self._name = name
        self._kind = kind
        self._variables = variables
        self._source = source
        self._advance = lru_cache(None)(advance)
        self.words = frozenset[str]()
        self.code, self.troubles = self._own()

    def translated(self, translation: Translation) -> tuple[Code | None, list[Trouble]]:
        """The code of one that has none of `troubles` itself, and what is wrong in this language alone."""
        if self.words.isdisjoint(translation.messages):
            return self.code, []
        return self._compiled(*self._read(translation))

    def _own(self) -> tuple[Code | None, list[Trouble]]:
        tree, env, troubles = self._read(None)
        # The inliner keeps lines, but what it is given must already be sound.
        if self._kind == "html" and not troubles and (inlined := inline_css(self._source, _unseen)) != self._source:
            self._source = inlined
            tree, env, troubles = self._read(None)
        self.words = frozenset(env.words)
        return self._compiled(tree, env, troubles)

    def _read(self, translation: Translation | None) -> tuple[nodes.Template | None, Sandbox, list[Trouble]]:
        """The tree, escaped; None where it cannot be read."""
        env = Sandbox(amp=self._kind == "amp", translation=translation)
        text = verbatim(self._source) if self._kind == "amp" else self._source
        try:
            if next(islice(env.lexer.tokeniter(text, None), MAX_PARTS, None), None) is not None:
                return None, env, [(1, f"more than {MAX_PARTS:,} parts; a template is words, names and a few tags")]
            tree = env.parse(text)
            troubles = list(refusals(tree))
            end = _Escaping(troubles, self._advance).pass_through(tree, Spot() if self._kind != "text" else None)
        except TemplateSyntaxError as error:
            return None, env, [_told(error)]
        except RecursionError:
            return None, env, [(1, TOO_DEEP)]
        if end is not None and end.state != "text" and not troubles:
            troubles.append((self._source.rstrip().count("\n") + 1, f"the template ends inside {ending(end)}"))
        return tree, env, troubles

    def _compiled(self, tree: nodes.Template | None, env: Sandbox, troubles: list[Trouble]) -> tuple[Code | None, list[Trouble]]:
        if tree is None:
            return None, troubles
        try:
            code, names = compiled(tree, env, self._name, self._variables)
        except TemplateSyntaxError as error:
            return None, [*troubles, _told(error)]
        except (SyntaxError, RecursionError):
            return None, [*troubles, (1, TOO_DEEP)]
        known = ", ".join(sorted(self._variables)) or "no variables"
        unknown = sorted(names - self._variables - _ROOTS)
        troubles += [(_line_of(tree, name), f"unknown name {name}; the block declares {known}") for name in unknown]
        return None if troubles else code, troubles


class _Escaping:
    """Wraps every expression of a tree; what stands where nothing makes it safe is noted."""

    def __init__(self, troubles: list[Trouble], advance: Advance) -> None:
        self._troubles = troubles
        self._advance = advance

    def pass_through(self, tree: nodes.Node, spot: Spot | None) -> Spot | None:
        """The spot after it. A spot of None is plain text."""
        if isinstance(tree, nodes.Template):
            return self._all(tree.body, spot)
        after = spot
        for name in ("body", "elif_", "else_"):
            branch = getattr(tree, name, None)
            if not branch:
                continue
            end = self._all(branch, spot)
            if after is not None and end is not None:
                after = self._try(joined, tree.lineno, after, end, loop=isinstance(tree, nodes.For)) or Spot()
        return after

    def _all(self, body: Sequence[nodes.Node], spot: Spot | None) -> Spot | None:
        for node in body:
            if isinstance(node, nodes.Output):
                node.nodes, spot = self._output(node, spot)
            else:
                spot = self.pass_through(node, spot)
        return spot

    def _output(self, output: nodes.Output, spot: Spot | None) -> tuple[list[nodes.Expr], Spot | None]:
        found: list[nodes.Expr] = []
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                if spot is not None:
                    spot = self._try(self._advance, node.lineno, spot, node.data) or Spot()
                found.append(node)
                continue
            name = "plain" if spot is None else self._try(escape_for, node.lineno, spot) or "text"
            found.append(nodes.Filter(node, f"_{name}", [], [], None, None, lineno=node.lineno))
            if spot is not None and spot.state == "value":
                spot = self._advance(spot, "x")
        return found, spot

    def _try(self, work: Callable[..., Any], line: int, *args: Any, **named: Any) -> Any:
        """What `work` gives; None, and a trouble noted, where it finds no escape."""
        try:
            return work(*args, **named)
        except NoEscape as error:
            self._troubles.append((line + error.lines, str(error)))
            return None


def _told(error: TemplateSyntaxError) -> Trouble:
    return error.lineno or 1, error.message or "cannot be read"


def _line_of(tree: nodes.Template, name: str) -> int:
    return min((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), default=1)


def _unseen(lines: int) -> str:
    """A comment over so many lines: the mail has none of them."""
    return "{#" + "\n" * lines + "#}"
