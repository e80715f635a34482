"""What `inlay models drift` found last, as gauges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

FILE = "models/watched.json"


class WatchedModels:
    """Reads the file again where it changed."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._stamp = 0
        self._gauges: dict[str, float] = {}

    def gauges(self) -> dict[str, float]:
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                self._stamp, self._gauges = stamp, _gauges(msgspec.json.decode(self._path.read_bytes()))
        except (OSError, msgspec.DecodeError):
            return self._gauges
        return self._gauges


def _gauges(told: dict[str, dict[str, Any]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for model, row in told.items():
        found |= {f"inlay_model_psi/{model}/{name}": psi for name, psi in row["psi"].items()}
        found[f"inlay_model_skewed_values/{model}"] = row["skewed"]
        if row["calibration_error"] is not None:
            found[f"inlay_model_calibration_error/{model}"] = row["calibration_error"]
    return found
