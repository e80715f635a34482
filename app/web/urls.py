"""The tokened addresses that templates may name as `urls.*`: minted when a template reads one, never ahead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.content.blocks import Block
from app.content.question import Question
from app.domain.pictures import EXTENSIONS
from app.security.tokens import Tokens

NAMES = {"amp": ("amp", ""), "submit": ("amp", "/submit"), "lists": ("amp", ""), "unsubscribe": ("u", ""), "preferences": ("p", ""), "image": ("i", ".png")}
"""name -> (surface of the token, what follows it)"""


class Urls(Mapping[str, str]):
    """The addresses for one person, send and placement; `block` is the one that is being drawn, whose picture `image` is."""

    __slots__ = ("_block", "_minted", "_now", "_placement", "_public_url", "_q", "_tokens")

    def __init__(self, tokens: Tokens, public_url: str, q: Question, placement: str, now: int, block: Block) -> None:
        self._tokens, self._public_url, self._q, self._placement, self._now = tokens, public_url, q, placement, now
        self._minted: dict[str, str] = {}
        self._block = block

    def __getitem__(self, name: str) -> str:
        found = self._minted.get(name)
        if found is None:
            surface, end = NAMES[name]
            found = self._minted[name] = address(self._tokens, self._public_url, surface, "" if name == "lists" and self._q.mail else self._placement, self._q, self._now) + end
        if name == "image" and self._block.picture is not None:
            return found.removesuffix(".png") + "." + EXTENSIONS[self._block.picture.kind]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def address(tokens: Tokens, public_url: str, surface: str, placement: str, q: Question, now: int) -> str:
    """Where this surface of the placement is for whom the question is about."""
    key = q.identity.key if q.identity is not None else ""
    token = tokens.mint(surface, placement, key, q.send or "", q.mail or "", now)
    return f"{public_url}/{surface}/{token}"
