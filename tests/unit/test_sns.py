"""Amazon's messages count where Amazon signed them, of our topics, with certificates from Amazon's own address."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.errors import Unauthorised
from app.security.sns import Sns
from tests import senders
from tests.senders import TOPIC, Fetched, confirmation, sns


def outcome(row: dict[str, str], *, fetched: Fetched | None = None, topics: tuple[str, ...] = (TOPIC,), later: int = 0) -> str:
    body, now = json.dumps(row).encode(), (senders.now() + later) * 1000

    async def judged() -> str:
        try:
            await Sns(topics, fetched or Fetched()).verify({}, body, now)
        except Unauthorised as error:
            return error.code
        return "taken"

    return asyncio.run(judged())


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_taken(version):
    assert outcome(sns({}, version=version)) == "taken"


def test_a_subject_is_signed_too():
    assert outcome(sns({}, Subject="Amazon SES")) == "taken"


def test_a_request_to_confirm_is_taken():
    assert outcome(confirmation()) == "taken"


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "Subject"])
def test_a_changed_field_is_forged(field):
    row = sns({}, Subject="s")

    assert outcome({**row, field: row[field][:-1] + ("1Z" if field == "Timestamp" else "x")}) in ("forged", "stale")


@pytest.mark.parametrize("url", [
    "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem", "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
    "https://evil.example/SimpleNotificationService-0123456789abcdef.pem", "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
    "https://sns.eu-west-1.amazonaws.com/other.pem", "https://bucket.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem", "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem\n", "",
])
def test_a_certificate_from_elsewhere_is_not_even_fetched(url):
    fetched = Fetched()

    found = outcome(sns({}, SigningCertURL=url), fetched=fetched)

    assert (found, fetched.asked) == ("forged", [])


def test_a_topic_of_somebody_else_is_forged_though_amazon_signed_it():
    fetched = Fetched()

    found = outcome(sns({}, TopicArn="arn:aws:sns:eu-west-1:999999999999:theirs"), fetched=fetched)

    assert (found, fetched.asked) == ("forged", [])


def test_a_message_of_an_hour_ago_is_taken_and_an_older_one_stale():
    assert [outcome(sns({}), later=seconds) for seconds in (3_500, 3_700)] == ["taken", "stale"]


@pytest.mark.parametrize("pem", [b"no certificate", senders.certificate(days=-1), senders.certificate(senders.rsa.generate_private_key(65537, 2048))])
def test_a_certificate_that_is_broken_ended_or_another_s_is_forged(pem):
    assert outcome(sns({}), fetched=Fetched(pem)) == "forged"


@pytest.mark.parametrize("row", [sns({}, version="3"), {**sns({}), "Type": "Other"}, {"Type": "Notification"}, {}])
def test_an_envelope_of_another_shape_is_forged(row):
    assert outcome(row) == "forged"


def test_a_certificate_is_fetched_once():
    fetched = Fetched()
    verifier, bodies = Sns((TOPIC,), fetched), [json.dumps(sns({})).encode() for _ in range(3)]

    async def story() -> None:
        for body in bodies:
            await verifier.verify({}, body, senders.now() * 1000)

    asyncio.run(story())

    assert fetched.asked == [senders.CERTIFICATE_URL]


def test_a_subscription_is_confirmed_at_amazon_s_address():
    fetched, row = Fetched(), confirmation()

    confirmed = asyncio.run(Sns((TOPIC,), fetched).confirm(json.dumps(row).encode()))

    assert (confirmed, fetched.asked) == (True, [row["SubscribeURL"]])


@pytest.mark.parametrize("url", [
    "https://evil.example/?Action=ConfirmSubscription", f"https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn={TOPIC}",
    "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:999999999999:theirs",
    f"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}",
])
def test_a_subscription_is_confirmed_nowhere_else(url):
    fetched = Fetched()

    with pytest.raises(Unauthorised):
        asyncio.run(Sns((TOPIC,), fetched).confirm(json.dumps(confirmation(SubscribeURL=url)).encode()))

    assert fetched.asked == []


def test_a_notification_confirms_nothing():
    assert asyncio.run(Sns((TOPIC,), Fetched()).confirm(json.dumps(sns({})).encode())) is False
