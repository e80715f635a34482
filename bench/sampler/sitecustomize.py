"""Python runs this at its start where this folder is on PYTHONPATH: the worker's stack is noted as often as the system's
CPU timer ticks (1 to 4 ms), and written with the CPU seconds spent to the file that BENCH_SAMPLES names, when the worker
ends. Time in C counts for the line that called it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import time
from collections import Counter
from types import FrameType

SECONDS = 0.001

if "app.supervise.worker" in sys.orig_argv and "BENCH_SAMPLES" in os.environ:
    stacks: Counter[tuple[tuple[str, str, int], ...]] = Counter()

    def note(_: int, frame: FrameType | None) -> None:
        found = []
        while frame is not None:
            code = frame.f_code
            found.append((code.co_filename, code.co_qualname, frame.f_lineno))
            frame = frame.f_back
        stacks[tuple(found)] += 1

    def write() -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        with open(os.environ["BENCH_SAMPLES"], "w") as file:
            json.dump([time.process_time(), list(stacks.items())], file)

    signal.signal(signal.SIGPROF, note)
    signal.setitimer(signal.ITIMER_PROF, SECONDS, SECONDS)
    atexit.register(write)
