"""The tutorial of learning works as it is written, command by command and figure by figure."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.stories.console import ROOT, Console, differences

PAGE = ROOT / "docs" / "tutorial.md"
RETAIL = ROOT.parent / "shared" / "data" / "online-retail" / "online_retail_to_2011-10.csv.gz"


@pytest.mark.long
@pytest.mark.skipif(not RETAIL.exists() and not os.environ.get("CI"), reason="the Online Retail lines are not on this machine")
def test_every_command_prints_what_the_tutorial_says(tmp_path: Path):
    console = Console(tmp_path, {"RETAIL": str(RETAIL)})
    try:
        assert differences(PAGE, console) == []
    finally:
        console.close()


def test_every_picture_of_the_tutorial_is_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE.read_text())

    assert len(pictures) == 3
    assert all((PAGE.parent / name).stat().st_size > 10_000 for name in pictures)
