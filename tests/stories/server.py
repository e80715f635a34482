"""A real server of its own for a story: started as a user would, on a free port, ended by its id."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.content.files import FOLDERS
from app.settings import Settings
from tests.content.content_shop import write_shop

ROOT = Path(__file__).parent.parent.parent
SHOP = Path(__file__).parent.parent / "content" / "shop"
LIMITS = ("read_timeout_ms", "write_timeout_ms", "deadline_esp_ms", "deadline_amp_ms")
"""How long the store and answers may take."""
SHIPPED = {f"INLAY_{name.upper()}": str(Settings.model_fields[name].default) for name in LIMITS}
"""Those of a server that nobody set otherwise."""
PATIENT = dict.fromkeys(SHIPPED, "9000")
"""Those where it is asked what a server does, not how quick a busy machine is."""
_leaving = ThreadPoolExecutor(4)


def all_left() -> None:
    """Come back when every server that was closed is gone."""
    _leaving.shutdown()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        """Of NDJSON."""
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Server:
    content: Path
    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    code: Path = ROOT

    @staticmethod
    def of(content: Path = SHOP, *, code: Path = ROOT, workers: int = 1, **environment: str) -> Server:
        """`code` is the folder that holds the package to run; it is `PATIENT` but for what `environment` says, such as `SHIPPED`."""
        folder = Path(tempfile.mkdtemp(prefix="inlay-story-"))
        for name in FOLDERS:
            if (content / name).is_dir():
                shutil.copytree(content / name, folder / "content" / name)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = Server(folder / "content", folder / "data", port, environment={**PATIENT, **environment}, code=code)
        server.start(workers)
        return server

    @staticmethod
    def ruled(rules: str, **environment: str) -> Server:
        """A small shop of these rules alone: its blocks, and no model."""
        with tempfile.TemporaryDirectory(prefix="inlay-story-") as folder:
            content = Path(folder)
            write_shop(content, rules)
            shutil.rmtree(content / "models")
            return Server.of(content, **environment)

    @staticmethod
    def starter(**environment: str) -> Server:
        """The project's own content with the invented shop loaded, as `make run` has it."""
        server = Server.of(ROOT, INLAY_DEMO="1", **environment)
        subprocess.run([sys.executable, "-m", "app.demo", f"http://127.0.0.1:{server.port}"], check=True, timeout=30)
        server.until(lambda: server.get("/v1/placements/grid.json?profile=jonas").json["offer"] == "accessories", 20)
        return server

    def start(self, workers: int = 1) -> None:
        command = [sys.executable, "-m", "app", "serve", "--content", str(self.content), "--data", str(self.data),
                   "--port", str(self.port), "--workers", str(workers)]
        with (self.data.parent / "told").open("ab") as told:
            environment = {**os.environ, "PYTHONPATH": str(self.code), **self.environment}
            self.process = subprocess.Popen(command, stdout=told, stderr=told, cwd=self.code, env=environment)
        self.until(lambda: self.get("/readyz").status == 200, 40)

    def until(self, holds: Any, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError("it did not come about in time")

    def told(self) -> str:
        """What it wrote to its terminal so far."""
        return (self.data.parent / "told").read_text()

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        return code

    def close(self) -> None:
        """Told to stop, and gone with its folder a little later: the next test need not wait for it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        _leaving.submit(self._left)

    def _left(self) -> None:
        assert self.process is not None
        self.process.wait(20)
        shutil.rmtree(self.data.parent, ignore_errors=True)

    def call(self, method: str, path: str, body: Any = None, *, patience: float = 10, **headers: str) -> Answer:
        """The answer; TimeoutError where it does not come within `patience` seconds."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {**self.headers, **named}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=patience) as answer:
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    def get(self, path: str, *, patience: float = 10, **headers: str) -> Answer:
        return self.call("GET", path, patience=patience, **headers)

    def post(self, path: str, body: Any, *, patience: float = 10, **headers: str) -> Answer:
        return self.call("POST", path, body, patience=patience, **headers)

    def worker_pids(self) -> list[int]:
        assert self.process is not None
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [int(pid) for pid in children if b"app.supervise.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def worker_pid(self) -> int:
        """Of one of its workers; `IndexError` where there is none."""
        return self.worker_pids()[0]

    def redis_pid(self) -> int:
        return int((self.data / "redis" / "redis.pid").read_text())
