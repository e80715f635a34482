"""Blocks: the user's templates, made safe by construction and rendered quickly.

Every expression is wrapped in the escape of the place where it stands (`markup.py`), so a value can never add an
element, an attribute, a script or a scheme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import UndefinedError
from jinja2.exceptions import SecurityError

from app.content.escapes import NoText
from app.content.links import linked_names
from app.content.listing import Listing
from app.content.plaintext import plaintext
from app.content.sandbox import View
from app.content.surface import Surface
from app.domain.conditions import Instant
from app.domain.definitions import BlockDefinition
from app.domain.item import Item
from app.domain.translation import Translation, wanted
from app.errors import RenderFailed

MAX_TEXTS = 64
PICTURE = "image."
"""What stands before the names of the texts of a block's picture."""
EMPTY: Mapping[str, Any] = {}


class Block:
    """One block on all its surfaces. Every method raises `RenderFailed` alone. `others` are the same block in other languages:
    which one is drawn is what the request, else the person, says (`context.language`, `profile.language`, `profile.locale`)."""

    def __init__(
        self, definition: BlockDefinition, surfaces: Mapping[str, Surface], listing: Listing, *, words: frozenset[str] = frozenset(),
        translation: Translation | None = None, others: Mapping[str, Block] | None = None,
    ) -> None:
        """`surfaces` holds the texts of the block's picture too, as `image.NAME`."""
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
        self.others: Mapping[str, Block] = others or {}
        self.defaults = defaults_in(definition, translation)
        self._listing = listing
        self.picture = definition.image
        self._picture_texts = {name.removeprefix(PICTURE): surface for name, surface in surfaces.items() if name.startswith(PICTURE)}
        self.words = words
        """Every text that the templates and defaults give to translate."""

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
        spoken = self.spoken(profile, context) if self.others else self
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


def defaults_in(definition: BlockDefinition, translation: Translation | None) -> dict[str, Any]:
    """The defaults of the variables, translated; `dir` and `lang`, where a block has them, are those of the language."""
    found = {each.name: each.default for each in definition.variables if each.default is not None}
    if translation is None:
        return found
    fitting = {"dir": "rtl" if translation.right_to_left else "ltr", "lang": translation.language}
    return {name: translation.of(value) for name, value in found.items()} | {name: value for name, value in fitting.items() if name in found}
