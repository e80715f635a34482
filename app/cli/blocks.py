"""`inlay blocks`: the blocks that come with Inlay, to begin with; and what of the content is still to be translated."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.content.gettext_files import FOLDER
from app.content.load import load
from app.content.source import read_yaml
from app.domain.translation import Translation, tag
from app.errors import InlayError
from app.settings import load_settings

LIBRARY = Path(__file__).parent / "library"
"""The starter content's blocks: the same files."""
_IGNORED = shutil.ignore_patterns("__*", ".*", "*~")


class NoSuchBlock(InlayError):
    """A name that the library does not have, or that the content has already."""

    code = "blocks"


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="what there is").set_defaults(run=listed)
    adding = actions.add_parser("add", help="copy some into blocks/, with their translations")
    adding.add_argument("names", nargs="+", metavar="NAME", help="as `inlay blocks list` names them")
    adding.set_defaults(run=added)
    words = actions.add_parser("texts", help="print the texts that a language lacks, as a gettext catalogue")
    words.add_argument("language", help="such as de or pt-br")
    words.set_defaults(run=texts)
    for each in (adding, words):
        each.add_argument("--content", type=Path, metavar="DIR", help="the folder with rules/, blocks/, models/ (.)")


def listed(_: argparse.Namespace) -> int:
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    for name in _names():
        node = read_yaml(LIBRARY / name / "block.yaml", name, [])
        description = node.value["description"].value if node is not None and isinstance(node.value, dict) else ""
        table.add_row(f"[bold]{name}[/bold]", str(description))
    Console(highlight=False).print(table)
    return 0


def added(arguments: argparse.Namespace) -> int:
    """Copies whole folders; what is there already is left as it is, and said."""
    blocks = load_settings(content=arguments.content).content / "blocks"
    known = _names()
    if unknown := [name for name in arguments.names if name not in known]:
        raise NoSuchBlock(f"no block {', '.join(unknown)} in the library; there are: {', '.join(known)}")
    if there := [name for name in arguments.names if (blocks / name).exists()]:
        raise NoSuchBlock(f"{', '.join(f'blocks/{name}' for name in there)} {'is' if len(there) == 1 else 'are'} there already, and left as {'it is' if len(there) == 1 else 'they are'}")
    for name in arguments.names:
        shutil.copytree(LIBRARY / name, blocks / name, ignore=_IGNORED)
        print(blocks / name)
    for path in sorted((LIBRARY / FOLDER).rglob("*.po")):
        target = blocks / path.relative_to(LIBRARY)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            print(target)
    return 0


def texts(arguments: argparse.Namespace) -> int:
    """0 where nothing is missing, 1 where something is."""
    definitions = load(load_settings(content=arguments.content).content)
    blocks, problems = compile_blocks(definitions.blocks)
    if problems:
        raise NoSuchBlock(f"the blocks have problems: {problems[0]}")
    language = tag(arguments.language)
    found = list(missing(blocks.values(), language))
    print("\n".join(_catalogue(language, found)))
    return 1 if found else 0


def missing(blocks: Iterable[Block], language: str) -> Iterator[tuple[str, list[str]]]:
    """(text, the blocks that say it) of what has no translation."""
    where: dict[str, list[str]] = {}
    for block in blocks:
        spoken: Translation | None = next((each for each in block.definition.translations if each.language == language), None)
        for word in sorted(block.words):
            if spoken is None or word not in spoken.messages:
                where.setdefault(word, []).append(block.id)
    yield from where.items()


def _catalogue(language: str, found: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    yield 'msgid ""\nmsgstr ""\n' + f'"Language: {language}\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
    for word, blocks in found:
        yield f'#: {" ".join(f"blocks/{id}" for id in blocks)}\nmsgid {json.dumps(word, ensure_ascii=False)}\nmsgstr ""\n'


def _names() -> list[str]:
    return sorted(path.parent.name for path in LIBRARY.glob("*/block.yaml"))
