"""What a command goes by: the rules in the folder, or, while these are broken, those that the server still serves."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import RULES, write_shop

from app.content.in_force import in_force
from app.content.published import Published, publish, stage
from app.content.files import content_files
from app.errors import ContentInvalid

GATED = RULES.replace("gates: [decide]", "gates: [ingest]")


def served(data: Path, content: Path) -> None:
    staged = stage(data, content, content_files(content))
    publish(data, staged, Published("v1", str(data / "content" / "v1")))


def break_rules(content: Path) -> None:
    (content / "rules" / "broken.yaml").write_text("offers: [\n")


def test_what_is_written_counts(tmp_path: Path) -> None:
    assert in_force(write_shop(tmp_path / "c", GATED), tmp_path / "data").gates("ingest") == ("marketing",)


def test_while_it_is_broken_what_is_served_counts(tmp_path: Path) -> None:
    content = write_shop(tmp_path / "c", GATED)
    served(tmp_path / "data", content)
    break_rules(content)

    assert in_force(content, tmp_path / "data").gates("ingest") == ("marketing",)


def test_where_there_is_no_folder_what_is_served_counts(tmp_path: Path) -> None:
    served(tmp_path / "data", write_shop(tmp_path / "c", GATED))

    assert in_force(tmp_path / "elsewhere", tmp_path / "data").gates("ingest") == ("marketing",)


def test_broken_rules_that_nothing_stands_in_for_are_refused(tmp_path: Path) -> None:
    content = write_shop(tmp_path / "c", GATED)
    break_rules(content)

    with pytest.raises(ContentInvalid):
        in_force(content, tmp_path / "data")


def test_where_there_is_nothing_nothing_is_declared(tmp_path: Path) -> None:
    assert in_force(tmp_path / "c", tmp_path / "data").gates("ingest") == ()
