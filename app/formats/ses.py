"""Amazon SES over SNS: a notification whose `Message` is JSON in a text, of one mail and one or more recipients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.domain.json import Json, is_list, is_object
from app.formats import esp
from app.formats.esp import Reported, Row, instant, mapping, row_of, shown, text, texts

NAMES = {
    "Send": esp.SENT, "Delivery": esp.DELIVERED, "DeliveryDelay": esp.DEFERRED, "Bounce": esp.BOUNCED, "Complaint": esp.COMPLAINED, "Reject": esp.DROPPED,
    "Rendering Failure": esp.FAILED, "Open": esp.OPENED, "Click": esp.CLICKED, "Subscription": esp.UNSUBSCRIBED,
}
DETAILS = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
"""Where the details lie, where not under the kind in lower case."""


def rows_of(body: Json) -> list[Json]:
    return [mapping(row_of(body).get("Message"))]


def read(row: Row) -> list[Reported]:
    kind = text(row.get("eventType")) or text(row.get("notificationType"))
    mail, details = row_of(row.get("mail")), row_of(row.get(DETAILS.get(kind, kind.lower())))
    name = NAMES.get(kind, esp.UNKNOWN)
    if kind == "Subscription" and row_of(details.get("newTopicPreferences")).get("unsubscribeAll") is not True:
        name = esp.UNKNOWN
    at = instant(details.get("timestamp"), mail.get("timestamp"))
    custom = {key: value[0] for key, value in mapping(mail.get("tags")).items() if is_list(value) and value and not key.startswith("ses:")}
    shared = shown(bounce=_bounce(name, details), reason=_reason(name, details), url=text(details.get("link")), user_agent=text(details.get("userAgent")),
                   description=text(details.get("reason")) or text(details.get("errorMessage")) or text(details.get("delayType")))
    return [
        Reported(name, kind, at, address, text(mail.get("messageId")), _event_id(details, address),
                 shared | shown(response=response or text(details.get("smtpResponse"))), dict(custom))
        for address, response in _recipients(details, mail)
    ]


def _event_id(details: Row, address: str) -> str:
    feedback = text(details.get("feedbackId"))
    return f"{feedback} {address.lower()}" if feedback else ""


def _recipients(details: Row, mail: Row) -> Iterable[tuple[str, str]]:
    """(address, what its server said) of everybody that the details name, else of all recipients of the mail."""
    for key in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        if is_list(rows := details.get(key)):
            return [(_address(each.get("emailAddress")), text(each.get("diagnosticCode"))) for each in rows if is_object(each)]
    named = texts(details.get("recipients")) or texts(mail.get("destination"))
    return [(_address(each), "") for each in named] or [("", "")]


def _address(value: Any) -> str:
    """The bare address of `Name <address>`."""
    found = text(value)
    return found.rpartition("<")[2].rstrip(">") if "<" in found else found


def _bounce(name: str, details: Row) -> str:
    return ("hard" if details.get("bounceType") == "Permanent" else "soft") if name == esp.BOUNCED else ""


def _reason(name: str, details: Row) -> str:
    if name == esp.BOUNCED:
        kind = text(details.get("bounceSubType"))
        return {"NoEmail": "invalid", "Suppressed": "blocked", "OnAccountSuppressionList": "blocked", "ContentRejected": "blocked"}.get(kind, "bounced")
    return {esp.COMPLAINED: "spam", esp.DROPPED: "blocked", esp.UNSUBSCRIBED: "unsubscribed"}.get(name, "")
