"""Logs tell nothing about anybody."""

from __future__ import annotations

import io
import logging

import pytest

from app.security.redaction import Redaction, Secret, redact
from app.security.tokens import Tokens

TOKENS = Tokens([("k1", bytes(range(32)))])
TOKEN = TOKENS.mint("amp", "hero", "u:mara77", "s", "news", 1_760_000_000_000)


@pytest.mark.parametrize("text,secret", [
    ("mail to ann.b+c@example.com failed", "ann"), ("GET /x?sender=ann%40example.com", "ann"), (f"GET /amp/{TOKEN} 200", TOKEN.split(".")[2]),
    (f"token {TOKEN[:-30]} is cut", TOKEN.split(".")[2]), ("Authorization: Bearer abc.def-123", "abc"), ("authorization: basic dXNlcjpwYXNz", "dXNl"),
    ("redis://app:hunter2@host:6379/0 refused", "hunter2"), ("GET /v1/profiles/mara77/events", "mara77"), ("GET /v1/decisions/k1-AbCdEf", "AbCdEf"),
    ("GET /v1/placements/hero.html?profile=mara77&send=9", "mara77"), ('{"profile": "mara77"}', "mara77"), ("{'user_id': 'mara77'}", "mara77"),
    ("h:u:mara77 is damaged", "mara77"), ("key {u:mara77} moved", "mara77"), ("no such profile email:ann@example.com", "ann"),
    ("key " + "aB3_" * 11, "aB3_aB3"), (f"decision {TOKENS.seal('u:mara77', 'autumn-news')}", TOKENS.seal("u:mara77", "autumn-news")[10:30]),
])
def test_nothing_personal_is_left(text, secret):
    assert secret not in redact(text)


@pytest.mark.parametrize("text", [
    "rules/shop.yaml:14 offers.shoes_15.block: no block hero_crad", "content 0123456789abcdef in use", "listening on http://127.0.0.1:8000",
    "GET /v1/placements/hero.html 200 1.4 ms", "worker 3 started", "block hero_card on html: city is missing",
])
def test_what_helps_stays(text):
    assert redact(text) == text


def test_a_handler_redacts_arguments_and_tracebacks():
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(Redaction())
    logger = logging.Logger("x")
    logger.addHandler(handler)

    try:
        raise ValueError("ann@example.com")
    except ValueError:
        logger.exception("about %s", "bob@example.com")

    assert "about [address]" in out.getvalue() and "ValueError: [address]" in out.getvalue()
    assert "example.com" not in out.getvalue()


def test_a_message_that_does_not_fit_its_arguments_is_still_logged_redacted():
    record = logging.LogRecord("x", logging.INFO, "", 1, "ann@example.com %d %d", ("x",), None)

    assert Redaction().filter(record) and record.getMessage() == "[address] %d %d"


def test_a_secret_is_told_to_nobody_who_does_not_ask():
    assert f"{Secret('hunter2')} {Secret('hunter2')!r}" == "Secret(…) Secret(…)"
    assert Secret("hunter2").reveal() == "hunter2"
