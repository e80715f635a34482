"""What Inlay uses of ONNX Runtime, which carries no types of its own."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any

import numpy as np

class ExecutionMode(IntEnum):
    ORT_SEQUENTIAL = 0
    ORT_PARALLEL = 1

class NodeArg:
    name: str
    type: str
    shape: Sequence[int | str | None]

class RunOptions:
    terminate: bool

class SessionOptions:
    intra_op_num_threads: int
    inter_op_num_threads: int
    execution_mode: ExecutionMode
    log_severity_level: int
    def add_session_config_entry(self, key: str, value: str) -> None: ...

class InferenceSession:
    def __init__(self, path_or_bytes: str | bytes, sess_options: SessionOptions | None = ..., providers: Sequence[str] | None = ...) -> None: ...
    def get_inputs(self) -> list[NodeArg]: ...
    def get_outputs(self) -> list[NodeArg]: ...
    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, np.ndarray[Any, Any]], run_options: RunOptions | None = ...) -> list[Any]: ...
