"""Events that a real tool sent, as it sent them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.server import Server

EVENTS = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "segment-events" / "events.json"
pytestmark = pytest.mark.skipif(not EVENTS.exists() and not os.environ.get("CI"), reason="the real Segment events are not on this machine")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of(INLAY_EMAIL_IN_URL="allow")
    yield running
    running.close()


def test_real_segment_events_are_accepted_and_make_three_profiles(server):
    real = json.loads(EVENTS.read_text())
    real["track"]["messageId"] = "the page's own id was given to both"
    people = ("userId2", "user@example.com", f"anonymous_id:{real['group']['anonymousId']}")

    answer = server.post("/v1/events", {"batch": [real[kind] for kind in ("page", "identify", "track", "group")]}).json
    heard = [server.get(f"/v1/profiles/{who}").json["events"].keys() for who in people]
    by_cookie = server.get(f"/v1/profiles/anonymous_id:{real['page']['anonymousId']}").json

    assert answer == {"accepted": 4, "duplicates": 0, "rejected": []}
    assert heard == [{"identify", "page_viewed"}, {"testevent"}, {"group"}]
    assert by_cookie["id"] == "userId2"
