"""Signing what is sent, by Standard Webhooks: HMAC-SHA256 over id, instant and body."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

MARK = "whsec_"


def keys_of(secret: str) -> list[bytes]:
    """The keys of a setting, comma-separated: `whsec_` and base64, 24 to 64 bytes. Several while one is being replaced.
    `ValueError` where one is none; the message does not tell it."""
    found: list[bytes] = []
    for part in filter(None, (part.strip() for part in secret.split(","))):
        try:
            key = base64.b64decode(part.removeprefix(MARK), validate=True)
        except binascii.Error as error:
            raise ValueError("a signing secret is whsec_ and base64") from error
        if not 24 <= len(key) <= 64:
            raise ValueError("a signing secret has 24 to 64 bytes")
        found.append(key)
    if not found:
        raise ValueError("no signing secret is set")
    return found


def signed(keys: list[bytes], id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers; a signature by each key."""
    content = f"{id}.{seconds}.".encode() + body
    signatures = " ".join("v1," + base64.b64encode(hmac.new(key, content, sha256).digest()).decode() for key in keys)
    return {"webhook-id": id, "webhook-timestamp": str(seconds), "webhook-signature": signatures}
