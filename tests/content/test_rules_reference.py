"""docs/rules.md: every example is read without a problem, and every key, operator and kind is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from content_shapes import fits
from content_shop import MODEL

from app.content import card_rules, case_rules, declared, leaves, sections
from app.content.load import inspect
from app.content.schema import schemas
from app.content.source import parse_yaml
from app.content.variables import TAKES
from app.domain.definitions import Definitions

TEXT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
FILES = {match[1]: match[2] for match in re.finditer(r"```yaml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)}
CONDITIONS = [line for part in re.findall(r"```yaml conditions\n(.*?)```", TEXT, re.DOTALL) for line in part.splitlines()]
PLAIN = {f"blocks/{id}/{name}": text for id in ("hero_generic", "bestsellers", "product_grid")
         for name, text in (("block.yaml", "description: Plain\n"), ("html.j2", "<p>Hello</p>\n"))}
REST = {
    **PLAIN, "blocks/hero_card/html.j2": "<p>{{ headline }}</p>\n", "models/buy_7d.onnx": "", "models/item_click.onnx": "",
    "models/item_click.yaml": MODEL.replace("feature.spend_90d", "item.price"),
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_files_of_the_reference_are_read_without_a_problem(tmp_path: Path) -> None:
    definitions, problems = inspect(write(tmp_path, {**FILES, **REST}))
    assert problems == []
    assert isinstance(definitions, Definitions)


@pytest.mark.parametrize("line", CONDITIONS)
def test_a_condition_of_the_reference_is_read_and_fits_the_schema(tmp_path: Path, line: str) -> None:
    more = {"rules/more.yaml": f"offers:\n  example:\n    placements: [hero]\n    block: hero_card\n    vars: {{headline: x}}\n    eligibility:\n      {line.removeprefix('- ')}\n"}
    assert inspect(write(tmp_path, {**FILES, **REST, **more}))[1] == []
    node = parse_yaml(more["rules/more.yaml"].encode(), "", [])
    assert node is not None
    assert fits(node.plain(), schemas()["rules"])


@pytest.mark.parametrize(("name", "path"), [("rules", "rules/shop.yaml"), ("block", "blocks/hero_card/block.yaml"), ("model", "models/buy_7d.yaml")])
def test_a_file_of_the_reference_fits_its_schema(name: str, path: str) -> None:
    node = parse_yaml(FILES[path].encode(), path, [])
    assert node is not None
    assert fits(node.plain(), schemas()[name])


@pytest.mark.parametrize("operator", leaves.OPERATORS)
def test_every_operator_has_an_example(operator: str) -> None:
    assert any(re.search(rf"\b{operator}: ", line) for line in CONDITIONS)


@pytest.mark.parametrize("kind", leaves.KINDS + leaves.WINDOWS)
def test_every_condition_and_window_has_an_example(kind: str) -> None:
    assert any(re.search(rf"\b{kind}: ", line) for line in CONDITIONS)


WORDS = (
    *sections.SECTIONS, *sections.FEATURE_KINDS, *sections.OFFER_KEYS, *sections.PLACEMENT_KEYS, *sections.ITEMS_KEYS, *declared.BLOCK_KEYS,
    *case_rules.CASE_KEYS, *case_rules.GIVEN, *case_rules.EXPECTED, *sections.GATES, *TAKES, *card_rules.TENSOR_KINDS, *card_rules.CARD_KEYS,
)


@pytest.mark.parametrize("word", sorted(set(WORDS)))
def test_every_key_and_kind_is_named(word: str) -> None:
    assert re.search(rf"(`|\b){word}(`|:| )", TEXT)
