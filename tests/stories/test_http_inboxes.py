"""What inboxes fetch when a mail is opened: senders, tokens and what they may speak for."""

from __future__ import annotations

import re
import time

import pytest

from app.security.tokens import DAYS_31, Tokens
from app.settings import parse_secret
from tests.stories.server import Answer, Server

SENDER = {"AMP_Email_Sender": "news@shop.example"}
REFUSED = {"error": {"code": "forbidden", "message": "not allowed", "problems": []}}


def token(shop: Server, who: str) -> str:
    found = re.search(r'/amp/([^"]+)"', shop.get(f"/v1/placements/hero.amp?profile={who}&send=m").text)
    assert found is not None
    return found[1]


def minted(shop: Server, surface: str = "amp", placement: str = "hero", age: int = 0) -> str:
    """A token of the server's own secret."""
    now = time.time_ns() // 1_000_000
    return Tokens(parse_secret((shop.data / "secret").read_text())).mint(surface, placement, "u:u1", "m", "", now - age)


def fetched(shop: Server, token: str) -> Answer:
    return shop.get(f"/amp/{token}", **SENDER)


def test_a_list_has_the_items_and_the_variables_of_its_block(shop, who):
    answer = fetched(shop, token(shop, who))

    assert (answer.status, answer.headers["content-type"], answer.headers["cache-control"]) == (200, "application/json", "private, no-store")
    assert answer.json == {"items": [{"headline": "Hi", "category": "all"}], "headline": "Hi", "category": "all"}


@pytest.mark.parametrize("spoil", [
    lambda whole: whole[:-1], lambda whole: whole + "A", lambda whole: whole[:-1] + ("A" if whole[-1] != "A" else "B"), lambda whole: whole.replace("v1.", "v2.", 1),
    lambda whole: whole.replace(".k1.", ".k2."), lambda whole: whole.replace(".k1.", ".."), lambda whole: whole.replace(".", "%2e", 1), lambda whole: whole + "/",
    lambda whole: "/" + whole, lambda whole: whole + "=", lambda whole: whole.upper(), lambda whole: "", lambda whole: "x" * 5_000, lambda whole: whole + "%00", lambda whole: whole + "/submit",
    lambda whole: whole.split(".")[2], lambda whole: ".".join((*whole.split(".")[:2], *whole.split(".")[:1:-1])),
])
def test_a_spoilt_token_is_refused_like_any_other(shop, who, spoil):
    answer = fetched(shop, spoil(token(shop, who)))

    assert (answer.status, answer.json, "amp-email-allow-sender" in answer.headers) == (403, REFUSED, False)


def test_a_token_of_another_surface_is_refused(shop):
    assert fetched(shop, minted(shop, surface="image")).status == 403


def test_an_expired_token_gets_the_generic_list(shop):
    answer = fetched(shop, minted(shop, age=DAYS_31 + 86_400_000))

    assert (answer.status, answer.json["headline"], answer.headers["amp-email-allow-sender"]) == (200, "Hi", "news@shop.example")


def test_a_placement_that_is_gone_gets_an_empty_list(shop):
    answer = fetched(shop, minted(shop, placement="gone"))

    assert (answer.status, answer.json) == (200, {"items": []})


def test_an_erased_person_s_list_is_that_of_one_never_seen(shop, who):
    mine, other = token(shop, who), token(shop, "u" + who[1:])
    shop.call("DELETE", f"/v1/profiles/{who}")

    assert fetched(shop, mine).json == fetched(shop, other).json


@pytest.mark.parametrize("headers", [{}, {"AMP_Email_Sender": "x@evil.example"}, {"AMP_Email_Sender": "*"}, {"Origin": "https://mail.google.com"}])
def test_without_a_listed_sender_nothing_is_said(shop, who, headers):
    answer = shop.get(f"/amp/{token(shop, who)}", **headers)

    assert (answer.status, answer.json) == (403, REFUSED)
    assert [name for name in answer.headers if name.startswith(("amp-", "access-control-"))] == []


def test_version_2_wins_where_both_are_there(shop, who):
    answer = shop.get(f"/amp/{token(shop, who)}?__amp_source_origin=x%40evil.example", Origin="https://evil.example", **SENDER)

    assert (answer.status, answer.headers["amp-email-allow-sender"], "access-control-allow-origin" in answer.headers) == (200, "news@shop.example", False)


def test_version_1_is_answered_with_its_three_headers(shop, who):
    answer = shop.get(f"/amp/{token(shop, who)}?__amp_source_origin=news%40shop.example", Origin="https://mail.google.com")

    assert answer.headers["access-control-allow-origin"] == "https://mail.google.com"
    assert answer.headers["amp-access-control-allow-source-origin"] == "news@shop.example"
    assert answer.headers["access-control-expose-headers"] == "AMP-Access-Control-Allow-Source-Origin"


def test_inboxes_call_from_anywhere(shop, who):
    answer = shop.get(f"/amp/{token(shop, who)}", Host="mail.shop.example", X_Forwarded_For="1.2.3.4", **SENDER)

    assert answer.status == 200


@pytest.mark.parametrize("query", ["?profile=other&send=other&placement=grid", "?__amp_source_origin=a&__amp_source_origin=b", "?x"])
def test_nothing_beside_the_token_speaks(shop, who, query):
    path = token(shop, who)

    assert fetched(shop, path + query).json == fetched(shop, path).json


@pytest.mark.parametrize(("path", "status"), [
    ("/i/%ff%fe%00.png", 200), ("/i/%0d%0aX-Own:%201.gif", 200), ("/o/%ff.gif", 200), ("/c/%0d%0aX-Own:%201", 404), ("/u/%ff", 404), ("/p/%00", 404), ("/amp/%c3%28", 403),
    ("/v1/placements/hero.html?profile=%ff%fe&send=%c3%28", 200), ("/v1/placements/hero.amp?profile=a%0d%0aX-Own:%201&send=b%0d%0aX-Own:%201", 200), ("/v1/placements/hero.txt?ctx.device=%ff", 200),
    ("/v1/placements/hero.json?profile=%00", 200), ("/v1/placements/hero.html?mail=%ff", 404), ("/v1/placements/%ff.html", 404), ("/v1/placements/hero.%0d%0aX-Own:1", 404),
])
def test_bytes_that_are_no_text_get_the_safe_answer_and_reach_no_header(shop, path, status):
    answer = shop.get(path, **SENDER)

    assert (answer.status, "x-own" in answer.headers, "\r\nX-Own" in answer.body.decode(errors="replace")) == (status, False, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_list_is_only_read(shop, who, method):
    assert shop.call(method, f"/amp/{token(shop, who)}", b"a=b", **SENDER).status == 403
