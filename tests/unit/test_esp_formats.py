"""Every ESP's words for what became of a mail mean the same here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.custom_keys import USUAL_KEYS
from app.domain.event import Heard
from app.formats.esp import heard
from app.formats.esps import FORMATS
from app.formats.segment import NotHeard
from app.wiring import hashed_id

AT = 1_760_000_000
NOW = AT * 1000 + 5_000
ISO = "2025-10-09T08:53:20Z"


def told(source: str, body: Any) -> list[Heard]:
    """Everything a body reports that means something."""
    format = FORMATS[source]
    reports = [report for row in format.rows(body) if isinstance(row, dict) for report in format.read(row)]
    return [heard(report, source, USUAL_KEYS, NOW, hashed_id) for report in reports if report.name]


def ses(kind: str, **details: Any) -> dict[str, Any]:
    key = {"DeliveryDelay": "deliveryDelay", "Rendering Failure": "failure"}.get(kind, kind.lower())
    mail = {"timestamp": ISO, "messageId": "m", "destination": ["a@b.example"], "tags": {"inlay_profile": ["u1"], "ses:caller-identity": ["x"]}}
    return {"Message": json.dumps({"eventType": kind, "mail": mail, key: {"timestamp": ISO, **details}})}


def sparkpost(kind: str, **more: Any) -> list[dict[str, Any]]:
    return [{"msys": {"message_event": {"type": kind, "timestamp": str(AT), "rcpt_to": "a@b.example", "message_id": "m", "event_id": "e", **more}}}]


def mailgun(kind: str, **more: Any) -> dict[str, Any]:
    return {"event-data": {"event": kind, "timestamp": AT + 0.25, "recipient": "a@b.example", "id": "e", "message": {"headers": {"message-id": "m"}}, **more}}


def mailjet(kind: str, **more: Any) -> dict[str, Any]:
    return {"event": kind, "time": AT, "MessageID": 7, "email": "a@b.example", **more}


def mailersend(kind: str, **morph: Any) -> dict[str, Any]:
    mail = {"message": {"id": "m"}, "recipient": {"email": "a@b.example"}, "tags": ["t"]}
    return {"type": f"activity.{kind}", "data": {"id": "e", "created_at": ISO, "email": mail, "morph": morph or None}}


def resend(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": f"email.{kind}", "created_at": ISO, "data": {"email_id": "m", "to": ["a@b.example"], **more}}


def sendgrid(kind: str, **more: Any) -> list[dict[str, Any]]:
    return [{"event": kind, "timestamp": AT, "email": "a@b.example", "sg_message_id": "m.x", "sg_event_id": kind, **more}]


MEANINGS: list[tuple[str, Any, str, dict[str, Any]]] = [
    ("sendgrid", sendgrid("blocked"), "email_bounced", {"bounce": "soft", "reason": "blocked"}),
    ("sendgrid", sendgrid("bounce", type="blocked"), "email_bounced", {"bounce": "soft", "reason": "blocked"}),
    ("sendgrid", sendgrid("bounce"), "email_bounced", {"bounce": "hard", "reason": "bounced"}),
    ("sendgrid", sendgrid("dropped", reason="Spam Reporting Address"), "email_dropped", {"reason": "spam"}),
    ("sendgrid", sendgrid("dropped", reason="who knows"), "email_dropped", {"reason": "other"}),
    ("sendgrid", sendgrid("spamreport"), "email_complained", {"reason": "spam"}),
    ("sendgrid", sendgrid("group_unsubscribe"), "email_unsubscribed", {}), ("sendgrid", sendgrid("group_resubscribe"), "email_subscribed", {}),
    ("sendgrid", sendgrid("open", sg_machine_open=True), "email_opened_by_machine", {"machine": True, "machine_kind": "prefetch"}),
    ("postmark", {"RecordType": "Bounce", "Type": "Transient", "Email": "a@b.example", "BouncedAt": ISO}, "email_deferred", {}),
    ("postmark", {"RecordType": "Bounce", "Type": "BadEmailAddress", "Email": "a@b.example", "BouncedAt": ISO}, "email_bounced", {"bounce": "hard", "reason": "invalid"}),
    ("postmark", {"RecordType": "Bounce", "Type": "SoftBounce", "Email": "a@b.example", "BouncedAt": ISO}, "email_bounced", {"bounce": "soft"}),
    ("brevo", {"event": "proxy_open", "email": "a@b.example", "ts_event": AT}, "email_opened_by_machine", {"machine_kind": "proxy"}),
    ("brevo", {"event": "hardBounce", "email": "a@b.example", "ts_event": AT}, "email_bounced", {"bounce": "hard"}),
    ("brevo", {"event": "soft_bounce", "email": "a@b.example", "ts_event": AT}, "email_bounced", {"bounce": "soft"}),
    ("mailgun", mailgun("accepted"), "email_sent", {"message_id": "m"}), ("mailgun", mailgun("delivered"), "email_delivered", {}),
    ("mailgun", mailgun("failed", severity="temporary"), "email_deferred", {}),
    ("mailgun", mailgun("failed", severity="permanent", **{"delivery-status": {"message": "550 no"}}), "email_bounced", {"bounce": "hard", "response": "550 no"}),
    ("mailgun", mailgun("failed", severity="permanent", reason="suppress-unsubscribe"), "email_dropped", {"reason": "unsubscribed"}),
    ("mailgun", mailgun("rejected", reject={"reason": "Sandbox"}), "email_dropped", {"reason": "blocked", "description": "Sandbox"}),
    ("mailgun", mailgun("opened", **{"client-info": {"bot": "apple"}}), "email_opened_by_machine", {"machine_kind": "prefetch"}),
    ("mailgun", mailgun("opened", **{"client-info": {"bot": "", "user-agent": "Thunderbird/115"}}), "email_opened", {"user_agent": "Thunderbird/115"}),
    ("mailgun", mailgun("clicked", url="https://x.example", **{"client-info": {"bot": "generic"}}), "email_clicked_by_machine", {"machine_kind": "scanner"}),
    ("mailgun", mailgun("complained"), "email_complained", {}), ("mailgun", mailgun("unsubscribed"), "email_unsubscribed", {}),
    ("ses", ses("Send"), "email_sent", {"message_id": "m"}), ("ses", ses("Delivery", smtpResponse="250 ok"), "email_delivered", {"response": "250 ok"}),
    ("ses", ses("DeliveryDelay", delayType="MailboxFull"), "email_deferred", {"description": "MailboxFull"}),
    ("ses", ses("Bounce", bounceType="Permanent", bounceSubType="NoEmail", bouncedRecipients=[{"emailAddress": "a@b.example", "diagnosticCode": "550"}]),
     "email_bounced", {"bounce": "hard", "reason": "invalid", "response": "550"}),
    ("ses", ses("Bounce", bounceType="Transient"), "email_bounced", {"bounce": "soft"}),
    ("ses", ses("Complaint", complainedRecipients=[{"emailAddress": "a@b.example"}]), "email_complained", {"reason": "spam"}),
    ("ses", ses("Reject", reason="Bad content"), "email_dropped", {"description": "Bad content"}),
    ("ses", ses("Rendering Failure", errorMessage="no x"), "email_failed", {"description": "no x"}),
    ("ses", ses("Open", userAgent="Mozilla/5.0"), "email_opened_by_machine", {"machine_kind": "prefetch"}),
    ("ses", ses("Click", link="https://x.example", userAgent="Mozilla/5.0 (X11) Firefox/140"), "email_clicked", {"url": "https://x.example"}),
    ("ses", ses("Subscription", newTopicPreferences={"unsubscribeAll": True}), "email_unsubscribed", {}),
    ("sparkpost", sparkpost("injection"), "email_sent", {}), ("sparkpost", sparkpost("delivery"), "email_delivered", {}), ("sparkpost", sparkpost("delay"), "email_deferred", {}),
    ("sparkpost", sparkpost("bounce", bounce_class="10"), "email_bounced", {"bounce": "hard", "reason": "invalid"}),
    ("sparkpost", sparkpost("out_of_band", bounce_class=22), "email_bounced", {"bounce": "soft", "reason": "bounced"}),
    ("sparkpost", sparkpost("bounce", bounce_class="51"), "email_bounced", {"bounce": "soft", "reason": "blocked"}),
    ("sparkpost", sparkpost("policy_rejection"), "email_dropped", {}), ("sparkpost", sparkpost("generation_failure"), "email_failed", {}),
    ("sparkpost", sparkpost("spam_complaint"), "email_complained", {}), ("sparkpost", sparkpost("list_unsubscribe"), "email_unsubscribed", {}),
    ("sparkpost", sparkpost("open", user_agent_parsed={"is_prefetched": True}), "email_opened_by_machine", {"machine_kind": "prefetch"}),
    ("sparkpost", sparkpost("open", user_agent_parsed={"is_proxy": True}), "email_opened_by_machine", {"machine_kind": "proxy"}),
    ("sparkpost", sparkpost("initial_open"), "email_opened", {}), ("sparkpost", sparkpost("click", target_link_url="https://x.example"), "email_clicked", {"url": "https://x.example"}),
    ("mailjet", mailjet("sent", smtp_reply="250 ok"), "email_delivered", {"message_id": "7", "response": "250 ok"}), ("mailjet", mailjet("open"), "email_opened", {}),
    ("mailjet", [mailjet("bounce", hard_bounce=True, error="user unknown")], "email_bounced", {"bounce": "hard", "reason": "invalid"}),
    ("mailjet", mailjet("bounce", hard_bounce=False), "email_bounced", {"bounce": "soft"}), ("mailjet", mailjet("blocked", error="preblocked"), "email_dropped", {"reason": "blocked"}),
    ("mailjet", mailjet("spam"), "email_complained", {}), ("mailjet", mailjet("unsub"), "email_unsubscribed", {}), ("mailjet", mailjet("click", url="https://x.example"), "email_clicked", {}),
    ("mailersend", mailersend("sent"), "email_sent", {"message_id": "m", "tags": ["t"]}), ("mailersend", mailersend("delivered"), "email_delivered", {}),
    ("mailersend", mailersend("hard_bounced", reason="550"), "email_bounced", {"bounce": "hard", "response": "550"}),
    ("mailersend", mailersend("soft_bounced"), "email_bounced", {"bounce": "soft"}), ("mailersend", mailersend("opened"), "email_opened", {}),
    ("mailersend", mailersend("clicked", url="https://x.example"), "email_clicked", {"url": "https://x.example"}),
    ("mailersend", mailersend("spam_complaint"), "email_complained", {}), ("mailersend", mailersend("unsubscribed"), "email_unsubscribed", {}),
    ("resend", resend("sent"), "email_sent", {"message_id": "m"}), ("resend", resend("delivered"), "email_delivered", {}), ("resend", resend("delivery_delayed"), "email_deferred", {}),
    ("resend", resend("bounced", bounce={"type": "Permanent", "message": "550"}), "email_bounced", {"bounce": "hard", "response": "550"}),
    ("resend", resend("bounced", bounce={"type": "Transient"}), "email_bounced", {"bounce": "soft"}),
    ("resend", resend("complained"), "email_complained", {}), ("resend", resend("failed", failed={"reason": "quota"}), "email_failed", {"description": "quota"}),
    ("resend", resend("opened", tags=[{"name": "inlay_profile", "value": "u1"}, "x"]), "email_opened", {}), ("resend", resend("suppressed"), "email_dropped", {}),
    ("resend", resend("clicked", click={"link": "https://x.example", "userAgent": "curl/8", "timestamp": ISO}), "email_clicked_by_machine", {"machine_kind": "scanner"}),
    ("standard", {"type": "email.opened", "timestamp": ISO, "data": {"email": "a@b.example", "message_id": "m"}}, "email_opened", {"message_id": "m"}),
    ("standard", {"type": "email.complained", "timestamp": ISO, "data": {"email": "a@b.example"}}, "email_complained", {"reason": "spam"}),
    ("postmark", {"RecordType": "SubscriptionChange", "SuppressSending": False, "ChangedAt": ISO, "Recipient": "a@b.example"}, "email_subscribed", {}),
    ("postmark", {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "ManualSuppression", "ChangedAt": ISO, "Recipient": "a@b.example"}, "email_unsubscribed", {}),
    ("standard", {"type": "order.completed", "timestamp": ISO, "data": {"user_id": 7, "total": 12.5}}, "order_completed", {"total": 12.5}),
]


@pytest.mark.parametrize(("source", "body", "name", "properties"), MEANINGS, ids=[f"{row[0]} {row[2]} {i}" for i, row in enumerate(MEANINGS)])
def test_an_esp_s_word_has_one_meaning(source, body, name, properties):
    found = told(source, body)

    assert [each.event.name for each in found] == [name]
    assert properties.items() <= found[0].event.properties.items()
    assert abs(found[0].event.at - AT * 1000) < 1_000


UNKNOWN = {
    "sendgrid": sendgrid("account_status_change"), "postmark": {"RecordType": "Inbound"}, "brevo": {"event": "list_addition"}, "mailgun": mailgun("stored"),
    "ses": ses("Subscription"), "sparkpost": sparkpost("relay_message"), "mailjet": mailjet("new"), "mailersend": mailersend("survey_opened"), "resend": resend("scheduled"),
}


@pytest.mark.parametrize("source", UNKNOWN)
def test_what_means_nothing_here_is_reported_as_unknown(source):
    format = FORMATS[source]

    assert [report.name for row in format.rows(UNKNOWN[source]) for report in format.read(row)] == [""]


def test_the_mail_s_own_data_name_the_person_and_the_send():
    body = {"RecordType": "Open", "Recipient": "a@b.example", "ReceivedAt": ISO, "Metadata": {"inlay_profile": "u1", "inlay_send": "news-1", "campaign": "c"}}

    found = told("postmark", body)[0]

    assert str(found.who) == "u1"
    assert found.event.properties == {"send": "news-1", "metadata": {"campaign": "c"}}


@pytest.mark.parametrize(("data", "who"), [
    ({"inlay_profile": "anonymous_id:x"}, "anonymous_id:x"), ({"user_id": "u2"}, "u2"), ({"userId": 7}, "7"), ({"inlay_profile": "u1", "user_id": "u2"}, "u1"), ({}, "email:a@b.example"),
])
def test_a_person_is_found_by_the_mail_s_own_data_then_by_the_address(data, who):
    assert str(told("sparkpost", sparkpost("open", rcpt_meta=data, rcpt_to="A@B.example"))[0].who) == who


def test_neither_the_address_nor_what_is_personal_enters_the_history():
    body = sendgrid("open", ip="192.0.2.1", first_name="Ada", city="Bonn")

    assert told("sendgrid", body)[0].event.properties == {"message_id": "m", "metadata": {"city": "Bonn"}}


def test_every_recipient_of_a_mail_has_an_event():
    bounced = [{"emailAddress": "Ada <a@b.example>"}, {"emailAddress": "c@d.example"}]
    body = ses("Bounce", bounceType="Permanent", feedbackId="f", bouncedRecipients=bounced)
    body["Message"] = body["Message"].replace("inlay_profile", "campaign")

    found = told("ses", body)

    assert [str(each.who) for each in found] == ["email:a@b.example", "email:c@d.example"]
    assert len({each.event.id for each in found}) == 2


def test_a_report_that_comes_again_in_another_batch_is_the_same_event():
    one, two = sparkpost("open"), [*sparkpost("delivery", event_id="other"), *sparkpost("open")]

    assert told("sparkpost", one)[0].event.id == told("sparkpost", two)[1].event.id


def test_sparkpost_trying_an_address_reports_nothing():
    assert told("sparkpost", [{"msys": {}}]) == []


@pytest.mark.parametrize(("body", "reason"), [
    (sendgrid("open", timestamp=AT + 2 * 86_400), "future"), (sendgrid("open", email=""), "no_identity"), (sendgrid("open", email="x" * 300), "invalid"),
    (sendgrid("open", user_id="x" * 300), "invalid"), (sendgrid("open", campaign=["y" * 40_000]), "too_large"), (sendgrid("open", campaign="\ud800"), "invalid"),
])
def test_what_cannot_be_filed_says_why(body, reason):
    with pytest.raises(NotHeard) as found:
        told("sendgrid", body)

    assert found.value.reason == reason


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else "x"


def test_data_that_are_nested_deeply_are_left_out():
    assert "metadata" not in told("sendgrid", sendgrid("open", deep=nested(30)))[0].event.properties


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20) | st.sampled_from(["open", "bounce", "email.opened", ISO, "[", "{}", '{"a":1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([
        "event", "type", "data", "msys", "message_event", "event-data", "Message", "mail", "tags", "email", "RecordType", "recipient", "timestamp", "time", "ts_epoch", "to", "user_id",
        "Metadata", "bouncedRecipients", "destination", "severity", "Type", "headers", "message", "client-info", "rcpt_meta", "Payload", "created_at",
    ]), inner, max_size=6), max_leaves=25,
)


@pytest.mark.parametrize("source", FORMATS)
@given(body=JSON)
def test_any_json_at_all_is_told_or_refused(source, body):
    format = FORMATS[source]
    for report in [report for row in format.rows(body) if isinstance(row, dict) for report in format.read(row)]:
        try:
            heard(report, source, USUAL_KEYS, NOW, hashed_id)
        except NotHeard:
            pass
