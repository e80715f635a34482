"""Brevo's webhooks for transactional and marketing mails: one object a request, or a list of them."""

from __future__ import annotations

from typing import Any

from app.formats import esp
from app.formats.esp import Reported, Row, instant, mapping, rows_of, seconds, shown, text, texts

__all__ = ["read", "rows_of"]

NAMES: dict[str, tuple[str, str, str]] = {
    "request": (esp.SENT, "", ""), "sent": (esp.SENT, "", ""), "delivered": (esp.DELIVERED, "", ""), "deferred": (esp.DEFERRED, "", ""),
    "hard_bounce": (esp.BOUNCED, "hard", "bounced"), "hardBounce": (esp.BOUNCED, "hard", "bounced"),
    "soft_bounce": (esp.BOUNCED, "soft", "bounced"), "softBounce": (esp.BOUNCED, "soft", "bounced"),
    "invalid_email": (esp.BOUNCED, "hard", "invalid"), "invalid": (esp.BOUNCED, "hard", "invalid"),
    "blocked": (esp.DROPPED, "", "blocked"), "error": (esp.FAILED, "", ""), "spam": (esp.COMPLAINED, "", "spam"), "complaint": (esp.COMPLAINED, "", "spam"),
    "opened": (esp.OPENED, "", ""), "unique_opened": (esp.OPENED, "", ""), "uniqueOpened": (esp.OPENED, "", ""), "first_opening": (esp.OPENED, "", ""),
    "proxy_open": (esp.OPENED, "", ""), "unique_proxy_open": (esp.OPENED, "", ""), "loadedByProxy": (esp.OPENED, "", ""),
    "click": (esp.CLICKED, "", ""), "clicked": (esp.CLICKED, "", ""),
    "unsubscribe": (esp.UNSUBSCRIBED, "", "unsubscribed"), "unsubscribed": (esp.UNSUBSCRIBED, "", "unsubscribed"),
}
"""Of `event`: what it is, hard or soft, and why."""

BY_PROXY = frozenset({"proxy_open", "unique_proxy_open", "loadedByProxy"})


def read(row: Row) -> list[Reported]:
    kind = text(row.get("event"))
    name, bounce, reason = NAMES.get(kind, (esp.UNKNOWN, "", ""))
    properties = shown(
        bounce=bounce, reason=reason, response=text(row.get("reason")), url=text(row.get("link")) or text(row.get("URL")),
        user_agent=text(row.get("user_agent")), tags=texts(row.get("tags")) or texts(row.get("tag")),
    )
    return [Reported(
        name, kind, _at(row), text(row.get("email")), text(row.get("message-id")), "", properties, mapping(row.get("X-Mailin-custom")),
        "proxy" if kind in BY_PROXY else "",
    )]


def _at(row: Row) -> int | None:
    """`ts_epoch` is in ms; `ts_event` and `ts` in s, the latter in the account's own time; `date` is local without saying where."""
    exact: Any = row.get("ts_epoch", row.get("s_epoch"))
    if type(exact) is int:
        return exact
    at = seconds(row.get("ts_event"))
    return at if at is not None else seconds(row.get("ts")) or instant(row.get("date"))
