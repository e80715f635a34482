"""Whole mails: a template filled by one joint decision, parts in the right order, headers, and an SMTP server that gets it."""

from __future__ import annotations

import email
import email.policy
import re
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stories.server import Server
from tests.stories.test_http_clicks import MAIL_SHOP
from tests.stories.typed import typed

HTML = """<!doctype html>
<html lang="en"><head><title>News</title><style>p.note { color: #5b6573 } @media (max-width: 480px) { p.note { font-size: 18px } }</style></head>
<body><!--[if mso]><table><tr><td><![endif]--><p class="note">Hello</p><div data-content="hero" class="slot">placeholder <b>text</b></div>
<div class='x' data-content='grid'></div><div data-content="footer"></div><!--[if mso]></td></tr></table><![endif]--></body></html>
"""


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP, INLAY_PUBLIC_URL="https://mail.shop.example")
    server.call("PUT", "/v1/items/boot", {"name": "Boot", "price": 120, "url": "https://shop.example/p/boot"})
    server.until(lambda: "/p/boot" in server.get("/v1/placements/grid.txt?profile=x").text, 10)
    yield server
    server.close()


def rendered(mail: Server, who: str, **more: Any) -> dict[str, Any]:
    body = {"profile": who, "send": "s1", "mail": "newsletter", "template": {"html": HTML}, "from": "News <news@shop.example>", "to": "mara@example.com", "subject": "What is new", **more}
    answer = mail.post("/v1/messages/render", body)
    assert answer.status == 200, answer.text
    return answer.json


def parsed(made: dict[str, Any]) -> Any:
    return email.message_from_bytes(made["message"].encode(), policy=email.policy.default)


def test_every_place_takes_its_content_and_keeps_its_own_attributes(mail, who):
    html = rendered(mail, who)["parts"]["html"]

    assert '<div class="slot"><div><h1>Boots &amp; socks</h1>' in html
    assert ("placeholder" in html, "data-content" in html, ">Boot</a>" in html, "/u/v1." in html) == (False, False, True, True)


def test_it_is_one_decision_with_the_merge_calls_of_the_send(mail, who):
    made = rendered(mail, who)

    assert mail.get(f"/v1/placements/grid.json?profile={who}&send=s1").json["decision_id"] == made["decision_id"]
    assert (made["placements"]["hero"]["offer"], made["placements"]["grid"]["offer"]) == ("boots", "shoes")


def test_styles_are_inline_media_queries_stay_and_outlook_s_conditionals_are_left_alone(mail, who):
    html = rendered(mail, who, preheader="Boots & more")["parts"]["html"]

    assert re.search(r'<p style="color: ?#5b6573;?" class="note">', html)
    assert ("@media (max-width: 480px)" in html, html.count("<!--[if mso]>"), 'name="color-scheme"' in html) == (True, 2, True)
    assert html.index("Boots &amp; more") < html.index("Hello")


def test_the_message_has_its_parts_in_the_order_that_clients_want(mail, who):
    made = rendered(mail, who, template={"html": HTML, "text": "Hello\n\n[[hero]]\n", "amp": '<div data-content="hero"></div>'})

    message = parsed(made)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/x-amp-html", "text/html"]
    assert (message["Subject"], message["From"], message["To"], message.get_content_type()) == ("What is new", "News <news@shop.example>", "mara@example.com", "multipart/alternative")
    assert "Boots & socks" in message.get_body(("plain",)).get_content()


def test_the_amp_part_is_a_whole_document_with_its_scripts(mail, who):
    amp = rendered(mail, who, template={"html": HTML, "amp": '<div data-content="hero"></div>'})["parts"]["amp"]

    assert amp.startswith("<!doctype html>\n<html ⚡4email")
    assert all(f'="{name}"' in amp for name in ("amp-list", "amp-form", "amp-mustache"))


def test_without_a_text_part_one_is_made_that_reads_well(mail, who):
    text = rendered(mail, who)["parts"]["text"]

    assert ("<" in text, "Boots & socks" in text, "Boot (https://shop.example/p/boot" in text) == (False, True, True)


def test_one_click_headers_lead_to_leaving(mail, who):
    made = rendered(mail, who)
    found = re.findall(r"<https://mail.shop.example(/u/[^>]+)>", made["headers"]["List-Unsubscribe"])

    answer = mail.call("POST", found[0], b"List-Unsubscribe=One-Click")

    assert (made["headers"]["List-Unsubscribe-Post"], "mailto:leave@shop.example" in made["headers"]["List-Unsubscribe"]) == ("List-Unsubscribe=One-Click", True)
    assert (answer.status, mail.get(f"/v1/profiles/{who}/consents").json["consents"]["newsletter"]["status"]) == (200, "denied")


def test_the_address_of_leaving_stands_in_its_header_as_it_is(mail, who):
    made = rendered(mail, who, headers={"X-Campaign": "a" * 120})

    head = made["message"].partition("\r\n\r\n")[0]
    assert re.search(r"^List-Unsubscribe: <https://mail\.shop\.example/u/v1\.[^\s>]+>,\r\n <mailto:leave@shop\.example\?subject=leave>\r$", head, re.MULTILINE)
    assert (f"X-Campaign: {'a' * 120}\r\n" in head, "=?" in head) == (True, False)


def test_clients_limits_are_warned_of(mail, who):
    large = HTML.replace("</body>", "<p>" + "x" * 110_000 + "</p><img src='https://shop.example/x.png'></body>").replace("<style>", "<style>/*a*/ @media print { " + ".a{color:red}" * 1_500 + "}")

    told = " ".join(rendered(mail, who, template={"html": large})["warnings"])

    assert ("Gmail clips" in told, "Gmail leaves out" in told, "no alt text" in told) == (True, True, True)


@pytest.mark.parametrize(("change", "status", "at"), [
    ({"template": {"html": "<p>nothing</p>"}}, 422, "template"), ({"template": {}}, 422, "template"), ({"template": {"html": HTML, "pdf": ""}}, 422, "template"),
    ({"template": {"html": '<div data-content="nowhere"></div>'}}, 404, None), ({"subject": "a\r\nBcc: x@y.example"}, 422, "headers.Subject"), ({"headers": {"Bcc": "x@y"}}, 422, "headers"),
    ({"headers": {"X-A\r\nB": "1"}}, 422, "headers.X-A\r\nB"), ({"unheard": 1}, 422, "unheard"), ({"mail": "unheard"}, 404, None), ({"send": ""}, 422, "send"),
])
def test_what_cannot_be_used_is_named(mail, change, status, at):
    answer = mail.post("/v1/messages/render", {"template": {"html": HTML}, **change})

    assert (answer.status, [each["at"] for each in answer.json["error"]["problems"]]) == (status, [at] if at else [])


class Postbox(socketserver.StreamRequestHandler):
    """Just enough of SMTP to take a message."""

    def handle(self) -> None:
        self.wfile.write(b"220 test\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.server.taken.append(b"".join(lines))  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")


@pytest.fixture
def postbox() -> Iterator[Any]:
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Postbox)
    server.taken = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_test_mail_arrives(mail, who, tmp_path, postbox):
    (tmp_path / "mail.html").write_text(HTML)

    done = typed("send-test", tmp_path / "mail.html", "--to", "mara@example.com", "--from", "news@shop.example", "--subject", "Prüfung", "--profile", who,
                 "--mail", "newsletter", "--smtp", f"127.0.0.1:{postbox.server_address[1]}", "--server", f"http://127.0.0.1:{mail.port}")

    message = email.message_from_bytes(postbox.taken[0], policy=email.policy.default)
    assert (done.returncode, message["Subject"], "Boots &amp; socks" in message.get_body(("html",)).get_content()) == (0, "Prüfung", True)


@pytest.mark.parametrize(("name", "content", "said"), [("mail.html", b"\xff\xfe", "is not UTF-8"), ("other.html", b"", "No such file"), ("mail.html", b"<p>Hi</p>", "no part has a place for content")])
def test_a_template_that_cannot_be_used_is_said_in_a_line(mail, tmp_path, name, content, said):
    (tmp_path / "mail.html").write_bytes(content)

    done = typed("send-test", tmp_path / name, "--to", "a@b.example", "--from", "c@d.example", "--smtp", "127.0.0.1:1", "--server", f"http://127.0.0.1:{mail.port}")

    assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_a_server_that_is_not_there_is_said_in_a_line(mail, tmp_path):
    (tmp_path / "mail.html").write_text(HTML)

    done = typed("send-test", tmp_path / "mail.html", "--to", "a@b.example", "--from", "c@d.example", "--smtp", "127.0.0.1:1", "--server", f"http://127.0.0.1:{mail.port}")

    assert (done.returncode, done.stderr.startswith("inlay: 127.0.0.1:1 did not take it"), done.stderr.count("\n")) == (1, True, 1)
