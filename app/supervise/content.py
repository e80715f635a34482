"""Validating the user's folders in a process of its own, and publishing what is sound.

`app.supervise.begin app.supervise.content CONTENT DATA EVENTS AGE` prints the problems as JSON; exit 0 where it published.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from app.adapters.onnx_canary import TABLES, trying
from app.content.compiling import NO_CODES, block_codes, blocks_of
from app.content.files import content_files
from app.content.kept_codes import keep_codes, kept_codes
from app.content.load import inspect
from app.content.proof import prove
from app.content.published import Published, home_of, publish, read_current, refuse, stage
from app.domain.bounds import Bounds
from app.domain.definitions import Definitions
from app.errors import Problem


def validate_and_publish(content: Path, data: Path, bounds: Bounds) -> list[Problem]:
    """All problems; published where no error is among them, else the last good version stays.

    What is validated is a copy, and that copy is what is served: a file that changes meanwhile changes nothing.
    """
    staged = stage(data, content, content_files(content))
    definitions, problems = inspect(staged if (content / "rules").is_dir() else content, bounds)
    if definitions is None:
        refuse(data, problems)
        return problems
    published = read_current(data)
    new = published is None or _differs(definitions, published)
    known = kept_codes(Path(published.path)) if published is not None else NO_CODES
    with trying(definitions.models if new else {}, staged / "models", data / "canary") as said:
        codes, wrong = block_codes(definitions.blocks, known)
        problems += wrong or prove(definitions, blocks_of(definitions.blocks, codes))
        if any(not problem.warning for problem in problems):
            refuse(data, problems)
        elif new:
            found = _with_good_models(staged, definitions, published, said(), bounds)
            home = home_of(data, found.version)
            keep_codes(home if home.exists() else staged, codes)
            publish(data, staged, found)
            problems += _of_models(definitions, found)
        elif published is not None and not known:
            keep_codes(Path(published.path), codes)
    return problems


def _differs(definitions: Definitions, published: Published) -> bool:
    """Whether this is to be published in place of that: it is another state, or all is well again."""
    return published.source != definitions.version or bool(published.problems or published.kept) or any(dict(published.models).values())


def _of_models(definitions: Definitions, found: Published) -> Iterator[Problem]:
    """Models that are not served, as warnings: the rest of the content is."""
    instead = {**dict.fromkeys(dict(found.models), "its fallback score is used"), **dict.fromkeys(dict(found.kept), "the one before it is served")}
    for id, why in (*found.kept, *found.models):
        if why:
            place = definitions.models[id].place
            yield Problem(place.file, place.line, f"models.{id}", why, instead[id], warning=True)


def _with_good_models(staged: Path, definitions: Definitions, published: Published | None, said: Mapping[str, str], bounds: Bounds) -> Published:
    """What is to be published: a model that proves broken gives way to the one that is served now, card and file."""
    source = definitions.version
    found = {id: "" if why == TABLES else why for id, why in said.items()}
    kept = {id: why for id, why in found.items() if why and published is not None and _take_back(staged, definitions, published, id, bounds)}
    if kept:
        definitions = inspect(staged, bounds)[0] or definitions
        found |= dict.fromkeys(kept, "")
    return Published(definitions.version, "", source, (), tuple(found.items()), tuple(kept.items()), tuple(id for id, why in said.items() if why == TABLES))


def _take_back(staged: Path, definitions: Definitions, published: Published, id: str, bounds: Bounds) -> bool:
    """Put the served model in the place of a broken one, where there is one and the changed rules can do with it."""
    former = inspect(Path(published.path), bounds)[0]
    if former is None or id not in former.models or dict(published.models).get(id):
        return False
    file = former.models[id].file
    if any(card.file == file for other, card in definitions.models.items() if other != id):
        return False
    names = (f"{id}.yaml", file)
    saved = {name: (staged / "models" / name).read_bytes() for name in names if (staged / "models" / name).exists()}
    for name in names:
        shutil.copyfile(Path(published.path) / "models" / name, staged / "models" / name)
    if inspect(staged, bounds)[0] is not None:
        return True
    for name in names:
        (staged / "models" / name).unlink()
        if name in saved:
            (staged / "models" / name).write_bytes(saved[name])
    return False


def main() -> int:
    content, data, events, age = sys.argv[1:]
    problems = validate_and_publish(Path(content), Path(data), Bounds(int(events), int(age)))
    json.dump([asdict(problem) for problem in problems], sys.stdout)
    return 1 if any(not problem.warning for problem in problems) else 0
