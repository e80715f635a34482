"""What is erased is nowhere any more: not in Redis, not in a file; and nobody comes back."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from app.adapters.redis_dead_letters import STREAM
from app.supervise.embedded import EmbeddedRedis
from tests.stories.server import SHOP, Server
from tests.stories.typed import typed


RULES = """
segments: {lookers: {did: product_viewed}}
triggers:
  looked: {on: Product Viewed, send: {stream: looks}}
  later: {on: Product Viewed, after: 7d, send: {stream: looks}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    content = tmp_path_factory.mktemp("content")
    shutil.copytree(SHOP, content, dirs_exist_ok=True)
    (content / "rules" / "looks.yaml").write_text(RULES)
    running = Server.of(content, INLAY_EMAIL_IN_URL="allow", INLAY_WEBHOOK_POSTMARK_KEYS="token")
    yield running
    running.close()


class Somebody:
    """A person whose every value is a mark that can be looked for."""

    def __init__(self) -> None:
        made = uuid.uuid4().hex
        self.id, self.cookie, self.email, self.city, self.colour = (f"{kind}{made}" for kind in ("id-", "web-", "mail-", "city-", "colour-"))
        self.address = f"{self.email}@shop.example"
        self.marks = [mark.encode() for mark in (self.id, self.cookie, self.email, self.city, self.colour)]


def store_of(server: Server) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(EmbeddedRedis(server.data, durable=True).socket))


def filled(server: Server) -> Somebody:
    """Somebody who left something everywhere: events, traits, a consent, a decision, a webhook's event, a dead letter, a
    trigger that waits, and one that fired."""
    who = Somebody()
    viewed = {"type": "track", "event": "Product Viewed", "properties": {"colour": who.colour}}
    server.post("/v1/events", {"batch": [
        {**viewed, "anonymousId": who.cookie}, {**viewed, "userId": who.id},
        {"type": "identify", "userId": who.id, "anonymousId": who.cookie, "traits": {"city": who.city, "email": who.address}},
    ]})
    server.call("PUT", f"/v1/profiles/{who.id}/consents", {"marketing": {"status": "granted", "source": who.colour}})
    server.post("/v1/decisions", {"profile": who.id, "send": who.colour, "placements": ["hero"]})
    report = {"RecordType": "Open", "Recipient": who.address, "Metadata": {"inlay_profile": who.id}, "Tag": who.city}
    server.post("/v1/webhooks/postmark", report, Authorization="Bearer token")
    store_of(server).xadd(STREAM, {"id": "1", "source": "redis", "at": "1", "reason": "invalid", "detail": "", "body": json.dumps({"userId": who.id, "colour": who.colour})})
    server.until(lambda: all(server.get(f"/v1/profiles/{who.id}/export").json[place] for place in ("memberships", "triggers", "outgoing")), 20)
    return who


def in_redis(server: Server, who: Somebody) -> list[Any]:
    """Every key that names the person, or whose value does."""
    store = store_of(server)
    return [key for key in store.scan_iter(count=1_000) if any(mark in key + (store.dump(key) or b"") + values(store, key) for mark in who.marks)]


def values(store: redis.Redis, key: bytes) -> bytes:
    """A key's value as it is read, since a dump may be compressed."""
    match store.type(key):
        case b"string":
            return store.get(key) or b""
        case b"hash":
            return b"".join(name + value for name, value in store.hgetall(key).items())
        case b"zset":
            return b"".join(store.zrange(key, 0, -1))
        case b"set":
            return b"".join(store.smembers(key))
        case b"list":
            return b"".join(store.lrange(key, 0, -1))
        case b"stream":
            return repr(store.xrange(key)).encode()
        case _:  # it went meanwhile
            return b""


def in_files(server: Server, who: Somebody) -> list[str]:
    """Every file of the data folder, and what the server told, that holds something of the person."""
    files = [path for path in server.data.parent.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(mark in path.read_bytes() for mark in who.marks)]


def test_nothing_of_an_erased_person_is_left_in_redis_or_in_any_file(server):
    who, other = filled(server), filled(server)
    held = in_redis(server, who), in_files(server, who)

    answer = server.call("DELETE", f"/v1/profiles/{who.id}")

    assert (answer.status, len(held[0]) >= 5, held[1] != []) == (204, True, True)
    server.until(lambda: in_redis(server, who) == [] and in_files(server, who) == [], 60)
    assert len(in_redis(server, other)) >= 5
    assert server.get(f"/v1/profiles/{other.id}/export").json["dead_letters"] != []


def test_at_once_they_are_unknown_and_nothing_brings_them_back(server):
    who = filled(server)

    server.call("DELETE", f"/v1/profiles/{who.id}")

    replayed = server.post("/v1/events", {"batch": [{"type": "track", "userId": who.id, "event": "Seen"}, {"type": "track", "anonymousId": who.cookie, "event": "Seen"}]})
    assert [each["reason"] for each in replayed.json["rejected"]] == ["erased", "erased"]
    assert [server.get(f"/v1/profiles/{each}").status for each in (who.id, f"anonymous_id:{who.cookie}")] == [404, 404]
    assert server.post("/v1/webhooks/postmark", {"RecordType": "Open", "Recipient": "x@y.example", "Metadata": {"inlay_profile": who.id}}, Authorization="Bearer token").json["accepted"] == 0


def test_the_export_tells_everything_that_is_held(server):
    who = filled(server)

    told = server.get(f"/v1/profiles/{who.id}/export").json

    assert told["traits"] == {"city": who.city, "email": who.address}
    assert [each["source"] for each in told["consent_history"]] == [who.colour]
    assert sorted(each["event"] for each in told["events"]) == ["email_opened", "identify", "product_viewed", "product_viewed"]
    assert ([each["send"] for each in told["decisions"]], len(told["dead_letters"])) == ([who.colour], 1)
    assert ([each["segment"] for each in told["memberships"]], told["triggers"][0]["trigger"], told["outgoing"][0]["stream"]) == (["lookers"], "later", "inlay:out:{looks}")


def inlay(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed("people", *arguments, "--data", server.data, seconds=120)


def test_the_command_exports_restricts_and_erases(server):
    who = filled(server)

    exported = json.loads(inlay(server, "export", who.id).stdout)
    restricted = inlay(server, "restrict", who.id).returncode, server.get(f"/v1/profiles/{who.id}").json.get("restricted")
    lifted = inlay(server, "restrict", who.id, "--lift").returncode, server.get(f"/v1/profiles/{who.id}").json.get("restricted")
    erased = inlay(server, "erase", who.id)

    assert (exported["traits"]["city"], len(exported["events"]), len(exported["dead_letters"])) == (who.city, 4, 1)
    assert ([each["send"] for each in exported["decisions"]], [each["state"] for each in exported["triggers"]]) == ([who.colour], ["waiting"])
    assert (restricted, lifted) == ((0, True), (0, None))
    assert erased.stdout.startswith("0 spool, 1 memberships, 1 triggers, 2 outgoing, 1 dead letters, 1 consents, 1 profiles erased")
    assert (in_redis(server, who), in_files(server, who)) == ([], [])
    assert [inlay(server, action, who.id).returncode for action in ("export", "restrict")] == [1, 1]
