"""What an event's `context` adds to its properties: where it happened and what led there; nothing that tells who somebody is.

Names begin with `_`, as they are Inlay's and not the sender's. Addresses lose query and fragment, which hold e-mail
addresses and tokens often enough; the campaign is told apart from them. A user agent and an IP address are no properties.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from app.domain.json import Json

MAX_TEXT = 200
_CAMPAIGN = {"source": "_utm_source", "medium": "_utm_medium", "name": "_utm_campaign", "term": "_utm_term", "content": "_utm_content"}
_PAGE = {"url": "_url", "referrer": "_referrer"}


def context_properties(context: Mapping[str, Json]) -> dict[str, Json]:
    """`_device`, `_url`, `_referrer` and `_utm_*`, each where the context has it and it is fit to be kept."""
    found: dict[str, Json] = {}
    if isinstance(device := context.get("device"), dict) and isinstance(kind := device.get("type"), str) and len(kind) < 40:
        found["_device"] = kind.lower()
    if isinstance(page := context.get("page"), dict):
        found |= {name: address for key, name in _PAGE.items() if (address := plain_address(page.get(key)))}
    if isinstance(campaign := context.get("campaign"), dict):
        found |= {name: value for key, name in _CAMPAIGN.items() if isinstance(value := campaign.get(key), str) and _fit(value)}
    return found


def plain_address(value: Json) -> str:
    """Scheme, host and path of a web address; empty where it is none, or may name somebody."""
    if not isinstance(value, str):
        return ""
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    address = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
    return address if parts.scheme in ("http", "https") and host and _fit(address) else ""


def _fit(text: str) -> bool:
    return 0 < len(text) <= MAX_TEXT and text.isprintable() and "@" not in text and "%40" not in text
