"""People as rows that can be compared: one column per trait whose kind says how, cleaned by its kind."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.identity import normalised
from app.domain.traits import Trait, TraitKind

UNCOMPARED: frozenset[TraitKind] = frozenset({"number", "text"})
_SPACE = re.compile(r"\s+")
_NOT_WORD = re.compile(r"[^\w ]+")
_DIGITS = re.compile(r"\D")
_ISO = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:T.*)?")


@dataclass(frozen=True, slots=True)
class Person:
    """`key` is under what the person is filed; `apart` names people who are known to be somebody else."""

    key: str
    traits: Mapping[str, Any]
    apart: frozenset[str] = field(default_factory=frozenset[str])


def compared(traits: Mapping[str, Trait]) -> dict[str, Trait]:
    """The traits by which people are compared."""
    return {name: trait for name, trait in traits.items() if trait.kind not in UNCOMPARED}


def cleaned(value: Any, kind: TraitKind) -> str | None:
    """The value as it is compared; None where there is none."""
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    text = unicodedata.normalize("NFKC", str(value)).strip().lower()
    match kind:
        case "email" | "phone":
            text = normalised(kind, text)
        case "date":
            found = _ISO.fullmatch(text)
            text = "".join(found.groups()) if found else text
        case "house_number" | "postcode" | "id":
            text = text.replace(" ", "")
        case _:
            text = _SPACE.sub(" ", _NOT_WORD.sub(" ", _plain(text))).strip()
    return text or None


def _plain(text: str) -> str:
    """Without accents: é is e."""
    return "".join(each for each in unicodedata.normalize("NFD", text) if not unicodedata.combining(each))


def rows_of(people: Sequence[Person], traits: Mapping[str, Trait]) -> list[dict[str, str | None]]:
    """A row per person: `unique_id`, and `c0`, `c1` ... for the compared traits in their order."""
    columns = list(enumerate(compared(traits).items()))
    return [
        {"unique_id": person.key, **{f"c{i}": cleaned(person.traits.get(name), trait.kind) for i, (name, trait) in columns}} for person in people
    ]
