"""Blocks: the user's templates, made safe by construction and rendered quickly.

Every expression is wrapped in the escape of the place where it stands (`markup.py`), so a value can never add an
element, an attribute, a script or a scheme. A loop whose body reads nothing but its item and the block's variables is
compiled apart, and its rendering is kept on the item: a product card is drawn once per version of the product.

What a template gives is put together as bytes of UTF-8, one character each (`spelt`): Python joins and hands out such
texts by copying, where a single euro sign would double the text and have each of its characters looked at (2 µs of 4 KB).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from itertools import islice
from typing import Any, cast

from jinja2 import Template, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError

from app.content.amp import lint, verbatim
from app.content.css import inline_css
from app.content.escapes import ESCAPES, NoText
from app.content.links import linked_names
from app.content.listing import Listing, field_name
from app.content.markup import NoEscape, Spot, advance, ending, escape_for, joined
from app.content.plaintext import plaintext
from app.content.sandbox import MAX_BYTES, Names, Sandbox, View, guarded, refusals
from app.domain.conditions import Instant
from app.domain.definitions import BlockDefinition
from app.domain.item import Item
from app.domain.json import Json
from app.domain.translation import Translation, wanted
from app.errors import Problem, RenderFailed

MAX_FRAGMENTS = 64
MAX_TEXTS = 64
MAX_PARTS = 10_000
"""Tokens of a template: what takes longer to compile than a change may take to be served."""
_VIEWS = ("profile", "context", "urls")
_ROOTS = frozenset({*_VIEWS, "items", "now"})
EMPTY: Mapping[str, Any] = {}

class Surface:
    """One compiled template of a block. `problems` are (line, message); one that has some cannot be rendered."""

    def __init__(self, block: str, kind: str, source: str, variables: frozenset[str], zone: tzinfo, translation: Translation | None = None) -> None:
        self._env = Sandbox(amp=kind == "amp", zone=zone, translation=translation)
        filters = cast("dict[str, Any]", self._env.filters)
        filters["_cards"] = self._render_cards
        filters |= {name: partial(_spelt, filters[name]) for name in map("_{}".format, (*ESCAPES, "plain"))}
        self._key = (block, kind) if translation is None else (block, kind, translation.language)
        self._cards: list[tuple[Template, str, tuple[str, ...]]] = []
        self._card_keys: list[Any] = []
        self._variables = variables
        self.views: tuple[str, ...] = ()
        self.problems: list[tuple[int, str]] = []
        # The inliner keeps lines, but what it is given must already be sound.
        tree = self._checked(source, kind)
        if tree is not None and kind == "html" and (inlined := inline_css(source)) != source:
            tree = self._checked(inlined, kind)
        self.words: frozenset[str] = frozenset(self._env.words)
        if tree is not None and not self.problems:
            self._compiled(tree)

    def _checked(self, source: str, kind: str) -> nodes.Template | None:
        """The template with every expression escaped; problems are noted."""
        text = verbatim(source) if kind == "amp" else source
        try:
            if next(islice(self._env.lexer.tokeniter(text, None), MAX_PARTS, None), None) is not None:
                self.problems.append((1, f"more than {MAX_PARTS:,} parts; a template is words, names and a few tags"))
                return None
            tree = self._env.parse(text)
            self.problems += refusals(tree)
            end = self._escape(tree, Spot() if kind != "text" else None)
            if end is not None and end.state != "text" and not self.problems:
                self.problems.append((source.rstrip().count("\n") + 1, f"the template ends inside {ending(end)}"))
            unknown = self._names(tree.body) - self._variables - _ROOTS
        except TemplateSyntaxError as error:
            self.problems.append((error.lineno or 1, error.message or "cannot be read"))
            return None
        except RecursionError:
            self.problems.append((1, "nested too deeply"))
            return None
        known = ", ".join(sorted(self._variables)) or "no variables"
        for name in sorted(unknown):
            self.problems.append((_line_of(tree, name), f"unknown name {name}; the block declares {known}"))
        return tree

    def _compiled(self, tree: nodes.Template) -> None:
        try:
            guarded(tree)
            for node in tree.find_all(nodes.TemplateData):
                node.data = spelt(node.data)
            self._cut_cards(tree)
            self._root = self._compile(tree).root_render_func
        except TemplateSyntaxError as error:
            self.problems.append((error.lineno or 1, error.message or "cannot be read"))
            return
        except (SyntaxError, RecursionError):
            self.problems.append((1, "nested too deeply"))
            return
        self._looping = tree.find(nodes.For) is not None
        names = self._names(tree.body)
        self.views = tuple(name for name in _VIEWS if name in names)

    def _compile(self, tree: nodes.Template) -> Template:
        tree.set_environment(self._env)
        return Template.from_code(self._env, self._env.compile(tree, "/".join(self._key)), {})

    def render(self, values: dict[str, Any]) -> bytes:
        """The text in UTF-8. `values` holds the variables, `items`, `now` and those of `views` that the template reads."""
        self._env.start()
        parts = self._root(Names(self._env, values))
        found = "".join(_bounded(parts) if self._looping else parts).encode("latin-1")
        if len(found) > MAX_BYTES:
            raise SecurityError("more than 1 MB came out")
        return found

    # -- escaping --------------------------------------------------------------------------------------------------

    def _escape(self, tree: nodes.Node, spot: Spot | None) -> Spot | None:
        """Wrap every expression below `tree`; gives the spot after it. A spot of None is plain text."""
        if isinstance(tree, nodes.Template):
            return self._escape_all(tree.body, spot)
        after = spot
        for name in ("body", "elif_", "else_"):
            branch = getattr(tree, name, None)
            if not branch:
                continue
            end = self._escape_all(branch, spot)
            if after is not None and end is not None:
                after = self._try(joined, tree.lineno, after, end, loop=isinstance(tree, nodes.For)) or Spot()
        return after

    def _escape_all(self, body: Sequence[nodes.Node], spot: Spot | None) -> Spot | None:
        for node in body:
            if isinstance(node, nodes.Output):
                node.nodes, spot = self._escape_output(node, spot)
            else:
                spot = self._escape(node, spot)
        return spot

    def _escape_output(self, output: nodes.Output, spot: Spot | None) -> tuple[list[nodes.Expr], Spot | None]:
        found: list[nodes.Expr] = []
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                if spot is not None:
                    spot = self._try(advance, node.lineno, spot, node.data) or Spot()
                found.append(node)
                continue
            name = "plain" if spot is None else self._try(escape_for, node.lineno, spot) or "text"
            found.append(nodes.Filter(node, f"_{name}", [], [], None, None, lineno=node.lineno))
            if spot is not None and spot.state == "value":
                spot = advance(spot, "x")
        return found, spot

    def _try(self, work: Callable[..., Any], line: int, *args: Any, **named: Any) -> Any:
        """What `work` gives; None, and a problem noted, where it finds no escape."""
        try:
            return work(*args, **named)
        except NoEscape as error:
            self.problems.append((line + error.lines, str(error)))
            return None

    # -- cards -----------------------------------------------------------------------------------------------------

    def _cut_cards(self, tree: nodes.Node) -> None:
        for name in ("body", "elif_", "else_"):
            body: list[nodes.Node] = getattr(tree, name, None) or []
            for i, node in enumerate(body):
                if isinstance(node, nodes.For) and isinstance(node.target, nodes.Name) and self._is_card(node, node.target.name):
                    body[i] = self._card(node, node.target.name)
                    continue
                self._cut_cards(node)
                if isinstance(node, nodes.For):
                    node.iter = nodes.Filter(node.iter, "_counted", [], [], None, None, lineno=node.lineno)

    def _is_card(self, loop: nodes.For, target: str) -> bool:
        if loop.else_ or loop.test or loop.recursive:
            return False
        names = self._names(loop.body)
        inner = any(True for node in loop.body for _ in (*([node] if isinstance(node, nodes.For) else ()), *node.find_all(nodes.For)))
        return not inner and target in names and names <= self._variables | {target}

    def _names(self, body: list[nodes.Node]) -> set[str]:
        tree = nodes.Template(body)
        tree.set_environment(self._env)
        return meta.find_undeclared_variables(tree)

    def _card(self, loop: nodes.For, target: str) -> nodes.Output:
        names = tuple(sorted(self._names(loop.body) - {target}))
        tree = nodes.Template(loop.body, lineno=loop.lineno)
        self._cards.append((self._compile(tree), target, names))
        self._card_keys.append((*self._key, len(self._cards)))
        arguments: list[nodes.Expr] = [nodes.Const(len(self._cards) - 1), *[nodes.Name(name, "load") for name in names]]
        return nodes.Output([nodes.Filter(loop.iter, "_cards", arguments, [], None, None, lineno=loop.lineno)], lineno=loop.lineno)

    def _render_cards(self, items: Iterable[object], number: int, *values: object) -> str:
        key: Any = self._card_keys[number]
        if values:
            try:
                # 1, 1.0 and True are equal as keys and drawn differently.
                key += tuple([value if type(value) is str else (type(value), value) for value in values])
                hash(key)
            except (TypeError, UndefinedError):
                return "".join([self._drawn(number, item, values) for item in items])
        return "".join([
            found if type(item) is Item and (found := item.fragments.get(key)) is not None else self._one_card(number, item, key, values)
            for item in items
        ])

    def _one_card(self, number: int, item: object, key: object, values: tuple[object, ...]) -> str:
        found = self._drawn(number, item, values)
        if type(item) is Item:
            kept = item.fragments
            if len(kept) >= MAX_FRAGMENTS:
                kept.pop(next(iter(kept)))
            kept[key] = found
        return found

    def _drawn(self, number: int, item: object, values: tuple[object, ...]) -> str:
        self._env.check()
        template, target, names = self._cards[number]
        known = {name: value for name, value in zip(names, values, strict=True) if not isinstance(value, Undefined)}
        return "".join(template.root_render_func(Names(self._env, {target: item, **known})))


def spelt(text: str) -> str:
    """Its bytes in UTF-8, as one character each."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _spelt(escape: Callable[[Any], str], value: Any) -> str:
    return spelt(escape(value))


def _bounded(parts: Iterable[str]) -> Iterator[str]:
    """The parts up to the one with which they are too many."""
    size = 0
    for part in parts:
        yield part
        size += len(part)
        if size > MAX_BYTES:
            return


def _line_of(tree: nodes.Template, name: str) -> int:
    return min((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), default=1)


class Block:
    """One block on all its surfaces. Every method raises `RenderFailed` alone. `others` are the same block in other languages:
    which one is drawn is what the request, else the person, says (`context.language`, `profile.language`, `profile.locale`)."""

    def __init__(
        self, definition: BlockDefinition, surfaces: Mapping[str, Surface], listing: Listing, texts: Mapping[str, Surface] | None = None,
        translation: Translation | None = None,
    ) -> None:
        self.id = definition.id
        self.definition = definition
        self.has_amp = "amp" in surfaces
        self.linked = linked_names(definition.templates["amp"][1]) if self.has_amp else frozenset[str]()
        """The names that the Mustache of the AMP template links to."""
        self._surfaces = surfaces
        self.addressed = any("urls" in surface.views for surface in surfaces.values())
        """Whether a template reads `urls`."""
        self._texts: dict[bytes, str] = {}
        self._translation = translation
        self.others: Mapping[str, Block] = {}
        self.defaults = defaults_in(definition, translation)
        self._listing = listing
        self.picture = definition.image
        self._picture_texts = texts or {}

    def words(self) -> frozenset[str]:
        """Every text that the templates and defaults give to translate."""
        said = (each.default for each in self.definition.variables if each.type == "string" and isinstance(each.default, str))
        return frozenset(word for word in said if " " in word or word[:1].isupper()).union(*(surface.words for surface in (*self._surfaces.values(), *self._picture_texts.values())))

    def spoken(self, profile: Mapping[str, Any], context: Mapping[str, Any]) -> Block:
        """This block in the language of the request; itself where there is none."""
        if not self.others:
            return self
        language = wanted(profile, context)
        return self.others.get(language) or self.others.get(language.partition("-")[0]) or self

    def html(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str], now: Instant) -> str:
        return self.page(vars, items, profile, context, urls, now).decode()

    def page(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str], now: Instant) -> bytes:
        """The HTML as it is sent."""
        return self._render("html", vars, items, profile, context, urls, now)

    def text(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str], now: Instant) -> str:
        if "text" in self._surfaces:
            return self._render("text", vars, items, profile, context, urls, now).decode().strip() + "\n"
        markup = self.page(vars, items, profile, context, urls, now)
        found = self._texts.get(markup)
        if found is None:
            if len(self._texts) >= MAX_TEXTS:
                self._texts.pop(next(iter(self._texts)))
            found = self._texts[markup] = plaintext(markup.decode())
        return found

    def amp(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str], now: Instant) -> str:
        return self._render("amp", vars, items, profile, context, urls, now).decode()

    def data(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any] = EMPTY, context: Mapping[str, Any] = EMPTY) -> dict[str, Any]:
        """The JSON of the amp-list (`listing.py`)."""
        try:
            return self._listing.of(self.spoken(profile, context).values(vars), items)
        except Exception as error:
            # As in `_render`: the filters of `item_fields` are the user's.
            raise RenderFailed(f"block {self.id} in its list: {type(error).__name__}") from error

    def picture_texts(self, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], now: Instant) -> dict[str, str]:
        """What the block's picture says, by name; empty what cannot be said."""
        found: dict[str, str] = {}
        for name, surface in self.spoken(profile, context)._picture_texts.items():
            try:
                found[name] = self._rendered(surface, "image", vars, items, profile, context, {}, now).decode().strip()
            except RenderFailed:
                if name == "until":
                    raise
                found[name] = ""
        return found

    def values(self, vars: Mapping[str, Any]) -> dict[str, Any]:
        """The variables with their defaults, in this language."""
        if self._translation is None:
            return {**self.defaults, **vars}
        of = self._translation.of
        return {**self.defaults, **{name: of(value) for name, value in vars.items()}}

    def _render(self, kind: str, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str], now: Instant) -> bytes:
        spoken = self.spoken(profile, context)
        return spoken._rendered(spoken._surfaces[kind], kind, vars, items, profile, context, urls, now)

    def _rendered(
        self, surface: Surface, kind: str, vars: Mapping[str, Any], items: Sequence[Item], profile: Mapping[str, Any], context: Mapping[str, Any], urls: Mapping[str, str], now: Instant,
    ) -> bytes:
        values = self.values(vars)
        values["items"], values["now"] = items, now
        if surface.views:
            known = {"profile": profile, "context": context, "urls": urls}
            values |= {name: View(known[name]) for name in surface.views}
        try:
            return surface.render(values)
        except (UndefinedError, SecurityError, NoText) as error:
            raise RenderFailed(f"block {self.id} on {kind}: {error}"[:300]) from error
        except Exception as error:
            # Templates are the user's: whatever they raise, the next offer is taken. Messages may quote people's data.
            raise RenderFailed(f"block {self.id} on {kind}: {type(error).__name__}") from error


def compile_blocks(definitions: Mapping[str, BlockDefinition], zone: tzinfo = UTC) -> tuple[dict[str, Block], list[Problem]]:
    """All blocks, and every problem of their templates at once; instants are told in the local time of `zone`."""
    found: dict[str, Block] = {}
    problems: list[Problem] = []
    for definition in definitions.values():
        block, wrong = _compiled(definition, zone)
        others: dict[str, Block] = {}
        words = block.words() if block is not None and not wrong else frozenset[str]()
        for translation in definition.translations:
            if not words.isdisjoint(translation.messages):
                other, troubles = _compiled(definition, zone, translation)
                wrong += troubles
                others |= {translation.language: other} if other is not None else {}
        problems += wrong
        if block is not None and not wrong:
            block.others = others
            found[definition.id] = block
    return found, problems


def _compiled(definition: BlockDefinition, zone: tzinfo, translation: Translation | None = None) -> tuple[Block | None, list[Problem]]:
    """One block in one language; None without its HTML."""
    variables = frozenset(variable.name for variable in definition.variables)
    surfaces: dict[str, Surface] = {}
    wrong: list[Problem] = []
    at = f"blocks.{definition.id}" if translation is None else f"blocks.{definition.id} in {translation.language}"
    for kind, (file, source) in definition.templates.items():
        surface = Surface(definition.id, kind, source, variables, zone, translation)
        noted = surface.problems + (lint(source) if kind == "amp" else [])
        wrong += [Problem(file, line, at, message) for line, message in sorted(set(noted))]
        surfaces[kind] = surface
    listing = Listing(definition, zone)
    place = definition.place
    said: Mapping[str, str] = definition.image.texts if definition.image is not None else {}
    texts = {name: Surface(definition.id, "text", text, variables, zone, translation) for name, text in said.items()}
    wrong += [Problem(place.file, place.line, f"{at}.image.{name}", message) for name, each in texts.items() for _, message in each.problems]
    wrong += [Problem(place.file, place.line, f"{at}.item_fields", message) for message in listing.problems]
    return (Block(definition, surfaces, listing, texts, translation) if "html" in surfaces else None), wrong


def defaults_in(definition: BlockDefinition, translation: Translation | None) -> dict[str, Any]:
    """The defaults of the variables, translated; `dir` and `lang`, where a block has them, are those of the language."""
    found = {each.name: each.default for each in definition.variables if each.default is not None}
    if translation is None:
        return found
    fitting = {"dir": "rtl" if translation.right_to_left else "ltr", "lang": translation.language}
    return {name: translation.of(value) for name, value in found.items()} | {name: value for name, value in fitting.items() if name in found}


def sample_values(definition: BlockDefinition) -> tuple[dict[str, Any], list[Item]]:
    """Variables and items to try a block with: its `sample`, and what is missing and has no default made from the types."""
    made = {"string": "Sample", "number": 1, "boolean": True, "url": "https://example.com/", "date": datetime(2026, 1, 1, tzinfo=UTC).date().isoformat()}
    values = {each.name: definition.sample.get(each.name, made[each.type]) for each in definition.variables if each.default is None or each.name in definition.sample}
    return values, sample_items(definition)


def sample_items(definition: BlockDefinition) -> list[Item]:
    rows: Json = definition.sample.get("items")
    if not isinstance(rows, list):
        fields: dict[str, Json] = {"price": 19.9, "stock": 5, "url": "https://example.com/item", "image": "https://example.com/item.png"}
        names = [field_name(field) for field in definition.item_fields]
        rows = [{name: fields.get(name, f"Sample {name}") for name in names} for _ in range(4)] if names else []
    return [Item({"id": f"sample{i}", **row}) for i, row in enumerate(rows) if isinstance(row, dict)]
