"""What rules say of people and their events, seen from outside: a server with content of its own."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.stories.server import Server

RULES = """\
version: 1
timezone: UTC
context: {now: string}
consents:
  tracking: {gates: [ingest]}
features:
  views: {count: product_viewed}
  views_1h: {count: product_viewed, within: 1h}
  spent: {sum: product_viewed.price}
  first_view: {first_at: product_viewed}
  last_view: {last_at: product_viewed}
  last_color: {last: product_viewed.color}
  hours: {distinct: product_viewed._hour}
segments:
  mobile: {did: product_viewed, where: {_device: mobile}}
  moved: {changed: profile.city, within: 24h}
  in_group: {field: profile.group_id, eq: g1}
  joined: {did: group, where: {group_id: g1}}
placements:
  hero: {fallback: {block: plain}, rank: feature.views + feature.views_1h + feature.spent + feature.hours}
offers:
  one:
    placements: [hero]
    eligibility: {any: [{field: feature.first_view, before: {field: feature.last_view}}, {field: feature.last_color, exists: true}, {segment: mobile}]}
    block: plain
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    content = Path(tempfile.mkdtemp(prefix="inlay-rules-"))
    for name, text in (("rules/shop.yaml", RULES), ("blocks/plain/block.yaml", "description: Plain\n"), ("blocks/plain/html.j2", "<p>Hello</p>\n")):
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text(text)
    running = Server.of(content, INLAY_HISTORY_PER_TYPE="5")
    yield running
    running.close()
    shutil.rmtree(content)


@pytest.fixture
def who(server: Server) -> str:
    """Somebody who agreed to be tracked."""
    id = uuid.uuid4().hex
    server.call("PUT", f"/v1/profiles/{id}/consents", {"tracking": "granted"})
    return id


def event(who: str, ago: float, type: str = "track", **rest: object) -> dict:
    when = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    return {"type": type, "userId": who, "timestamp": when, "messageId": uuid.uuid4().hex, **({"event": "Product Viewed"} if type == "track" else {}), **rest}


def features(server: Server, who: str) -> dict:
    return server.post("/v1/decisions", {"profile": who, "placements": ["hero"], "explain": True}).json["explain"]["features"]


def segments(server: Server, who: str) -> list[str]:
    return server.get(f"/v1/profiles/{who}").json["segments"]


def test_without_the_consent_that_gates_ingest_nothing_is_taken(server: Server) -> None:
    stranger = uuid.uuid4().hex

    answer = server.post("/v1/events", {"batch": [event(stranger, 1), event(stranger, 1, "identify", traits={"city": "Bonn"})]}).json

    assert (answer["accepted"], [each["reason"] for each in answer["rejected"]]) == (0, ["consent", "consent"])
    assert server.get(f"/v1/profiles/{stranger}").status == 404


def test_a_withdrawn_consent_shuts_the_gate_at_once(server: Server, who: str) -> None:
    server.post("/v1/events", event(who, 2))
    server.call("PUT", f"/v1/profiles/{who}/consents", {"tracking": "denied"})

    answer = server.post("/v1/events", {"batch": [event(who, 1)]}).json

    assert answer["rejected"][0]["reason"] == "consent"
    assert server.get(f"/v1/profiles/{who}").json["events"]["product_viewed"]["count"] == 1


def test_one_person_s_refusal_does_not_touch_the_others_of_a_batch(server: Server, who: str) -> None:
    answer = server.post("/v1/events", {"batch": [event("nobody", 1), event(who, 1), event("nobody", 1), {"type": "x"}]}).json

    assert answer["accepted"] == 1
    assert [(each["index"], each["reason"]) for each in answer["rejected"]] == [(0, "consent"), (2, "consent"), (3, "invalid")]
