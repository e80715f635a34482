"""MailerSend's webhooks: `activity.*`, one a request. Mails carry no data of the sender's own but tags."""

from __future__ import annotations

from app.formats import esp
from app.formats.esp import Reported, Row, instant, row_of, rows_of, shown, text, texts

__all__ = ["read", "rows_of"]

NAMES: dict[str, tuple[str, str, str]] = {
    "activity.sent": (esp.SENT, "", ""), "activity.delivered": (esp.DELIVERED, "", ""), "activity.deferred": (esp.DEFERRED, "", ""),
    "activity.soft_bounced": (esp.BOUNCED, "soft", "bounced"), "activity.hard_bounced": (esp.BOUNCED, "hard", "bounced"),
    "activity.opened": (esp.OPENED, "", ""), "activity.opened_unique": (esp.OPENED, "", ""),
    "activity.clicked": (esp.CLICKED, "", ""), "activity.clicked_unique": (esp.CLICKED, "", ""),
    "activity.spam_complaint": (esp.COMPLAINED, "", "spam"), "activity.unsubscribed": (esp.UNSUBSCRIBED, "", "unsubscribed"),
}


def read(row: Row) -> list[Reported]:
    kind, data = text(row.get("type")), row_of(row.get("data"))
    name, bounce, reason = NAMES.get(kind, (esp.UNKNOWN, "", ""))
    mail, more = row_of(data.get("email")), row_of(data.get("morph"))
    properties = shown(
        bounce=bounce, reason=reason, response=text(more.get("reason")), description=text(more.get("readable_reason")), url=text(more.get("url")),
        user_agent=text(more.get("user_agent")), tags=texts(mail.get("tags")),
    )
    message = text(row_of(mail.get("message")).get("id"))
    recipient = text(row_of(mail.get("recipient")).get("email"))
    return [Reported(name, kind, instant(data.get("created_at"), row.get("created_at")), recipient, message, text(data.get("id")), properties)]
