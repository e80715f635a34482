"""Whether there is anything new to learn: the same spec, features and history give the same model."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from app.domain.definitions import Definitions
from app.learning.histories import Events, pasts


def of_history(spec: Path, definitions: Definitions, events: Events) -> str:
    """In whatever order people stand in the file."""
    people = 0
    for past in pasts(events):
        digest = sha256(past.profile.encode())
        for event in past.events:
            digest.update(f"\0{event.name}\0{event.at}\0".encode() + event.id)
        people ^= int.from_bytes(digest.digest()[:16], "big")
    features = "\n".join(f"{id}: {(feature.kind, feature.event, feature.path, feature.where, feature.window, feature.expression)}" for id, feature in sorted(definitions.features.items()))
    return _of(spec.read_bytes(), features.encode(), definitions.timezone.encode(), people.to_bytes(16, "big"))


def of_table(spec: Path, table: Path) -> str:
    return _of(spec.read_bytes(), table.read_bytes())


def _of(*parts: bytes) -> str:
    return sha256(b"\0".join(sha256(part).digest() for part in parts)).hexdigest()[:32]
