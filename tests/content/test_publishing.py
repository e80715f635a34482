"""What the process that validates content publishes: the files, and the code of their templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import write_shop

from app.content.kept_codes import FILE, kept_codes
from app.content.published import Published, read_current
from app.domain.bounds import USUAL
from app.supervise.content import validate_and_publish


def published(data: Path) -> Published:
    found = read_current(data)
    assert found is not None
    return found


@pytest.fixture
def content(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "content")


@pytest.fixture
def data(tmp_path: Path, content: Path) -> Path:
    assert [problem for problem in validate_and_publish(content, tmp_path / "data", USUAL) if not problem.warning] == []
    return tmp_path / "data"


def test_the_code_of_every_block_lies_beside_the_files(content: Path, data: Path):
    assert sorted(kept_codes(Path(published(data).path))) == sorted(path.name for path in (content / "blocks").iterdir())


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:100])])
def test_code_that_was_lost_is_made_again_at_the_next_start(content: Path, data: Path, damage):
    before = published(data)
    damage(Path(before.path) / FILE)

    validate_and_publish(content, data, USUAL)

    assert (published(data), bool(kept_codes(Path(before.path)))) == (before, True)


def test_a_broken_template_is_named_by_file_and_line_and_what_was_published_stays(content: Path, data: Path):
    before, block = published(data), next((content / "blocks").iterdir()).name
    (content / "blocks" / block / "html.j2").write_text("<p>\n{{ nothing_of_the_kind }}</p>\n")

    problems = [problem for problem in validate_and_publish(content, data, USUAL) if not problem.warning]

    assert [(problem.file, problem.line) for problem in problems] == [(f"blocks/{block}/html.j2", 2)]
    assert (published(data).path, len(published(data).problems)) == (before.path, 1)
    assert kept_codes(Path(before.path))


def test_a_template_that_changed_is_published_with_its_own_code(content: Path, data: Path):
    before, block = published(data), next((content / "blocks").iterdir()).name
    file = content / "blocks" / block / "html.j2"
    file.write_text(file.read_text() + "<p>more</p>\n")

    validate_and_publish(content, data, USUAL)

    old, new = kept_codes(Path(before.path)), kept_codes(Path(published(data).path))
    assert {id for id in new if new[id].of != old[id].of} == {block}
