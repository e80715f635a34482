"""`inlay ...` as somebody types it: a process for each command, forked from one that has the code loaded already."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.stories.server import ROOT

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.stories.typed_loaded"])


def typed(*words: object, seconds: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """What it printed and how it ended; TimeoutExpired where that takes longer than `seconds`."""
    command = [str(word) for word in words]
    with tempfile.TemporaryDirectory(prefix="inlay-typed-") as folder:
        streams = [Path(folder) / "stdout", Path(folder) / "stderr"]
        process = _FORKS.Process(target=_run, args=(command, {**os.environ, **environment}, streams))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, seconds)
        return subprocess.CompletedProcess(command, process.exitcode, *[stream.read_text() for stream in streams])


def _run(words: Sequence[str], environment: Mapping[str, str], streams: Sequence[Path]) -> None:
    for number, stream in enumerate(streams, 1):
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv[:] = ["inlay", *words]
    from app.cli import main

    sys.exit(main())
