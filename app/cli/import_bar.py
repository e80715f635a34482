"""What `inlay import` shows meanwhile: how much of the file, how many rows in all and a second, how long it will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class Bar(Progress):
    """A context manager. `done` is asked for a share of 1 whenever it is drawn; `total` is the number of rows where that is known."""

    def __init__(self, kind: str, total: int | None, done: Callable[[], float]) -> None:
        super().__init__(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), _Rate(total), TimeRemainingColumn(),
            transient=True, console=Console(stderr=True), refresh_per_second=4,
        )
        self._done = done
        self._entries = 0
        self._kind = self.add_task(kind, total=1.0, entries=0)

    def moved(self, entries: int) -> None:
        self._entries += entries

    def get_renderables(self) -> Iterable[RenderableType]:
        if self.tasks:
            self.update(self._kind, completed=min(self._done(), 0.999), entries=self._entries)
        return super().get_renderables()


class _Rate(ProgressColumn):
    """Rows and groups so far, of all where that is known, and how many a second."""

    def __init__(self, total: int | None) -> None:
        super().__init__()
        self._total = f" of {total:,}" if total is not None else ""

    def render(self, task: Task) -> Text:
        entries = task.fields["entries"]
        return Text(f"{entries:,}{self._total}, {entries / max(task.elapsed or 0.0, 0.001):,.0f} a second")
