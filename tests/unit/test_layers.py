"""The shape of the house: packages import downwards only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_each_package_imports_only_what_stands_below_it():
    lint = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"]

    done = subprocess.run(lint, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parent.parent.parent)

    assert done.returncode == 0, done.stdout
