"""One server for all stories that leave it as they found it; they keep apart by their own people and items."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.stories.server import Server


@pytest.fixture(scope="session")
def shop() -> Iterator[Server]:
    running = Server.of(INLAY_AMP_SENDERS="news@shop.example")
    yield running
    running.close()


@pytest.fixture
def who() -> str:
    return uuid.uuid4().hex
