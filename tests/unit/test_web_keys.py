"""Public web keys: origins, and proofs of who a user is."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from app.errors import RequestInvalid
from app.security.keys import Entry, entry_from, row_of
from app.security.web_keys import loopback_origin, origin_of, proof, proves


@pytest.mark.parametrize("given,origin", [
    ("https://shop.example", "https://shop.example"), ("https://Shop.Example/", "https://shop.example"), ("https://shop.example:443", "https://shop.example"),
    ("https://shop.example:8443", "https://shop.example:8443"), ("http://localhost:3000", "http://localhost:3000"), ("http://127.0.0.1", "http://127.0.0.1"),
    ("http://[::1]:3000", "http://[::1]:3000"), ("https://bücher.example", "https://xn--bcher-kva.example"),
])
def test_an_origin_is_kept_as_browsers_write_it(given, origin):
    assert origin_of(given) == origin


@pytest.mark.parametrize("given", [
    "", "*", "null", "shop.example", "http://shop.example", "https://*.shop.example", "https://shop.example/page", "https://shop.example?x", "https://shop.example#x", "https://me@shop.example",
    "https://", "ftp://shop.example", "https://[", "https://shop.example:99999", "file:///x",
])
def test_what_is_no_origin_is_refused_with_one_that_is(given):
    with pytest.raises(RequestInvalid, match=r"https://shop\.example"):
        origin_of(given)


def test_a_proof_is_the_hmac_that_any_language_makes():
    assert proof("s", "u1") == hmac.new(b"s", b"u1", hashlib.sha256).hexdigest()


@pytest.mark.parametrize("secret,user,given", [
    ("s", "u2", proof("s", "u1")), ("t", "u1", proof("s", "u1")), ("s", "u1", proof("s", "u1").upper()), ("s", "u1", proof("s", "u1")[:-1]), ("s", "u1", ""), ("s", "u1", None),
    ("s", "u1", 7), ("s", "u1", "é"), ("", "u1", proof("", "u1")), ("s", "u1", "\ud800"),
])
def test_nothing_else_proves_a_user(secret, user, given):
    assert not proves(secret, user, given)


def test_a_user_is_proven_whatever_letters_the_id_has():
    assert proves("s", "Jörg 7", proof("s", "Jörg 7"))


def test_an_entry_comes_back_as_it_was_kept():
    entry = Entry("i", "n", "h", frozenset({"web"}), 7, ("https://shop.example",), "s")

    assert entry_from("i", row_of(entry)) == entry


def test_a_secret_is_not_shown_with_its_entry():
    assert "hush" not in repr(Entry("i", "n", "h", frozenset({"web"}), secret="hush"))


@pytest.mark.parametrize("origin,local", [("http://localhost:1", True), ("http://127.0.0.1:9", True), ("http://localhost.evil.example", False), ("null", False), ("", False), ("http://[", False)])
def test_pages_of_this_machine_are_told_from_others(origin, local):
    assert loopback_origin(origin) == local
