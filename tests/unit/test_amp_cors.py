"""AMP's CORS rules, case by case."""

from __future__ import annotations

import pytest

from app.security.amp_cors import Allowed, Refused, cors

SENDERS = frozenset({"news@shop.example", "@brand.example"})
EXPOSE = (b"access-control-expose-headers", b"AMP-Access-Control-Allow-Source-Origin")


def v2(sender: str) -> Allowed:
    return Allowed(((b"amp-email-allow-sender", sender.encode()),))


def v1(origin: str, sender: str) -> Allowed:
    return Allowed(((b"access-control-allow-origin", origin.encode()), (b"amp-access-control-allow-source-origin", sender.encode()), EXPOSE))


def headers(*, sender: str | None = None, origin: str | None = None) -> list[tuple[bytes, bytes]]:
    given = ((b"amp-email-sender", sender), (b"origin", origin))
    return [(name, value.encode()) for name, value in given if value is not None]


GMAIL = "https://mail.google.com"
BAD_SENDERS = (
    "", "*", "null", "other@shop.example", "news@shop.example.evil.example", "news@shop.example, evil@x.example",
    "news@shop.example\r\nX: y", " news@shop.example", "news@shop.example ", "<news@shop.example>", "News <news@shop.example>",
    "@brand.example", "x@sub.brand.example", "x@evilbrand.example", "x@brand.example.evil", "a@b@brand.example", "news", "@",
    "news@", "x@brand.example\x00", "%6eews@shop.example", "news@shop.example;x", "x y@brand.example", "x@brand.example/..",
    "*@brand.example", "x@brand.example.", "x@.brand.example", "x@brand.example,x@brand.example", "\"a b\"@brand.example", "é@brand.example",
    "x" * 65 + "@brand.example", "x@brand.example\n", "mailto:news@shop.example",
)


@pytest.mark.parametrize("sender", ["news@shop.example", "NEWS@Shop.Example", "any.one+x@brand.example", "A@BRAND.EXAMPLE"])
def test_a_listed_sender_is_named_back_by_version_2(sender):
    assert cors(headers(sender=sender), "", SENDERS) == v2(sender)


@pytest.mark.parametrize("sender", ["news@shop.example", "NEWS@Shop.Example", "x@brand.example"])
@pytest.mark.parametrize("origin", [GMAIL, "https://amp.example:8443", "http://localhost:8000"])
def test_version_1_gets_origin_source_and_expose(sender, origin):
    query = "__amp_source_origin=" + sender.replace("@", "%40")

    assert cors(headers(origin=origin), query, SENDERS) == v1(origin, sender)


@pytest.mark.parametrize("sender", BAD_SENDERS)
def test_an_unlisted_sender_is_refused_by_version_2(sender):
    assert cors(headers(sender=sender), "", SENDERS) == Refused(403)


@pytest.mark.parametrize("sender", BAD_SENDERS)
def test_an_unlisted_sender_is_refused_by_version_1(sender):
    from urllib.parse import quote

    assert cors(headers(origin=GMAIL), "__amp_source_origin=" + quote(sender), SENDERS) == Refused(403)


@pytest.mark.parametrize("origin", ["*", "null", "", "https://", "javascript:x", "https://a b", "https://x\r\ny", "https://é.example"])
def test_an_origin_that_is_none_is_refused(origin):
    assert cors(headers(origin=origin), "__amp_source_origin=news@shop.example", SENDERS) == Refused(403)


@pytest.mark.parametrize("given,query,expected", [
    ({}, "", Refused(403)),
    ({"origin": GMAIL}, "", Refused(403)),
    ({}, "__amp_source_origin=news@shop.example", Refused(400)),
    ({"sender": "news@shop.example", "origin": GMAIL}, "__amp_source_origin=x@evil.example", v2("news@shop.example")),
    ({"sender": "x@evil.example", "origin": GMAIL}, "__amp_source_origin=news@shop.example", Refused(403)),
    ({"origin": GMAIL}, "__amp_source_origin=news@shop.example&__amp_source_origin=x@evil.example", Refused(403)),
])
def test_version_2_wins_and_neither_is_refused(given, query, expected):
    assert cors(headers(**given), query, SENDERS) == expected


@pytest.mark.parametrize("given,query", [
    (headers(origin=GMAIL) * 2, "__amp_source_origin=news@shop.example"), (headers(sender="", origin=GMAIL), "__amp_source_origin=news@shop.example"),
    (headers(origin=GMAIL), "__AMP_SOURCE_ORIGIN=news@shop.example"), (headers(origin=GMAIL), "__amp_source_origin="),
    (headers(origin=GMAIL), "__amp_source_origin"), (headers(origin=GMAIL), "x=__amp_source_origin=news@shop.example"),
    (headers(origin=GMAIL), "__amp_source_origin=news@shop.example&__amp_source_origin=news@shop.example"),
    (headers(origin=GMAIL), "__amp_source_origin=news@shop.example%0d%0aX-Y:%20z"), (headers(origin=GMAIL + "/"), "__amp_source_origin=news@shop.example"),
    (headers(origin=GMAIL + ", https://evil.example"), "__amp_source_origin=news@shop.example"), ([(b"amp-email-sender", b"\xff@brand.example")], ""),
])
def test_what_is_doubled_or_misspelt_is_refused(given, query):
    assert cors(given, query, SENDERS) == Refused(403)


def test_a_percent_encoded_name_of_the_parameter_is_the_parameter():
    assert cors(headers(origin=GMAIL), "x=1&__amp%5Fsource_origin=news%40shop.example", SENDERS) == v1(GMAIL, "news@shop.example")


def test_a_header_given_twice_is_refused():
    assert cors(headers(sender="news@shop.example") * 2, "", SENDERS) == Refused(403)


def test_without_a_list_nobody_is_answered():
    assert cors(headers(sender="news@shop.example"), "", frozenset()) == Refused(403)
