"""Opens and clicks that no person made: prefetching mail clients, image proxies, link scanners.

They are filed under a name of their own (`email_opened_by_machine`), so that no condition, feature or cap over
`email_opened` and `email_clicked` ever has to leave them out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from app.domain.event import Event
from app.domain.history import History

BY_PERSON = frozenset({"email_opened", "email_clicked"})
SUFFIX = "_by_machine"
HASTE_MILLISECONDS = 1_000
"""Nobody reads a mail, or follows a link in it, within a second of its delivery."""

_BARE = "Mozilla/5.0"
"""What Apple's Mail Privacy Protection fetches with, and nothing that people read mail with."""

_GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0"
"""What is left of Gmail's proxy where an ESP cuts its remark off."""

_PROXY = re.compile(r"GoogleImageProxy|ggpht\.com|YahooMailProxy|YahooCacheSystem|ImageProxy|Image-?Cache", re.IGNORECASE)
_SCANNER = re.compile(
    r"barracuda|mimecast|proofpoint|symantec|messagelabs|ironport|sophos|trendmicro|forcepoint|safelinks|urldefense|"
    r"bingpreview|headlesschrome|phantomjs|slackbot|facebookexternalhit|"
    r"\b(?:curl|wget|python-requests|python-urllib|aiohttp|go-http-client|java|okhttp|libwww-perl|apache-httpclient)/|"
    r"(?:bot|spider|crawler|scanner|preview)\b",
    re.IGNORECASE,
)


def machine_of(user_agent: str) -> str:
    """Which kind of machine names itself so: `prefetch`, `proxy`, `scanner`; empty for a person's client or none."""
    if not user_agent:
        return ""
    if user_agent.strip() == _BARE:
        return "prefetch"
    if user_agent.strip() == _GMAIL or _PROXY.search(user_agent):
        return "proxy"
    return "scanner" if _SCANNER.search(user_agent) else ""


def told_apart(event: Event) -> Event:
    """The event as it is filed: an open or click that says of itself that a machine made it, or whose `user_agent` does,
    goes by the machine's name, with `machine: true` and `machine_kind`. Everything else is given back as it is."""
    if event.name not in BY_PERSON:
        return event
    agent = event.properties.get("user_agent")
    kind = machine_of(agent) if isinstance(agent, str) else ""
    if not kind and event.properties.get("machine") is not True:
        return event
    return by_machine(event, kind or "told")


def by_machine(event: Event, kind: str) -> Event:
    """The same open or click, filed as a machine's; a kind that is known already stays."""
    known: Mapping[str, Any] = {"machine": True, "machine_kind": kind} | event.properties
    return Event(event.name + SUFFIX, event.at, event.id, {**known, "machine": True})


def delivered_at(history: History, message_id: str, upto: int) -> int | None:
    """When the latest delivery of a mail before `upto` happened, as far as it is known."""
    number = history.names.types.get("email_delivered")
    if number is None:
        return None
    for i in reversed(history.positions(number, 0, history.upto(upto))):
        if history.value(i, "message_id") == message_id:
            return history.ts[i]
    return None


PREFETCH_MILLISECONDS = 60_000
"""Gmail's proxy fetches pictures ahead as a mail arrives, and again when it is opened: within a minute it was no person."""

_AHEAD = re.compile(r"Edge/12\.246 Mozilla/5\.0$")
"""What Gmail's own programs fetch ahead with, as a mail arrives."""


def fetched_ahead(user_agent: str, purpose: str, age: int) -> str:
    """Which kind of machine fetched a picture of a mail that was made `age` ms ago without anybody looking at it: `prefetch` or
    `scanner`; empty where somebody did, be it through a proxy. `purpose` is what the request says of itself (`Sec-Purpose`)."""
    kind = machine_of(user_agent)
    if kind == "proxy":
        return "prefetch" if age < PREFETCH_MILLISECONDS else ""
    return kind or ("prefetch" if _AHEAD.search(user_agent) or "prefetch" in purpose.lower() else "")


def followed_ahead(user_agent: str, purpose: str) -> str:
    """Which kind of machine followed a link without anybody having clicked it. No browser hides its name."""
    return machine_of(user_agent) or ("prefetch" if "prefetch" in purpose.lower() or "preview" in purpose.lower() else "") or ("" if user_agent else "scanner")
