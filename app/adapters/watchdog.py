"""A thread that ends scorings which are over their budget. Watching one costs two writes to a dictionary."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime as ort


class Watchdog:
    """`runs` holds (deadline, options) of each thread that scores just now."""

    def __init__(self) -> None:
        self.runs: dict[int, tuple[float, ort.RunOptions]] = {}
        threading.Thread(target=self._watch, name="model-watchdog", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(0.02)
            now = time.monotonic()
            for deadline, options in list(self.runs.values()):
                if now > deadline:
                    options.terminate = True
