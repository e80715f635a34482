"""What a person can be recognised by in what was kept as it came: bytes that nobody has filed under them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from app.domain.event import Identity
from app.domain.json import is_list, is_object
from app.domain.profile import Profile

SHORTEST_BYTES = 6
"""A shorter value is not looked for among bytes that are no JSON: it would be found everywhere."""

_NUMBERED = frozenset({"userId", "anonymousId", "previousId", "userid", "anonymousid", "profile"})
"""Keys whose value may be a number that is an id."""


@dataclass(frozen=True, slots=True)
class Trail:
    """`keys` are those that a store files the person under, `values` the ids and addresses that name them."""

    keys: frozenset[str]
    values: frozenset[str]

    @staticmethod
    def of(key: str, profile: Profile) -> Trail:
        """Everything that is known to name this person, `key` being what they were asked for by."""
        keys = {key, profile.key or key, *(each.key for each in profile.identities)}
        values = {Identity.from_key(each).value for each in keys}
        values |= {value for name, value in profile.traits.items() if name.lower() in ("email", "phone") and isinstance(value, str)}
        return Trail(frozenset(keys), frozenset(filter(None, values)))

    def crosses(self, body: bytes) -> bool:
        """Whether the bytes name the person: as a whole text of a JSON, or an id in it; among other bytes, anywhere."""
        try:
            return self._in(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return any(value.encode() in body for value in self.values if len(value.encode()) >= SHORTEST_BYTES)

    def _in(self, value: Any) -> bool:
        if isinstance(value, str):
            return value in self.values or value.rpartition(":")[2] in self.values
        if is_list(value):
            return self._any(value)
        if is_object(value):
            return self._any(value.values()) or any(str(value[key]) in self.values for key in _NUMBERED & value.keys())
        return False

    def _any(self, values: Iterable[Any]) -> bool:
        return any(map(self._in, values))
