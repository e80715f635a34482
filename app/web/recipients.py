"""What the mails themselves call: the routes whose only key is the token in their address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app.consents import Consents
from app.domain.event import hashed_id
from app.ingest import Ingest
from app.ports import PictureSource
from app.web.album import Album
from app.web.amp import AmpLists
from app.web.asgi import Reply, Scope
from app.web.clicks import Clicks, Opens
from app.web.inbox_events import InboxEvents
from app.web.leaving import Leaving, Preferences
from app.web.parts import Parts
from app.web.pictures import Pictures
from app.web.submissions import Submissions
from app.web.surfaces import Surfaces

Handler = Callable[[Scope, Any], Awaitable[Reply]]


def recipients(parts: Parts, surfaces: Surfaces, ingest: Ingest, consents: Consents, pictures: PictureSource, public_url: str) -> dict[str, tuple[str, Handler]]:
    """First segment of the path -> (name in the metrics, handler)."""
    events = InboxEvents(parts, ingest, hashed_id)
    return {
        "/amp/": ("amp", AmpLists(parts, surfaces, events, Submissions(parts, consents, events))), "/c/": ("click", Clicks(parts, events)), "/o/": ("open", Opens(parts, events)), "/i/": ("image", Pictures(parts, events, Album(pictures))),
        "/u/": ("unsubscribe", Leaving(parts, consents, events, public_url)), "/p/": ("preferences", Preferences(parts, consents, events)),
    }
