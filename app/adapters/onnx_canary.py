"""A model is first loaded in a child process, so that one which crashes or hangs takes nobody along.

The verdict is kept by the hash of card and file: a start with known models costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.domain.definitions import ModelCard

SECONDS = 20.0
MEMORY = 4 << 30


def verdicts(cards: Mapping[str, ModelCard], directory: Path, cache: Path, seconds: float = SECONDS) -> dict[str, str]:
    """id -> '' where the model loads, warms and gives its golden rows, else why not."""
    cache.mkdir(parents=True, exist_ok=True)
    return {id: _verdict(card, directory / card.file, cache, seconds) for id, card in cards.items()}


def _verdict(card: ModelCard, path: Path, cache: Path, seconds: float) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    kept = cache / (hashlib.sha256(repr(card).encode() + data).hexdigest()[:32] + ".json")
    if kept.exists():
        return json.loads(kept.read_text())
    found = try_out(card, path, seconds)
    part = kept.with_suffix(".part")
    part.write_text(json.dumps(found))
    part.replace(kept)
    return found


def try_out(card: ModelCard, path: Path, seconds: float = SECONDS) -> str:
    """Load one model in a child process of limited time and memory."""
    command = [sys.executable, "-m", "app.adapters.onnx_canary", str(path)]
    try:
        child = subprocess.run(command, input=pickle.dumps(card), capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return f"did not load and answer within {seconds:g} s"
    if child.returncode < 0:
        return f"killed the process that loaded it (signal {-child.returncode})"
    return child.stdout.decode(errors="replace").strip() if child.returncode == 0 else "ended the process that loaded it"


def main(path: str) -> None:
    import resource

    from app.adapters.onnx_runtime import OnnxModel, Watchdog
    from app.errors import ModelUnavailable

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    card = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 (from our own parent)
    try:
        OnnxModel(card, Path(path).read_bytes(), Watchdog(), budget=2.0).verify()
    except ModelUnavailable as error:
        print(error)


if __name__ == "__main__":
    main(sys.argv[1])
