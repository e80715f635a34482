"""Personal data where it should not be: in the addresses of templates and look-ups, in what mails show, in what is recorded.

A given name is what mails greet by, so names are told in addresses alone. An address ends up in the logs of every server on
its way; what reaches or identifies a person (an e-mail address, a phone number, a street) also leaves with a mail that is forwarded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from jinja2 import Environment, TemplateError, nodes

from app.content.amp import verbatim
from app.content.trans import Trans
from app.domain import conditions as c
from app.domain import definitions as d
from app.domain.enrichment import slots
from app.domain.event import PERSONAL
from app.errors import Problem

_NAMES = frozenset({"name", "first_name", "last_name", "firstname", "lastname", "full_name", "user_name", "username"})
_NAME_KINDS = frozenset({"given_name", "family_name", "name"})
_DIRECT_KINDS = frozenset({"date", "street", "house_number", "phone", "email"})
_ATTRIBUTE = re.compile(r"""\b(?:href|src|srcset|action|formaction|background|poster|data-[\w-]*url)\s*=\s*(?:"((?:[^"{]|\{(?!\{)|\{\{.*?\}\})*)"|'((?:[^'{]|\{(?!\{)|\{\{.*?\}\})*)')""", re.DOTALL | re.IGNORECASE)
_ADDRESS = re.compile(r"https?://(?:[^\s{}<>\"']|\{(?!\{)|\{\{.*?\}\})*", re.DOTALL)
_JINJA = Environment(autoescape=True, extensions=[Trans])


def leaks(definitions: d.Definitions) -> Iterator[Problem]:
    """Everything that rules and templates would give away."""
    known = _Known(definitions)
    bound = _bound(definitions)
    for block in definitions.blocks.values():
        yield from _of_block(block, known, bound.get(block.id, {}))
    for key, shown in _shown(definitions):
        for name, ref in shown.vars.items():
            if isinstance(ref, c.Ref) and known.direct(ref.path):
                yield _warning(shown.place.file, shown.place.line, f"{key}.vars.{name}", f"{ref} is personal, and would be recorded with every decision",
                               "leave it out; a given name is enough for a greeting")
    for lookup in definitions.enrich.lookups:
        for path in slots(lookup.url):
            if known.personal(("profile", *path)):
                yield _warning(lookup.place.file, lookup.place.line, f"enrich.{lookup.id}.from", f"sends profile.{'.'.join(path)}, which is personal, to {lookup.host} in an address",
                               "ask by something that tells nobody who it is, such as a city")


class _Known:
    """What is personal by its name, by `traits:` or by `events:`."""

    def __init__(self, definitions: d.Definitions) -> None:
        kinds = {id: trait.kind for id, trait in definitions.traits.items()}
        declared = [*definitions.events.personal, *(path for version in definitions.events.versions.get("identify", {}).values() for path in version.personal)]
        self._direct = (PERSONAL - _NAMES) | {id.lower() for id, kind in kinds.items() if kind in _DIRECT_KINDS} | {path[0].lower() for path in declared if len(path) == 1}
        self._names = _NAMES | {id.lower() for id, kind in kinds.items() if kind in _NAME_KINDS}
        self._direct -= self._names

    def direct(self, path: c.Path) -> bool:
        """Whether it reaches or identifies a person."""
        return path[0] == "profile" and any(each.lower() in self._direct for each in path[1:])

    def personal(self, path: c.Path) -> bool:
        return path[0] == "profile" and any(each.lower() in self._direct or each.lower() in self._names for each in path[1:])


def _shown(definitions: d.Definitions) -> Iterator[tuple[str, d.Shown]]:
    for id, offer in definitions.offers.items():
        yield f"offers.{id}", offer.shown
    for id, placement in definitions.placements.items():
        for i, shown in enumerate(placement.fallbacks):
            yield f"placements.{id}.fallback" + f"[{i}]" * (len(placement.fallbacks) > 1), shown


def _bound(definitions: d.Definitions) -> dict[str, dict[str, tuple[c.Ref, str]]]:
    """block -> variable -> (what of a person some offer puts into it, where)."""
    found: dict[str, dict[str, tuple[c.Ref, str]]] = {}
    for key, shown in _shown(definitions):
        for name, ref in shown.vars.items():
            if isinstance(ref, c.Ref) and ref.root == "profile":
                found.setdefault(shown.block, {}).setdefault(name, (ref, key))
    return found


def _of_block(block: d.BlockDefinition, known: _Known, bound: Mapping[str, tuple[c.Ref, str]]) -> Iterator[Problem]:
    for kind, (file, source) in block.templates.items():
        text = verbatim(source) if kind == "amp" else source
        told: set[tuple[int, c.Path]] = set()
        for line, path in _in_addresses(text):
            ref, whose = bound.get(path[0], (None, "")) if len(path) == 1 else (None, "")
            read = ref.path if ref is not None else path
            if known.personal(read) and (line, read) not in told:
                told.add((line, read))
                through = f" (as {path[0]}, by {whose})" if ref is not None else ""
                yield _warning(file, line, f"blocks.{block.id}", f"an address holds {'.'.join(read)}{through}, which is personal: every server on the way writes it down",
                               "leave it out, or use an id that tells nobody who it is")
        for line, path in _read(text):
            if known.direct(path) and (line, path) not in told:
                told.add((line, path))
                yield _warning(file, line, f"blocks.{block.id}", f"shows {'.'.join(path)}, which is personal: whoever the mail is forwarded to sees it", "leave it out, or show a part of it")


def _in_addresses(text: str) -> Iterator[tuple[int, c.Path]]:
    """(line, path) of what is put into addresses."""
    for pattern in (_ATTRIBUTE, _ADDRESS):
        for match in pattern.finditer(text):
            start = match.start()
            for line, path in _read(match[0]):
                yield text.count("\n", 0, start) + line, path


@lru_cache(4_096)
def _read(text: str) -> tuple[tuple[int, c.Path], ...]:
    """(line, path) of the names that a template reads, the longest of each; none where it cannot be read."""
    if "{" not in text:
        return ()
    try:
        tree = _JINJA.parse(text)
    except TemplateError:
        return ()
    inner = {id(each.node) for each in tree.find_all((nodes.Getattr, nodes.Getitem))}
    found = [(each.lineno, path) for each in tree.find_all((nodes.Getattr, nodes.Getitem, nodes.Name)) if id(each) not in inner and (path := _path(each))]
    return tuple(found)


def _path(node: nodes.Node) -> c.Path:
    match node:
        case nodes.Name():
            return (node.name,)
        case nodes.Getattr():
            return (*head, node.attr) if (head := _path(node.node)) else ()
        case nodes.Getitem() if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return (*head, node.arg.value) if (head := _path(node.node)) else ()
        case _:
            return ()


def reads_people(block: d.BlockDefinition) -> Iterator[tuple[str, int, str]]:
    """(file, line, `profile` or `context`) of what a block's templates read of the request themselves."""
    for kind, (file, source) in block.templates.items():
        for line, path in _read(verbatim(source) if kind == "amp" else source):
            if path[0] in ("profile", "context"):
                yield file, line, ".".join(path)


def _warning(file: str, line: int, key: str, message: str, hint: str) -> Problem:
    return Problem(file, line, key, message, hint, warning=True)
