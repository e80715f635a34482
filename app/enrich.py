"""Enrichment: what an event's IP address and user agent say at once, and what third parties say a moment later.

Nothing here holds anybody up: look-ups run beside the events that asked for them, and what they bring is a trait like any
other, so that a decision finds it with the rest of the person.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from msgspec.structs import replace

from app.domain.change import Merge
from app.domain.enrichment import SLOT, Enrichments, Known, Lookup, filled, learned, taken
from app.domain.event import Heard
from app.domain.profile import Profile
from app.errors import LookupFailed, StoreUnavailable
from app.ports import Clock, Devices, Geography, LookupCache, ProfileStore, ThirdParty
from app.telemetry import log

MAX_WAITING = 2_000
"""People whose look-ups wait; beyond them an event asks for none, and the person's next event does."""
AT_ONCE = 16
COOL_MILLISECONDS = 5_000
"""How long a question that failed is not asked again."""
MAX_COOLING = 10_000
GRACE_MILLISECONDS = 1_000
"""How much longer than its timeout a question is kept from others, should whoever asks it end."""
POLL_SECONDS = 0.05
_DEVICE = {"type": "_device", "os": "_os", "browser": "_browser"}
"""Of a device, what its event is told too."""

Numbered = tuple[int, Heard]


class Fuse(Protocol):
    """A circuit breaker."""

    def allow(self) -> bool: ...
    def success(self) -> None: ...
    def failure(self) -> None: ...


class Enricher:
    """`Enrichment` at work in one process; the cache is the fleet's."""

    def __init__(
        self, rules: Callable[[], Enrichments], gates: Callable[[], Sequence[str]], store: ProfileStore, cache: LookupCache, party: ThirdParty,
        geography: Geography | None, devices: Devices | None, clock: Clock, fuse: Callable[[], Fuse], count: Callable[[str, str], None],
        secrets: Mapping[str, str], hashed: Callable[[str], bytes],
    ) -> None:
        """`gates` gives the purposes without whose consent nothing is learned; `count(id, outcome)` counts."""
        self._rules, self._gates = rules, gates
        self._store, self._cache, self._party = store, cache, party
        self._geography, self._devices = geography, devices
        self._clock, self._fuse, self._count = clock, fuse, count
        self._secrets, self._hashed = secrets, hashed
        self._fuses: dict[str, Fuse] = {}
        self._flights: dict[tuple[str, str], asyncio.Task[Known | None]] = {}
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)
        self._cooling: dict[tuple[str, str], int] = {}
        self._said: set[tuple[str, str]] = set()

    # -- at once ---------------------------------------------------------------------------------------------------

    async def known(self, raws: Sequence[Any], heard: Sequence[Numbered]) -> Sequence[Numbered]:
        """The events with what their `context` says of place and device. The IP address is taken out of it, so that nothing
        that is kept of an event holds it."""
        local = self._rules().local
        if not local:
            return heard
        told = [(index, self._told(raws[index], each)) for index, each in heard]
        new = {each.who.key for (_, each), (_, before) in zip(told, heard, strict=True) if each is not before}
        refused = await self._refused(new)
        return [before if after[1].who.key in refused else after for after, before in zip(told, heard, strict=True)]

    def _told(self, raw: Any, heard: Heard) -> Heard:
        context = raw.get("context") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(context, dict):
            return heard
        address, agent = context.pop("ip", None), context.get("userAgent")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        traits: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for id, kind in self._rules().local.items():
            if kind == "ip" and self._geography is not None and isinstance(address, str) and (place := self._geography.place(address)):
                traits[id] = learned(place, heard.event.at, self._geography.source)
            if kind == "user_agent" and self._devices is not None and isinstance(agent, str) and (device := self._devices.device(agent)):
                traits[id] = learned(device, heard.event.at, self._devices.source)
                properties = {name: device[field].lower() for field, name in _DEVICE.items() if field in device}
            self._count(id, "known" if id in traits else "unknown")
        if not traits:
            return heard
        return replace(heard, learned=traits, event=replace(heard.event, properties={**properties, **heard.event.properties}))

    async def _refused(self, keys: set[str]) -> set[str]:
        """Those of the people who have not agreed to everything that gates enrichment."""
        gates = self._gates()
        if not gates or not keys:
            return set()
        ordered = list(keys)
        profiles = await asyncio.gather(*map(self._store.read, ordered))
        return {key for key, profile in zip(ordered, profiles, strict=True) if not _agreed(profile, gates)}

    # -- a moment later --------------------------------------------------------------------------------------------

    def follow(self, heard: Sequence[Heard]) -> None:
        """Begin what third parties are asked because of these events, which have been applied."""
        lookups = self._rules().lookups
        if not lookups:
            return
        for each in heard:
            key = each.who.key
            if key in self._waiting or not any(lookup.on(each.event.name) for lookup in lookups):
                continue
            self._begin(key, each.event.name)

    def seen(self, key: str) -> None:
        """A decision was taken for this person: whoever does nothing is learned about all the same, for the next one."""
        lookups = self._rules().lookups
        if lookups and key not in self._waiting and any(lookup.on("") for lookup in lookups):
            self._begin(key, "")

    async def forget(self, key: str) -> None:
        """The person is about to be erased: answers that were asked for with their traits go as well."""
        lookups = self._rules().lookups
        if not lookups:
            return
        if (task := self._waiting.get(key)) is not None:
            task.cancel()
        traits = (await self._store.read(key)).traits
        for lookup in lookups:
            if (url := filled(lookup.url, traits)) is not None:
                await self._cache.drop(lookup.id, url)

    def _begin(self, key: str, event: str) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self._count("", "dropped")
            return
        task = self._waiting[key] = asyncio.create_task(self._look_up(key, event))
        task.add_done_callback(lambda _: self._waiting.pop(key, None))

    async def idle(self) -> None:
        """Once nothing waits any more."""
        while self._waiting:
            await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    async def close(self) -> None:
        tasks = [*self._waiting.values(), *self._flights.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, key: str, event: str) -> None:
        with suppress(StoreUnavailable):
            async with self._places:
                profile = await self._store.read(key)
                if not profile.known or profile.erased or profile.restricted or not _agreed(profile, self._gates()):
                    return
                for lookup in self._rules().lookups:
                    url = filled(lookup.url, profile.traits) if lookup.on(event) else None
                    if url is not None:
                        await self._keep(lookup, url, key, profile)

    async def _keep(self, lookup: Lookup, url: str, key: str, profile: Profile) -> None:
        """Make each answer the person's trait, where it is not already."""
        has, now = profile.traits.get(lookup.id), 0
        async for answer in self._answers(lookup, url):
            trait = learned(answer.fields, answer.at, lookup.host) if answer.fields else None
            if trait != has:
                now = max(self._clock(), now + 1)
                await self._store.apply([(key, [Merge({lookup.id: trait}, now, self._hashed(url))])], now)
                has = trait

    async def _answers(self, lookup: Lookup, url: str) -> AsyncIterator[Known]:
        """The answer that is kept, unless it is too old; then, unless that was fresh, a new one where there is one."""
        kept = await self._cache.get(lookup.id, url)
        age = kept.age(self._clock()) if kept is not None else 0
        if kept is not None and age < lookup.fresh + lookup.stale:
            self._count(lookup.id, "fresh" if age < lookup.fresh else "stale")
            yield kept
            if age < lookup.fresh:
                return
        if (asked := await self._once(lookup, url)) is not None:
            yield asked

    def _once(self, lookup: Lookup, url: str) -> Awaitable[Known | None]:
        """One question at a time, however many people wait for its answer."""
        flight = self._flights.get((lookup.id, url))
        if flight is None:
            flight = self._flights[lookup.id, url] = asyncio.create_task(self._ask(lookup, url))
            flight.add_done_callback(lambda _: self._flights.pop((lookup.id, url), None))
        return asyncio.shield(flight)

    async def _ask(self, lookup: Lookup, url: str) -> Known | None:
        if self._clock() < self._cooling.get((lookup.id, url), 0):
            self._count(lookup.id, "cooling")
            return None
        try:
            if not await self._cache.claim(lookup.id, url, lookup.timeout + GRACE_MILLISECONDS):
                return await self._others(lookup, url)
            try:
                return await self._asked(lookup, url)
            finally:
                await self._cache.release(lookup.id, url)
        except LookupFailed as error:
            self._failed(lookup, url, error)
        except StoreUnavailable:
            self._count(lookup.id, "store")
        return None

    async def _asked(self, lookup: Lookup, url: str) -> Known:
        headers = self._headers(lookup)
        fuse = self._fuses.get(lookup.host) or self._fuses.setdefault(lookup.host, self._fuse())
        if not fuse.allow():
            raise LookupFailed("has failed often just now and is left alone", code="open")
        if not await self._cache.spend(lookup.id, lookup.per_second, self._clock()):
            raise LookupFailed("would be asked more often than its budget allows", code="budget")
        try:
            answer = await self._party.ask(url, headers, lookup.timeout / 1000)
        except LookupFailed:
            fuse.failure()
            raise
        fuse.success()
        known = Known(taken(lookup, answer), self._clock())
        await self._cache.put(lookup.id, url, known, lookup.fresh + lookup.stale)
        self._count(lookup.id, "fetched" if known.fields else "nothing")
        return known

    async def _others(self, lookup: Lookup, url: str) -> Known | None:
        """What another process is asking at this moment, once it has its answer."""
        for _ in range(max(1, round(lookup.timeout / 1000 / POLL_SECONDS))):
            await asyncio.sleep(POLL_SECONDS)
            known = await self._cache.get(lookup.id, url)
            if known is not None and known.age(self._clock()) < lookup.fresh:
                self._count(lookup.id, "shared")
                return known
        self._count(lookup.id, "busy")
        return None

    def _headers(self, lookup: Lookup) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, value in lookup.headers.items():
            missing = [slot for slot in SLOT.findall(value) if slot.removeprefix("secret.") not in self._secrets]
            if missing:
                raise LookupFailed(f"needs the secret {missing[0].removeprefix('secret.')[:40]}, which INLAY_LOOKUP_SECRETS has not", code="secret")
            found[name] = SLOT.sub(lambda slot: self._secrets[slot[1].removeprefix("secret.")], value)
        return found

    def _failed(self, lookup: Lookup, url: str, error: LookupFailed) -> None:
        """Counted each time, said once for each kind; never with the address, which is about a person."""
        self._count(lookup.id, error.code)
        if error.code != "budget":
            if len(self._cooling) >= MAX_COOLING:
                self._cooling.clear()
            self._cooling[lookup.id, url] = self._clock() + COOL_MILLISECONDS
        if (lookup.id, error.code) not in self._said:
            self._said.add((lookup.id, error.code))
            log.warning("enrich.%s: %s %s; inlay_enrichments_total counts it, and this is said once", lookup.id, lookup.host, error.message)


def _agreed(profile: Profile, gates: Sequence[str]) -> bool:
    return all(profile.consents.get(purpose) is True for purpose in gates)
