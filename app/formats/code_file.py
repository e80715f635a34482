"""Files of coupon codes: one a line, or a CSV with a column `code`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field

LONGEST = 200
COLUMN = "code"


@dataclass(slots=True)
class CodeFile:
    """What a file holds: its codes, each once, how many came again, and what is wrong with which line."""

    codes: list[str] = field(default_factory=list[str])
    repeated: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


def read_codes(data: bytes, column: str = COLUMN) -> CodeFile:
    """Every code of a file. Its first line is a header where it names the column, in whatever case."""
    found = CodeFile()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found.problems.append((line, "is not UTF-8"))
        return found
    seen: dict[str, None] = {}
    for line, code in _cells(text, column, found):
        if (wrong := _wrong(code)) is not None:
            found.problems.append((line, wrong))
        elif code in seen:
            found.repeated += 1
        else:
            seen[code] = None
    found.codes = list(seen)
    if not found.codes and not found.problems:
        found.problems.append((1, "holds no code"))
    return found


def _cells(text: str, column: str, found: CodeFile) -> Iterator[tuple[int, str]]:
    """(line, code) of every line that is not empty."""
    first = text.split("\n", 1)[0]
    delimiter = next((each for each in ";\t," if each in first), ",")
    rows = csv.reader(text.splitlines(), delimiter=delimiter, strict=True)
    place: int | None = None
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if place is None:
                names = [cell.strip().lower() for cell in row]
                place = names.index(column.lower()) if column.lower() in names else 0
                if column.lower() in names:
                    continue
                if len(row) > 1:
                    found.problems.append((rows.line_num, f"has {len(row)} columns, and none is called {column}: name the one that holds the codes (--column)"))
                    return
            yield rows.line_num, row[place].strip() if place < len(row) else ""
    except csv.Error as error:
        found.problems.append((rows.line_num, f"is no line of a CSV: {error}"))


def _wrong(code: str) -> str | None:
    if not code:
        return "has no code"
    if len(code) > LONGEST:
        return f"has {len(code)} characters; a code has at most {LONGEST}"
    return None if code.isprintable() else "holds a character that cannot be printed"
