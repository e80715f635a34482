"""Loads the invented shop into a running server, through its own API: `python -m app.demo http://localhost:8000`.

With keys it needs the admin key, in `INLAY_ADMIN_KEY`. Exits with 1 where it cannot, and says why.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from urllib.error import HTTPError

from app.demo.people import PEOPLE, events
from app.demo.shop import items

PATIENCE_SECONDS = 20.0
"""Time in which a server that is busy or cannot be reached is asked again."""
CALL_SECONDS = 10.0
SETTLED_SECONDS = 3.0
"""Time in which a change of an item has come to every worker; longer is not waited for."""


class NotLoaded(Exception):
    """Why, for whoever started it."""


class Api:
    """A server's API at `base`, asked with `key` until `patience` seconds from now have passed."""

    def __init__(self, base: str, key: str = "", patience: float = PATIENCE_SECONDS) -> None:
        self.base = base
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._until = time.monotonic() + patience

    def call(self, method: str, path: str, body: object) -> bytes:
        """The answer. What is refused for a moment (503), or does not arrive, is asked again: all that is asked here is
        repeatable. Raises `NotLoaded`."""
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), self._headers, method=method)
        while True:
            wait = 0.2
            try:
                with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
                    return answer.read()
            except HTTPError as error:
                why = f"{method} {path} was answered with {error.code}: {error.read(500).decode(errors='replace')}"
                if error.code == 401:
                    raise NotLoaded("where there are API keys it needs INLAY_ADMIN_KEY") from error
                if error.code != 503:
                    raise NotLoaded(why) from error
                wait = float(error.headers.get("retry-after", wait))
            except OSError as error:
                why = f"{method} {path}: {getattr(error, 'reason', error)}"
            if time.monotonic() + wait > self._until:
                raise NotLoaded(why)
            time.sleep(wait)


def load(api: Api, now: int) -> None:
    """Repeatable: items are replaced, events known by their messageId."""
    catalogue = items(api.base)
    for item in catalogue:
        api.call("PUT", f"/v1/items/{item['id']}", item)
    api.call("POST", "/v1/events", {"batch": events(now)})
    for person in PEOPLE:
        if person.consent:
            api.call("PUT", f"/v1/profiles/{person.id}/consents", {"marketing": person.consent})
    settle(api, len(catalogue))


def settle(api: Api, wanted: int) -> None:
    """Come back when the catalogue is served: who looks at once is to see it."""
    deadline = time.monotonic() + SETTLED_SECONDS
    while time.monotonic() < deadline:
        served = json.loads(api.call("POST", "/v1/recommendations", {"from": "catalogue", "limit": 100}))["items"]
        if len(served) >= min(wanted, 100):
            return
        time.sleep(0.05)


if __name__ == "__main__":
    try:
        load(Api(sys.argv[1].rstrip("/"), os.environ.get("INLAY_ADMIN_KEY", "")), time.time_ns() // 1_000_000)
    except NotLoaded as error:
        sys.exit(f"inlay: the demo was not loaded: {error}")
