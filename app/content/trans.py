"""`{% trans %}…{% endtrans %}` in templates: put into another language when the content is loaded, never per request.

A translated text takes the place of the original before anything is checked or escaped, so that it is held to the same rules.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from jinja2 import nodes
from jinja2.ext import Extension

from app.domain.translation import Translation

if TYPE_CHECKING:
    from jinja2.parser import Parser

_NAMED = re.compile(r"\{(\w+)\}")
_ENDS = ("name:endtrans", "name:pluralize")


class Trans(Extension):
    """`{% trans name=profile.first_name %}Hello {{ name }}{% endtrans %}` is `Hello {name}` in a catalogue; behind
    `{% pluralize count %}` stands what is said of any other number than one."""

    tags = {"trans"}  # noqa: RUF012 (Jinja's own)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        environment.translation, environment.words = None, []

    def parse(self, parser: Parser) -> list[nodes.Node]:
        line = next(parser.stream).lineno
        bound: dict[str, nodes.Expr] = {}
        while parser.stream.current.type != "block_end":
            if bound:
                parser.stream.expect("comma")
            name = parser.stream.expect("name").value
            parser.stream.expect("assign")
            bound[name] = parser.parse_expression()
        parser.stream.expect("block_end")
        one = self._text(parser, bound)
        if parser.stream.current.test("name:endtrans"):
            next(parser.stream)
            return [self._said(parser, self._forms(one)[0], bound, line)]
        next(parser.stream)
        name = parser.stream.expect("name").value
        bound.setdefault(name, nodes.Name(name, "load", lineno=line))
        parser.stream.expect("block_end")
        many = self._text(parser, bound)
        if not parser.stream.current.test("name:endtrans"):
            parser.fail("a second pluralize", line)
        next(parser.stream)
        return [self._counted(parser, self._forms(one, many), bound, name, line)]

    # -- reading ---------------------------------------------------------------------------------------------------

    def _text(self, parser: Parser, bound: dict[str, nodes.Expr]) -> str:
        """The text up to the next tag, with its names in braces; blanks count as one."""
        found: list[str] = []
        while True:
            token = next(parser.stream)
            if token.type == "data":
                found.append(token.value)
            elif token.type == "variable_begin":
                name = parser.stream.expect("name").value
                bound.setdefault(name, nodes.Name(name, "load", lineno=token.lineno))
                found.append(f"{{{name}}}")
                if parser.stream.current.type != "variable_end":
                    parser.fail(f"only names stand in a text to translate; put what it is beside trans: {{% trans {name}=… %}}", token.lineno)
                next(parser.stream)
            elif token.type == "block_begin":
                if not any(parser.stream.current.test(end) for end in _ENDS):
                    parser.fail("no tags in a text to translate", token.lineno)
                return " ".join("".join(found).split())
            else:
                parser.fail("a text to translate that does not end: endtrans is missing", token.lineno)

    def _forms(self, one: str, many: str = "") -> tuple[str, ...]:
        env: Any = self.environment
        env.words.append(one)
        translation: Translation | None = env.translation
        return (translation.messages.get(one) if translation is not None else None) or ((one, many) if many else (one,))

    # -- writing ---------------------------------------------------------------------------------------------------

    def _said(self, parser: Parser, text: str, bound: dict[str, nodes.Expr], line: int) -> nodes.Output:
        parts: list[nodes.Expr] = []
        for i, part in enumerate(_NAMED.split(text)):
            if i % 2 and part not in bound:
                parser.fail(f'"{text[:60]}" names {part}, which the text that it translates does not', line)
            if part:
                parts.append(deepcopy(bound[part]) if i % 2 else nodes.TemplateData(part, lineno=line))
        return nodes.Output(parts, lineno=line)

    def _counted(self, parser: Parser, forms: tuple[str, ...], bound: dict[str, nodes.Expr], number: str, line: int) -> nodes.Node:
        """A choice between the forms: the last where no other fits."""
        found: nodes.Node = self._said(parser, forms[-1], bound, line)
        for i in reversed(range(len(forms) - 1)):
            form = nodes.Filter(deepcopy(bound[number]), "plural_form", [], [], None, None, lineno=line)
            test = nodes.Compare(form, [nodes.Operand("eq", nodes.Const(i))], lineno=line)
            found = nodes.If(test, [self._said(parser, forms[i], bound, line)], [], [found], lineno=line)
        return found
