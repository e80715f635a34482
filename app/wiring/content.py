"""The content that a worker serves: what the parent publishes, compiled and taken over whole."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.adapters.onnx_runtime import OnnxRuntime
from app.adapters.ua_device import UaDevice
from app.adapters.watchdog import Watchdog
from app.content.kept_codes import kept_codes
from app.content.load import gather, load
from app.content.published import Published, pointer, read_current
from app.content.recommending import Adviser, advisers, foreign
from app.content.snapshot import Snapshot
from app.content.watch import Watch
from app.domain.bandits import Posterior
from app.errors import ContentInvalid, InlayError, StoreUnavailable
from app.ports import Catalogue, Wordings
from app.settings import Settings
from app.telemetry import log
from app.watching import Watching
from app.web.parts import Parts
from app.wiring.stores import build_identifiers

MOST_SHOWN = 80
"""Letters of an item's id in the log."""
KEEP_AGAIN_MS = 3_600_000
"""How often the store is reminded of what the content says."""


class Content:
    """Puts a new version in the place of `parts.snapshot` by one assignment. `prepare` is awaited before, for what is
    rendered ahead."""

    def __init__(self, settings: Settings, parts: Parts, watching: Watching, devices: UaDevice, posteriors: Mapping[str, Posterior], wordings: Wordings) -> None:
        self._settings = settings
        self._parts = parts
        self._watching = watching
        self._devices = devices
        self._posteriors = posteriors
        self._kept, self._wordings, self._kept_at = wordings, dict[str, Mapping[str, Any]](), 0
        self._watchdog = Watchdog()
        self._published: Published | None = None
        self._stamp = 0
        self._prepared_at = 0
        self._looked_through: Snapshot | None = None
        self.prepare: Callable[[Snapshot], Awaitable[object]] = _nothing

    async def follow(self) -> None:
        """Take over what was published, where it is new."""
        try:
            stamp = pointer(self._settings.data).stat().st_mtime_ns
        except OSError:
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        published = read_current(self._settings.data)
        if published is None:
            return
        if self._published is None or published.version != self._published.version:
            try:
                snapshot = await asyncio.to_thread(self._compile, published)
            except InlayError as error:
                log.error("content %s cannot be served: %s", published.version, error.code)
                return
            await self._serve(snapshot)
        self._published = self._parts.content_state = published

    def _compile(self, published: Published) -> Snapshot:
        definitions = load(Path(published.path), self._settings.bounds)
        runtime = OnnxRuntime(
            definitions.models, Path(published.path) / "models", self._watchdog, dict(published.models), self._parts.telemetry.model,
            tables=published.tables,
        )
        for id, why in runtime.problems.items():
            log.warning("model %s is not used: %s", id, why)
        if "user_agent" in definitions.enrich.local.values():
            self._devices.prepare()
        return Snapshot(definitions, runtime, self._posteriors, advisers=advisers(definitions, Path(published.path) / "models"), wordings=self._wordings, codes=kept_codes(Path(published.path)))

    async def follow_wordings(self) -> None:
        """What this content says stays remembered, and what the content of others says is known. `StoreUnavailable`."""
        snapshot, now = self._parts.snapshot, self._parts.clock()
        if snapshot is not None and (now - self._kept_at > KEEP_AGAIN_MS or await self._kept.count() != len(self._wordings)):
            await self._keep_wordings(snapshot, now)

    async def _keep_wordings(self, snapshot: Snapshot, now: int) -> None:
        found = await self._kept.keep(snapshot.said, now)
        self._wordings.update(found)
        for id in self._wordings.keys() - found.keys():
            del self._wordings[id]
        self._kept_at = now

    async def _serve(self, snapshot: Snapshot) -> None:
        with suppress(StoreUnavailable):
            await self._keep_wordings(snapshot, self._parts.clock())
        await self._prepare(snapshot)
        self._watching.serve(snapshot, await asyncio.to_thread(Watch, snapshot))
        self._parts.snapshot, self._parts.identifiers = snapshot, build_identifiers(self._settings, snapshot.definitions)
        gc.collect()
        gc.freeze()

    async def follow_items(self) -> None:
        """What was rendered ahead shows the items as they are. Of a new content it is told what its recommenders know and the
        catalogue does not hold."""
        snapshot = self._parts.snapshot
        if snapshot is None:
            return
        if self._prepared_at != self._parts.catalogue.version:
            await self._prepare(snapshot)
        if self._looked_through is not snapshot and self._parts.catalogue.rows:
            self._looked_through = snapshot
            await asyncio.to_thread(_tell_foreign, snapshot.advisers, self._parts.catalogue)

    async def _prepare(self, snapshot: Snapshot) -> None:
        self._prepared_at = self._parts.catalogue.version
        await self.prepare(snapshot)


def _tell_foreign(advisers: Mapping[str, Adviser], catalogue: Catalogue) -> None:
    for id, adviser in advisers.items():
        count, some = foreign(adviser.learnt, catalogue)
        if count:
            log.warning(
                "recommender %s knows %s items, of which the catalogue does not hold %s: %s%s. They are never recommended; import them (inlay import items), or train it anew",
                id, f"{len(adviser.learnt):,}", f"{count:,}", ", ".join(each[:MOST_SHOWN] for each in some), " ..." if count > len(some) else "",
            )


def open_content(folder: Path) -> Snapshot:
    """A folder of content with its models, for a command. `ContentInvalid`."""
    definitions = load(folder)
    runtime = OnnxRuntime(definitions.models, folder / "models", Watchdog(), {})
    return Snapshot(definitions, runtime)


def open_to_replay(folder: Path) -> Snapshot:
    """As `open_content`; but a model whose file is gone is one that cannot be used, and the rest goes on."""
    definitions, problems = gather(folder)
    errors = [each for each in problems if not each.warning and not (each.key == "file" and each.file.startswith("models/"))]
    if definitions is None or errors:
        raise ContentInvalid(tuple(problems))
    return Snapshot(definitions, OnnxRuntime(definitions.models, folder / "models", Watchdog(), {}))


async def _nothing(_: Snapshot) -> None:
    """For a worker that renders nothing ahead."""
