"""The walk-through on real input works as it is written, command by command and figure by figure."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.stories.console import ROOT, Console, differences

PAGE = ROOT / "docs" / "walkthrough.md"
RETAIL = ROOT.parent / "shared" / "data" / "online-retail" / "online_retail_to_2011-10.csv.gz"


@pytest.mark.long
@pytest.mark.skipif(not RETAIL.exists() and not os.environ.get("CI"), reason="the Online Retail lines are not on this machine")
def test_every_command_prints_what_the_page_says(tmp_path: Path):
    console = Console(tmp_path, {"RETAIL": str(RETAIL)})
    try:
        assert differences(PAGE, console) == []
    finally:
        console.close()


def test_the_rules_that_the_page_quotes_are_those_that_serve():
    quoted = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)

    assert [text in (PAGE.parent / "walkthrough" / "rules" / "retail.yaml").read_text() for text in quoted] == [True]
