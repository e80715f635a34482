"""`inlay serve --reload`: the code changes under a running server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.server import Server

APP = Path(__file__).parent.parent.parent / "app"


@pytest.fixture
def running(tmp_path) -> Iterator[tuple[Server, Path]]:
    """A server on a copy of the code, and where a route of it stands."""
    shutil.copytree(APP, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    server = Server.of(code=tmp_path, INLAY_RELOAD="true")
    yield server, tmp_path / "app" / "web" / "operations.py"
    server.close()


def test_changed_code_serves_without_a_request_lost(running):
    server, code = running
    code.write_text(code.read_text().replace('"status":"ok"', '"status":"changed"'))
    statuses: list[int] = []

    def changed() -> bool:
        answer = server.get("/healthz")
        statuses.append(answer.status)
        return answer.json["status"] == "changed"

    server.until(changed, 15)

    assert set(statuses) == {200}


def test_code_that_does_not_start_leaves_the_last_that_did(running):
    server, code = running
    sound = code.read_text()
    code.write_text("this is no Python\n")
    before = server.process.pid
    server.until(lambda: "does not start" in server.told(), 15)

    answer = server.get("/healthz")
    code.write_text(sound.replace('"status":"ok"', '"status":"mended"'))

    assert (answer.status, server.process.pid) == (200, before)
    server.until(lambda: server.get("/healthz").json["status"] == "mended", 15)
