"""Senders played against a running server, and against servers that do what senders do not forgive."""

from __future__ import annotations

import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.stories.server import ROOT, Server
from tests.stories.test_http_clicks import MAIL_SHOP


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP)
    yield server
    server.close()


def played(sender: str, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "conformance", sender, "--server", url, "--placement", "hero", "--recipients", "20", "--rate", "200", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, cwd=ROOT)


@pytest.mark.parametrize("sender", ["braze", "iterable", "salesforce", "emarsys", "notifuse", "gmail"])
def test_every_recipient_gets_valid_content(mail, sender):
    done = played(sender, f"http://127.0.0.1:{mail.port}", "--mail", "newsletter")

    assert (done.returncode, "20 would have received valid content" in done.stdout) == (0, True), done.stdout + done.stderr


class Answer(socketserver.StreamRequestHandler):
    """Reads a request and gives the server's one answer, again and again."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            if line == b"\r\n":
                self.wfile.write(self.server.answer)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("answer", "why"), [
    (b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", "answered 503"), (b"HTTP/1.1 302 x\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "answered 302"),
    (b"HTTP/1.1 200 x\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", "empty"), (b"HTTP/1.1 200 x\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\r\nx", "is image/png"),
    (b"nonsense\r\n\r\n", "the connection broke"),
])
def test_what_a_sender_does_not_take_is_told(answer, why):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer)
    server.answer = answer  # type: ignore[attr-defined]
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()

    done = played("salesforce", f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()

    assert (done.returncode, " ".join(f"20 would not: {why}".split()) in " ".join(done.stdout.split())) == (1, True), done.stdout + done.stderr
