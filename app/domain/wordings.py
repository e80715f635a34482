"""What rules themselves say in a block: texts and addresses that are the same for everybody. Decisions record which wording they show, and
what is the person's own; the wordings are kept once for all, so that a recorded mail says the same after the rules have changed."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import msgspec

from app.domain.event import empty

ID_BYTES = 6
"""Eight characters in base64."""
SMALL = 16
"""Bytes up to which a wording is not worth its id."""
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Wording:
    """`words` is empty where a record names a wording that was not looked up."""

    id: str
    words: Mapping[str, Any]

    def own(self, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """What of the variables it does not say."""
        words = self.words
        return {name: value for name, value in variables.items() if name not in words or words[name] is not value and words[name] != value}


def wording_of(words: Mapping[str, Any]) -> Wording | None:
    """None where there is too little of it."""
    data = _encode(dict(words))
    return Wording(urlsafe_b64encode(blake2b(data, digest_size=ID_BYTES).digest()).decode(), words) if len(data) > SMALL else None


def worded(variables: Mapping[str, Any], wording: Wording | None, known: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The variables as they were shown; None where nobody knows the wording any more."""
    if wording is None:
        return variables
    words = known.get(wording.id)
    return None if words is None else {**words, **variables}


NO_WORDINGS: Mapping[str, Mapping[str, Any]] = empty()
