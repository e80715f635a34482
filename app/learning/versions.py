"""Versions of a model beside one another, and which of them serves.

A version lies in `training/<model>/versions/<version>/`: its card, its file, and the page about it. The server reads `models/` alone: a
version serves once its file lies there under a name of its own and the card `models/<model>.yaml` is replaced by one that names
it. That one rename is the switch: a server that is watching sees the former model or the new one, and nothing in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import yaml

from app.content import card_rules
from app.content.queries import names_of
from app.content.reader import Reader
from app.content.source import Node, read_yaml
from app.domain.definitions import Definitions, ModelCard
from app.domain.json import is_object
from app.errors import ContentInvalid, Problem, SettingsInvalid

USABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CARD, MODEL, LOG = "card.yaml", "model.onnx", "serving.jsonl"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model, as it lies on the shelf."""

    model: str
    name: str
    folder: Path
    card: Mapping[str, Any]

    @property
    def data(self) -> bytes:
        return (self.folder / MODEL).read_bytes()

    @property
    def trained(self) -> Mapping[str, Any]:
        """What the card tells of how it was made; nothing where somebody else made it."""
        found: Any = self.card.get("trained")
        return found if is_object(found) else {}


    def model_card(self, definitions: Definitions) -> ModelCard:
        """The card as the server reads it; `ContentInvalid` where it does not go with the content."""
        path, problems = self.folder / CARD, list[Problem]()
        reader = Reader(str(path), problems, names_of(definitions), ZoneInfo(definitions.timezone))
        found = card_rules.card(reader, self.model, read_yaml(path, str(path), problems) or Node({}, 1))
        if any(not problem.warning for problem in problems):
            raise ContentInvalid(tuple(sorted(problems)), str(path))
        return found


class Shelf:
    """The versions of one model of a content folder."""

    def __init__(self, content: Path, model: str) -> None:
        self.model = model
        self._models = content / "models"
        self.folder = content / "training" / model / "versions"
        self.served_card = self._models / f"{model}.yaml"

    # -- what there is ---------------------------------------------------------------------------------------------

    def versions(self) -> list[Version]:
        """From the oldest number on; names that are no numbers come first."""
        found = [Version(self.model, path.parent.name, path.parent, _read(path)) for path in self.folder.glob(f"*/{CARD}")]
        return sorted(found, key=lambda each: (_number(each.name), each.name))

    def version(self, name: str) -> Version:
        """`SettingsInvalid` names those that there are."""
        found = {each.name: each for each in self.versions()}
        if name not in found:
            raise SettingsInvalid(f"no version {name[:64]!r} of {self.model}; there are {', '.join(found) or 'none'}")
        return found[name]

    def serving(self) -> str | None:
        """The name of the version that serves; None where none does."""
        return _version_of(_read(self.served_card)) if self.served_card.is_file() else None

    def former(self) -> str:
        """The version that served before the present one. `SettingsInvalid` where none did."""
        before = [each["was"] for each in self.log() if each["version"] == self.serving() and each["was"] is not None]
        if not before:
            raise SettingsInvalid(f"no version of {self.model} served before {self.serving() or 'now'}: there is nothing to go back to")
        return before[-1]

    def log(self) -> list[dict[str, Any]]:
        """Every switch, the oldest first: {at, version, was, why}."""
        path = self.folder / LOG
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.is_file() else []

    def next(self) -> str:
        """The number after the highest that is taken."""
        taken = [_number(name) for name in (*(each.name for each in self.versions()), self.serving() or "")]
        return str(max([0, *taken]) + 1)

    # -- what is put there -----------------------------------------------------------------------------------------

    def keep(self, card: Mapping[str, Any], data: bytes, page: Callable[[Path, Mapping[str, Any]], None]) -> Version:
        """Put a version on the shelf; what serves stays as it is. The card's `version` names it, the next number where it is empty, and
        no former one is replaced. `page` writes what people read of it into its folder, and is given the card."""
        self.adopt()
        name = str(card.get("version") or self.next())
        if not USABLE.fullmatch(name):
            raise SettingsInvalid(f"version: {name[:64]!r} cannot be a file's name: letters, digits, points and dashes")
        folder = self.folder / name
        if (folder / CARD).is_file():
            raise SettingsInvalid(f"there is a version {name} of {self.model} already; without version: the next number is taken ({self.next()})")
        replace(folder / MODEL, data)
        page(folder, {**card, "version": name})
        replace(folder / CARD, dumped({**card, "version": name}).encode())
        return self.version(name)

    def adopt(self) -> None:
        """The model that serves becomes a version of the shelf, where it is none yet: so that there is a way back to it."""
        if not self.served_card.is_file():
            return
        card = _read(self.served_card)
        folder, file = self.folder / _version_of(card), self._models / str(card.get("file") or f"{self.model}.onnx")
        if (folder / CARD).is_file() or not file.is_file() or not USABLE.fullmatch(folder.name):
            return
        replace(folder / MODEL, file.read_bytes())
        replace(folder / CARD, dumped({**card, "version": folder.name}).encode())

    # -- which one serves ------------------------------------------------------------------------------------------

    def serve(self, version: Version, why: str, at: int) -> None:
        """Make it the one that serves, at once and as a whole; what was scored beside the former one is not any more."""
        self.adopt()
        was, former = self.serving(), self._file()
        if self.served_card.is_file() and "shadow" in _read(self.served_card):
            self.unshade()
        file = f"{self.model}.{version.name}.onnx"
        replace(self._models / file, version.data)
        replace(self.served_card, dumped({**version.card, "file": file}).encode())
        if former is not None and former.name != file:
            former.unlink(missing_ok=True)
        row = {"at": f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}", "version": version.name, "was": None if was == version.name else was, "why": why}
        path = self.folder / LOG
        replace(path, (path.read_bytes() if path.is_file() else b"") + _encode(row) + b"\n")

    def shade(self, version: Version, share: float) -> None:
        """Let a version be scored beside the one that serves: it becomes a model of its own, which the served card names."""
        self.unshade()
        id, file = self._shadow_id, f"{self._shadow_id}.{version.name}.onnx"
        replace(self._models / file, version.data)
        replace(self._models / f"{id}.yaml", dumped({**version.card, "file": file}).encode())
        replace(self.served_card, dumped({**_read(self.served_card), "shadow": {"model": id, "share": share}}).encode())

    def unshade(self) -> None:
        """Nothing is scored beside the one that serves."""
        card = {name: value for name, value in _read(self.served_card).items() if name != "shadow"}
        if card != _read(self.served_card):
            replace(self.served_card, dumped(card).encode())
        for path in (self._models / f"{self._shadow_id}.yaml", *self._models.glob(f"{self._shadow_id}.*.onnx")):
            path.unlink(missing_ok=True)

    @property
    def _shadow_id(self) -> str:
        return f"{self.model}_shadow"

    def _file(self) -> Path | None:
        """The served model's file, where it is no other model's."""
        if not self.served_card.is_file():
            return None
        path = self._models / str(_read(self.served_card).get("file") or f"{self.model}.onnx")
        others = (each for each in self._models.glob("*.yaml") if each != self.served_card)
        return None if path.name in {str(_read(each).get("file") or f"{each.stem}.onnx") for each in others} else path


def shelves(content: Path) -> Iterator[Shelf]:
    """Every model of a content folder that serves, or of which there is a version."""
    served = {path.stem for path in (content / "models").glob("*.yaml") if not path.stem.endswith("_shadow")}
    kept = {path.parent.parent.parent.name for path in (content / "training").glob(f"*/versions/*/{CARD}")}
    yield from (Shelf(content, id) for id in sorted(served | kept))


def _version_of(card: Mapping[str, Any]) -> str:
    return str(card.get("version") or "1")


def _number(name: str) -> int:
    return int(name) if name.isascii() and name.isdigit() else 0


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SettingsInvalid(f"{path}: cannot be read as a card: {str(error)[:200]}") from error
    return found if is_object(found) else {}


def replace(path: Path, data: bytes) -> None:
    """Whole or not at all: a server may be watching. Its folder is made where there is none yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)


def dumped(card: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(card), sort_keys=False, width=160, allow_unicode=True, default_flow_style=None)
