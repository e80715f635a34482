"""`tables:` of rules files: the card in YAML, the grid in CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import TypeAlias, get_args

from app.content.cells import BadCell, cell, kind_of, result
from app.content.reader import A_KIND, Reader
from app.content.source import Node
from app.content.values import meant
from app.domain import tables as t
from app.domain.conditions import Place, Ref, Scalar
from app.domain.traits import Trait

KEYS = ("file", "inputs", "outputs", "hit", "description")
INPUT_KEYS = ("name", "type")
OUTPUT_KEYS = ("name", "type", "gather")
HITS: tuple[t.Hit, ...] = get_args(t.Hit)
GATHERINGS: tuple[t.Gathering, ...] = get_args(t.Gathering)
TYPES: tuple[t.Kind, ...] = ("string", "number", "boolean")
ROOTS = ("profile", "feature", "model", "context", "table")
MAX_ROWS = 10_000
MAX_BYTES = 4 << 20
TOLD = 20
"""Mistakes in the cells of one file that are told; more are alike."""
_Said: TypeAlias = "tuple[str, t.Kind | None, t.Gathering]"
"""An output as the card has it: its name, its kind where declared, how it is gathered."""
_DELIMITERS = (",", ";", "\t")
_TEXTS = frozenset({"given_name", "family_name", "name", "date", "street", "city", "region", "country", "postcode", "phone", "email", "text"})


def declared_outputs(node: Node) -> dict[str, str | None]:
    """The outputs that a card names, before anything is read: their kinds come with the cells."""
    outputs = node.value.get("outputs") if isinstance(node.value, dict) else None
    rows = outputs.value if outputs is not None and isinstance(outputs.value, list) else []
    names = [each.value.get("name", each).value if isinstance(each.value, dict) else each.value for each in rows]
    return {name: None for name in names if isinstance(name, str)}


def table(reader: Reader, id: str, node: Node, at: str, folder: Path, traits: Mapping[str, Trait]) -> t.Table:
    """The table with its rows. What its outputs are is entered in the reader's names."""
    found = reader.mapping(node, at, KEYS, ("file", "inputs", "outputs"))
    inputs = tuple(_inputs(reader, found["inputs"], f"{at}.inputs", traits)) if "inputs" in found else ()
    hit = (reader.one_of(found["hit"], f"{at}.hit", HITS, "hit policy") or "first") if "hit" in found else "first"
    outputs = dict(_outputs(reader, found["outputs"], f"{at}.outputs", hit)) if "outputs" in found else {}
    grid = _Grid(reader, found["file"], at, folder, inputs, outputs) if "file" in found and inputs and outputs else None
    rows = tuple(grid.rows()) if grid is not None else ()
    columns = tuple(_settled(reader, each, rows, grid.kinds if grid is not None else {}, node, f"{at}.outputs") for each in outputs.values())
    read = t.Table(id, inputs, columns, hit, rows, reader.place(node))
    reader.names.tables[id] = outputs_of(read)
    return read


def outputs_of(table: t.Table) -> dict[str, str | None]:
    """Each output with its kind, None where it is a list."""
    return {each.name: _kind(each, table.hit) for each in table.outputs}


def _inputs(reader: Reader, node: Node, at: str, traits: Mapping[str, Trait]) -> Iterator[t.Input]:
    seen: set[Ref] = set()
    for here, each in reader.items(node, at):
        card = reader.mapping(each, here, INPUT_KEYS, ("name",)) if isinstance(each.value, dict) else {"name": each}
        ref = reader.ref(card["name"].value, each.line, here, ROOTS) if "name" in card else None
        said = reader.one_of(card["type"], f"{here}.type", TYPES, "type") if "type" in card else None
        if ref in seen:
            reader.wrong(each.line, here, f"{ref} stands here twice")
        elif ref is not None:
            seen.add(ref)
            yield t.Input(ref, said or _known(reader, ref, traits))
    if not node.value:
        reader.wrong(node.line, at, "names no input", "[profile.tier, feature.spend_90d]")


def _known(reader: Reader, ref: Ref, traits: Mapping[str, Trait]) -> t.Kind | None:
    """What the input is, where the rules say so."""
    for kind in (*TYPES, "instant"):
        if reader.names.kind_of(ref) == kind:
            return kind
    trait = traits.get(ref.path[1]) if ref.root == "profile" and len(ref.path) == 2 else None
    return None if trait is None else "number" if trait.kind == "number" else "string" if trait.kind in _TEXTS else None


def _outputs(reader: Reader, node: Node, at: str, hit: t.Hit) -> Iterator[tuple[str, _Said]]:
    for here, each in reader.items(node, at):
        card = reader.mapping(each, here, OUTPUT_KEYS, ("name",)) if isinstance(each.value, dict) else {"name": each}
        name = reader.text(card["name"], here) if "name" in card else ""
        kind = reader.one_of(card["type"], f"{here}.type", TYPES, "type") if "type" in card else None
        gather = reader.one_of(card["gather"], f"{here}.gather", GATHERINGS, "way to gather") if "gather" in card else None
        if gather is not None and hit != "collect":
            reader.wrong(card["gather"].line, f"{here}.gather", "is for tables that collect", "hit: collect")
        if name and not name.replace("-", "_").isidentifier():
            reader.wrong(each.line, here, f"{name[:60]!r} cannot name an output", "letters, digits and _: rules read it as table.<id>.<name>")
        yield name, (name, kind, gather or "list")
    if not node.value:
        reader.wrong(node.line, at, "names no output", "[percent]")


def _settled(reader: Reader, said: _Said, rows: tuple[t.Row, ...], kinds: Mapping[str, t.Kind], node: Node, at: str) -> t.Output:
    """The output with its kind: the declared one, or that of all its cells."""
    name, kind, gather = said
    found = kind or kinds.get(name, "string")
    if gather == "sum" and found != "number" and rows:
        reader.wrong(node.line, at, f"{name} is {A_KIND[found]}, which has no sum", "list, min, max or count")
    if rows and not any(name in row.values for row in rows):
        reader.wrong(node.line, at, f"no row gives {name}", "fill its column", warning=True)
    return t.Output(name, found, gather)


def _kind(output: t.Output, hit: t.Hit) -> str | None:
    if hit != "collect":
        return output.kind
    return {"list": None, "count": "number", "sum": "number"}.get(output.gather, output.kind)


class _Grid:
    """One CSV file: its header says which column is which input or output."""

    def __init__(self, reader: Reader, file: Node, at: str, folder: Path, inputs: tuple[t.Input, ...], outputs: Mapping[str, _Said]) -> None:
        self._reader, self._node, self._at = reader, file, f"{at}.file"
        self._key = at
        self.kinds: dict[str, t.Kind] = {}
        """What each output is."""
        self._inputs, self._outputs = inputs, outputs
        self._name = ""
        self._wrongs = 0
        self._text = self._read(folder)

    def _read(self, folder: Path) -> str:
        reader, name = self._reader, self._reader.text(self._node, self._at)
        path = folder / name
        if not name or name.startswith("/") or ".." in Path(name).parts or not path.is_file():
            known = [str(each.relative_to(folder)) for each in folder.rglob("*.csv")]
            reader.wrong(self._node.line, self._at, f"no file rules/{name[:80]}", meant(name, known))
            return ""
        self._name = f"rules/{name}"
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            self._wrong(1, f"is {len(data):,} bytes long", f"at most {MAX_BYTES:,}")
            return ""
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._wrong(data[: error.start].count(b"\n") + 1, "is not UTF-8", 'save it as "CSV UTF-8"')
            return ""

    def rows(self) -> Iterator[t.Row]:
        if not self._text:
            return
        lines = self._records()
        header = next(lines, None)
        if header is None:
            self._wrong(1, "is empty", "a header, then a row for each case")
            return
        places = self._places(*header)
        if places is None:
            return
        records = list(self._whole(lines, header))
        if not records and not self._wrongs:
            self._wrong(header[0], "has a header and no row", "a row for each case")
        inputs, outputs = places
        for name, at in outputs.items():
            self.kinds[name] = self._outputs[name][1] or _kind_of_all([self._result(record[at]) for _, record in records])
        for line, record in records:
            cells = tuple(self._cell(line, record[at], each) for each, at in zip(self._inputs, inputs, strict=True))
            values = {name: value for name, at in outputs.items() if (value := self._value(line, name, record[at])) is not None}
            yield t.Row(cells, values, Place(self._name, line))

    def _whole(self, lines: Iterator[tuple[int, list[str]]], header: tuple[int, list[str]]) -> Iterator[tuple[int, list[str]]]:
        """The rows that have as many cells as the header."""
        for number, (line, record) in enumerate(lines):
            if number == MAX_ROWS:
                self._wrong(line, f"has more than {MAX_ROWS:,} rows", "split it by one of its inputs")
                return
            if len(record) == len(header[1]):
                yield line, record
            else:
                self._wrong(line, f"has {len(record)} cells, the header {len(header[1])}", "a cell with the delimiter in it is written in quotes")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """(line, cells) of every row that is not empty."""
        first = self._text.split("\n", 1)[0]
        names = {*self._outputs, *(name for each in self._inputs for name in _names(each))}
        delimiter = max(_DELIMITERS, key=lambda each: sum(cell.strip().strip('"') in names for cell in first.split(each)))
        rows, line = csv.reader(StringIO(self._text, newline=""), delimiter=delimiter, strict=True), 0
        while True:
            try:
                record = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                self._wrong(line + 1, f"cannot be read: {error}", 'a quote inside of quotes is written twice: ""')
                return
            if any(each.strip() for each in record):
                yield line + 1, record
            line = rows.line_num

    def _places(self, line: int, header: list[str]) -> tuple[list[int], dict[str, int]] | None:
        """(column of each input, column of each output)."""
        names = [each.strip() for each in header]
        inputs = [next((names.index(name) for name in _names(each) if name in names), -1) for each in self._inputs]
        outputs = {name: names.index(name) for name in self._outputs if name in names}
        missing = [str(each.ref) for each, at in zip(self._inputs, inputs, strict=True) if at < 0] + [name for name in self._outputs if name not in outputs]
        known = {name for each in self._inputs for name in _names(each)} | set(self._outputs)
        more = [name for name in names if name not in known and not name.startswith("#") and name]
        for name in more:
            self._wrong(line, f"has a column {name[:60]!r} that the card does not name", meant(name, missing) or "begin its name with # where it is a remark")
        for name in missing:
            self._wrong(line, f"has no column {name}", meant(name, more) or "the first line names inputs and outputs")
        for name in sorted({name for name in names if name in known and names.count(name) > 1}):
            self._wrong(line, f"has two columns {name}")
        used = [*inputs, *outputs.values()]
        if not missing and len(set(used)) < len(used):
            self._wrong(line, "has one column for two inputs", "write their names in full, such as profile.tier")
        return None if missing or len(set(used)) < len(used) else (inputs, outputs)

    def _cell(self, line: int, text: str, asked: t.Input) -> t.Cell:
        try:
            return cell(text, asked.kind, self._reader.timezone)
        except BadCell as error:
            self._wrong(line, f"{asked.ref}: {error.message}", error.hint)
            return ()

    def _result(self, text: str) -> Scalar | None:
        try:
            return result(text)
        except BadCell:
            return text.strip()

    def _value(self, line: int, name: str, text: str) -> Scalar | None:
        """A result as its column has them."""
        value, wanted = self._result(text), self.kinds[name]
        if value is None or kind_of(value) == wanted:
            return value
        if wanted == "string":
            return text.strip()
        self._wrong(line, f"{name}: {text.strip()[:40]!r} is not {A_KIND[wanted]}", "such as true" if wanted == "boolean" else "such as 12.5: decimals take a point")
        return None

    def _wrong(self, line: int, message: str, hint: str = "") -> None:
        self._wrongs += 1
        if self._wrongs <= TOLD:
            reader = Reader(self._name or self._reader.file, self._reader.problems, self._reader.names, self._reader.timezone, self._reader.bounds)
            reader.wrong(line, self._key, message, hint)


def _kind_of_all(values: list[Scalar | None]) -> t.Kind:
    """The kind of what there is, text where it is of several."""
    kinds: list[t.Kind] = [kind_of(value) for value in values if value is not None]
    return kinds[0] if kinds and kinds.count(kinds[0]) == len(kinds) else "string"


def _names(asked: t.Input) -> tuple[str, str]:
    """How the header may call an input: in full, or by its last part."""
    return str(asked.ref), asked.ref.path[-1]
