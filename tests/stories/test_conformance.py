"""Senders played against a running server, and against servers that do what senders do not forgive."""

from __future__ import annotations

import socketserver
import subprocess
import threading
from collections.abc import Iterator

import pytest

from app.reports.calls import Got
from app.reports.gmail_proxy import fetches, request, wrong
from tests.stories.server import Server
from tests.stories.test_http_clicks import MAIL_SHOP
from tests.stories.typed import typed


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP, INLAY_AMP_SENDERS="news@shop.example")
    yield server
    server.close()


def played(sender: str, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    return typed("conformance", sender, "--server", url, "--placement", "hero", "--recipients", "20", "--rate", "200", *more, seconds=90)


@pytest.mark.parametrize("sender", ["braze", "iterable", "salesforce", "emarsys", "notifuse", "gmail"])
def test_every_recipient_gets_valid_content(mail, sender):
    done = played(sender, f"http://127.0.0.1:{mail.port}", "--mail", "newsletter", "--amp-sender", "news@shop.example")

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


@pytest.mark.parametrize(("more", "why"), [
    (("--people", "/nothere"), "--people /nothere: No such file or directory"), (("--people", "/dev/null"), "--people names no ids"), (("--recipients", "0"), "--recipients must be 1 or more"),
    (("--server", "127.0.0.1:8000"), "--server 127.0.0.1:8000 is no address"), (("--server", "http://x:99999"), "is no address"),
])
def test_what_cannot_be_played_is_told_in_a_line(more, why):
    done = played("braze", "http://127.0.0.1:1", *more)

    assert (done.returncode, done.stdout, why in done.stderr, done.stderr.count("\n")) == (2, "", True, 1), done.stderr


def test_what_the_server_says_of_an_error_is_told(mail):
    done = played("iterable", f"http://127.0.0.1:{mail.port}", "--placement", "nothing")

    assert "20 would not: answered 404: no placement 'nothing'; there are: " in done.stdout, done.stdout + done.stderr


def test_a_server_that_is_not_there_is_told():
    done = played("salesforce", "http://127.0.0.1:1")

    assert (done.returncode, "20 would not: no connection to the server" in done.stdout) == (1, True), done.stdout + done.stderr


def test_gmail_shows_nothing_of_a_sender_that_the_server_does_not_list(mail):
    done = played("gmail", f"http://127.0.0.1:{mail.port}", "--mail", "newsletter", "--amp-sender", "evil@x.example")

    assert (done.returncode, "20 would not: a list was answered 403" in " ".join(done.stdout.split())) == (1, True), done.stdout + done.stderr


@pytest.mark.parametrize(("more", "answers"), [((), 0), (("--forms",), 1)])
def test_forms_of_named_people_are_posted_only_where_it_is_asked_for(mail, tmp_path, more, answers):
    who = f"named-{answers}"
    (tmp_path / "people.csv").write_text(f"{who}\n")

    done = played("gmail", f"http://127.0.0.1:{mail.port}", "--mail", "newsletter", "--amp-sender", "news@shop.example", "--people", str(tmp_path / "people.csv"), *more)

    kept = mail.get(f"/v1/profiles/{who}/events")
    told = [each["event"] for each in kept.json["events"]] if kept.status == 200 else []
    assert (done.returncode, told.count("survey_answered")) == (0, answers), done.stdout + done.stderr


@pytest.mark.parametrize(("address", "headers", "why"), [("http://shop.example/amp/x", {}, "https alone"), ("https://shop.example/amp/x", {"set-cookie": "a=b"}, "sets a cookie")])
def test_what_gmail_never_calls_or_keeps_is_told(address, headers, why):
    (fetch,) = fetches(f'<amp-list src="{address}"></amp-list>')
    answer = Got(200, {"content-type": "application/json", "amp-email-allow-sender": "news@shop.example", **headers}, b'{"items": []}')

    assert why in wrong(fetch, answer, "news@shop.example")


def test_gmail_cannot_be_played_without_saying_who_the_mail_is_from(mail):
    assert (played("gmail", f"http://127.0.0.1:{mail.port}").returncode) == 2


MARKUP = (
    '<amp-list layout="fixed-height" height="100" src="https://m.example/amp/t?a=1&amp;b=2" items="placements.hero.items"></amp-list>'
    '<form method="post" action-xhr="https://m.example/amp/t/submit"><input type="hidden" name="form" value="a &amp; b"><input type="radio" name="answer" value="1"><input type="radio" name="answer" value="2">'
    '<input type="submit" value="Send"></form>'
)


def test_gmail_asks_lists_and_posts_forms_urlencoded():
    asked, sent = (request(each, "http://127.0.0.1:1", "news@shop.example") for each in fetches(MARKUP))

    assert asked.startswith(b"GET /amp/t?a=1&b=2 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
    assert b"Cookie" not in asked + sent and b"Authorization" not in asked + sent
    assert b"application/x-www-form-urlencoded" in sent and sent.endswith(b"\r\n\r\nform=a+%26+b&answer=1")


ALLOWED = {"content-type": "application/json", "amp-email-allow-sender": "news@shop.example"}
LISTED = b'{"placements":{"hero":{"items":[]}}}'


@pytest.mark.parametrize(("got", "why"), [
    (Got(200, ALLOWED, LISTED), ""), (Got(302, ALLOWED, LISTED), "a list was answered 302"), (Got(204, ALLOWED, LISTED), "a list was answered 204"), (Got(why="no answer in time"), "a list: no answer in time"),
    (Got(200, {**ALLOWED, "content-type": "text/html"}, LISTED), "a list is text/html"), (Got(200, {**ALLOWED, "amp-email-allow-sender": "*"}, LISTED), "a list does not allow the sender"),
    (Got(200, ALLOWED, b"{"), "a list is no JSON"), (Got(200, ALLOWED, b'{"items":[]}'), "a list has no placements.hero.items"),
])
def test_what_gmail_drops_is_told(got, why):
    assert wrong(next(iter(fetches(MARKUP))), got, "news@shop.example") == why
