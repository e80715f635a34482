"""Making a version of a model the one that serves: tried out first, beside the content that it is to serve in."""

from __future__ import annotations

import tempfile
import time
from hashlib import sha256
from pathlib import Path

from app.adapters.onnx_canary import try_out
from app.content.files import FOLDERS
from app.content.load import inspect
from app.domain.definitions import Definitions
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.versions import MODEL, Shelf, Version, dumped


def promote(content: Path, definitions: Definitions, shelf: Shelf, version: Version, why: str) -> None:
    """The version serves, once it loads, gives its golden rows and goes with the rules; else `SettingsInvalid` or `ContentInvalid`
    says why not, and nothing changed."""
    refuse_unsound(content, definitions, shelf, version)
    shelf.serve(version, why, time.time_ns() // 1_000_000)


def refuse_unsound(content: Path, definitions: Definitions, shelf: Shelf, version: Version) -> None:
    card = version.model_card(definitions)
    if card.sha256 and sha256(version.data).hexdigest() != card.sha256.lower():
        raise _refused(shelf, version, "it is another file than its card describes (sha256)")
    if trouble := try_out(card, version.folder / MODEL):
        raise _refused(shelf, version, trouble)
    _try_with_rules(content, shelf, version)


def _refused(shelf: Shelf, version: Version, why: str) -> SettingsInvalid:
    serving = shelf.serving()
    after = f"version {serving} goes on serving" if serving is not None else "none serves"
    return SettingsInvalid(f"version {version.name} of {version.model} is not taken: {why}; {after}")


def _try_with_rules(content: Path, shelf: Shelf, version: Version) -> None:
    """`ContentInvalid` where the rules cannot do with it: a kind that they name and that it does not tell."""
    with tempfile.TemporaryDirectory(prefix="inlay-") as folder:
        there = Path(folder)
        for name in FOLDERS:
            if (content / name).is_dir() and name != "models":
                (there / name).symlink_to((content / name).resolve())
        (there / "models").mkdir()
        for path in (content / "models").iterdir() if (content / "models").is_dir() else ():
            if path != shelf.served_card:
                (there / "models" / path.name).symlink_to(path.resolve())
        file = f"{shelf.model}.{version.name}.onnx"
        (there / "models" / file).unlink(missing_ok=True)
        (there / "models" / file).write_bytes(version.data)
        (there / "models" / f"{shelf.model}.yaml").write_text(dumped({**version.card, "file": file}))
        _, problems = inspect(there)
    if any(not problem.warning for problem in problems):
        raise ContentInvalid(tuple(problem for problem in problems if not problem.warning), f"the content with version {version.name} of {version.model}: it is not promoted")
