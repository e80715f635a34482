"""Pictures that are drawn into pictures: of the content's own folder, or of hosts that it lists; cut to size once, then kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.inbox import allowed
from app.errors import LookupFailed
from app.ports import PictureSource

if TYPE_CHECKING:
    from PIL import Image

KEPT = 256
FRESH_MILLISECONDS, AGAIN_MILLISECONDS = 3_600_000, 60_000
PATIENCE_SECONDS = 0.4
"""A mail that is opened does not wait for somebody else's server: the picture is there for the next one."""
Size = tuple[int, int]
Rgb = tuple[int, int, int]


class Album:
    def __init__(self, source: PictureSource) -> None:
        self._source = source
        self._kept: OrderedDict[tuple[str, Size, Rgb], tuple[int, Image.Image | None]] = OrderedDict()
        self._coming: dict[tuple[str, Size, Rgb], asyncio.Task[None]] = {}

    async def get(self, name: str, size: Size, ground: Rgb, folder: Path, hosts: tuple[str, ...], now: int) -> Image.Image | None:
        """The picture, of a file of `folder` or an https address; None where there is none, or it is not here yet."""
        if not name:
            return None
        key = name if "://" in name else str(folder / name), size, ground
        at, found = self._kept.get(key, (None, None))
        if at is not None and now - at < (FRESH_MILLISECONDS if found is not None else AGAIN_MILLISECONDS):
            return found
        task = self._coming.get(key)
        if task is None:
            task = self._coming[key] = asyncio.create_task(self._bring(key, name, folder, hosts, now))
            task.add_done_callback(lambda _: self._coming.pop(key, None))
        if found is None:
            await asyncio.wait((task,), timeout=PATIENCE_SECONDS)
        return self._kept.get(key, (0, found))[1]

    async def _bring(self, key: tuple[str, Size, Rgb], name: str, folder: Path, hosts: tuple[str, ...], now: int) -> None:
        from app.images.fitting import Unusable, fitted

        image: Image.Image | None = None
        try:
            if "://" in name and not allowed(name, hosts):
                raise LookupFailed("is not among the hosts of inbox.pictures", code="not_listed")
            data = await self._source.read(name) if "://" in name else await asyncio.to_thread(_file, folder, name)
            image = await asyncio.to_thread(fitted, data, key[1], key[2])
        except (LookupFailed, Unusable, OSError):
            image = self._kept.get(key, (0, None))[1]
        self._kept[key] = now, image
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _file(folder: Path, name: str) -> bytes:
    """A file that lies in the folder itself."""
    if Path(name).name != name:
        raise FileNotFoundError(name)
    return (folder / name).read_bytes()
