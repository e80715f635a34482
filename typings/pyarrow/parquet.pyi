"""What Inlay uses of PyArrow's Parquet reader, which carries no types of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

class _Batch:
    def to_pylist(self) -> list[dict[str, Any]]: ...

class ParquetFile:
    def __init__(self, source: Path) -> None: ...
    def iter_batches(self, batch_size: int = ...) -> Iterator[_Batch]: ...
