"""SendGrid's Event Webhook: a list of flat objects; a sender's own data lie among the keys."""

from __future__ import annotations

from app.formats import esp
from app.formats.esp import Reported, Row, rows_of, seconds, shown, text, texts

__all__ = ["read", "rows_of"]

NAMES = {
    "processed": esp.SENT, "delivered": esp.DELIVERED, "deferred": esp.DEFERRED, "bounce": esp.BOUNCED, "blocked": esp.BOUNCED, "dropped": esp.DROPPED,
    "open": esp.OPENED, "click": esp.CLICKED, "spamreport": esp.COMPLAINED, "unsubscribe": esp.UNSUBSCRIBED,
    "group_unsubscribe": esp.UNSUBSCRIBED, "group_resubscribe": esp.SUBSCRIBED,
}
REASONS = {
    "invalid": "invalid", "bounced address": "bounced", "unsubscribed address": "unsubscribed", "spam reporting address": "spam",
    "spam content": "spam", "recipient list over package quota": "other",
}
OWN = frozenset({
    "asm_group_id", "attempt", "bounce_classification", "category", "cert_err", "email", "event", "ip", "marketing_campaign_id",
    "marketing_campaign_name", "marketing_campaign_version", "mc_stats", "newsletter", "phase_id", "pool", "reason", "response", "send_at",
    "sg_content_type", "sg_event_id", "sg_machine_open", "sg_message_id", "sg_template_id", "sg_template_name", "singlesend_id",
    "singlesend_name", "smtp-id", "status", "template_hash", "template_id", "template_version_id", "timestamp", "tls", "type", "url",
    "url_offset", "useragent",
})
"""Keys that are SendGrid's; all others are the sender's."""


def read(row: Row) -> list[Reported]:
    kind = text(row.get("event"))
    name, reason = NAMES.get(kind, esp.UNKNOWN), text(row.get("reason"))
    soft = kind == "blocked" or row.get("type") == "blocked"
    properties = shown(
        bounce=("soft" if soft else "hard") if name == esp.BOUNCED else None, reason=_reason(name, reason, soft), url=text(row.get("url")),
        response=text(row.get("response")) or (reason if name == esp.BOUNCED else ""), description=reason if name == esp.DROPPED else "",
        user_agent=text(row.get("useragent")), tags=texts(row.get("category")),
    )
    return [Reported(
        name, kind, seconds(row.get("timestamp")), text(row.get("email")), _message(row), text(row.get("sg_event_id")), properties,
        {key: value for key, value in row.items() if key not in OWN}, "prefetch" if row.get("sg_machine_open") is True else "",
    )]


def _message(row: Row) -> str:
    """The X-Message-Id that the API answered; what follows its first dot tells servers, not mails."""
    id = text(row.get("sg_message_id"))
    return id if id.startswith("filter") or not id else id.partition(".")[0]


def _reason(name: str, reason: str, soft: bool) -> str:
    match name:
        case esp.DROPPED:
            return REASONS.get(reason.lower(), "other")
        case esp.BOUNCED:
            return "blocked" if soft else "bounced"
        case esp.COMPLAINED:
            return "spam"
        case _:
            return ""
