"""Loads the invented shop into a running server, through its own API: `python -m app.demo http://localhost:8000`."""

from __future__ import annotations

import json
import sys
import time
import urllib.request

from app.demo.shop import PEOPLE, events, items


def call(base: str, method: str, path: str, body: object) -> None:
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        answer.read()


def load(base: str, now: int) -> None:
    """Repeatable: items are replaced, events known by their messageId."""
    for item in items(base):
        call(base, "PUT", f"/v1/items/{item['id']}", item)
    call(base, "POST", "/v1/events", {"batch": events(now)})
    for person in PEOPLE:
        if person["traits"]:
            first = person["name"].split()[0]
            call(base, "PATCH", f"/v1/profiles/{person['id']}", {"traits": {**person["traits"], "first_name": first}})
        if person["consent"]:
            call(base, "PUT", f"/v1/profiles/{person['id']}/consents", {"marketing": person["consent"]})


if __name__ == "__main__":
    load(sys.argv[1].rstrip("/"), time.time_ns() // 1_000_000)
