"""What each caller sees while the store is gone, silent, slow or dripping, and while there is too much to do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from tests.stories.faults import FaultyRedis
from tests.stories.server import SHIPPED, Answer, Server

SENDER = {"AMP_Email_Sender": "news@shop.example"}
FAULTS = [("gone", 0.0), ("silent", 0.0), ("slow", 3.0), ("drip", 0.5)]
PATIENCE = 2.0
"""Seconds that Braze waits: an answer that comes later is none."""


@pytest.fixture(scope="module")
def redis() -> Iterator[FaultyRedis]:
    running = FaultyRedis()
    yield running
    running.close()


@pytest.fixture(scope="module")
def remote(redis: FaultyRedis) -> Iterator[Server]:
    """A server whose Redis lies behind the proxy, with two items and a person who is offered hats."""
    server = Server.of(INLAY_REDIS_URL=redis.url, INLAY_AMP_SENDERS="news@shop.example", **SHIPPED)
    rules = server.content / "rules" / "shop.yaml"
    rules.write_text(rules.read_text().replace("hero: {fallback: {block: hero_generic}}", "hero: {fallback: {block: hero_generic}}\n  strict: {on_degraded: fail, fallback: {block: hero_generic}}"))
    server.until(lambda: server.get("/v1/placements/strict.html").status == 200, 10)
    server.call("PUT", "/v1/items/a", {"name": "A", "price": 1, "stock": 1})
    server.post("/v1/events", {"type": "track", "userId": "u1", "event": "Product Viewed", "properties": {"category": "hats"}})
    server.until(lambda: server.get("/v1/placements/grid.json").json["items"], 20)
    yield server
    server.close()


@pytest.fixture(params=FAULTS, ids=[fault for fault, _ in FAULTS])
def broken(request: pytest.FixtureRequest, redis: FaultyRedis, remote: Server) -> Iterator[Server]:
    """The server while its Redis fails; afterwards it has come back."""
    remote.until(lambda: offered(remote) == "hats", 10)
    redis.fault, redis.seconds = request.param
    yield remote
    redis.fault = "none"
    remote.until(lambda: offered(remote) == "hats", 10)


def offered(server: Server) -> str | None:
    return server.get("/v1/placements/hero.json?profile=u1").json["offer"]


def amp_path(server: Server, placement: str) -> str:
    found = re.search(r'src="https://[^/]+(/amp/[^"]+)"', server.get(f"/v1/placements/{placement}.amp?profile=u1&send=m").text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("ending,text", [("html", "<td>Hi</td>"), ("txt", "Hi\n"), ("json", '"block":"hero_generic"'), ("amp", "<amp-list ")])
def test_a_merge_call_gets_the_fallback_and_the_reason(broken, ending, text):
    answer = broken.get(f"/v1/placements/hero.{ending}?profile=u1&send=x&mail=newsletter", patience=PATIENCE)

    assert (answer.status, answer.headers["x-inlay-degraded"], text in answer.text) == (200, "store", True)
    assert answer.headers["x-inlay-decision"] and answer.headers["x-inlay-decided-at"]


def test_the_same_keys_are_there_as_in_health(broken, redis):
    sick = broken.get("/v1/placements/grid.json?profile=u1", patience=PATIENCE).json
    redis.fault = "none"
    broken.until(lambda: offered(broken) == "hats", 10)

    assert sick.keys() == broken.get("/v1/placements/grid.json?profile=u1").json.keys()
    assert sick["items"][0]["id"] == "a"


def test_an_opened_mail_gets_the_fallback_s_list_and_the_reason(redis, remote):
    path = amp_path(remote, "grid")
    redis.fault = "silent"
    try:
        answer = remote.get(path, patience=PATIENCE, **SENDER)
    finally:
        redis.fault = "none"

    assert (answer.status, answer.headers["x-inlay-degraded"], answer.headers["amp-email-allow-sender"]) == (200, "store", "news@shop.example")
    assert answer.json["items"][0]["name"] == "A"


def test_items_change_in_their_own_time_while_reads_are_too_late(redis):
    server = Server.of(INLAY_REDIS_URL=redis.url, INLAY_READ_TIMEOUT_MS="50")
    redis.fault, redis.seconds = "slow", 0.2
    try:
        with ThreadPoolExecutor(1) as pool:
            changed = [pool.submit(server.call, method, "/v1/items/b", body) for method, body in (("PUT", {"name": "B", "stock": 0}), ("PATCH", {"stock": 1}), ("DELETE", None))]
            read = [server.get("/v1/placements/hero.json?profile=u1").headers.get("x-inlay-degraded") for _ in range(4)]
    finally:
        redis.fault = "none"
        server.close()

    assert ([each.result().status for each in changed], read) == ([200, 200, 204], ["store"] * 4)


def test_internal_calls_get_what_is_left_and_are_told_so(broken):
    decided = broken.post("/v1/decisions", {"profile": "u1", "send": "y", "placements": ["hero", "grid"], "surface": "html", "explain": True}, patience=PATIENCE)
    lines = broken.post("/v1/decisions/batch", {"placements": ["hero"], "recipients": [{"profile": "u1"}, {"profile": "u2"}]}, patience=PATIENCE).text.splitlines()
    items = broken.post("/v1/recommendations", {"profile": "u1", "limit": 1}, patience=PATIENCE)

    assert (decided.status, decided.json["degraded"], decided.json["placements"]["hero"]["reason"]) == (200, ["store"], "fallback")
    assert ['"degraded":["store"]' in line for line in lines] == [True, True]
    assert (items.status, items.json["degraded"], items.json["items"][0]["id"]) == (200, ["store"], "a")


@pytest.mark.parametrize("method,path,body", [
    ("PATCH", "/v1/profiles/u1", {"traits": {"a": 1}}), ("GET", "/v1/profiles/u1", None),
    ("PUT", "/v1/profiles/u1/consents", {"marketing": "granted"}), ("DELETE", "/v1/profiles/u9", None), ("PUT", "/v1/items/b", {"name": "B"}), ("GET", "/v1/items/a", None),
])
def test_writes_fail_closed_and_say_when_to_come_back(broken, method, path, body):
    answer = broken.call(method, path, body, patience=PATIENCE)

    assert (answer.status, answer.headers["retry-after"], answer.json["error"]["code"] in ("unavailable", "open")) == (503, "1", True)


def test_a_placement_that_would_rather_fail_says_so(broken):
    answer = broken.get("/v1/placements/strict.html?profile=u1", patience=PATIENCE)

    assert (answer.status, answer.headers["retry-after"], answer.json["error"]["code"]) == (503, "1", "degraded")


def test_no_retry_would_mend_an_unusable_id_so_that_one_does_not_fail(remote):
    assert remote.get("/v1/placements/strict.html?profile=ann@shop.example").status == 200


def test_a_decision_without_the_store_is_not_recorded(broken):
    decided = broken.post("/v1/decisions", {"profile": "u1", "send": "z", "placements": ["hero"]}, patience=PATIENCE).json

    assert not decided["decision_id"].startswith("k1-")


def test_probes_tell_degraded_from_down(broken):
    broken.get("/v1/placements/hero.html?profile=u1", patience=PATIENCE)
    broken.until(lambda: broken.get("/readyz").json["store"] == "down", 20)

    assert (broken.get("/healthz").status, broken.get("/readyz").status, broken.get("/readyz").json["degraded"]) == (200, 200, ["store"])


def test_a_store_that_answers_and_refuses_all_work_is_down(redis, remote):
    with redis.refusing():
        remote.until(lambda: remote.get("/readyz").json["store"] == "down", 20)
        offer = offered(remote)
    remote.until(lambda: remote.get("/readyz").json["store"] == "up", 20)

    assert offer is None


def test_a_start_without_the_store_serves_what_was_kept(redis, remote):
    remote.stop()
    redis.fault = "gone"
    try:
        remote.start()
        answer = remote.get("/v1/placements/grid.json?profile=u1", patience=PATIENCE)
    finally:
        redis.fault = "none"

    assert (answer.status, answer.headers["x-inlay-degraded"], answer.json["items"][0]["id"]) == (200, "store", "a")


# -- too much to do ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def narrow(redis: FaultyRedis) -> Iterator[Server]:
    """A server that takes one request at a time."""
    server = Server.of(INLAY_REDIS_URL=redis.url, INLAY_AMP_SENDERS="news@shop.example", INLAY_MAX_INFLIGHT="1")
    server.call("PUT", "/v1/items/a", {"name": "A", "price": 1, "stock": 1})
    server.until(lambda: server.get("/v1/placements/grid.json").json["items"], 10)  # what a send shows is kept from its first decision on
    server.until(lambda: '"name":"A"' in server.get(amp_path(server, "grid"), **SENDER).text, 10)
    time.sleep(2.5)
    yield server
    server.close()


@pytest.fixture
def crowded(redis: FaultyRedis, narrow: Server) -> Iterator[Server]:
    """Its requests take half a second where `meanwhile` makes them; before and afterwards it has room and its store."""
    narrow.until(lambda: whole(narrow), 10)
    yield narrow
    redis.fault = "none"


def whole(server: Server) -> bool:
    return "x-inlay-degraded" not in server.get("/v1/placements/hero.html?profile=u1").headers


def meanwhile(redis: FaultyRedis, server: Server, method: str, path: str, body: object = None, **headers: str) -> Answer:
    """The answer to a call while another one is under way."""
    redis.fault, redis.seconds = "slow", 0.6
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.get, "/v1/placements/hero.html?profile=u1")
        time.sleep(0.2)
        second = pool.submit(server.call, method, path, body, **headers)
        assert first.result().status == 200
    redis.fault = "none"
    return second.result()


@pytest.mark.parametrize("ending,text", [("html", "<td>A</td>"), ("txt", "A\n"), ("json", '"name":"A"'), ("amp", "<amp-list ")])
def test_a_merge_call_beyond_the_limit_gets_the_fallback_at_once(redis, crowded, who, ending, text):
    answer = meanwhile(redis, crowded, "GET", f"/v1/placements/grid.{ending}?profile=u1&send={who}")

    assert (answer.status, answer.headers["x-inlay-degraded"], text in answer.text) == (200, "overload", True)


def test_an_opened_mail_beyond_the_limit_gets_the_generic_list(redis, crowded):
    path = amp_path(crowded, "grid")

    answer = meanwhile(redis, crowded, "GET", path, **SENDER)

    assert (answer.status, answer.headers["x-inlay-degraded"], answer.json["items"][0]["name"]) == (200, "overload", "A")


@pytest.mark.parametrize("path,body", [
    ("/v1/decisions", {"placements": ["hero"], "profile": "u1"}), ("/v1/decisions/batch", {"placements": ["hero"], "recipients": [{"profile": "u1"}]}),
    ("/v1/recommendations", {"profile": "u1"}), ("/v1/events", {"type": "track", "userId": "u1", "event": "Seen"}),
])
def test_other_calls_beyond_the_limit_are_told_when_to_come_back(redis, crowded, path, body):
    answer = meanwhile(redis, crowded, "POST", path, body)

    assert (answer.status, answer.headers["retry-after"], answer.json["error"]["code"]) == (503, "1", "overloaded")


@pytest.fixture
def guarded(redis: FaultyRedis) -> Iterator[Server]:
    """A crowded server that wants a key."""
    server = Server.of(INLAY_REDIS_URL=redis.url, INLAY_MAX_INFLIGHT="1", INLAY_ADMIN_KEY=KEY)
    server.headers = {"Authorization": f"Bearer {KEY}"}
    server.until(lambda: whole(server), 10)
    yield server
    redis.fault = "none"
    server.close()


KEY = "inlay_" + "k" * 43
CONTENT = "/v1/placements/hero.html?profile=u2&send=x"


def kept(port: int, *calls: tuple[str, dict[str, str]]) -> list[tuple[int, str | None]]:
    """Status and degradation of calls over one connection, which merge calls keep."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    found: list[tuple[int, str | None]] = []
    for path, headers in calls:
        connection.request("GET", path, headers=headers)
        with connection.getresponse() as answer:
            found.append((answer.status, answer.headers.get("x-inlay-degraded")))
            answer.read()
    connection.close()
    return found


def test_keys_are_asked_for_however_much_there_is_to_do_and_what_is_turned_away_is_counted(redis, guarded):
    mine, others = guarded.headers, {"Authorization": "Bearer inlay_" + "x" * 43}
    redis.fault, redis.seconds = "slow", 0.8
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(guarded.get, "/v1/placements/hero.html?profile=u1")
        time.sleep(0.2)
        found = kept(guarded.port, (CONTENT, mine), (CONTENT, {}), (CONTENT, others), (CONTENT, mine), ("/v1/placements/nothing.html?profile=u2", mine))
        first.result()
    redis.fault = "none"

    assert found == [(200, "overload"), (401, None), (401, None), (200, "overload"), (404, None)]
    guarded.until(lambda: 'inlay_requests_total{outcome="shed",surface="content"} 2.0' in guarded.get("/metrics").text, 20)


def test_the_parts_of_a_mail_are_turned_away_alike_also_when_there_is_room_again(redis, guarded):
    redis.fault, redis.seconds = "slow", 0.5
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(guarded.get, "/v1/placements/hero.html?profile=u1")
        time.sleep(0.2)
        (while_crowded,) = kept(guarded.port, (CONTENT, guarded.headers))
        first.result()
    redis.fault = "none"

    text, other = kept(guarded.port, (CONTENT.replace(".html", ".txt"), guarded.headers), (CONTENT.replace("u2", "u3"), guarded.headers))
    assert (while_crowded, text, other) == ((200, "overload"), (200, "overload"), (200, None))
