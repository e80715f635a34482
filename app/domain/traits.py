"""What traits mean: the kinds of columns that people are compared by, and the values that are possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.domain.conditions import NOWHERE, Place, Scalar

TraitKind: TypeAlias = Literal[
    "given_name", "family_name", "name", "date", "street", "house_number", "city", "region", "country", "postcode", "phone", "email", "id",
    "number", "text",
]


@dataclass(frozen=True, slots=True)
class Trait:
    """`range` is inclusive, in numbers, or for dates in text as they are written; `values` are all that are possible.

    `exclusive`: people whose values differ are two, whatever else they share.
    """

    name: str
    kind: TraitKind
    exclusive: bool = False
    range: tuple[Scalar, Scalar] | None = None
    values: tuple[Scalar, ...] = ()
    place: Place = NOWHERE
