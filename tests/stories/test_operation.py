"""How the server is run: keys, several workers, stopping, crashes, the data folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.error import URLError

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that each test ends in its own way and starts again."""
    running = Server.of()
    yield running
    running.close()


@pytest.fixture
def keyless() -> Iterator[Server]:
    running = Server.of()
    yield running
    running.close()


def inlay(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(*words, "--data", server.data, seconds=30)


def test_the_first_key_ends_development_mode_and_a_revoked_one_is_refused(keyless):
    made = inlay(keyless, "keys", "create", "--name", "esp", "--scope", "content")
    key = made.stdout.strip()
    keyless.until(lambda: keyless.get("/v1/placements/hero.html").status == 401, 20)

    allowed = keyless.get("/v1/placements/hero.html", Authorization=f"Bearer {key}").status
    beyond = keyless.post("/v1/decisions", {"placements": ["hero"]}, Authorization=f"Bearer {key}").status
    admin = inlay(keyless, "keys", "create", "--name", "root", "--scope", "admin").stdout.strip()
    keyless.until(lambda: keyless.get("/metrics", Authorization=f"Bearer {admin}").status == 200, 20)
    inlay(keyless, "keys", "revoke", "esp")
    keyless.until(lambda: keyless.get("/v1/placements/hero.html", Authorization=f"Bearer {key}").status == 401, 20)

    assert (made.stdout.count("\n"), allowed, beyond) == (1, 200, 403)


@pytest.mark.parametrize("headers", [{"X_Forwarded_For": "1.2.3.4"}, {"Host": "inlay.example"}])
def test_development_mode_answers_loopback_only(shop, headers):
    assert shop.get("/v1/placements/hero.html", **headers).status == 403


def test_a_second_server_on_the_same_data_is_refused_with_a_clear_word(shop):
    second = subprocess.run([sys.executable, "-m", "app", "serve", "--content", str(shop.content), "--data", str(shop.data), "--port", "0"],
                            capture_output=True, text=True, timeout=20, check=False)

    assert second.returncode == 1
    assert "another server uses" in second.stderr


def test_without_keys_the_server_refuses_to_listen_to_others(tmp_path, shop):
    refused = subprocess.run([sys.executable, "-m", "app", "serve", "--host", "0.0.0.0", "--content", str(shop.content), "--data", str(tmp_path), "--port", "0"],
                             capture_output=True, text=True, timeout=20, check=False)

    assert refused.returncode == 1
    assert "inlay keys create" in refused.stderr


def test_invalid_content_at_the_start_ends_with_the_list_of_problems(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("placements: {hero: {fallback: {block: nope}}}\noffer: 7\n")

    refused = subprocess.run([sys.executable, "-m", "app", "serve", "--content", str(tmp_path), "--data", str(tmp_path / "d"), "--port", "0"],
                             capture_output=True, text=True, timeout=20, check=False)

    assert refused.returncode == 1
    assert "rules/a.yaml:1 placements.hero.fallback.block" in refused.stderr
    assert "rules/a.yaml:2 offer" in refused.stderr


def test_what_was_acknowledged_survives_the_kill_of_everything(server):
    event = {"type": "track", "userId": "u1", "event": "Seen", "messageId": "m1"}
    assert server.post("/v1/events", event).json["accepted"] == 1
    redis = server.redis_pid()
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    os.kill(redis, signal.SIGKILL)
    server.process.wait(5)
    time.sleep(1)
    server.start()

    assert server.post("/v1/events", event).json["duplicates"] == 1


def test_a_start_after_the_parent_was_killed_takes_the_orphaned_redis_over(server):
    server.post("/v1/events", {"type": "track", "userId": "u2", "event": "Seen", "messageId": "m2"})
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(5)
    time.sleep(1)
    server.start()

    assert server.get("/v1/profiles/u2").json["events"]["seen"]["count"] == 1


def test_several_workers_share_what_they_know_and_one_that_dies_comes_back():
    two = Server.of(workers=2)
    try:
        two.call("PUT", "/v1/items/a", {"name": "A", "price": 1})
        two.post("/v1/events", {"type": "track", "userId": "u3", "event": "Product Viewed", "properties": {"category": "hats"}})

        def offers() -> set[str]:
            return {two.get("/v1/placements/hero.json?profile=u3").json["offer"] for _ in range(30)}

        before, both = offers(), two.worker_pids()
        os.kill(both[0], signal.SIGKILL)
        two.until(lambda: len(two.worker_pids()) == 2 and both[0] not in two.worker_pids(), 20)
        another = two.worker_pids()
        os.kill(both[1], signal.SIGKILL)
        two.until(lambda: two.get("/readyz").status == 200, 20)
        after, code = offers(), two.stop()
    finally:
        two.close()

    assert len(both) == 2
    assert both[1] in another
    assert before == after == {"hats"}
    assert code == 0


def test_a_stop_lets_every_request_in_flight_finish(server):
    """Who comes is answered or refused, never cut off; who stays is told that the answer is the last."""
    statuses: list[int] = []
    ends: list[object] = []
    last = threading.Event()
    half = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(20)]
    for each in half:
        each.sendall(b"GET /v1/placements/hero.html?profile=u4 HTTP/1.1\r\n")

    def ask() -> None:
        while not ends:
            try:
                statuses.append(server.get("/v1/placements/hero.html?profile=u4").status)
            except URLError as error:
                ends.append(error.reason)

    def stay() -> None:
        staying = HTTPConnection("127.0.0.1", server.port, timeout=10)
        while not last.is_set():
            staying.request("GET", "/v1/placements/hero.html?profile=u4")
            answer = staying.getresponse()
            answer.read()
            statuses.append(answer.status)
            if answer.getheader("connection") == "close":
                last.set()

    asking = [threading.Thread(target=each) for each in (ask, ask, ask, stay)]
    for thread in asking:
        thread.start()
    time.sleep(0.1)
    assert not last.is_set()
    server.process.send_signal(signal.SIGTERM)
    assert last.wait(10)
    for each in half:
        each.sendall(b"Host: 127.0.0.1\r\n\r\n")
    for thread in asking:
        thread.join()
    answers = [each.recv(15) for each in half]
    code = server.process.wait(20)
    server.start()

    assert code == 0
    assert set(statuses) == {200}
    assert {type(each) for each in ends} == {ConnectionRefusedError}
    assert answers == [b"HTTP/1.1 200 OK"] * 20
