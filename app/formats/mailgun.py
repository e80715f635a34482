"""Mailgun's webhooks: `event-data` beside the signature, one a request."""

from __future__ import annotations

from app.domain.json import Json
from app.formats import esp
from app.formats.esp import Reported, Row, mapping, row_of, seconds, shown, text, texts

NAMES = {
    "accepted": esp.SENT, "delivered": esp.DELIVERED, "failed": esp.BOUNCED, "rejected": esp.DROPPED, "opened": esp.OPENED, "clicked": esp.CLICKED,
    "complained": esp.COMPLAINED, "unsubscribed": esp.UNSUBSCRIBED,
}
SUPPRESSED = {"suppress-bounce": "bounced", "suppress-unsubscribe": "unsubscribed", "suppress-complaint": "spam"}
"""Failures that never left Mailgun."""


def rows_of(body: Json) -> list[Json]:
    return [row_of(body).get("event-data")]


def read(row: Row) -> list[Reported]:
    kind, why = text(row.get("event")), text(row.get("reason"))
    name, bounce, reason = _meaning(kind, text(row.get("severity")), why)
    status, client = row_of(row.get("delivery-status")), row_of(row.get("client-info"))
    properties = shown(
        bounce=bounce, reason=reason, response=text(status.get("message")), description=text(status.get("description")) or text(row_of(row.get("reject")).get("reason")),
        url=text(row.get("url")), user_agent=text(client.get("user-agent")), tags=texts(row.get("tags")),
    )
    message = text(row_of(row_of(row.get("message")).get("headers")).get("message-id"))
    bot = text(client.get("bot"))
    return [Reported(
        name, kind, seconds(row.get("timestamp")), text(row.get("recipient")), message, text(row.get("id")), properties,
        mapping(row.get("user-variables")), {"apple": "prefetch", "gmail": "proxy"}.get(bot, "scanner") if bot else "",
    )]


def _meaning(kind: str, severity: str, why: str) -> tuple[str, str, str]:
    """(name, hard or soft, reason); what fails for the moment is tried again."""
    if kind == "failed" and severity == "temporary":
        return esp.DEFERRED, "", ""
    if kind == "failed" and why in SUPPRESSED:
        return esp.DROPPED, "", SUPPRESSED[why]
    reasons = {"failed": "bounced", "rejected": "blocked", "complained": "spam", "unsubscribed": "unsubscribed"}
    return NAMES.get(kind, esp.UNKNOWN), "hard" if kind == "failed" else "", reasons.get(kind, "")
