"""A real chromium, and the invented shop on a real server. `make test-all` installs what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import pytest

from tests.stories.server import ROOT, Server

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@dataclass
class Watched:
    """A browser page with what it complained of and what it asked of other hosts."""

    page: Any
    base: str
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, address: str = "/") -> Any:
        """The page once it stands still: every mail decided and drawn."""
        self.page.goto(self.base + address)
        return self.settle()

    def settle(self) -> Any:
        self.page.wait_for_function(SETTLED)
        return self.page

    def note(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def ask(self, request: Any) -> None:
        if not request.url.startswith((self.base + "/", "data:")):
            self.foreign.append(request.url)


SETTLED = """() => !document.querySelector("[aria-busy=true], .coming") && !!document.querySelector(".stage iframe, .stage pre, .stage .notice, main > .notice")
  && !document.querySelector(".reasons")?.textContent.startsWith("Asking")"""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path. Without one the tests are skipped with the reason, and fail where CI is set."""
    found = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
    missing = "no chromium on PATH (apt-get install chromium)" if found is None else "" if find_spec("playwright") else "the playwright package is missing (make test-all)"
    if missing and os.environ.get("CI"):
        pytest.fail(f"the browser tests cannot run: {missing}")
    if missing or found is None:
        pytest.skip(f"the browser tests cannot run: {missing}")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def demo(chromium: str) -> Iterator[Server]:
    """The invented shop, as `make run` serves it."""
    server = Server.of(ROOT, INLAY_DEMO="true")
    server.until(lambda: server.get("/v1/placements/grid.json?profile=jonas").json["offer"] is not None, 15)
    yield server
    server.close()


def watched(browser: Any, server: Server, **options: Any) -> Watched:
    page = browser.new_page(**{"viewport": WIDE, **options})
    seen = Watched(page, f"http://localhost:{server.port}")
    page.on("console", seen.note)
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", seen.ask)
    return seen


@pytest.fixture
def wide(browser: Any, demo: Server) -> Iterator[Watched]:
    seen = watched(browser, demo)
    yield seen
    seen.page.close()


@pytest.fixture
def narrow(browser: Any, demo: Server) -> Iterator[Watched]:
    seen = watched(browser, demo, viewport=NARROW, has_touch=True)
    yield seen
    seen.page.close()
