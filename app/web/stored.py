"""Recorded decisions, told as they were: what each placement showed, every candidate, the features as they stood."""

from __future__ import annotations

from typing import Any

from app.content.snapshot import iso
from app.domain.decision import decode_record, with_wording
from app.domain.event import Identity
from app.domain.wordings import NO_WORDINGS
from app.web.answers import choice_json
from app.web.parts import Parts


class Stored:
    """The choice is the store's, the reasons are the log's."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def told(self, key: str, send: str) -> dict[str, Any] | None:
        """The decision of a (profile key, send) with its reasons; None where none is recorded."""
        data = await self._parts.store.decision(key, send)
        if data is None:
            return None
        record, snapshot = decode_record(data), self._parts.snapshot
        known = snapshot.wordings if snapshot is not None else NO_WORDINGS
        return {
            "decision_id": self._parts.tokens.seal(key, send), "profile": str(Identity.from_key(key)), "send": send,
            "mail": record.mail, "decided_at": iso(record.decided_at), "content_version": record.version, "degraded": [],
            "placements": {
                name: choice_json(with_wording(choice, known)) | {"items": [{"id": item, "price": price} for item, price in choice.priced]}
                for name, choice in record.choices.items()
            },
            "explain": await self._parts.log.told(key, send, record.decided_at),
        }
