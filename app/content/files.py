"""The files that make up the user's content, and what tells one state of them from another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

FOLDERS = ("rules", "blocks", "models", "fonts", "pictures")


def content_files(directory: Path) -> list[Path]:
    """Every file that makes up the content, in a stable order; hidden files and editors' backups aside."""
    found: list[Path] = []
    for name in FOLDERS:
        found += [path for path in (directory / name).rglob("*") if path.is_file() and not _passed_over(path.relative_to(directory))]
    return sorted(found)


def _passed_over(path: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.parts) or path.name.endswith(("~", ".swp", ".tmp", ".bak", ".pyc"))


def version_of(directory: Path, files: Iterable[Path]) -> str:
    digest = sha256()
    for path in files:
        digest.update(str(path.relative_to(directory)).encode() + b"\0" + sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def fingerprint(content: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells that a file changed, came or went."""

    def rows() -> Iterator[tuple[str, int, int]]:
        for path in content_files(content):
            try:
                stat = path.stat()
            except OSError:
                continue
            yield str(path), stat.st_mtime_ns, stat.st_size

    return tuple(rows())
