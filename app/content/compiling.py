"""From the definitions of blocks to blocks that can be drawn, with every problem of their templates at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from hashlib import sha256
from typing import TypeAlias

from app.content.amp import lint
from app.content.blocks import PICTURE, Block
from app.content.codes import Code
from app.content.drafts import Draft, Trouble
from app.content.listing import Listing
from app.content.surface import Surface
from app.domain.definitions import BlockDefinition
from app.errors import Problem

OWN = ""
"""The language in which a template is written."""


@dataclass(frozen=True, slots=True)
class BlockCode:
    """All templates of a block as code: language -> surface (`html`, `text`, `amp`, `image.NAME`) -> code. `words` are what
    they give to translate; `of` tells the definition that they are of from every other."""

    of: str
    words: frozenset[str]
    languages: Mapping[str, Mapping[str, Code]]


Codes: TypeAlias = Mapping[str, BlockCode]
NO_CODES: Codes = {}
NO_TEXTS: Mapping[str, str] = {}


def compile_blocks(definitions: Mapping[str, BlockDefinition], zone: tzinfo = UTC, known: Codes = NO_CODES) -> tuple[dict[str, Block], list[Problem]]:
    """All blocks, and every problem of their templates at once; instants are told in the local time of `zone`. What is
    `known` of blocks that are still the same is not compiled again."""
    codes, problems = block_codes(definitions, known)
    return blocks_of(definitions, codes, zone), problems


def block_codes(definitions: Mapping[str, BlockDefinition], known: Codes = NO_CODES) -> tuple[Codes, list[Problem]]:
    """The code of every block that has no problem, and all problems."""
    found: dict[str, BlockCode] = {}
    problems: list[Problem] = []
    for id, definition in definitions.items():
        seal = _seal(definition)
        code, wrong = (known[id], []) if id in known and known[id].of == seal else _block_code(definition, seal)
        problems += wrong
        if code is not None:
            found[id] = code
    return found, problems


def blocks_of(definitions: Mapping[str, BlockDefinition], codes: Codes, zone: tzinfo = UTC) -> dict[str, Block]:
    """The blocks that there is code of, ready to draw."""
    return {id: _block(definition, codes[id], zone) for id, definition in definitions.items() if id in codes}


def _seal(definition: BlockDefinition) -> str:
    """A hash of all that the code of a block is made of."""
    texts = _picture_texts(definition)
    spoken = [(each.language, sorted(each.messages.items())) for each in definition.translations]
    return sha256(repr((definition.variables, definition.item_fields, sorted(definition.templates.items()), sorted(texts.items()), spoken)).encode()).hexdigest()


def _block_code(definition: BlockDefinition, seal: str) -> tuple[BlockCode | None, list[Problem]]:
    """The code of a block in every language in which it says something else; None where it has a problem, or no HTML."""
    drafts = dict(_drafts(definition))
    wrong = [problem for name, draft in drafts.items() for problem in _problems(definition, name, _noted(name, draft, definition))]
    wrong += [Problem(definition.place.file, definition.place.line, f"blocks.{definition.id}.item_fields", message) for message in Listing(definition, UTC).problems]
    if wrong or "html" not in drafts:
        return None, wrong
    words = _defaults(definition).union(*(draft.words for draft in drafts.values()))
    languages = {OWN: {name: draft.code for name, draft in drafts.items() if draft.code is not None}}
    for translation in definition.translations:
        if words.isdisjoint(translation.messages):
            continue
        said = {name: draft.translated(translation) for name, draft in drafts.items()}
        wrong += [problem for name, (_, troubles) in said.items() for problem in _problems(definition, name, troubles, translation.language)]
        languages[translation.language] = {name: code for name, (code, _) in said.items() if code is not None}
    return (None if wrong else BlockCode(seal, words, languages)), wrong


def _drafts(definition: BlockDefinition) -> Iterator[tuple[str, Draft]]:
    variables = frozenset(variable.name for variable in definition.variables)
    for kind, (_, source) in definition.templates.items():
        yield kind, Draft(f"{definition.id}/{kind}", kind, source, variables)
    for name, source in _picture_texts(definition).items():
        yield f"{PICTURE}{name}", Draft(f"{definition.id}/{PICTURE}{name}", "text", source, variables)


def _picture_texts(definition: BlockDefinition) -> Mapping[str, str]:
    return definition.image.texts if definition.image is not None else NO_TEXTS


def _noted(name: str, draft: Draft, definition: BlockDefinition) -> Iterable[Trouble]:
    return [*draft.troubles, *lint(definition.templates[name][1])] if name == "amp" else draft.troubles


def _problems(definition: BlockDefinition, name: str, troubles: Iterable[Trouble], language: str = OWN) -> Iterator[Problem]:
    at = f"blocks.{definition.id} in {language}" if language else f"blocks.{definition.id}"
    for line, message in sorted(set(troubles)):
        if name.startswith(PICTURE):
            yield Problem(definition.place.file, definition.place.line, f"{at}.{name}", message)
        else:
            yield Problem(definition.templates[name][0], line, at, message)


def _defaults(definition: BlockDefinition) -> frozenset[str]:
    """Those of the variables that are said to people."""
    said = (each.default for each in definition.variables if each.type == "string" and isinstance(each.default, str))
    return frozenset(word for word in said if " " in word or word[:1].isupper())


def _block(definition: BlockDefinition, code: BlockCode, zone: tzinfo) -> Block:
    def surfaces(language: str) -> dict[str, Surface]:
        return {name: Surface(each, zone, spoken.get(language), amp=name == "amp") for name, each in code.languages[language].items()}

    listing = Listing(definition, zone)
    spoken = {each.language: each for each in definition.translations}
    others = {language: Block(definition, surfaces(language), listing, translation=spoken[language]) for language in code.languages if language != OWN}
    return Block(definition, surfaces(OWN), listing, words=code.words, others=others)
