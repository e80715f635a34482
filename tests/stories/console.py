"""Runs the `console` blocks of a page as a reader would, and compares what is printed with what the page says.

A line that begins with `$ ` is a command (one that ends with a backslash goes on), the lines up to the next one are what
it prints. `…` stands for anything. `inlay serve` is started and kept running to the end of the page.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SECONDS = 240


@dataclass(frozen=True)
class Step:
    line: int
    command: str
    printed: str


def steps(page: Path) -> list[Step]:
    """The commands of the page's `console` blocks, in order."""
    found: list[Step] = []
    for block in re.finditer(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        first = page.read_text()[: block.start()].count("\n") + 2
        found += _steps(block[1].splitlines(), first)
    return found


def _steps(lines: list[str], first: int) -> Iterator[Step]:
    starts = [i for i, line in enumerate(lines) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        stop = next(i for i in range(start, end) if not lines[i].endswith("\\"))
        yield Step(first + start, "\n".join(lines[start : stop + 1])[2:], "\n".join(lines[stop + 1 : end]))


class Console:
    """A folder of its own with the project's docs and starter content in it, `inlay` and `python` on the path, port 8000 replaced by a free one."""

    def __init__(self, folder: Path, given: Mapping[str, str]) -> None:
        self.folder = folder
        self._server: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._given = dict(given)
        self._environment = {**os.environ, **given, "INLAY_PORT": str(self.port), "NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(ROOT)}
        self._environment["PATH"] = f"{self._commands()}:{os.environ['PATH']}"
        for name in ("docs", "rules", "blocks", "models"):
            (folder / name).symlink_to(ROOT / name)

    def _commands(self) -> Path:
        bin = self.folder / ".bin"
        bin.mkdir()
        for name, words in (("inlay", "-m app"), ("python", "")):
            (bin / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {words} "$@"\n')
            (bin / name).chmod(0o755)
        return bin

    def run(self, step: Step) -> str:
        """What the command prints on both streams, without spaces at ends of lines and empty lines at both ends."""
        if step.command.startswith("export "):
            pairs = (word.split("=", 1) for word in shlex.split(step.command)[1:])
            self._environment |= {name: value for name, value in pairs if name not in self._given}
            return ""
        command = step.command.replace("localhost:8000", f"localhost:{self.port}")
        if command.startswith("inlay serve"):
            return self._serve(command)
        done = subprocess.run(["bash", "-c", command], cwd=self.folder, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
        printed = done.stdout.replace(f"localhost:{self.port}", "localhost:8000")
        return "\n".join(line.rstrip() for line in printed.strip("\n").split("\n"))

    def _serve(self, command: str) -> str:
        """Started through a shell that becomes the server, so that its id is the server's."""
        log = (self.folder / "serve.log").open("wb")
        self._server = subprocess.Popen(["bash", "-c", "exec " + command.rstrip("& ")], cwd=self.folder, env=self._environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and "stop with" not in (self.folder / "serve.log").read_text():
            time.sleep(0.05)
        return ""

    def close(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGTERM)
            self._server.wait(20)


def fits(step: Step, printed: str) -> bool:
    """Whether the page says what was printed. The page may break a long line where it likes."""
    pattern = ".*".join(map(re.escape, step.printed.rstrip("\n").split("…"))).replace("\\\n", r"\s*")
    return re.fullmatch(pattern, printed, re.DOTALL) is not None


def differences(page: Path, console: Console) -> list[str]:
    """Every command whose output is not what the page says, with both."""
    found: list[str] = []
    for step in steps(page):
        printed = console.run(step)
        if not fits(step, printed):
            found.append(f"{page.name}:{step.line} $ {step.command}\n--- the page says\n{step.printed}\n--- it printed\n{printed}")
    return found
