"""Recorded decisions, told as they were: what each placement showed, every candidate, the features as they stood."""

from __future__ import annotations

from typing import Any

from app.content.snapshot import iso
from app.domain.decision import Record, decode_record
from app.domain.event import Identity
from app.domain.trace import read_trace
from app.content.why import candidate_json
from app.web.answers import choice_json
from app.web.parts import Parts


class Stored:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def told(self, key: str, send: str) -> dict[str, Any] | None:
        """The decision of a (profile key, send) with its reasons; None where none is recorded."""
        data, trace = await self._parts.store.decision(key, send)
        if data is None:
            return None
        record = decode_record(data)
        return {
            "decision_id": self._parts.tokens.seal(key, send), "profile": str(Identity.from_key(key)), "send": send,
            "mail": record.mail, "decided_at": iso(record.decided_at), "content_version": record.version, "degraded": [],
            "placements": {
                name: choice_json(choice) | {"items": [{"id": item, "price": price} for item, price in choice.priced]}
                for name, choice in record.choices.items()
            },
            "explain": await self._why(record, trace) if trace else {"placements": {}, "features": {}},
        }

    async def _why(self, record: Record, trace: bytes) -> dict[str, Any]:
        versions = {record.version, *(choice.version for choice in record.choices.values())}
        tables = {version: await self._table(version) for version in versions}
        candidates, features = read_trace(trace, tables.get)
        return {
            "placements": {name: [candidate_json(each) for each in rows] for name, rows in candidates.items()},
            "features": {
                name: {"value": None} if value is None else {"value": value, "as_of": iso(record.decided_at)}
                for name, value in features.items()
            },
        }

    async def _table(self, version: str) -> Any:
        """What the numbers in traces of a content version mean; None where nobody knows any more."""
        snapshot = self._parts.snapshot
        if snapshot is not None and snapshot.version == version:
            return snapshot.table()
        return await self._parts.load_table(version)
