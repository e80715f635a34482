"""The user's folders, read and resolved: `rules/`, `blocks/`, `models/` -> `Definitions`, all problems at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


from app.content import arbitration_rules, bandit_rules, cap_rules, card_rules, case_rules, declared, experiment_rules, recommender_rules, sections, tables
from app.content.cycles import self_referring
from app.content.enrichment import enrichments
from app.content.event_types import EVERY, event_types
from app.content.files import content_files, version_of
from app.content.gettext_files import FOLDER, translations
from app.content.identity_kinds import identity_kinds
from app.content.inbox_rules import inbox
from app.content.leaves import condition
from app.content.lint import warnings
from app.content.reader import Names, Reader
from app.content.retention import retention
from app.content.source import Node, read_yaml
from app.content.trait_kinds import trait
from app.content.triggers import trigger, webhook
from app.content.values import meant
from app.content.esps import esps
from app.domain import conditions as c
from app.domain import definitions as d
from app.domain.bounds import USUAL, Bounds
from app.errors import ContentInvalid, Problem

TEMPLATES = {"html.j2": "html", "text.j2": "text", "amp.j2": "amp"}
MAX_TEMPLATE = 256 << 10
ID_HINT = "letters, digits, _ and -, at most 64"


def load(directory: Path, bounds: Bounds = USUAL) -> d.Definitions:
    """The definitions; `ContentInvalid` with every problem where there is an error among them."""
    definitions, problems = inspect(directory, bounds)
    if definitions is None:
        raise ContentInvalid(tuple(problems))
    return definitions


def inspect(directory: Path, bounds: Bounds = USUAL) -> tuple[d.Definitions | None, list[Problem]]:
    """Definitions (None where there are errors) and all problems, warnings included, in the order of the files."""
    definitions, problems = gather(directory, bounds)
    failed = any(not problem.warning for problem in problems)
    return (None if failed else definitions), problems


def gather(directory: Path, bounds: Bounds = USUAL) -> tuple[d.Definitions | None, list[Problem]]:
    """As `inspect`, with what could be read in spite of errors; only good for looking for more of them."""
    problems: list[Problem] = []
    if not (directory / "rules").is_dir():
        return None, [Problem("rules", 1, "content", f"no folder rules/ in {directory}", "--content names the folder that holds rules/, blocks/ and models/")]
    try:
        definitions = _Loader(directory, problems, bounds).load()
        problems += (*warnings(definitions), *bandit_rules.problems(definitions))
    except OSError as error:  # a file that went, or cannot be read, while the folders were being read
        definitions = None
        name = Path(error.filename or "rules")
        problems.append(Problem(str(name.relative_to(directory) if name.is_relative_to(directory) else name), 1, "file", f"cannot be read: {error.strerror}"))
    problems.sort(key=lambda problem: (problem.file, problem.line, problem.key))
    return definitions, problems


class _Loader:
    def __init__(self, directory: Path, problems: list[Problem], bounds: Bounds) -> None:
        self.directory = directory
        self.problems = problems
        self.names = Names()
        self.bounds = bounds
        self.timezone, self._zoned = ZoneInfo("UTC"), ""
        self.found: dict[str, dict[str, tuple[str, Node]]] = {name: {} for name in sections.SECTIONS}

    def load(self) -> d.Definitions:
        files = content_files(self.directory)
        rules = [path for path in files if path.parts[len(self.directory.parts)] == "rules" and path.suffix in (".yaml", ".yml")]
        tops = [(self._name(path), node) for path in rules if (node := read_yaml(path, self._name(path), self.problems)) is not None]
        tests = [entry for name, node in tops for entry in self._collect(name, node)]
        if not rules:
            self.problems.append(Problem("rules", 1, "content", "no *.yaml in rules/"))
        self._declare()
        blocks = self._blocks(files)
        self.names.blocks = blocks
        models = self._models(files)
        self.names.models |= set(models)
        models = self._cards(models)
        self.names.labels = {id: card.labels for id, card in models.items() if card.labels}
        self.names.item_models = {id for id, card in models.items() if card.per_item}
        read = self._read
        traits = read("traits", trait)
        grids = read("tables", lambda r, id, n, at: tables.table(r, id, n, at, self.directory / "rules", traits))
        features = {id: found for id, found in read("features", sections.feature).items() if found is not None}
        segments = read("segments", lambda r, id, n, at: d.Segment(id, *_segment(r, n, at), r.place(n)))
        found = d.Definitions(
            version_of(self.directory, files), str(self.timezone), dict(self.names.context), read("consents", sections.consent),
            features, segments, read("placements", sections.placement), read("mails", self._mail), read("offers", sections.offer),
            models, blocks, tuple(case_rules.case(self._reader(name), node, f"tests[{i}]") for i, (name, node) in enumerate(tests)),
            event_types({id: (self._reader(name), node) for id, (name, node) in self.found["events"].items()}),
            identity_kinds({id: (self._reader(name), node) for id, (name, node) in self.found["identities"].items()}),
            retention=retention({id: (self._reader(name), node) for id, (name, node) in self.found["retention"].items()}),
            esps=esps({id: (self._reader(name), node) for id, (name, node) in self.found["esps"].items()}),
            enrich=enrichments({id: (self._reader(name), node) for id, (name, node) in self.found["enrich"].items()}),
            webhooks=read("webhooks", webhook), triggers=read("triggers", trigger),
            traits=traits, tables=grids,
            experiments=read("experiments", experiment_rules.experiment), holdouts=read("holdouts", experiment_rules.holdout),
            recommenders=read("recommenders", partial(recommender_rules.recommender, self.directory / "models")),
            inbox=inbox({id: (self._reader(name), node) for id, (name, node) in self.found["inbox"].items()}),
            caps=read("caps", cap_rules.named_cap),
            bandits=read("bandits", bandit_rules.bandit),
        )
        self._check_cycles(found)
        return found

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.directory))

    def _reader(self, file: str) -> Reader:
        return Reader(file, self.problems, self.names, self.timezone, self.bounds)

    # -- gathering -------------------------------------------------------------------------------------------------

    def _collect(self, file: str, top: Node) -> list[tuple[str, Node]]:
        """File one rules file's entries by section; gives its tests."""
        reader = self._reader(file)
        tests: list[tuple[str, Node]] = []
        for section, node in reader.mapping(top, "", sections.SECTIONS).items():
            if section == "version":
                if type(node.value) is not int or node.value != 1:
                    reader.wrong(node.line, "version", f"is {node.plain()!r:.40}", "this server reads version 1")
            elif section == "timezone":
                self._set_timezone(reader, node)
            elif section == "tests":
                tests += [(file, each) for _, each in reader.items(node, "tests")]
            else:
                for id, each in reader.mapping(node, section).items():
                    self._file(reader, section, id, each, node.keys[id])
        return tests

    def _file(self, reader: Reader, section: str, id: str, node: Node, line: int) -> None:
        known = self.found[section]
        if id in known:
            first = known[id]
            reader.wrong(line, f"{section}.{id}", "is declared twice", f"first at {first[0]}:{first[1].line}")
        elif not _usable(id) and (section, id) != ("events", EVERY):
            reader.wrong(line, f"{section}.{id[:64]}", "is no usable id", ID_HINT)
        else:
            known[id] = (reader.file, node)

    def _set_timezone(self, reader: Reader, node: Node) -> None:
        if self._zoned and node.value != str(self.timezone):
            reader.wrong(node.line, "timezone", f"is {node.plain()!r:.60}", f"{self._zoned} says {self.timezone}")
            return
        try:
            self.timezone, self._zoned = ZoneInfo(str(node.value)), f"{reader.file}:{node.line}"
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            near = meant(node.value, available_timezones()) if isinstance(node.value, str) else ""
            reader.wrong(node.line, "timezone", f"no time zone {node.plain()!r:.60}", near or "such as Europe/Berlin")

    def _declare(self) -> None:
        names = self.names
        names.features, names.segments = set(self.found["features"]), set(self.found["segments"])
        names.placements, names.consents = set(self.found["placements"]), set(self.found["consents"])
        names.mails = set(self.found["mails"])
        names.webhooks, names.triggers = set(self.found["webhooks"]), set(self.found["triggers"])
        names.bandits = set(self.found["bandits"])
        names.models, names.offers = set(self.found["models"]), set(self.found["offers"])
        names.recommenders = set(self.found["recommenders"])
        for id, (_, node) in self.found["offers"].items():
            offered = node.value.get("placements") if isinstance(node.value, dict) else None
            names.offered[id] = tuple(str(each.value) for each in offered.value) if offered is not None and isinstance(offered.value, list) else ()
            attributes = node.value.get("attributes") if isinstance(node.value, dict) else None
            names.attributes |= set(attributes.value) if attributes is not None and isinstance(attributes.value, dict) else set()
        for id, (_, node) in self.found["experiments"].items():
            variants = node.value.get("variants") if isinstance(node.value, dict) else None
            names.variants[id] = list(variants.value) if variants is not None and isinstance(variants.value, dict) else []
        names.tables |= {id: tables.declared_outputs(node) for id, (_, node) in self.found["tables"].items()}
        for id, (file, node) in self.found["context"].items():
            kind = self._reader(file).one_of(node, f"context.{id}", sections.CONTEXT_KINDS, "type")
            names.context[id] = kind or "string"
        for id, (_, node) in self.found["features"].items():
            kinds = [kind for key in (node.value if isinstance(node.value, dict) else ()) if (kind := sections.KIND_OF.get(key))]
            if kinds:
                names.kinds[id] = kinds[0]
            if isinstance(node.value, dict) and node.value.keys() & {"count", "days"}:
                names.counting.add(id)

    def _read(self, section: str, parse: Callable[[Reader, str, Node, str], Any]) -> dict[str, Any]:
        return {id: parse(self._reader(file), id, node, f"{section}.{id}") for id, (file, node) in self.found[section].items()}

    def _mail(self, reader: Reader, id: str, node: Node, at: str) -> d.Mail:
        found = reader.mapping(node, at, ("placements", "arbitration", "description"), ("placements",))
        placements = reader.names_list(found["placements"], f"{at}.placements", self.names.placements, "placement") if "placements" in found else ()
        if "placements" in found and found["placements"].value == []:
            reader.wrong(found["placements"].line, f"{at}.placements", "names no placement")
        together = arbitration_rules.arbitration(reader, found["arbitration"], f"{at}.arbitration", placements) if "arbitration" in found else None
        return d.Mail(id, placements, reader.place(node), together)

    # -- blocks and models -----------------------------------------------------------------------------------------

    def _blocks(self, files: list[Path]) -> dict[str, d.BlockDefinition]:
        root = self.directory / "blocks"
        spoken = translations(root, files, self.problems)
        folders = sorted({root / path.relative_to(root).parts[0] for path in files if root in path.parents})
        found: dict[str, d.BlockDefinition] = {}
        for folder in folders:
            if not folder.is_dir() or folder.name == FOLDER:
                continue
            name = self._name(folder / "block.yaml")
            if not _usable(folder.name):
                self.problems.append(Problem(name, 1, f"blocks.{folder.name[:64]}", "is no usable id", ID_HINT))
            node = read_yaml(folder / "block.yaml", name, self.problems) if (folder / "block.yaml").exists() else None
            if not (folder / "block.yaml").exists():
                self.problems.append(Problem(name, 1, f"blocks.{folder.name}", "is missing", "a block has block.yaml and html.j2"))
                node = Node({"description": Node("", 1)}, 1)
            block = self._with_fonts(declared.block(self._reader(name), folder.name, node or Node({}, 1), self._templates(folder)))
            found[folder.name] = replace(block, translations=spoken)
        return found

    def _with_fonts(self, block: d.BlockDefinition) -> d.BlockDefinition:
        """The block whose picture names its fonts by where they lie."""
        if block.image is None:
            return block
        fonts = {}
        for key in ("font", "bold"):
            name, folder = getattr(block.image, key), self.directory / "fonts"
            fonts[key] = str(folder / name) if name else ""
            if name and not (folder / name).is_file():
                there = sorted(path.name for path in folder.glob("*.[to]tf")) if folder.is_dir() else []
                self.problems.append(Problem(block.place.file, block.place.line, f"image.{key}", f"no file fonts/{name[:60]}", meant(name, there) or "fonts lie in fonts/ beside blocks/"))
        return replace(block, image=replace(block.image, **fonts))

    def _templates(self, folder: Path) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for path in sorted(folder.iterdir()):
            name, kind = self._name(path), TEMPLATES.get(path.name)
            if kind is None:
                if path.suffix == ".j2":
                    self.problems.append(Problem(name, 1, f"blocks.{folder.name}", "is no surface", meant(path.name, TEMPLATES), warning=True))
                continue
            data = path.read_bytes()
            try:
                found[kind] = (name, data.decode("utf-8"))
            except UnicodeDecodeError:
                self.problems.append(Problem(name, 1, f"blocks.{folder.name}", "is not UTF-8"))
            if len(data) > MAX_TEMPLATE:
                self.problems.append(Problem(name, 1, f"blocks.{folder.name}", f"is {len(data):,} bytes long", f"at most {MAX_TEMPLATE:,}"))
        if "html" not in found:
            self.problems.append(Problem(self._name(folder / "html.j2"), 1, f"blocks.{folder.name}", "is missing", "every block has html.j2"))
        return found

    def _models(self, files: list[Path]) -> dict[str, tuple[str, Node]]:
        root = self.directory / "models"
        found: dict[str, tuple[str, Node]] = {}
        for path in files:
            if path.parent == root and path.suffix == ".yaml":
                found[path.stem] = (self._name(path), read_yaml(path, self._name(path), self.problems) or Node({}, 1))
                if not _usable(path.stem):
                    self.problems.append(Problem(self._name(path), 1, f"models.{path.stem[:64]}", "is no usable id", ID_HINT))
        for id, (file, node) in self.found["models"].items():
            if id not in found:
                self.problems.append(Problem(file, node.line, f"models.{id}", f"no card models/{id}.yaml", meant(id, found)))
            reader = self._reader(file)
            card = reader.mapping(node, f"models.{id}", ("card",), ("card",)).get("card")
            if card is not None and card.value != f"models/{id}.yaml":
                reader.wrong(card.line, f"models.{id}.card", f"is {card.plain()!r:.60}", f"the card of {id} is models/{id}.yaml")
        return found

    def _cards(self, nodes: dict[str, tuple[str, Node]]) -> dict[str, d.ModelCard]:
        found: dict[str, d.ModelCard] = {}
        for id, (file, node) in nodes.items():
            reader = self._reader(file)
            card = card_rules.card(reader, id, node)
            path = self.directory / "models" / card.file
            if "/" in card.file or ".." in card.file or not path.is_file():
                reader.wrong(node.line, "file", f"no file models/{card.file[:80]}")
            elif card.sha256 and sha256(path.read_bytes()).hexdigest() != card.sha256.lower():
                reader.wrong(node.line, "sha256", f"models/{card.file} is another file than the card describes")
            found[id] = card
        for id, (file, _) in nodes.items():
            card_rules.check_shadows(self._reader(file), found, id)
        return found

    # -- the whole -------------------------------------------------------------------------------------------------

    def _check_cycles(self, found: d.Definitions) -> None:
        for section, id in self_referring(found):
            file, node = self.found[section][id]
            self.problems.append(Problem(file, node.line, f"{section}.{id}", "refers to itself, directly or round about"))


def _usable(id: str) -> bool:
    return 0 < len(id) <= 64 and all(ch.isalnum() or ch in "_-" for ch in id)


def _segment(reader: Reader, node: Node, at: str) -> tuple[c.Condition, str]:
    if isinstance(node.value, dict) and "description" in node.value:
        text = reader.text(node.value["description"], f"{at}.description")
        rest = Node({key: each for key, each in node.value.items() if key != "description"}, node.line, node.keys)
        return condition(reader, rest, at), text
    return condition(reader, node, at), ""
