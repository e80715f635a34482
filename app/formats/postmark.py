"""Postmark's webhooks: one object a request, its kind in `RecordType`."""

from __future__ import annotations

from app.formats import esp
from app.formats.esp import Reported, Row, instant, mapping, rows_of, shown, text, texts

__all__ = ["read", "rows_of"]

BOUNCES: dict[str, tuple[str, str, str]] = {
    "HardBounce": (esp.BOUNCED, "hard", "bounced"), "BadEmailAddress": (esp.BOUNCED, "hard", "invalid"),
    "SoftBounce": (esp.BOUNCED, "soft", "bounced"), "DnsError": (esp.BOUNCED, "soft", "bounced"), "Undeliverable": (esp.BOUNCED, "soft", "bounced"),
    "Unknown": (esp.BOUNCED, "soft", "bounced"), "VirusNotification": (esp.BOUNCED, "soft", "blocked"), "Blocked": (esp.BOUNCED, "soft", "blocked"),
    "Transient": (esp.DEFERRED, "", ""), "SpamNotification": (esp.COMPLAINED, "", "spam"), "SpamComplaint": (esp.COMPLAINED, "", "spam"),
    "ManuallyDeactivated": (esp.DROPPED, "", "blocked"), "DMARCPolicy": (esp.DROPPED, "", "blocked"),
    "SMTPApiError": (esp.FAILED, "", ""), "TemplateRenderingFailed": (esp.FAILED, "", ""),
    "Unsubscribe": (esp.UNSUBSCRIBED, "", "unsubscribed"), "Subscribe": (esp.SUBSCRIBED, "", ""),
}
"""Of a bounce's `Type`: what it is, hard or soft, and why. Replies of machines and the like are none."""

SUPPRESSIONS: dict[str, tuple[str, str, str]] = {
    "HardBounce": (esp.BOUNCED, "hard", "bounced"), "SpamComplaint": (esp.COMPLAINED, "", "spam"), "ManualSuppression": (esp.UNSUBSCRIBED, "", "unsubscribed"),
}
NAMES = {"Delivery": esp.DELIVERED, "Open": esp.OPENED, "Click": esp.CLICKED}
NOTHING = (esp.UNKNOWN, "", "")


def read(row: Row) -> list[Reported]:
    kind = text(row.get("RecordType"))
    name, bounce, reason = _meaning(kind, row)
    properties = shown(
        bounce=bounce, reason=reason, description=text(row.get("Description")), response=text(row.get("Details")), url=text(row.get("OriginalLink")),
        user_agent=text(row.get("UserAgent")), tags=texts(row.get("Tag")),
    )
    at = instant(*(row.get(key) for key in ("DeliveredAt", "BouncedAt", "ReceivedAt", "ChangedAt")))
    recipient = text(row.get("Recipient")) or text(row.get("Email"))
    return [Reported(name, kind, at, recipient, text(row.get("MessageID")), text(row.get("ID")), properties, mapping(row.get("Metadata")))]


def _meaning(kind: str, row: Row) -> tuple[str, str, str]:
    """(name, hard or soft, reason) of a record."""
    if kind in ("Bounce", "SpamComplaint"):
        return BOUNCES.get(text(row.get("Type")) or kind, NOTHING)
    if kind == "SubscriptionChange":
        if row.get("SuppressSending") is False:
            return esp.SUBSCRIBED, "", ""
        return SUPPRESSIONS.get(text(row.get("SuppressionReason")), NOTHING)
    return NAMES.get(kind, esp.UNKNOWN), "", ""
