"""What stands for people and decisions in the decision log: keyed hashes, which nobody turns back without the key.

Erasure takes the pseudonyms of a person out of the log: then nothing there leads to them, with the key or without it.
"""

from __future__ import annotations

from hashlib import blake2b

from app.domain.logged import ID_LENGTH


class Pseudonyms:
    """`key` is the one that identifiers are hashed with: it must stay the same, or a person becomes two."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:64]

    def who(self, profile: str) -> bytes:
        """Of the person that is filed under this key."""
        return blake2b(profile.encode("utf-8", "surrogatepass"), digest_size=ID_LENGTH, key=self._key, person=b"inlay who").digest()

    def decision(self, profile: str, send: str) -> bytes:
        """Of the decision of a (profile key, send)."""
        text = f"{len(profile)}:{profile}{send}".encode("utf-8", "surrogatepass")
        return blake2b(text, digest_size=ID_LENGTH, key=self._key, person=b"inlay decision").digest()
