"""Loads the invented shop into a running server, through its own API: `python -m app.demo http://localhost:8000`.

With keys it needs one with the scopes `events` and `profiles`, or the admin key, in `INLAY_ADMIN_KEY`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request

from app.demo.people import PEOPLE, events
from app.demo.shop import items


def call(base: str, method: str, path: str, body: object) -> None:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("INLAY_ADMIN_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def load(base: str, now: int) -> None:
    """Repeatable: items are replaced, events known by their messageId."""
    for item in items(base):
        call(base, "PUT", f"/v1/items/{item['id']}", item)
    call(base, "POST", "/v1/events", {"batch": events(now)})
    for person in PEOPLE:
        if person.consent:
            call(base, "PUT", f"/v1/profiles/{person.id}/consents", {"marketing": person.consent})


if __name__ == "__main__":
    load(sys.argv[1].rstrip("/"), time.time_ns() // 1_000_000)
