"""What is known, as Parquet files: events, profiles, items, decisions and what came of them, written and read a piece at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from app.domain.decision import decode_record, named_by, spoken_for, with_wording
from app.domain.event import Identity
from app.domain.dictionary import ESCAPE
from app.domain.item import Item
from app.domain.profile import Profile
from app.domain.wordings import NO_WORDINGS
from app.errors import SettingsInvalid
from app.learning.libraries import library

Kind: TypeAlias = Literal["events", "profiles", "items", "decisions", "rewards"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Row: TypeAlias = "tuple[Any, ...]"

ROWS = 50_000
"""Rows that are held in memory, written and read, at once."""

COLUMNS: Mapping[Kind, Mapping[str, str]] = {
    "events": {
        "profile": "text", "event": "name", "timestamp": "instant", "id": "bytes", "properties": "text", "trimmed": "number", "first_at": "instant",
    },
    "profiles": {
        "profile": "text", "identities": "texts", "traits": "text", "consents": "text", "events": "number", "first_at": "instant", "last_at": "instant",
    },
    "items": {"id": "text", "name": "text", "category": "text", "price": "real", "stock": "real", "related": "texts", "fields": "text"},
    "decisions": {
        "profile": "text", "send": "text", "mail": "text", "decided_at": "instant", "content_version": "name", "placement": "name", "offer": "name", "block": "name",
        "reason": "name", "items": "texts", "vars": "text", "variants": "text", "holdout": "name",
    },
    "rewards": {
        "profile": "text", "send": "text", "mail": "text", "decided_at": "instant", "placement": "name", "offer": "name", "event": "name", "timestamp": "instant",
        "id": "bytes", "properties": "text",
    },
}
_json = msgspec.json.Encoder().encode


def arrow() -> tuple[Any, Any]:
    """PyArrow and its Parquet part."""
    return library("pyarrow"), library("pyarrow.parquet")


class Writer:
    """A context manager; the file is there whole once it ends without an error, and not at all before. `columns` tells of each
    what it holds: text, name (a text of which there are few), instant (ms), bytes, number, real, texts."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._pa, parquet = arrow()
        types = {
            "text": self._pa.string(), "name": self._pa.dictionary(self._pa.int32(), self._pa.string()), "instant": self._pa.timestamp("ms", "UTC"),
            "bytes": self._pa.binary(), "number": self._pa.int64(), "real": self._pa.float64(), "texts": self._pa.list_(self._pa.string()),
        }
        self._schema = self._pa.schema([(name, types[type]) for name, type in columns.items()])
        self._path, self._part = path, path.with_suffix(".part")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = parquet.ParquetWriter(self._part, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self.written = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._flush()
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)

    def add(self, rows: Iterable[Row]) -> None:
        self._rows += rows
        if len(self._rows) >= ROWS:
            self._flush()

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * len(self._schema)
        arrays = [self._pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._file.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self.written += len(self._rows)
        self._rows = []


# -- what becomes rows -------------------------------------------------------------------------------------------------


def event_rows(profile: Profile) -> Iterator[Row]:
    """A person's events, oldest first. Of a type that was trimmed, one row more comes before them: when the last of what is
    gone happened, how many there were, and when the first did."""
    name, history = _shown(profile), profile.history
    for code, gone in history.trimmed().items():
        if code < ESCAPE:
            yield name, history.names.type_names[code], gone.watermark, None, None, gone.count, gone.first_at
    for event in history.events():
        yield name, event.name, event.at, event.id, _json(event.properties).decode(), None, None


def profile_rows(profile: Profile) -> Iterator[Row]:
    ts = profile.history.ts
    yield (
        _shown(profile), [str(each) for each in profile.identities], _json(dict(profile.traits)).decode(), _json(profile.purposes).decode(),
        len(ts), ts[0] if ts else None, ts[-1] if ts else None,
    )


def item_rows(item: Item) -> Iterator[Row]:
    fields = item.fields
    yield item.id, fields.get("name"), fields.get("category"), fields.get("price"), fields.get("stock"), fields.get("related"), _json(dict(fields)).decode()


def decision_rows(profile: Profile, wordings: Mapping[str, Mapping[str, Any]] = NO_WORDINGS) -> Iterator[Row]:
    """A row for each placement of each recorded decision."""
    for send, data in profile.sends.items():
        record = decode_record(data)
        for choice in (with_wording(each, wordings) for each in record.choices.values()):
            yield (
                _shown(profile), send, record.mail, record.decided_at, choice.version, choice.placement, choice.offer, choice.block, choice.reason,
                [id for id, _ in choice.priced], _json(dict(choice.vars)).decode(), _json(dict(choice.variants)).decode(), choice.holdout or None,
            )


def reward_rows(profile: Profile, opened: Callable[[str], tuple[str, str] | None]) -> Iterator[Row]:
    """Of each event that names one of the person's recorded decisions, by its id or by the send, a row for each placement of it, or
    for the one that the event names. `opened` gives the (profile, send) that a decision's id stands for."""
    records = {send: decode_record(data) for send, data in profile.sends.items()}
    keys = {profile.key, *[each.key for each in profile.identities]}
    for event in profile.history.events() if records else ():
        key, send = named_by(event.properties, profile.key or "", opened) or ("", "")
        if key not in keys or send not in records:
            continue
        record = records[send]
        for choice in spoken_for(event.properties, record):
            yield (
                _shown(profile), send, record.mail, record.decided_at, choice.placement, choice.offer, event.name, event.at, event.id, _json(event.properties).decode(),
            )


def _shown(profile: Profile) -> str:
    assert profile.key is not None
    return str(Identity.from_key(profile.key))


def opened(path: Path) -> Any:
    """A Parquet file, or `SettingsInvalid`."""
    pa, parquet = arrow()
    if not path.is_file():
        raise SettingsInvalid(f"no file {path}")
    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise SettingsInvalid(f"{path}: no Parquet file that can be read: {str(error)[:200]}") from error

