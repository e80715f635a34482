"""Who may call what: scopes by route, and the ways to send a key."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from app.security.keys import SCOPES
from tests.stories.server import Server
from tests.stories.typed import typed

ADMIN = "the-key-of-the-container"
NEEDED = [
    ("GET", "/v1/placements/hero.html", None, "content"), ("HEAD", "/v1/placements/hero.html", None, "content"), ("POST", "/v1/decisions", {"placements": ["hero"]}, "decide"),
    ("POST", "/v1/decisions/batch", {"placements": ["hero"], "recipients": [{}]}, "decide"), ("GET", "/v1/decisions/x", None, "decide"),
    ("POST", "/v1/recommendations", {}, "decide"), ("POST", "/v1/events", {"batch": []}, "events"), ("GET", "/v1/profiles/u", None, "profiles"),
    ("GET", "/v1/profiles/u/events", None, "profiles"), ("GET", "/v1/profiles/u/export", None, "profiles"), ("PATCH", "/v1/profiles/u", {"traits": {}}, "profiles"),
    ("PUT", "/v1/profiles/u/consents", {"marketing": "granted"}, "profiles"), ("DELETE", "/v1/profiles/v", None, "profiles"), ("GET", "/v1/items/i", None, "decide"),
    ("PUT", "/v1/items/i", {}, "admin"), ("PATCH", "/v1/items/i", {}, "admin"), ("DELETE", "/v1/items/j", None, "admin"), ("GET", "/metrics", None, "admin"),
    ("GET", "/v2", None, "decide"), ("GET", "/v2/models/m", None, "decide"), ("GET", "/v2/models/m/ready", None, "decide"), ("POST", "/v2/models/m/infer", {}, "decide"),
    ("GET", "/", None, "admin"), ("GET", "/docs", None, "admin"), ("GET", "/openapi.json", None, "admin"),
]


def inlay(server: Server, *words: str) -> str:
    done = typed(*words, "--data", server.data, seconds=30)
    done.check_returncode()
    return done.stdout.strip()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    running = Server.of(INLAY_ADMIN_KEY=ADMIN)
    yield running
    running.close()


@pytest.fixture(scope="module")
def keys(guarded: Server) -> dict[str, str]:
    """A key of each scope, by it."""
    made = {scope: inlay(guarded, "keys", "create", "--name", scope, "--scope", scope) for scope in SCOPES}
    guarded.until(lambda: guarded.get("/metrics", Authorization=f"Bearer {made['admin']}").status == 200, 20)
    return made


@pytest.mark.parametrize("method,path,body,needed", NEEDED, ids=[f"{row[0]} {row[1]}" for row in NEEDED])
def test_a_route_takes_keys_of_its_scope_and_of_admin_alone(guarded, keys, method, path, body, needed):
    statuses = {scope: guarded.call(method, path, body, Authorization=f"Bearer {key}").status for scope, key in keys.items()}

    assert {scope for scope, status in statuses.items() if status not in (401, 403)} == {needed, "admin"}
    assert guarded.call(method, path, body).status == 401
    assert guarded.call(method, path, body, Authorization="Bearer inlay_nobodys").status == 401


def test_the_clock_of_a_decision_needs_a_scope_more(guarded, keys):
    both = inlay(guarded, "keys", "create", "--name", "both", "--scope", "decide", "preview")
    body = {"placements": ["hero"], "at": "2026-10-12T09:00:00Z"}
    guarded.until(lambda: guarded.post("/v1/decisions", body, Authorization=f"Bearer {both}").status == 200, 20)

    assert [guarded.post("/v1/decisions", body, Authorization=f"Bearer {keys[scope]}").status for scope in ("decide", "preview")] == [403, 403]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("write,status", [
    (lambda key: f"Bearer {key}", 200), (lambda key: f"bearer {key}", 200), (lambda key: basic("esp", key), 200), (lambda key: basic(key, ""), 200),
    (lambda key: basic(key, "other"), 401), (lambda key: key, 401), (lambda key: "Bearer", 401), (lambda key: "Basic !!", 401), (lambda key: f"Bearer {key[:-1]}", 401),
    (lambda key: f"Bearer {key.upper()}", 401), (lambda key: f"Digest {key}", 401),
])
def test_a_key_comes_as_bearer_or_basic(guarded, keys, write, status):
    assert guarded.get("/v1/placements/hero.html", Authorization=write(keys["content"])).status == status


def test_a_refusal_says_how_to_identify_oneself_and_names_nothing_that_exists(guarded):
    answer = guarded.get("/v1/placements/nope.html")

    assert (answer.status, "hero" in answer.text) == (401, False)
    assert "Basic" in answer.headers["www-authenticate"]


def test_with_keys_forwarded_calls_and_other_hosts_are_taken(guarded, keys):
    answer = guarded.get("/v1/placements/hero.html", Authorization=f"Bearer {keys['content']}", Host="inlay.example", X_Forwarded_For="1.2.3.4")

    assert answer.status == 200


def test_details_of_readiness_are_for_admin_alone(guarded, keys):
    plain, full = guarded.get("/readyz").json, guarded.get("/readyz", Authorization=f"Bearer {keys['admin']}").json

    assert (set(plain), set(full)) == ({"status", "degraded"}, {"status", "degraded", "content", "store", "models", "durability"})


def test_no_key_is_kept_or_shown_as_it_is(guarded, keys):
    listed = inlay(guarded, "keys", "list")
    kept = (guarded.data / "keys.json").read_text()

    assert [key in listed + kept for key in keys.values()] == [False] * len(keys)
    assert (guarded.data / "keys.json").stat().st_mode & 0o077 == 0
