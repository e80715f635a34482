"""A model is first loaded in a child process (`onnx_trial.py`), so that one which crashes or hangs takes nobody along.

A sound verdict is kept by the hash of card, file and runtime: a start with known models costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from app.domain.definitions import ModelCard

SECONDS = 20.0
REFUSED_SECONDS = 3600.0
"""How long a refusal is kept: it may have been the machine's fault."""
SOUND, TABLES = "sound", "sound by tables too"
"""What the child says of a model that passed."""


def verdicts(cards: Mapping[str, ModelCard], directory: Path, cache: Path, seconds: float = SECONDS) -> dict[str, str]:
    """id -> '' where the model loads, warms and gives its golden rows, else why not."""
    return {id: "" if found == TABLES else found for id, found in tried(cards, directory, cache, seconds).items()}


def tried(cards: Mapping[str, ModelCard], directory: Path, cache: Path, seconds: float = SECONDS) -> dict[str, str]:
    """The same, with `TABLES` of those whose tables give what the runtime gives."""
    cache.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(2) as pool:
        running = {id: pool.submit(_verdict, card, directory / card.file, cache, seconds) for id, card in cards.items()}
        return {id: each.result() for id, each in running.items()}


def _verdict(card: ModelCard, path: Path, cache: Path, seconds: float) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    seal = repr(card).encode() + version("onnxruntime").encode() + data
    kept = cache / (hashlib.sha256(seal).hexdigest()[:32] + ".json")
    if (known := _known(kept)) is not None:
        return known
    found = _heard(card, path, seconds)
    part = kept.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(kept)
    return found


def _known(kept: Path) -> str | None:
    try:
        found, age = json.loads(kept.read_text()), time.time() - kept.stat().st_mtime
    except (OSError, ValueError):
        return None
    return found if found in ("", TABLES) or age < REFUSED_SECONDS else None


def try_out(card: ModelCard, path: Path, seconds: float = SECONDS) -> str:
    """Load one model in a child process of limited time and memory; '' where it is sound."""
    found = _heard(card, path, seconds)
    return "" if found == TABLES else found


def _heard(card: ModelCard, path: Path, seconds: float) -> str:
    command = [sys.executable, "-m", "app.adapters.onnx_trial", str(path)]
    try:
        child = subprocess.run(command, input=pickle.dumps(card), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"did not load and answer within {seconds:g} s"
    if child.returncode < 0:
        return f"killed the process that loaded it (signal {-child.returncode})"
    told = child.stdout.decode(errors="replace").strip()
    if child.returncode or not told:
        return "ended the process that loaded it"
    return "" if told == SOUND else told
