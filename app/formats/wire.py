"""One event as it came -> what was heard, whichever of the shapes it has."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.event import Heard
from app.domain.json import Json
from app.formats import cloudevents, segment


def parse(raw: Json, now: int, random_id: Callable[[], bytes], hashed_id: Callable[[str], bytes]) -> Heard:
    """As `segment.parse`; what names a `specversion` is a CloudEvent."""
    shaped = cloudevents.as_segment(raw) if isinstance(raw, dict) and "specversion" in raw else raw
    return segment.parse(shaped, now, random_id, hashed_id)


def asks_for_privacy(raw: Json) -> bool:
    """Whether an event says that its browser sent Global Privacy Control: `"context": {"gpc": true}`."""
    context = raw.get("context") if isinstance(raw, dict) else None
    return isinstance(context, dict) and context.get("gpc") is True
