"""A model is first loaded in a child process (`onnx_trial.py`), so that one which crashes or hangs takes nobody along.

Several are tried together in one child, since a child takes ten times as long to start as a model to load. Only what it finds sound is
believed: whatever else becomes of a model may be the doing of one before it, so it is tried again alone.

A sound verdict is kept by the hash of card, file and runtime: a start with known models costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from app.domain.definitions import ModelCard

SECONDS = 20.0
TOGETHER_SECONDS = 5.0
"""What a model may take among others; who takes longer is tried alone."""
REFUSED_SECONDS = 3600.0
"""How long a refusal is kept: it may have been the machine's fault."""
SOUND, TABLES = "sound", "sound by tables too"
"""What the child says of a model that passed."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A model that is to be tried; `kept` is where its verdict will lie."""

    card: ModelCard
    path: Path
    kept: Path


@dataclass(frozen=True, slots=True)
class _Together:
    """A child at work, and the file that it writes a line to for each model."""

    process: subprocess.Popen[bytes]
    told: IO[bytes]


def verdicts(cards: Mapping[str, ModelCard], directory: Path, cache: Path, seconds: float = SECONDS) -> dict[str, str]:
    """id -> '' where the model loads, warms and gives its golden rows, else why not."""
    with trying(cards, directory, cache, seconds) as found:
        return {id: "" if why == TABLES else why for id, why in found().items()}


@contextmanager
def trying(cards: Mapping[str, ModelCard], directory: Path, cache: Path, seconds: float = SECONDS) -> Generator[Callable[[], dict[str, str]]]:
    """Begins, and gives what waits for the verdicts: those of `verdicts`, with `TABLES` of models whose tables give what the runtime
    gives. Who leaves without waiting ends what was begun."""
    cache.mkdir(parents=True, exist_ok=True)
    looked_at = {id: _looked_at(card, directory / card.file, cache) for id, card in cards.items()}
    unknown = {id: each for id, each in looked_at.items() if isinstance(each, _Unknown)}
    together = _together(list(unknown.values()), cache) if len(unknown) > 1 else None
    try:
        yield lambda: {id: each for id, each in looked_at.items() if isinstance(each, str)} | _found(unknown, together, seconds)
    finally:
        if together is not None:
            together.process.kill()
            together.process.wait()


def try_out(card: ModelCard, path: Path, seconds: float = SECONDS) -> str:
    """Load one model in a child process of limited time and memory; '' where it is sound."""
    found = _alone(card, path, seconds)
    return "" if found == TABLES else found


def _looked_at(card: ModelCard, path: Path, cache: Path) -> str | _Unknown:
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    seal = repr(card).encode() + version("onnxruntime").encode() + data
    kept = cache / (hashlib.sha256(seal).hexdigest()[:32] + ".json")
    known = _known(kept)
    return _Unknown(card, path, kept) if known is None else known


def _known(kept: Path) -> str | None:
    try:
        found, age = json.loads(kept.read_text()), time.time() - kept.stat().st_mtime
    except (OSError, ValueError):
        return None
    return found if found in ("", TABLES) or age < REFUSED_SECONDS else None


def _found(unknown: Mapping[str, _Unknown], together: _Together | None, seconds: float) -> dict[str, str]:
    found = dict(zip(unknown, _told(together, len(unknown)), strict=False)) if together is not None else {}
    found = {id: said for id, said in found.items() if said in (SOUND, TABLES)}
    with ThreadPoolExecutor(2) as pool:
        alone = {id: pool.submit(_alone, each.card, each.path, seconds) for id, each in unknown.items() if id not in found}
    said = {id: _plain(found[id]) if id in found else alone[id].result() for id in unknown}
    for id, why in said.items():
        _keep(unknown[id].kept, why)
    return said


def _keep(kept: Path, found: str) -> None:
    part = kept.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(kept)


# -- the child ---------------------------------------------------------------------------------------------------------


def _command(seconds: float) -> list[str]:
    return [sys.executable, "-m", "app.adapters.onnx_trial", str(seconds)]


def _given(models: Sequence[tuple[ModelCard, Path]]) -> bytes:
    return pickle.dumps(list(models))


def _together(models: Sequence[_Unknown], folder: Path) -> _Together:
    told = TemporaryFile(dir=folder)  # noqa: SIM115 (closed with the last who holds it)
    with TemporaryFile(dir=folder) as given:
        given.write(_given([(each.card, each.path) for each in models]))
        given.seek(0)
        return _Together(subprocess.Popen(_command(TOGETHER_SECONDS), stdin=given, stdout=told, stderr=subprocess.DEVNULL), told)


def _told(together: _Together, models: int) -> list[str]:
    """What the child said of each model, in their order, up to the one that ended it."""
    try:
        together.process.wait(SECONDS + models * TOGETHER_SECONDS)
    except subprocess.TimeoutExpired:
        together.process.kill()
    together.told.seek(0)
    return together.told.read().decode(errors="replace").splitlines()


def _alone(card: ModelCard, path: Path, seconds: float) -> str:
    try:
        child = subprocess.run(_command(0.0), input=_given([(card, path)]), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"did not load and answer within {seconds:g} s"
    if child.returncode < 0:
        return f"killed the process that loaded it (signal {-child.returncode})"
    told = child.stdout.decode(errors="replace").strip()
    if child.returncode or not told:
        return "ended the process that loaded it"
    return _plain(told)


def _plain(told: str) -> str:
    return "" if told == SOUND else told
