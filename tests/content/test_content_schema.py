"""The published schemas say the same as the reader about the shape of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from content_shapes import fits
from content_shop import CARD, MODEL, RULES
from test_content_mistakes import CONDITIONS, HARMLESS, eligibility

from app.cli import main
from app.content.schema import schemas
from app.content.source import parse_yaml
from app.errors import Problem


def plain(text: str) -> Any:
    problems: list[Problem] = []
    node = parse_yaml(text.encode(), "x.yaml", problems)
    assert node is not None and not problems
    return node.plain()


EXAMPLES = [("rules", RULES), ("block", CARD), ("model", MODEL), *[("rules", eligibility(condition)) for condition in HARMLESS]]


@pytest.mark.parametrize(("name", "text"), EXAMPLES)
def test_what_the_reader_takes_fits_the_schema(name: str, text: str) -> None:
    assert fits(plain(text), schemas()[name])


SHAPELESS = [row[0] for row in CONDITIONS if "unknown key" in row[2] or "unknown condition" in row[2] or "is no duration" in row[2] or "mixes" in row[2]]


@pytest.mark.parametrize("condition", [*SHAPELESS, "{all: []}", "[{did: a}]", "yes", "{variant: [a]}", "{field: profile.age, between: [1]}"])
def test_a_condition_of_no_known_shape_fits_no_schema(condition: str) -> None:
    assert not fits(plain(eligibility(condition)), schemas()["rules"])


WRONG = [
    ("rules", RULES.replace("version: 1", "version: 2")), ("rules", RULES + "offrs: {}\n"), ("rules", RULES + "    caps: {}\n"),
    ("rules", RULES.replace("    block: card\n", "")), ("rules", RULES.replace("{fallback: {block: plain}}", "{}")),
    ("rules", RULES.replace("stock: number", "stock: int")), ("block", "variables: {}\n"), ("block", CARD + "  n: {type: time}\n"),
    ("model", "inputs: []\n"), ("model", MODEL + "ouput: {}\n"),
]


@pytest.mark.parametrize(("name", "text"), WRONG)
def test_a_file_of_the_wrong_shape_does_not_fit(name: str, text: str) -> None:
    assert not fits(plain(text), schemas()[name])


def test_every_reference_inside_a_schema_leads_somewhere() -> None:
    text = json.dumps(schemas()["rules"])
    named = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert named == set(schemas()["rules"]["$defs"])


def test_the_command_writes_one_file_for_each_kind(tmp_path: Path) -> None:
    assert main(["schema", "--out", str(tmp_path)]) == 0
    written = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert written == {f"{name}.schema.json": schema for name, schema in schemas().items()}


def test_the_command_prints_one_schema_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "block"]) == 0
    assert json.loads(capsys.readouterr().out) == schemas()["block"]
