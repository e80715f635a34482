"""The code of templates beside the published content: compiled once by the process that validates, run by every worker.

Python's own form of code (`marshal`) is that of one version of Python alone, and code is only as good as what wrote it: a
file that another Python, library or Inlay wrote is passed over, and so is one that was cut. It lies in the data folder,
which is as much to be trusted as the secret that lies there too.
"""

from __future__ import annotations

import importlib.util
import marshal
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.content.codes import Card, Code
from app.content.compiling import NO_CODES, BlockCode, Codes

FILE = "templates.bin"
LIBRARIES = ("jinja2", "css-inline")
_SIZE = sha256().digest_size


def keep_codes(folder: Path, codes: Codes) -> None:
    """Put them beside the content in `folder`, at once and whole."""
    body = marshal.dumps(tuple((id, _row(code)) for id, code in codes.items()))
    part = folder / f".{FILE}"
    part.write_bytes(_made_by() + sha256(body).digest() + body)
    part.replace(folder / FILE)


def kept_codes(folder: Path) -> Codes:
    """Those of the content in `folder`; none where they are not there, or not to be used."""
    try:
        found = (folder / FILE).read_bytes()
    except OSError:
        return NO_CODES
    made_by, seal, body = found[:_SIZE], found[_SIZE : 2 * _SIZE], found[2 * _SIZE :]
    if made_by != _made_by() or seal != sha256(body).digest():
        return NO_CODES
    return {id: _block(row) for id, row in marshal.loads(body)}  # noqa: S302 (from our own parent)


@cache
def _made_by() -> bytes:
    """A hash of all that makes the code what it is: this Inlay, this Python, and the libraries that templates go through."""
    digest = sha256(importlib.util.MAGIC_NUMBER + " ".join(map(version, LIBRARIES)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


def _row(code: BlockCode) -> tuple[Any, ...]:
    languages = tuple((language, tuple((name, _surface(each)) for name, each in surfaces.items())) for language, surfaces in code.languages.items())
    return code.of, tuple(sorted(code.words)), languages


def _surface(code: Code) -> tuple[Any, ...]:
    return code.main, tuple((card.code, card.target, card.names) for card in code.cards), code.views, code.looping


def _block(row: tuple[Any, ...]) -> BlockCode:
    of, words, languages = row
    return BlockCode(of, frozenset(words), {language: {name: _code(each) for name, each in surfaces} for language, surfaces in languages})


def _code(row: tuple[Any, ...]) -> Code:
    main, cards, views, looping = row
    return Code(main, tuple(Card(*card) for card in cards), views, looping)
