"""Whatever is sent, the answer is one of the contract's, in the one shape of errors, and the server goes on."""

from __future__ import annotations

import gzip

import pytest

DIGITS = b"1" + b"0" * 400


def hero(member: bytes) -> bytes:
    return b'{"placements":["hero"],' + member + b"}"


@pytest.mark.parametrize("body,status", [
    (b"", 400), (b"null", 422), (b'"text"', 422), (b"\xef\xbb\xbf{}", 400), (hero(b'"context":{"stock":NaN}'), 400), (hero(b'"context":{"stock":1e999}'), 400),
    (hero(b'"profile":"\\ud800"'), 400), (hero(b'"profile":"\xed\xa0\x80"'), 400), (hero(b'"profile":"a\\u0000b"'), 422), (hero(b'"profile":{}'), 422),
    (hero(b'"context":{"a":' + b"[" * 30 + b"]" * 30 + b"}"), 200), (hero(b'"context":{"a":' + b"[" * 31 + b"]" * 31 + b"}"), 400),
    (hero(b'"profile":"' + b"[" * 200 + b'"'), 200), (hero(b'"context":{"stock":' + DIGITS + b"}"), 200), (hero(b'"mail":[]'), 422), (hero(b'"mail":7'), 422),
    (hero(b'"send":""'), 422), (hero(b'"send":"a\\nb"'), 422), (hero(b'"explain":"yes"'), 422), (hero(b'"surface":[]'), 422), (hero(b'"at":' + DIGITS), 422),
    (hero(b'"at":"1970-01-01T00:00:00Z"'), 422), (hero(b'"at":"9999-12-31T00:00:00Z"'), 422), (hero(b'"at":true'), 422), (b'{"x":"' + b"y" * 10_000_000 + b'"}', 413),
])
def test_a_decision_is_asked_for_rightly_or_refused(shop, body, status):
    assert shop.post("/v1/decisions", body).status == status


@pytest.mark.parametrize("method,path,body,status", [
    ("PUT", "/v1/items/a", b'{"id":"b"}', 422), ("PATCH", "/v1/items/a", b'{"id":"b"}', 422), ("PUT", "/v1/items/a", b'{"id":null}', 422),
    ("PUT", "/v1/items/a", b'{"x":' + DIGITS + b"}", 422), ("PUT", "/v1/items/a", b'{"price":' + DIGITS + b"}", 422), ("PUT", "/v1/items/a%00", b"{}", 422),
    ("PUT", "/v1/items/%FF", b"{}", 422), ("DELETE", "/v1/items/" + "x" * 257, None, 422), ("PATCH", "/v1/items/none", b'{"price":1}', 404),
    ("GET", "/v1/items/none", None, 404), ("PUT", "/v1/items/a", b'{"":1}', 422), ("PUT", "/v1/items/a", b'{"url":"javascript:x"}', 422),
    ("PATCH", "/v1/profiles/p", b'{"traits":{"x":' + DIGITS + b"}}", 422), ("PATCH", "/v1/profiles/p", b'{"traits":{"x":"' + b"y" * 40_000 + b'"}}', 422),
    ("PATCH", "/v1/profiles/p", b'{"traits":[]}', 422), ("PATCH", "/v1/profiles/p", b"{}", 422), ("PATCH", "/v1/profiles/p", b'{"traits":{"":1}}', 422),
    ("PUT", "/v1/profiles/p/consents", b'{"nope":"granted"}', 422), ("PUT", "/v1/profiles/p/consents", b'{"marketing":true}', 422),
    ("GET", "/v1/profiles/" + "x" * 257, None, 422), ("GET", "/v1/profiles/p%0d%0aX:1", None, 422), ("GET", "/v1/profiles/nobody/events?limit=0", None, 404),
    ("POST", "/v1/decisions/batch", b'{"placements":["hero"],"recipients":[]}', 422), ("POST", "/v1/decisions/batch", b'{"placements":["hero"]}', 422),
    ("POST", "/v1/recommendations", b'{"limit":' + DIGITS + b"}", 422), ("POST", "/v1/recommendations", b'{"from":"nowhere"}', 422),
    ("POST", "/v1/recommendations", b'{"filter":{"field":"item.price","gte":' + DIGITS + b"}}", 422), ("POST", "/v1/recommendations", b'{"recommender":"x"}', 422),
    ("POST", "/v1/events", b'{"batch":{}}', 422), ("POST", "/v1/events", b"[]", 422), ("GET", "/v1/decisions/none", None, 404),
    ("POST", "/v1/placements/hero.html", b"{}", 405), ("GET", "/v1/decisions", None, 405), ("GET", "/v1/decisions/", None, 404), ("GET", "//v1/placements/hero.html", None, 404),
    ("GET", "/v1/placements/hero.html/", None, 404), ("GET", "/v1/placements/hero%2ehtml", None, 200), ("GET", "/v1/placements/%2e%2e/hero.html", None, 404),
])
def test_every_route_refuses_what_it_cannot_use(shop, method, path, body, status):
    assert shop.call(method, path, body).status == status


@pytest.mark.parametrize("method,path,body", [
    ("POST", "/v1/decisions", b"{"), ("POST", "/v1/decisions", b'{"nope":1}'), ("GET", "/nowhere", None), ("PUT", "/v1/decisions", b"{}"),
    ("GET", "/v1/placements/nope.html", None), ("PUT", "/v1/items/a", b'{"price":"x"}'), ("GET", "/v1/profiles/nobody", None), ("GET", "/amp/x", None),
])
def test_every_error_has_the_one_shape(shop, method, path, body):
    answer = shop.call(method, path, body)

    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) == {"code", "message", "problems"}
    assert all(set(problem) == {"at", "message"} for problem in answer.json["error"]["problems"])
    assert "no-store" in answer.headers["cache-control"]


def test_unknown_keys_are_named_where_they_stand(shop):
    error = shop.post("/v1/decisions", {"placements": ["hero"], "nope": 1, "zap": 2}).json["error"]

    assert [problem["at"] for problem in error["problems"]] == ["nope", "zap"]
    assert "nope, zap" in error["message"]


@pytest.mark.parametrize("path,body", [
    ("/v1/decisions", b'{"placements":["hero"],"ann@shop.example":1}'), ("/v1/decisions", b'{"placements":["ann@shop.example"]}'),
    ("/v1/decisions", b'{"placements":["hero"],"mail":"ann@shop.example"}'), ("/v1/recommendations", b'{"ann@shop.example":1}'),
])
def test_an_address_is_never_said_back_by_an_error(shop, path, body):
    answer = shop.post(path, body)

    assert answer.status in (404, 422)
    assert "ann@" not in answer.text


def test_an_address_in_a_path_that_leads_nowhere_is_not_said_back(shop):
    assert "ann" not in shop.get("/v1/nowhere/ann@shop.example").text


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/nowhere", "/v1/items/a"])
def test_a_body_of_ten_megabytes_still_gets_its_answer(shop, path):
    assert shop.call("POST", path, b"[" * 10_000_000).status in (404, 405, 413)


def test_a_compressed_body_is_refused_by_name(shop):
    answer = shop.post("/v1/decisions", gzip.compress(b'{"placements":["hero"]}'), Content_Encoding="gzip")

    assert (answer.status, "gzip" in answer.json["error"]["message"]) == (400, True)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/", "/v1/placements/hero.html", "/openapi.json"])
def test_head_is_get_without_a_body(shop, path):
    head, get = shop.call("HEAD", path), shop.get(path)

    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", get.headers["content-type"])


def test_a_method_that_is_not_taken_is_told_which_are(shop):
    assert [shop.post("/v1/placements/hero.html", b"").headers["allow"], "POST" in shop.get("/v1/decisions").headers["allow"]] == ["GET, HEAD", True]
