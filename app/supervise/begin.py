"""What every process of a server does first: `python -m app.supervise.begin MODULE ARGUMENT...` runs the `main` of a module."""

from __future__ import annotations

import gc
import importlib
import os
import sys


def command(module: str, *arguments: object) -> list[str]:
    """The command line of such a process."""
    return [sys.executable, "-m", "app.supervise.begin", module, *map(str, arguments)]


def main() -> int | None:
    # Nearly all that a start makes stays: looking through it for circles every 700 objects is a tenth of the start.
    gc.set_threshold(50_000, 20, 100)
    # There are as many processes as there is work for: threads that wait for matrices to multiply would take their cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    del sys.argv[0]
    return importlib.import_module(sys.argv[0]).main()


if __name__ == "__main__":
    sys.exit(main())
