"""The invented shop is loaded over HTTP: with patience for a busy server, and a reason where it cannot be."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from app.demo.__main__ import Api, NotLoaded


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """(base, requests so far) of a server that answers with these, then with the last of them."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:  # noqa: N802 (the library's name)
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(statuses[min(len(seen), len(statuses) - 1)])
            seen.append(f"{self.path} {self.headers.get('authorization', '')}".strip())
            self.send_header("retry-after", "0.01")
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"here")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_busy_server_is_asked_again_with_the_key():
    with answering(503, 503, 200) as (base, seen):
        assert Api(base, "secret").call("PUT", "/v1/items/a", {}) == b"here"

    assert seen == ["/v1/items/a Bearer secret"] * 3


def test_a_server_that_stays_busy_is_given_up_with_what_it_said():
    with answering(503) as (base, seen), pytest.raises(NotLoaded, match=r"PUT /v1/items/a was answered with 503: here"):
        Api(base, patience=0.1).call("PUT", "/v1/items/a", {})

    assert len(seen) > 1


@pytest.mark.parametrize(("status", "why"), [(401, "needs INLAY_ADMIN_KEY"), (422, "PUT /v1/items/a was answered with 422: here")])
def test_what_waiting_does_not_mend_is_asked_once(status, why):
    with answering(status) as (base, seen), pytest.raises(NotLoaded, match=why):
        Api(base).call("PUT", "/v1/items/a", {})

    assert len(seen) == 1


def test_nobody_there_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{free.getsockname()[1]}"

        with pytest.raises(NotLoaded, match="refused"):
            Api(base, patience=0.1).call("PUT", "/v1/items/a", {})
