"""What learning needs beyond the server: the extra `learn`, imported where it is used and nowhere else."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from app.errors import SettingsInvalid


def library(name: str) -> Any:
    """The module of this name; `SettingsInvalid` where the extra is not installed."""
    try:
        return import_module(name)
    except ImportError as error:
        raise SettingsInvalid(f"this needs {name.partition('.')[0]}, of the extra `learn`: pip install 'inlay[learn]'") from error


MANY = 200_000
"""Rows from which on several threads are worth their waiting for each other; on a busy machine they wait long."""


@contextmanager
def threads(rows: int) -> Generator[None]:
    """One thread where there are few rows, as many as there are cores where there are many."""
    with library("threadpoolctl").threadpool_limits(None if rows >= MANY else 1):
        yield
