"""A trigger calls a webhook: signed, once, and also when the server is killed in between."""

from __future__ import annotations

import base64
import hmac
import json
import os
import signal
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.stories.server import Server
from tests.stories.test_http_segments import within

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Takes what it is sent; `status` is what it answers."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, who: str) -> list[tuple[dict[str, str], bytes]]:
        return [call for call in self.calls if json.loads(call[1])["data"]["profile"] == who]

    def told(self, who: str) -> list[str]:
        return [json.loads(body)["data"]["trigger"] for _, body in self.of(who)]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()


@pytest.fixture(scope="module")
def server(receiver: Receiver) -> Iterator[Server]:
    running = Server.of(INLAY_ESP_SECRET=SECRET, INLAY_PRIVATE_WEBHOOKS="allow")
    (running.content / "rules" / "triggers.yaml").write_text(f"""
webhooks: {{esp: {{url: 'http://127.0.0.1:{receiver.server.server_address[1]}/in', secret: INLAY_ESP_SECRET}}}}
segments: {{askers: {{did: help_asked, within: 1s}}}}
triggers:
  asked: {{on: help_asked, send: {{webhook: esp, template: help}}}}
  calm: {{on: {{leave: askers}}, send: {{webhook: esp}}}}
  later: {{on: cart_updated, after: 3s, send: {{webhook: esp}}}}
""")
    running.stop()
    running.start()
    yield running
    running.close()


def track(server: Server, who: str, event: str) -> None:
    assert server.post("/v1/events", {"type": "track", "event": event, "userId": who}).json["accepted"] == 1


def test_a_call_is_signed_over_its_id_instant_and_body(server: Server, receiver: Receiver, who: str) -> None:
    track(server, who, "help_asked")
    within(20.0, lambda: len(receiver.of(who)) > 0, wanted=True)

    headers, body = receiver.of(who)[0]

    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v1," + base64.b64encode(hmac.new(KEY, content, sha256).digest()).decode()
    assert headers["webhook-id"] == headers["idempotency-key"] == json.loads(body)["data"]["id"]
    assert json.loads(body)["data"]["template"] == "help"


def test_leaving_fires_though_nothing_happens(server: Server, receiver: Receiver, who: str) -> None:
    track(server, who, "help_asked")

    assert within(30.0, lambda: receiver.told(who), wanted=["asked", "calm"]) == ["asked", "calm"]


def test_what_waits_fires_once_though_the_worker_is_killed_meanwhile(server: Server, receiver: Receiver, who: str) -> None:
    track(server, who, "cart_updated")
    os.kill(server.worker_pid(), signal.SIGKILL)
    server.until(lambda: server.get("/readyz").status == 200, 20)

    assert within(60.0, lambda: receiver.told(who), wanted=["later"]) == ["later"]


def test_a_refusal_is_answered_by_another_attempt_under_the_same_id(server: Server, receiver: Receiver, who: str) -> None:
    receiver.status = 503
    track(server, who, "help_asked")
    within(20.0, lambda: len(receiver.of(who)) > 0, wanted=True)
    receiver.status = 204

    within(40.0, lambda: receiver.told(who).count("asked"), wanted=2)

    asked = [headers["webhook-id"] for headers, body in receiver.of(who) if json.loads(body)["data"]["trigger"] == "asked"]
    assert len(asked) == 2
    assert len(set(asked)) == 1
