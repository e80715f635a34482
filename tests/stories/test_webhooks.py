"""What ESPs report reaches people's profiles: once, from them alone, and machines' opens apart."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests import senders
from tests.stories.server import SHOP, Answer, Server

KEYS = {
    "INLAY_WEBHOOK_SENDGRID_KEYS": f"{senders.public(senders.OTHER_CURVE)},{senders.public(senders.CURVE)}", "INLAY_WEBHOOK_POSTMARK_KEYS": "me:pass",
    "INLAY_WEBHOOK_MAILGUN_KEYS": senders.SECRET.decode(), "INLAY_WEBHOOK_MAILERSEND_KEYS": senders.SECRET.decode(),
    "INLAY_WEBHOOK_RESEND_KEYS": senders.WHSEC, "INLAY_WEBHOOK_STANDARD_KEYS": senders.WHSEC, "INLAY_WEBHOOK_SES_TOPICS": senders.TOPIC,
    "INLAY_EMAIL_IN_URL": "allow",
}
SEGMENTS = "segments:\n  readers: {did: email_opened}\n  clickers: {did: email_clicked}\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of(SHOP, **KEYS)
    (running.content / "rules" / "readers.yaml").write_text("version: 1\n" + SEGMENTS)
    running.until(lambda: reloaded(running), 10)
    yield running
    running.close()


def reloaded(server: Server) -> bool:
    server.post("/v1/events", {"type": "track", "userId": "reload-probe", "event": "email_opened"})
    return "readers" in server.get("/v1/profiles/reload-probe").json["segments"]


def opened(who: str, **more: Any) -> dict[str, Any]:
    return {"event": "open", "timestamp": senders.now(), "email": f"{who}@shop.example", "sg_event_id": uuid.uuid4().hex, "sg_message_id": "m1.f", **more}


def sendgrid(server: Server, rows: Any, *, at: int = 0, key: Any = senders.CURVE) -> Answer:
    body = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
    return server.post("/v1/webhooks/sendgrid", body, **senders.sendgrid(body, at or senders.now(), key))


def history(server: Server, who: str) -> list[str]:
    answer = server.get(f"/v1/profiles/email:{who}@shop.example/events")
    return [each["event"] for each in answer.json["events"]] if answer.status == 200 else []


def metric(server: Server, name: str, **labels: str) -> float:
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    rows = [row for row in server.get("/metrics").text.splitlines() if row.startswith(name + "{") and all(each in row for each in wanted)]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


def test_an_open_reaches_the_profile_of_its_address(server, who):
    answer = sendgrid(server, [opened(who)])

    assert (answer.status, answer.json) == (200, {"accepted": 1, "duplicates": 0, "rejected": [], "unknown": 0})
    assert history(server, who) == ["email_opened"]
    assert "readers" in server.get(f"/v1/profiles/email:{who}@shop.example").json["segments"]


def test_an_open_reaches_the_profile_that_the_mail_s_own_data_name(server, who):
    sendgrid(server, [opened(who, inlay_profile=who, inlay_send="news-1")])

    kept = server.get(f"/v1/profiles/{who}/events").json["events"][0]

    assert (kept["event"], kept["properties"]) == ("email_opened", {"message_id": "m1", "send": "news-1"})


@pytest.mark.parametrize("key", [senders.CURVE, senders.OTHER_CURVE])
def test_the_old_key_and_the_new_one_count_while_they_are_rotated(server, who, key):
    assert sendgrid(server, [opened(who)], key=key).json["accepted"] == 1


@pytest.mark.parametrize("more", [{"sg_machine_open": True}, {"useragent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"}])
def test_an_open_by_a_machine_makes_nobody_a_reader(server, who, more):
    sendgrid(server, [opened(who, **more)])

    assert history(server, who) == ["email_opened_by_machine"]
    assert "readers" not in server.get(f"/v1/profiles/email:{who}@shop.example").json["segments"]


def test_a_click_within_a_second_of_the_delivery_makes_nobody_a_clicker(server, who):
    at = senders.now()
    sendgrid(server, [opened(who, event="delivered", timestamp=at)])

    sendgrid(server, [opened(who, event="click", timestamp=at + 1, url="https://x.example")])

    assert history(server, who)[0] == "email_clicked_by_machine"
    assert "clickers" not in server.get(f"/v1/profiles/email:{who}@shop.example").json["segments"]


def test_a_click_within_a_second_of_a_delivery_in_the_same_batch_is_a_machine_s(server, who):
    at = senders.now()

    sendgrid(server, [opened(who, event="click", timestamp=at, url="https://x.example"), opened(who, event="delivered", timestamp=at)])

    assert sorted(history(server, who)) == ["email_clicked_by_machine", "email_delivered"]


def test_a_click_two_seconds_after_the_delivery_is_a_person_s(server, who):
    at = senders.now()
    sendgrid(server, [opened(who, event="delivered", timestamp=at - 2)])

    sendgrid(server, [opened(who, event="click", timestamp=at, url="https://x.example")])

    assert history(server, who)[0] == "email_clicked"


def test_the_same_request_again_is_refused(server, who):
    body, at = json.dumps([opened(who)]).encode(), senders.now()
    sendgrid(server, body, at=at)

    again = sendgrid(server, body, at=at)

    assert (again.status, again.json["error"]["code"]) == (409, "replayed")
    assert history(server, who) == ["email_opened"]


def test_the_same_events_in_another_request_count_once(server, who):
    rows = [opened(who)]
    sendgrid(server, rows, at=senders.now())

    again = sendgrid(server, rows, at=senders.now() - 1)

    assert (again.status, again.json["duplicates"]) == (200, 1)
    assert history(server, who) == ["email_opened"]


def test_mailgun_is_told_to_give_up_by_a_406(server, who):
    body = senders.mailgun({"event": "opened", "recipient": f"{who}@shop.example", "timestamp": senders.now(), "id": who}, senders.now())
    first = server.post("/v1/webhooks/mailgun", body)

    assert (first.status, server.post("/v1/webhooks/mailgun", body).status) == (200, 406)


@pytest.mark.parametrize(("change", "code"), [({"at": 1_600_000_000}, "stale"), ({"key": senders.generate_private_key(senders.SECP256R1())}, "forged")])
def test_what_is_stale_or_forged_is_a_401_and_changes_nothing(server, who, change, code):
    answer = sendgrid(server, [opened(who)], **change)

    assert (answer.status, answer.json["error"]["code"], history(server, who)) == (401, code, [])


def test_a_secret_that_is_wrong_is_refused_before_the_body_is_read(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"POST /v1/webhooks/postmark HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\nAuthorization: Bearer no\r\n\r\n")

        assert client.recv(64).startswith(b"HTTP/1.1 401 ")


def test_a_body_of_100_mb_is_refused_by_its_announcement(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"POST /v1/webhooks/mailersend HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\nExpect: 100-continue\r\nSignature: 00\r\n\r\n")

        assert client.recv(64).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 50 + b"]" * 50, b""])
def test_what_is_no_json_is_a_400_though_its_signature_holds(server, body):
    answer = sendgrid(server, body)

    assert (answer.status, answer.json["error"]["code"]) == (400, "unparsable")


def test_a_broken_event_leaves_its_neighbours(server, who):
    answer = sendgrid(server, [7, opened(who), opened(who, email=""), opened(who, timestamp=senders.now() + 200_000)])

    assert (answer.status, answer.json["accepted"]) == (200, 1)
    assert [(each["index"], each["reason"]) for each in answer.json["rejected"]] == [(0, "invalid"), (2, "no_identity"), (3, "future")]


def test_an_unknown_type_is_accepted_counted_and_not_applied(server, who):
    before = metric(server, "inlay_webhook_events_total", source="sendgrid", outcome="unknown")

    answer = sendgrid(server, [opened(who, event="account_status_change")])

    assert (answer.status, answer.json["unknown"], history(server, who)) == (200, 1, [])
    assert metric(server, "inlay_webhook_events_total", source="sendgrid", outcome="unknown") == before + 1


def test_a_batch_of_thousands_is_taken_whole(server, who):
    rows = [opened(f"{who}{number % 300}") for number in range(5_000)]

    assert sendgrid(server, rows).json["accepted"] == 5_000


def test_requests_are_counted_by_source_and_outcome(server, who):
    before = metric(server, "inlay_webhooks_total", source="resend", outcome="forged")

    server.post("/v1/webhooks/resend", b"{}", **senders.standard(b"{}", senders.now(), b"another secret", prefix="svix"))

    assert metric(server, "inlay_webhooks_total", source="resend", outcome="forged") == before + 1


def test_resend_and_mailersend_and_postmark_and_standard_webhooks_are_taken(server, who):
    address = f"{who}@shop.example"
    resend = json.dumps({"type": "email.delivered", "created_at": "2026-01-01T00:00:00Z", "data": {"email_id": "m", "to": [address]}}).encode()
    mailersend = json.dumps({"type": "activity.opened", "data": {"id": who, "email": {"recipient": {"email": address}}}}).encode()
    postmark = json.dumps({"RecordType": "Delivery", "Recipient": address, "MessageID": "m"}).encode()
    other = json.dumps({"type": "email.clicked", "data": {"email": address}}).encode()

    answers = [
        server.post("/v1/webhooks/resend", resend, **senders.standard(resend, senders.now(), prefix="svix", id=who)),
        server.post("/v1/webhooks/mailersend", mailersend, **senders.mailersend(mailersend)),
        server.post("/v1/webhooks/postmark", postmark, **senders.basic("me:pass")),
        server.post("/v1/webhooks/standard", other, **senders.standard(other, senders.now(), id=who)),
    ]

    assert [answer.status for answer in answers] == [200] * 4
    assert sorted(history(server, who)) == ["email_clicked", "email_delivered", "email_delivered", "email_opened"]


def test_a_topic_that_is_not_ours_is_refused_before_the_body_is_read(server):
    answer = server.post("/v1/webhooks/ses", b"{}", **{"x-amz-sns-topic-arn": "arn:aws:sns:eu-west-1:999999999999:theirs"})

    assert (answer.status, answer.json["error"]["code"]) == (401, "forged")


def test_a_source_without_a_key_is_refused(server):
    answer = server.post("/v1/webhooks/brevo", b"{}", **senders.basic("me:pass"))

    assert (answer.status, answer.json["error"]["code"]) == (401, "unconfigured")


def test_an_unknown_source_is_a_404_that_names_those_there_are(server):
    answer = server.post("/v1/webhooks/pigeon", b"{}")

    assert answer.status == 404
    assert "sendgrid" in answer.text


def test_a_replay_is_refused_by_another_worker_too(who):
    server = Server.of(SHOP, workers=2, **KEYS)
    try:
        body, at = json.dumps([opened(who)]).encode(), senders.now()
        sendgrid(server, body, at=at)

        again = {sendgrid(server, body, at=at).status for _ in range(20)}

        assert again == {409}
    finally:
        server.close()
