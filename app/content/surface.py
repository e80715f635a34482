"""One template of a block in one language, ready to draw.

What a template gives is put together as bytes of UTF-8, one character each (`spelt`): Python joins and hands out such
texts by copying, where a single euro sign would double the text and have each of its characters looked at (2 µs of 4 KB).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import tzinfo
from typing import Any, cast

from jinja2 import Template, Undefined, UndefinedError, pass_context
from jinja2.exceptions import SecurityError

from app.content.codes import Code
from app.content.sandbox import MAX_BYTES, Names, Sandbox
from app.domain.item import Item
from app.domain.translation import Translation

MAX_FRAGMENTS = 64


class Surface:
    """`views` are the mappings that it reads. What it drew of items is kept on them, under keys that no other surface has:
    a template that changed draws them anew."""

    def __init__(self, code: Code, zone: tzinfo, translation: Translation | None = None, *, amp: bool = False) -> None:
        self._env = Sandbox(amp=amp, zone=zone, translation=translation)
        cast("dict[str, Any]", self._env.filters)["_cards"] = self._render_cards
        self.views = code.views
        self._looping = code.looping
        self._root = self._run(code.main)
        self._cards = [(self._run(card.code), card.target, card.names) for card in code.cards]
        self._card_keys: list[Any] = [(object(),) for _ in code.cards]

    def _run(self, code: Any) -> Callable[[Names], Iterable[str]]:
        return Template.from_code(self._env, code, {}).root_render_func

    def render(self, values: dict[str, Any]) -> bytes:
        """The text in UTF-8. `values` holds the variables, `items`, `now` and those of `views` that the template reads."""
        self._env.start()
        parts = self._root(Names(self._env, values))
        found = "".join(_bounded(parts) if self._looping else parts).encode("latin-1")
        if len(found) > MAX_BYTES:
            raise SecurityError("more than 1 MB came out")
        return found

    # -- cards -----------------------------------------------------------------------------------------------------

    @pass_context
    def _render_cards(self, _: Any, items: Iterable[object], number: int, *values: object) -> str:
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
        root, target, names = self._cards[number]
        known = {name: value for name, value in zip(names, values, strict=True) if not isinstance(value, Undefined)}
        return "".join(root(Names(self._env, {target: item, **known})))


def _bounded(parts: Iterable[str]) -> Iterator[str]:
    """The parts up to the one with which they are too many."""
    size = 0
    for part in parts:
        yield part
        size += len(part)
        if size > MAX_BYTES:
            return
