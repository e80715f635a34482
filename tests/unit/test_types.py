"""What a name holds is known everywhere: pyright in strict mode finds nothing to say (`[tool.pyright]`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_every_value_has_a_known_type() -> None:
    checked = subprocess.run([sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    assert checked.returncode == 0, checked.stdout
