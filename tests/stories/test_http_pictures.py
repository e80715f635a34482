"""Pictures that are drawn when a mail is opened: always one, always fresh, and never a guess at who looks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image

from app.security.tokens import DAYS_31
from tests.stories.server import Answer, Server
from tests.stories.test_http_clicks import BROWSER, GMAIL, MAIL_SHOP, followed, minted, names

APPLE = "Mozilla/5.0"


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP, INLAY_PUBLIC_URL="https://mail.shop.example")
    server.call("PUT", "/v1/items/boot", {"name": "Boot", "price": 120, "stock": 3, "url": "https://shop.example/p/boot", "picture": "boot.png"})
    server.until(lambda: "/i/" in server.get("/v1/placements/card.html?profile=x").text, 10)
    yield server
    server.close()


def address(mail: Server, who: str, placement: str, send: str = "s1") -> str:
    found = re.search(r'src="([^"]+/i/[^"]+)"', mail.get(f"/v1/placements/{placement}.html?profile={who}&send={send}").text)
    assert found is not None
    return found[1]


def seen(answer: Answer) -> Image.Image:
    return Image.open(BytesIO(answer.body))


def pixels(answer: Answer) -> bytes:
    return seen(answer).convert("RGB").tobytes()


def test_a_countdown_moves_for_a_minute_and_its_first_frame_is_right(mail, who):
    answer = followed(mail, address(mail, who, "clock"))

    image = seen(answer)
    assert (answer.status, answer.headers["content-type"], image.size, image.n_frames, "loop" in image.info) == (200, "image/gif", (600, 120), 60, False)
    assert len(answer.body) <= 30_720
    assert "no-store" in answer.headers["cache-control"]


def test_a_card_is_drawn_at_twice_its_size_with_what_is_true_now(mail, who):
    where = address(mail, who, "card")
    before = followed(mail, where)
    mail.call("PATCH", "/v1/items/boot", {"price": 99})
    mail.until(lambda: '"price":99' in mail.get("/v1/placements/card.json?profile=y").text, 10)

    after = followed(mail, where)

    assert (seen(before).size, before.headers["content-type"], pixels(before) == pixels(after)) == ((1200, 400), "image/png", False)


@pytest.mark.parametrize("agent", [APPLE, GMAIL])
@pytest.mark.parametrize("placement", ["clock", "card"])
def test_what_fetches_ahead_gets_what_is_right_whenever_it_is_looked_at(mail, who, placement, agent):
    where = address(mail, who, placement)

    first, later, person = followed(mail, where, agent), followed(mail, where, agent), followed(mail, where, BROWSER)

    assert pixels(first) == pixels(later) != pixels(person)
    assert "email_opened" not in names(mail, who)


def test_gmail_s_proxy_asks_for_somebody_once_the_mail_has_lain_there(mail, who):
    where = minted(mail, "i", who=f"u:{who}", age=120_000).replace("/hero", "") + ".gif"

    assert followed(mail, where, GMAIL).status == 200


@pytest.mark.parametrize(("path", "kind", "format"), [
    ("/i/x.png", "image/png", "PNG"), ("/i/x.gif", "image/gif", "GIF"), ("/i/", "image/png", "PNG"), ("/i/v1.k1.a.b.png", "image/png", "PNG"), ("/i/" + "x" * 5_000 + ".gif", "image/gif", "GIF"),
    ("/i/x.exe", "image/png", "PNG"), ("/i/..%2f..%2fsecret.png", "image/png", "PNG"),
])
def test_whatever_is_asked_the_answer_is_a_picture(mail, path, kind, format):
    answer = mail.get(path)

    assert (answer.status, answer.headers["content-type"], seen(answer).format, "no-store" in answer.headers["cache-control"]) == (200, kind, format, True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_and_so_with_every_method(mail, who, method):
    assert followed(mail, address(mail, who, "clock"), method=method).status == 200


def test_an_old_token_gets_what_anybody_gets(mail, who):
    answer = followed(mail, minted(mail, "i", who=f"u:{who}", age=DAYS_31 + 86_400_000) + ".png")

    assert (answer.status, answer.headers["content-type"], names(mail, who)) == (200, "image/png", [])


def test_a_token_of_another_surface_gets_the_neutral_picture(mail, who):
    assert seen(followed(mail, minted(mail, "o", who=f"u:{who}").replace("/o/", "/i/") + ".png")).size == (1, 1)


def test_a_block_without_a_picture_gets_the_neutral_one(mail, who):
    assert seen(followed(mail, minted(mail, "i", who=f"u:{who}") + ".png")).size == (1, 1)


def test_either_extension_is_answered_in_its_format(mail, who):
    clock, card = address(mail, who, "clock"), address(mail, who, "card")

    assert [seen(followed(mail, each)).format for each in (clock, clock.replace(".gif", ".png"), card, card.replace(".png", ".gif"))] == ["GIF", "PNG", "PNG", "GIF"]
