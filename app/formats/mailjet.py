"""Mailjet's Event API: one object, or a list where events are grouped; `Payload` holds the sender's own data."""

from __future__ import annotations

from app.formats import esp
from app.formats.esp import Reported, Row, mapping, rows_of, seconds, shown, text

__all__ = ["read", "rows_of"]

NAMES = {
    "sent": esp.DELIVERED, "open": esp.OPENED, "click": esp.CLICKED, "bounce": esp.BOUNCED, "blocked": esp.DROPPED, "spam": esp.COMPLAINED,
    "unsub": esp.UNSUBSCRIBED,
}
"""Mailjet's `sent` is what the recipient's server took."""

REASONS = {esp.DROPPED: "blocked", esp.COMPLAINED: "spam", esp.UNSUBSCRIBED: "unsubscribed"}


def read(row: Row) -> list[Reported]:
    kind, error = text(row.get("event")), text(row.get("error"))
    name = NAMES.get(kind, esp.UNKNOWN)
    hard = row.get("hard_bounce") in (True, "true", 1)
    reason = ("invalid" if error in ("user unknown", "no mx", "typofix") else "bounced") if name == esp.BOUNCED else REASONS.get(name, "")
    properties = shown(
        bounce=("hard" if hard else "soft") if name == esp.BOUNCED else "", reason=reason, description=error,
        response=text(row.get("comment")) or text(row.get("smtp_reply")), url=text(row.get("url")), user_agent=text(row.get("agent")),
    )
    custom = mapping(row.get("Payload")) | shown(custom_id=text(row.get("CustomID")))
    return [Reported(name, kind, seconds(row.get("time")), text(row.get("email")), text(row.get("MessageID")), "", properties, custom)]
