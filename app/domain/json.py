"""JSON off the wire, asked what it is in a way that a type checker follows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """A list, or a tuple where it was written by a program."""
    return isinstance(value, (list, tuple))
