"""Standard Webhooks: `{type, timestamp, data}` of whatever service; `email.opened` and the like join the one vocabulary.

Any other type is filed under its own name. Who it is about, `data` says: `profile`, `user_id`, or `email`.
"""

from __future__ import annotations

from app.domain.event import event_name
from app.formats import esp
from app.formats.esp import Reported, Row, instant, mapping, row_of, rows_of, shown, text

__all__ = ["read", "rows_of"]

PROFILE = ("profile", "user_id", "userId")
RECIPIENT = ("email", "recipient", "to")
TAKEN = frozenset({*PROFILE, *RECIPIENT, "message_id", "send", "metadata"})
REASONS = {esp.COMPLAINED: "spam", esp.UNSUBSCRIBED: "unsubscribed"}


def read(row: Row) -> list[Reported]:
    kind, data = text(row.get("type")), row_of(row.get("data"))
    name = event_name(kind)[:200]
    custom = mapping(data.get("metadata")) | shown(inlay_profile=_first(data, PROFILE), inlay_send=text(data.get("send")))
    properties = {key: value for key, value in data.items() if key not in TAKEN and value is not None}
    if name in REASONS:
        properties.setdefault("reason", REASONS[name])
    return [Reported(name, kind, instant(row.get("timestamp")), _first(data, RECIPIENT), text(data.get("message_id")), text(row.get("id")), properties, custom)]


def _first(data: Row, keys: tuple[str, ...]) -> str:
    return next((found for key in keys if (found := text(data.get(key)))), "")
