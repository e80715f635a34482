"""`blocks/locales/<language>/LC_MESSAGES/*.po`: gettext's catalogues, read as translators' programs write them."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from app.domain.translation import Translation, tag
from app.errors import Problem

FOLDER = "locales"
_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d)\])?\s+(".*")\s*$')
_PLURAL = re.compile(r"plural\s*=\s*([^;]+);?")


@dataclass
class _Entry:
    line: int
    parts: dict[str, str] = field(default_factory=dict[str, str])
    fuzzy: bool = False


class _Unreadable(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def translations(blocks: Path, files: Iterable[Path], problems: list[Problem]) -> tuple[Translation, ...]:
    """One for each language that has a catalogue, of all its files; what is wrong with them is noted."""
    found: dict[str, tuple[dict[str, tuple[str, ...]], str, tuple[str, ...]]] = {}
    for path in files:
        parts = path.relative_to(blocks).parts if blocks in path.parents else ()
        if len(parts) != 4 or parts[0] != FOLDER or parts[2] != "LC_MESSAGES" or path.suffix != ".po":
            continue
        name, language = str(path.relative_to(blocks.parent)), tag(parts[1])
        try:
            messages, plural = parse(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            problems.append(Problem(name, 1, f"locales.{language}", "is not UTF-8"))
            continue
        except _Unreadable as error:
            problems.append(Problem(name, error.line, f"locales.{language}", str(error)))
            continue
        known, _, sources = found.get(language, ({}, "", ()))
        found[language] = ({**known, **messages}, plural, (*sources, name))
    return tuple(Translation(language, *entry) for language, entry in sorted(found.items()))


def parse(source: str) -> tuple[dict[str, tuple[str, ...]], str]:
    """(text -> its forms, the plural formula). What is fuzzy, obsolete or empty is not translated."""
    messages: dict[str, tuple[str, ...]] = {}
    plural = "n != 1"
    for entry in _entries(source.splitlines()):
        forms = tuple(text for key, text in sorted(entry.parts.items()) if key.startswith("msgstr"))
        text = entry.parts.get("msgid")
        if text is None:
            raise _Unreadable(entry.line, "an entry without msgid")
        if not text:
            plural = _formula(entry, forms) or plural
        elif forms and all(forms) and not entry.fuzzy:
            messages[text] = forms
    return messages, plural


def _formula(entry: _Entry, forms: tuple[str, ...]) -> str:
    found = _PLURAL.search("".join(forms))
    if found is None:
        return ""
    try:
        gettext.c2py(found[1].strip())
    except ValueError as error:
        raise _Unreadable(entry.line, f"Plural-Forms cannot be read: {error}") from error
    return found[1].strip()


def _entries(lines: Iterable[str]) -> Iterator[_Entry]:
    entry, key, fuzzy = _Entry(1), "", False
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif found := _KEYWORD.match(line):
            if found[1] in ("msgctxt", "msgid") and any(part.startswith("msgstr") for part in entry.parts):
                yield entry
                entry, fuzzy = _Entry(number, fuzzy=fuzzy), False
            entry.fuzzy, fuzzy = entry.fuzzy or fuzzy, False
            key = found[1] + (found[2] or "")
            entry.parts[key] = _text(found[3], number)
        elif line.startswith('"') and key:
            entry.parts[key] += _text(line, number)
        elif line:
            raise _Unreadable(number, f"no line of a catalogue: {line[:60]}")
    if entry.parts:
        yield entry


def _text(quoted: str, line: int) -> str:
    try:
        return str(ast.literal_eval(quoted))
    except (SyntaxError, ValueError) as error:
        raise _Unreadable(line, f"no text in quotes: {quoted[:60]}") from error
