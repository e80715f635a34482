"""A webhook counts only where its sender proves itself, now, and with a key that is known."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from app.errors import Unauthorised
from app.security.senders import check_keys
from app.security.signatures import MailerSend, Mailgun, SendGrid, SharedSecret, StandardWebhooks, Verifier
from tests import senders

VECTOR = Path(__file__).parents[3] / "shared" / "data" / "sendgrid-signature" / "vector.json"
AT = 1_760_000_000
NOW = AT * 1000
BODY = b'[{"event":"open"}]'
real = pytest.mark.skipif(not VECTOR.exists() and not os.environ.get("CI"), reason="SendGrid's real signature is not on this machine")

SENDGRID, STANDARD = SendGrid([senders.public(senders.CURVE)]), StandardWebhooks([senders.WHSEC])
MAILERSEND, MAILGUN, SHARED = MailerSend([senders.SECRET.decode()]), Mailgun([senders.SECRET.decode()]), SharedSecret(["me:pass"])

SIGNED = {
    "sendgrid": (SENDGRID, senders.sendgrid(BODY, AT), BODY), "standard": (STANDARD, senders.standard(BODY, AT), BODY),
    "resend": (STANDARD, senders.standard(BODY, AT, prefix="svix"), BODY), "mailersend": (MAILERSEND, senders.mailersend(BODY), BODY),
    "mailgun": (MAILGUN, {}, senders.mailgun({}, AT)), "standard by public key": (StandardWebhooks([senders.WHPK]), senders.standard_by_public_key(BODY, AT), BODY),
    "basic": (SHARED, senders.basic("me:pass"), BODY), "bearer": (SharedSecret(["token"]), {"authorization": "Bearer token"}, BODY),
    "password alone": (SharedSecret(["pass"]), senders.basic("anybody:pass"), BODY),
}


def outcome(verifier: Verifier, headers: dict[str, str], body: bytes, now: int = NOW) -> str:
    async def judged() -> str:
        try:
            verifier.before(headers, now)
            await verifier.verify(headers, body, now)
        except Unauthorised as error:
            return error.code
        return "taken"

    return asyncio.run(judged())


def proof(verifier: Verifier, headers: dict[str, str], body: bytes) -> bytes:
    return asyncio.run(verifier.verify(headers, body, NOW)).once


@pytest.mark.parametrize("sender", SIGNED)
def test_what_the_sender_signed_is_taken(sender):
    assert outcome(*SIGNED[sender]) == "taken"


@pytest.mark.parametrize("sender", ["sendgrid", "standard", "resend", "mailersend", "standard by public key"])
@pytest.mark.parametrize("at", range(len(BODY)))
def test_any_changed_byte_of_the_body_is_forged(sender, at):
    verifier, headers, body = SIGNED[sender]

    assert outcome(verifier, headers, body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]) == "forged"


@pytest.mark.parametrize("sender", ["sendgrid", "standard", "resend", "mailersend"])
def test_without_the_signature_it_is_forged(sender):
    verifier, headers, body = SIGNED[sender]

    assert outcome(verifier, {name: value for name, value in headers.items() if not name.endswith("signature")}, body) == "forged"


@pytest.mark.parametrize("sender", ["sendgrid", "standard", "resend", "mailgun"])
@pytest.mark.parametrize("seconds", [301, -301, 86_400])
def test_what_was_signed_at_another_time_is_stale(sender, seconds):
    verifier, headers, body = SIGNED[sender]

    assert outcome(verifier, headers, body, NOW + seconds * 1000) == "stale"


@pytest.mark.parametrize("sender", ["sendgrid", "standard", "resend", "mailgun"])
@pytest.mark.parametrize("seconds", [300, -300])
def test_five_minutes_are_allowed_both_ways(sender, seconds):
    verifier, headers, body = SIGNED[sender]

    assert outcome(verifier, headers, body, NOW + seconds * 1000) == "taken"


@pytest.mark.parametrize("at", ["", "soon", "-1", "1e9", "٣٠٠", "9" * 400])
def test_a_time_that_is_none_is_forged(at):
    assert outcome(SENDGRID, {**senders.sendgrid(BODY, AT), SendGrid.TIMESTAMP: at}, BODY) == "forged"


ROTATING = {
    "sendgrid": (SendGrid([senders.public(senders.OTHER_CURVE), senders.public(senders.CURVE)]), senders.sendgrid(BODY, AT), senders.sendgrid(BODY, AT, senders.OTHER_CURVE)),
    "standard": (StandardWebhooks([senders.OTHER_WHSEC, senders.WHSEC]), senders.standard(BODY, AT), senders.standard(BODY, AT, senders.OTHER_SECRET)),
    "mailersend": (MailerSend(["new", senders.SECRET.decode()]), senders.mailersend(BODY), senders.mailersend(BODY, b"new")),
    "basic": (SharedSecret(["me:new", "me:pass"]), senders.basic("me:pass"), senders.basic("me:new")),
}


@pytest.mark.parametrize("sender", ROTATING)
def test_while_keys_are_rotated_the_old_one_and_the_new_one_count(sender):
    verifier, old, new = ROTATING[sender]

    assert [outcome(verifier, headers, BODY) for headers in (old, new)] == ["taken", "taken"]


def test_mailgun_s_old_key_and_its_new_one_count():
    verifier = Mailgun(["new", senders.SECRET.decode()])

    assert [outcome(verifier, {}, senders.mailgun({}, AT, secret)) for secret in (b"new", senders.SECRET)] == ["taken", "taken"]


WRONG = {
    "sendgrid": (SendGrid([senders.public(senders.OTHER_CURVE)]), senders.sendgrid(BODY, AT), BODY),
    "standard": (StandardWebhooks([senders.OTHER_WHSEC]), senders.standard(BODY, AT), BODY),
    "mailersend": (MailerSend(["other"]), senders.mailersend(BODY), BODY), "mailgun": (Mailgun(["other"]), {}, senders.mailgun({}, AT)),
    "basic": (SHARED, senders.basic("me:other"), BODY), "nothing": (SHARED, {}, BODY), "not base64": (SHARED, {"authorization": "Basic %%%"}, BODY),
    "bearer": (SHARED, {"authorization": "Bearer "}, BODY), "scheme": (SHARED, {"authorization": "Digest pass"}, BODY),
    "user alone": (SHARED, senders.basic("me:"), BODY), "mailgun without signature": (MAILGUN, {}, b"{}"), "mailgun without JSON": (MAILGUN, {}, b"\xff{"),
    "mailgun without token": (MAILGUN, {}, b'{"signature":{"timestamp":"1","token":"","signature":""}}'), "mailgun deep": (MAILGUN, {}, b"[" * 100_000),
    "no base64": (SENDGRID, {**senders.sendgrid(BODY, AT), SendGrid.SIGNATURE: "§§"}, BODY),
    "another version": (STANDARD, {name: value.replace("v1,", "v2,") for name, value in senders.standard(BODY, AT).items()}, BODY),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_another_key_signed_or_none_is_forged(case):
    assert outcome(*WRONG[case]) == "forged"


def test_a_signature_written_otherwise_is_the_same_request():
    first, second = senders.sendgrid(BODY, AT), senders.sendgrid(BODY, AT)

    assert first != second
    assert proof(SENDGRID, first, BODY) == proof(SENDGRID, second, BODY)


def test_a_token_of_mailgun_counts_once_whatever_events_come_with_it():
    bodies = [senders.mailgun({"event": event}, AT, token="t1") for event in ("opened", "clicked")]

    assert len({proof(MAILGUN, {}, body) for body in bodies}) == 1


@real
def test_a_real_signature_of_sendgrid_holds():
    vector = json.loads(VECTOR.read_text())
    headers = {SendGrid.SIGNATURE: vector["signature_base64"], SendGrid.TIMESTAMP: vector["timestamp"]}

    assert outcome(SendGrid([vector["public_key_der_base64"]]), headers, vector["payload"].encode(), int(vector["timestamp"]) * 1000) == "taken"


@real
def test_a_real_signature_of_sendgrid_fails_with_any_byte_changed():
    vector = json.loads(VECTOR.read_text())
    verifier, payload, now = SendGrid([vector["public_key_der_base64"]]), vector["payload"].encode(), int(vector["timestamp"]) * 1000
    headers = {SendGrid.SIGNATURE: vector["signature_base64"], SendGrid.TIMESTAMP: vector["timestamp"]}

    found = [outcome(verifier, headers, payload[:at] + bytes([payload[at] ^ 1]) + payload[at + 1 :], now) for at in range(len(payload))]

    assert set(found) == {"forged"}


@pytest.mark.parametrize(("source", "key"), [
    ("sendgrid", "abc"), ("sendgrid", "MFkw"), ("resend", "whsec_!"), ("standard", "whsec_YQ=="), ("standard", "whpk_" + "YWJjZGVmZ2hpamtsbW5vcA=="), ("ses", "my-topic"),
])
def test_a_key_that_no_sender_shows_is_refused_at_the_start(source, key):
    with pytest.raises(ValueError):
        check_keys(source, (key,))
