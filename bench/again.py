"""Logged decisions made again in a process of their own: `python -m bench.again LOG` prints how many come out otherwise."""

from __future__ import annotations

import sys
from pathlib import Path

from app.content.reenact import Stage
from app.domain.logged import Logged, encode_logged
from app.journal.archive import Archive
from app.journal.segments import day_of, entries, segments
from app.wiring.content import open_content


def differing(log: Path) -> tuple[int, int]:
    """(how many records there are, how many are not the same to the byte when they are made again)."""
    archive, stages = Archive(log), dict[str, Stage]()
    number = wrong = 0
    for path in segments(log):
        for record in entries(path, _refuse):
            if not isinstance(record, Logged) or record.given is None:
                continue
            if record.content not in stages:
                stages[record.content] = Stage(open_content(archive.content(record.content)), scored=True)
            stage = stages[record.content]
            again = stage.again(record, archive.history(record.given), archive.items(day_of(record.at)), reasons=False).record(stage.snapshot, record)
            number += 1
            wrong += encode_logged(again) != encode_logged(record.decided)
    return number, wrong


def _refuse(path: Path, what: str) -> None:
    raise RuntimeError(f"{path.name}: {what}")


if __name__ == "__main__":
    print(*differing(Path(sys.argv[1])))
