"""Resend's webhooks: `email.*`, one a request; tags are the sender's own data."""

from __future__ import annotations

from typing import Any

from app.domain.json import is_list, is_object
from app.formats import esp
from app.formats.esp import Reported, Row, instant, mapping, row_of, rows_of, shown, text, texts

__all__ = ["read", "rows_of"]

NAMES = {
    "email.sent": esp.SENT, "email.delivered": esp.DELIVERED, "email.delivery_delayed": esp.DEFERRED, "email.bounced": esp.BOUNCED,
    "email.complained": esp.COMPLAINED, "email.opened": esp.OPENED, "email.clicked": esp.CLICKED, "email.failed": esp.FAILED, "email.suppressed": esp.DROPPED,
}
REASONS = {esp.BOUNCED: "bounced", esp.COMPLAINED: "spam", esp.DROPPED: "blocked"}


def read(row: Row) -> list[Reported]:
    kind, data = text(row.get("type")), row_of(row.get("data"))
    name = NAMES.get(kind, esp.UNKNOWN)
    bounce, act = row_of(data.get("bounce")), row_of(data.get("click")) or row_of(data.get("open"))
    properties = shown(
        bounce=("hard" if bounce.get("type") == "Permanent" else "soft") if name == esp.BOUNCED else "", reason=REASONS.get(name, ""),
        response=text(bounce.get("message")), description=text(row_of(data.get("failed")).get("reason")), url=text(act.get("link")),
        user_agent=text(act.get("userAgent")),
    )
    at = instant(act.get("timestamp"), row.get("created_at"), data.get("created_at"))
    return [
        Reported(name, kind, at, address, text(data.get("email_id")), "", properties, _tags(data.get("tags")))
        for address in texts(data.get("to")) or [""]
    ]


def _tags(value: Any) -> dict[str, Any]:
    """Tags come as an object, or as a list of `{name, value}`."""
    if is_list(value):
        return {text(each.get("name")): each.get("value") for each in value if is_object(each) and text(each.get("name"))}
    return mapping(value)
