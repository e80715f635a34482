"""What learning needs beyond the server: the extra `learn`, imported where it is used and nowhere else."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from app.errors import SettingsInvalid


def library(name: str) -> Any:
    """The module of this name; `SettingsInvalid` where the extra is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        raise SettingsInvalid(f"this needs {name.partition('.')[0]}, of the extra `learn`: pip install 'inlay[learn]'") from error
