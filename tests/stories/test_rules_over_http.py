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
  copy: {fallback: {block: plain}}
experiments:
  words: {placement: copy, variants: {a: 0.5, b: 0.5}}
offers:
  words_b: {placements: [copy], eligibility: {variant: words.b}, block: plain}
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
    running = Server.of(content, INLAY_HISTORY_PER_TYPE="5", INLAY_HISTORY_DAYS="30")
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


def views(who: str, *ages: float, **properties: object) -> dict:
    return {"batch": [event(who, age, properties={"price": 1, "color": f"c{age:.0f}", **properties}) for age in ages]}


def test_the_first_and_last_instant_and_the_number_of_events_outlive_trimming(server: Server, who: str) -> None:
    server.post("/v1/events", views(who, *range(10, 90, 10)))

    found, kept = features(server, who), server.get(f"/v1/profiles/{who}").json["events"]["product_viewed"]

    assert (found["views"]["value"], kept["count"]) == (8, 8)
    assert (found["first_view"]["value"][:19], found["last_view"]["value"][:19]) == (kept["first_at"][:19], kept["last_at"][:19])
    assert [name for name, row in found.items() if "status" in row] == ["views_1h", "spent", "hours"]
    assert found["spent"] == {"value": 5, "as_of": found["spent"]["as_of"], "status": "truncated"}


def test_what_is_dropped_for_its_age_still_has_an_instant_and_a_number(server: Server, who: str) -> None:
    server.post("/v1/events", views(who, 40 * 86_400, 41 * 86_400))

    found, kept = features(server, who), server.get(f"/v1/profiles/{who}").json["events"]["product_viewed"]

    assert (found["views"]["value"], kept["count"], found["last_color"]["value"]) == (2, 2, None)
    assert found["last_view"]["value"] == kept["last_at"]


def test_an_event_older_than_what_was_trimmed_is_too_old(server: Server, who: str) -> None:
    server.post("/v1/events", views(who, *range(10, 80, 10)))

    answer = server.post("/v1/events", views(who, 5, 25, 3600)).json

    assert (answer["accepted"], [(each["index"], each["reason"]) for each in answer["rejected"]]) == (2, [(2, "too_old")])


def test_an_event_of_tomorrow_counts_tomorrow_and_one_beyond_is_refused(server: Server, who: str) -> None:
    answer = server.post("/v1/events", views(who, -82_800, -90_000)).json

    assert (answer["accepted"], answer["rejected"][0]["reason"]) == (1, "future")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    later = server.post("/v1/decisions", {"profile": who, "placements": ["hero"], "explain": True, "at": tomorrow}).json["explain"]["features"]
    assert (features(server, who)["views"]["value"], later["views"]["value"]) == (0, 1)


def test_ties_are_broken_alike_whatever_the_order_of_arrival(server: Server) -> None:
    people, found, same = [uuid.uuid4().hex, uuid.uuid4().hex], [], datetime.now(UTC).isoformat()
    for who, order in zip(people, (1, -1), strict=True):
        server.call("PUT", f"/v1/profiles/{who}/consents", {"tracking": "granted"})
        batch = [{"type": "track", "event": "Product Viewed", "userId": who, "messageId": f"tie-{i}", "timestamp": same, "properties": {"color": i}} for i in range(4)]
        server.post("/v1/events", {"batch": batch[::order]})
        found.append(features(server, who)["last_color"]["value"])

    assert found[0] == found[1]


def test_the_device_of_an_event_can_be_asked_for(server: Server, who: str) -> None:
    server.post("/v1/events", event(who, 1, context={"device": {"type": "Mobile"}}))

    assert segments(server, who) == ["mobile"]


def test_a_trait_that_took_another_value_and_a_group_that_was_joined_are_noticed(server: Server, who: str) -> None:
    server.post("/v1/events", {"batch": [
        event(who, 20, "identify", traits={"city": "Bonn"}), event(who, 10, "identify", traits={"city": "Ulm"}), event(who, 5, "group", groupId="g1"),
    ]})

    assert segments(server, who) == ["moved", "in_group", "joined"]


def test_a_patched_trait_is_a_change_too(server: Server, who: str) -> None:
    server.post("/v1/events", event(who, 20, "identify", traits={"city": "Bonn"}))
    server.call("PATCH", f"/v1/profiles/{who}", {"traits": {"city": "Ulm"}})

    assert segments(server, who) == ["moved"]


def seen(server: Server, who: str, **more: object) -> tuple[object, object]:
    """(offer, variant) of the placement under the experiment."""
    placement = server.post("/v1/decisions", {"profile": who, "placements": ["copy"], **more}).json["placements"]["copy"]
    return placement["offer"], placement["variant"]


def test_a_variant_decides_is_told_and_stays(server: Server) -> None:
    people = [f"v{i}" for i in range(40)]

    found = [seen(server, who, send="s1") for who in people]

    assert {(offer, tuple(variant.values())) for offer, variant in found} == {(None, ("a",)), ("words_b", ("b",))}
    assert [seen(server, who, send="s1") for who in people] == [seen(server, who) for who in people] == found


def test_a_preview_forces_a_variant_and_records_nothing(server: Server) -> None:
    forced = [seen(server, "v1", send="s2", variants={"words": name}) for name in ("a", "b")]

    assert forced == [(None, {"words": "a"}), ("words_b", {"words": "b"})]
    assert seen(server, "v1", send="s2") == seen(server, "v1")


@pytest.mark.parametrize("variants, said", [
    ({"words": "c"}, "variants.words: one of a, b"), ({"other": "a"}, "variants.other: no such experiment"), (["a"], "variants: an object of experiments and variants"),
])
def test_a_variant_that_there_is_not_is_refused(server: Server, variants: object, said: str) -> None:
    answer = server.post("/v1/decisions", {"profile": "v1", "placements": ["copy"], "variants": variants})

    assert (answer.status, answer.json["error"]["message"]) == (422, said)
