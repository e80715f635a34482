"""What people agreed to holds from the next call on, and so does what they refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.server import SHOP, Server

RULES = """version: 1
consents:
  ads: {gates: [segments]}
  news: {gpc: ignore}
segments:
  viewers: {did: product_viewed}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of(SHOP)
    (running.content / "rules" / "consents.yaml").write_text(RULES)
    running.until(lambda: running.call("PUT", "/v1/profiles/probe/consents", {"news": "granted"}).status == 200, 10)
    yield running
    running.close()


def consents(server: Server, who: str) -> dict:
    return server.get(f"/v1/profiles/{who}/consents").json


def viewed(server: Server, who: str, **headers: str) -> int:
    return server.post("/v1/events", {"type": "track", "userId": who, "event": "Product Viewed"}, **headers).json["accepted"]


def test_an_answer_is_told_with_its_source_version_and_time(server, who):
    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": {"status": "granted", "source": "form", "version": "3", "at": "2026-01-01T00:00:00Z"}})

    told = consents(server, who)

    assert told["consents"] == {"ads": {"status": "granted", "at": "2026-01-01T00:00:00.000Z", "source": "form", "version": "3"}}
    assert told["history"] == [{"purpose": "ads", **told["consents"]["ads"]}]


def test_an_earlier_answer_that_is_told_late_does_not_hold(server, who):
    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "denied"})

    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": {"status": "granted", "at": "2026-01-01T00:00:00Z"}})

    told = consents(server, who)
    assert told["consents"]["ads"]["status"] == "denied"
    assert [each["status"] for each in told["history"]] == ["granted", "denied"]


@pytest.mark.parametrize("given", [{"adz": "granted"}, {"ads": "yes"}, {"ads": {"status": "granted", "src": "x"}}, {"ads": {"status": "granted", "at": "soon"}}, {"ads": {"status": "granted", "source": 7}}, {}])
def test_an_answer_that_cannot_be_read_is_a_422(server, who, given):
    assert server.call("PUT", f"/v1/profiles/{who}/consents", given).status == 422


def test_a_refusal_shuts_the_gate_at_the_very_next_call(server, who):
    viewed(server, who)
    found = []
    for answer in ("granted", "denied", "granted"):
        server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": answer})
        found.append(server.get(f"/v1/profiles/{who}").json["segments"])

    assert [("viewers" in segments) for segments in found] == [True, False, True]


def test_a_browser_that_asks_for_privacy_denies_what_heeds_it(server, who):
    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "granted", "news": "granted"})

    viewed(server, who, **{"Sec-GPC": "1"})

    told = consents(server, who)["consents"]
    assert {purpose: (each["status"], each["source"]) for purpose, each in told.items() if purpose in ("ads", "news")} == {"ads": ("denied", "gpc"), "news": ("granted", "")}


def test_without_the_signal_nothing_is_denied(server, who):
    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "granted"})

    viewed(server, who, **{"Sec-GPC": "0"})

    assert consents(server, who)["consents"]["ads"]["status"] == "granted"


def test_a_restricted_person_is_held_and_not_used(server, who):
    viewed(server, who)
    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "granted"})
    server.post("/v1/decisions", {"profile": who, "send": "s1", "placements": ["hero"]})

    server.call("PUT", f"/v1/profiles/{who}/restriction", {"restricted": True})

    profile = server.get(f"/v1/profiles/{who}").json
    assert (profile["restricted"], profile["segments"], profile["events"]["product_viewed"]["count"]) == (True, [], 1)
    assert viewed(server, who) == 1
    restricted, unknown = (server.post("/v1/decisions", {"profile": each, "send": "s1", "placements": ["hero"]}).json["placements"] for each in (who, "nobody" + who))
    assert restricted == unknown


def test_a_restriction_is_lifted(server, who):
    viewed(server, who)
    server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "granted"})
    server.call("PUT", f"/v1/profiles/{who}/restriction", {"restricted": True})

    server.call("PUT", f"/v1/profiles/{who}/restriction", {"restricted": False})

    assert server.get(f"/v1/profiles/{who}").json["segments"] == ["viewers"]


def test_a_restriction_that_is_neither_true_nor_false_is_a_422(server, who):
    assert server.call("PUT", f"/v1/profiles/{who}/restriction", {"restricted": "yes"}).status == 422


def test_of_answers_within_one_millisecond_the_later_holds(server, who):
    viewed(server, who)
    found = []
    for _ in range(20):
        server.call("PUT", f"/v1/profiles/{who}/restriction", {"restricted": True})
        server.call("PUT", f"/v1/profiles/{who}/restriction", {"restricted": False})
        server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "granted"})
        server.call("PUT", f"/v1/profiles/{who}/consents", {"ads": "denied"})
        profile = server.get(f"/v1/profiles/{who}").json
        found.append((profile.get("restricted", False), profile["consents"]["ads"]))

    assert found == [(False, "denied")] * 20
