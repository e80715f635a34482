"""What records have to be read with: the content that they were made by, the names in histories, the items of the day."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.snapshot import Snapshot
from app.domain.dictionary import Dictionary
from app.domain.history import NO_HISTORY, History
from app.domain.layout import HEADER
from app.domain.logged import Given, Lexicon
from app.errors import ContentInvalid, LogUnusable

MOST_CONTENTS = 4
_lexicon = msgspec.msgpack.Decoder(Lexicon).decode


class NoModels:
    """A `ModelRuntime` of none."""

    def get(self, id: str) -> None:
        return None

    def troubles(self) -> dict[str, str]:
        return {}


class Archive:
    """The folder of a log. What is asked for is kept once it was read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: dict[int, Dictionary] = {}
        self._items: dict[str, Replica] = {}
        self._contents: dict[str, Snapshot] = {}

    # -- keeping ---------------------------------------------------------------------------------------------------

    def keep_content(self, version: str, source: Path) -> None:
        """A copy of the files of a version, or links to them, where there is none yet."""
        home = self.content(version)
        if home.exists():
            return
        part = home.with_name(f".{version}.{os.getpid()}")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, part, copy_function=_linked)
        try:
            part.rename(home)
        except OSError:  # another process was first
            shutil.rmtree(part, ignore_errors=True)

    def keep_names(self, names: Dictionary) -> None:
        known = Lexicon(names.epoch, list(names.types), [list(shape) for shape in list(names.shapes)])
        _put(self.folder / "names" / f"{names.epoch}.msgpack", msgspec.msgpack.encode(known))

    def keep_items(self, day: str, rows: list[Mapping[str, Any]]) -> None:
        """The catalogue of a day, where there is none of it yet."""
        path = self.folder / "items" / f"{day}.msgpack"
        if rows and not path.exists():
            _put(path, msgspec.msgpack.encode(rows))

    # -- reading ---------------------------------------------------------------------------------------------------

    def content(self, version: str) -> Path:
        """Where the files of a version are, if they are anywhere."""
        return self.folder / "content" / version

    def snapshot(self, version: str) -> Snapshot:
        """The content of a version, without its models: what they said stands in the records. `LogUnusable` where it was not kept, or
        cannot be read any more."""
        found = self._contents.get(version)
        if found is None:
            path = self.content(version)
            if not path.is_dir():
                raise LogUnusable(f"the log's content/{version} is missing: what made these records is not known any more")
            try:
                found = Snapshot(load(path), NoModels())
            except ContentInvalid as error:
                raise LogUnusable(f"the log's content/{version} cannot be read by this version of Inlay: {error.found[0]}") from error
            if len(self._contents) >= MOST_CONTENTS:
                self._contents.pop(next(iter(self._contents)))
            self._contents[version] = found
        return found

    def history(self, given: Given) -> History:
        """`LogUnusable` where the names that it refers to are lost."""
        if not given.history:
            return NO_HISTORY
        epoch, size = HEADER.unpack_from(given.history)[:2]
        names = self._names.get(epoch)
        if names is None or names.size < size:
            names = self._names[epoch] = self._read_names(epoch)
        history = History(given.history, given.tail, names)
        if history.unknown:
            raise LogUnusable(f"the log's names/{epoch}.msgpack is missing, or older than the records: histories cannot be read without it")
        return history

    def _read_names(self, epoch: int) -> Dictionary:
        found = Dictionary(epoch)
        try:
            known = _lexicon((self.folder / "names" / f"{epoch}.msgpack").read_bytes())
        except (OSError, msgspec.DecodeError):
            return found
        for name in known.types:
            found.learn_type(name)
        for shape in known.shapes:
            found.learn_shape(tuple(shape))
        return found

    def items(self, day: str) -> Replica:
        """The catalogue of the day, or the nearest that was kept before it, else after it; empty where there is none."""
        kept = sorted(path.stem for path in (self.folder / "items").glob("*.msgpack"))
        nearest = max((each for each in kept if each <= day), default=min(kept, default=""))
        if nearest not in self._items:
            found = self._items[nearest] = Replica()
            found.restore(self.folder / "items" / f"{nearest}.msgpack")
        return self._items[nearest]


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)
