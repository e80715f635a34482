"""Loads the invented shop into a running server, through its own API: `python -m app.demo http://localhost:8000`.

With keys it needs the admin key, in `INLAY_ADMIN_KEY`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request

from app.demo.people import PEOPLE, events
from app.demo.shop import items


SETTLED_SECONDS = 3.0
"""Time in which a change of an item has come to every worker; longer is not waited for."""


def call(base: str, method: str, path: str, body: object) -> bytes:
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("INLAY_ADMIN_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(base + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def load(base: str, now: int) -> None:
    """Repeatable: items are replaced, events known by their messageId."""
    for item in items(base):
        call(base, "PUT", f"/v1/items/{item['id']}", item)
    call(base, "POST", "/v1/events", {"batch": events(now)})
    for person in PEOPLE:
        if person.consent:
            call(base, "PUT", f"/v1/profiles/{person.id}/consents", {"marketing": person.consent})
    settle(base, len(items(base)))


def settle(base: str, wanted: int) -> None:
    """Come back when the catalogue is served: who looks at once is to see it."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        served = json.loads(call(base, "POST", "/v1/recommendations", {"from": "catalogue", "limit": 100}))["items"]
        if len(served) >= min(wanted, 100):
            return
        time.sleep(0.05)


if __name__ == "__main__":
    load(sys.argv[1].rstrip("/"), time.time_ns() // 1_000_000)
