"""SparkPost's webhooks: a list of `{"msys": {class: event}}`; an empty one is how it tries an address."""

from __future__ import annotations

from app.domain.json import Json
from app.formats import esp
from app.formats.esp import Reported, Row, mapping, row_of, seconds, shown, text, texts

NAMES = {
    "injection": esp.SENT, "delivery": esp.DELIVERED, "delay": esp.DEFERRED, "bounce": esp.BOUNCED, "out_of_band": esp.BOUNCED,
    "policy_rejection": esp.DROPPED, "generation_rejection": esp.DROPPED, "generation_failure": esp.FAILED, "spam_complaint": esp.COMPLAINED,
    "list_unsubscribe": esp.UNSUBSCRIBED, "link_unsubscribe": esp.UNSUBSCRIBED, "open": esp.OPENED, "initial_open": esp.OPENED,
    "amp_open": esp.OPENED, "amp_initial_open": esp.OPENED, "click": esp.CLICKED, "amp_click": esp.CLICKED,
}
HARD = frozenset({"10", "30", "90"})
"""Bounce classes: invalid recipient, generic without recipient, unsubscribe."""
BLOCKED = frozenset({"25", "50", "51", "52", "53", "54"})


def rows_of(body: Json) -> list[Json]:
    rows = body if isinstance(body, list) else [body]
    events = [each.get("msys") if isinstance(each, dict) else each for each in rows]
    return [next(iter(each.values())) if isinstance(each, dict) else each for each in events if each != {}]


def read(row: Row) -> list[Reported]:
    kind, group = text(row.get("type")), text(row.get("bounce_class"))
    name = NAMES.get(kind, esp.UNKNOWN)
    agent = row_of(row.get("user_agent_parsed"))
    properties = shown(
        bounce=("hard" if group in HARD else "soft") if name == esp.BOUNCED else "", reason=_reason(name, group), url=text(row.get("target_link_url")),
        response=text(row.get("raw_reason")) or text(row.get("reason")), user_agent=text(row.get("user_agent")), tags=texts(row.get("rcpt_tags")),
    )
    machine = "prefetch" if agent.get("is_prefetched") is True else "proxy" if agent.get("is_proxy") is True else ""
    return [Reported(
        name, kind, seconds(row.get("timestamp")), text(row.get("raw_rcpt_to")) or text(row.get("rcpt_to")), text(row.get("message_id")),
        text(row.get("event_id")), properties, mapping(row.get("rcpt_meta")), machine,
    )]


def _reason(name: str, group: str) -> str:
    if name == esp.BOUNCED:
        return "invalid" if group == "10" else "blocked" if group in BLOCKED else "bounced"
    return {esp.COMPLAINED: "spam", esp.DROPPED: "blocked", esp.UNSUBSCRIBED: "unsubscribed"}.get(name, "")
