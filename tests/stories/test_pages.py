"""What README and docs show works as it is shown: every command is run, every answer compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.stories.console import ROOT, Console, differences
from tests.stories.typed import typed

LANGUAGE = """version: 1
consents: {marketing: {gates: []}}
placements: {hero: {fallback: {block: hero_generic}}}
"""


@pytest.mark.parametrize("page", ["README.md", "docs/http.md", "docs/cli.md", "docs/import.md"])
def test_every_command_prints_what_the_page_says(tmp_path: Path, page: str):
    console = Console(tmp_path, {})
    try:
        assert differences(ROOT / page, console) == []
    finally:
        console.close()


def test_the_readme_s_rule_is_one(tmp_path: Path):
    rule = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "shop.yaml").write_text(LANGUAGE + rule)
    (tmp_path / "blocks").symlink_to(ROOT / "blocks")

    done = typed("check", "--content", tmp_path)

    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f"0 problems, 0 warnings in {tmp_path}")
