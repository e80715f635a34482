"""Profiles, histories and decisions in Redis. All keys of a profile share one hash slot:

`h:{K}` history, `t:{K}` its tail, `m:{K}` traits, identities, consents, alias and tombstone, `o:{K}` by which identifier
they came (see `redis_identities`), `d:{K}` decisions by send, `l:{K}` what `redis_live` keeps.
One round trip reads a person; one applies all changes of a batch; one records a decision.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any

from app.adapters.redis_calls import Call, calls_of, redirected
from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_identities import KEPT_SECONDS
from app.adapters.redis_meta import take_meta
from app.adapters.redis_names import KEYS as NAMES
from app.adapters.redis_names import Names
from app.adapters.redis_scripts import Script, evaluate, evaluate_many
from app.adapters.redis_sealing import Sealing
from app.domain.caps import Full, Guard
from app.domain.change import Applied, Change, Result
from app.domain.decision import Recording
from app.domain.event import ID_BYTES
from app.domain.dictionary import Dictionary, Unnamed
from app.domain.history import NO_HISTORY, History
from app.domain.profile import Profile
from app.errors import LeaseLost, StoreUnavailable

_RESULTS: dict[int, Result] = {ord("a"): "applied", ord("d"): "duplicate", ord("o"): "too_old"}
ATTEMPTS = 3
HEAD = struct.Struct(">IIIQBHQ")
_EPOCH: Command = ("HGET", NAMES[0], "epoch")


class RedisStore:
    """`ProfileStore` over two links, so that reads do not wait behind writes, nor a late read take writes down with it;
    one will do for a command. `bound` is the number of events kept per profile and type, `age` their age in ms."""

    def __init__(
        self, link: Link, names: Names, *, writes: Link | None = None, write_seconds: float = 1.0, bound: int = 1_000, age: int = 0
    ) -> None:
        self._link = link
        self._writes = writes or link
        self._writes.on_drop.append(names.forget)
        self._names = names
        self._write_seconds = write_seconds
        self._bound = bound
        self._age = age
        self._apply, self._record = Script("apply"), Script("record")
        self._erase = Script("erase")
        self._sealing = Sealing(self._writes, names, write_seconds)

    # -- reading ---------------------------------------------------------------------------------------------------

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        tag = "{" + key + "}"
        replies = await self._link.pipeline([("MGET", "h:" + tag, "t:" + tag), *_beside(tag, send, sends=sends)])
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        (base, tail), *others = replies
        profile = self._profile(key, send, base, tail, *others, sends=sends)
        if profile.history.unknown:
            profile.history = await self._reread(base, tail)
        return profile if profile.key == key else await self.read(profile.key or "", send, sends=sends)

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        tags, step = ["{" + key + "}" for key, _ in asked], self._link.together
        commands: list[Command] = [
            ("MGET", *[part + tag for tag in tags[start : start + step] for part in ("h:", "t:")]) for start in range(0, len(tags), step)
        ]
        groups = len(commands)
        for tag, (_, send) in zip(tags, asked, strict=True):
            commands += _beside(tag, send, sends=sends)
        replies = await self._link.pipeline(commands)
        for reply in replies:
            if isinstance(reply, Exception):
                if step > 1 and str(reply).startswith("CROSSSLOT"):
                    self._link.together = 1
                    return await self.read_many(asked, sends=sends)
                raise refusal(reply)
        histories, others = chain.from_iterable(replies[:groups]), iter(replies[groups:])
        found: list[Profile] = []
        moved: list[int] = []
        for i, (key, send) in enumerate(asked):
            base, tail = next(histories), next(histories)
            profile = self._profile(key, send, base, tail, next(others), next(others) if sends or send is not None else None, sends=sends)
            if profile.history.unknown:
                profile.history = await self._reread(base, tail)
            if profile.key != key:
                moved.append(i)
            found.append(profile)
        if moved:
            again = await self.read_many([(found[i].key or "", asked[i][1]) for i in moved], sends=sends)
            for i, profile in zip(moved, again, strict=True):
                found[i] = profile
        return found

    def _profile(self, key: str, send: str | None, base: bytes | None, tail: bytes | None, meta: list[bytes], records: Any = None, *, sends: bool) -> Profile:
        """What the replies say. Its key is another one where this one is an alias: read that."""
        if meta and b">" in meta[::2]:
            return Profile(meta[meta.index(b">") + 1].decode())
        if base:
            history = History(base, tail, self._names.dictionary)
            history.unknown |= not self._names.loaded
        else:
            history = NO_HISTORY
        profile = Profile(key, history, known=bool(base or meta))
        if meta:
            take_meta(profile, meta)
        if sends:
            profile.sends = _records(records)
            profile.record = profile.sends.get(send) if send is not None else None
        else:
            profile.record = records
        return profile

    async def _reread(self, base: bytes, tail: bytes | None) -> History:
        """A history that the mirror of names did not fit. What no dictionary explains any more counts as none."""
        if self._names.loaded:
            await self._names.load()
        history = History(base, tail, await self._names.current())
        return NO_HISTORY if history.unknown else history

    async def decision(self, key: str, send: str) -> bytes | None:
        tag = "{" + key + "}"
        replies = await self._link.pipeline([("HGET", "d:" + tag, send), ("HGET", "m:" + tag, ">")])
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        record, owner = replies
        return await self.decision(owner.decode(), send) if record is None and owner is not None else record

    # -- writing ---------------------------------------------------------------------------------------------------

    async def apply(self, writes: Sequence[tuple[str, Sequence[Change]]], now: int, *, until: int = 0) -> list[Applied]:
        for attempt in range(ATTEMPTS):
            names, packed = await self._packed(writes)
            found = await self._applied(packed, names, now, until, sure=attempt > 0)
            if found is not None:
                return found
            await self._names.load()
        raise StoreUnavailable("the dictionary of names keeps changing", code="names")

    async def _packed(self, writes: Sequence[tuple[str, Sequence[Change]]]) -> tuple[Dictionary, list[Call]]:
        """Calls of the script, and the dictionary that they are written with."""
        for _ in range(ATTEMPTS):
            names = await self._names.current()
            missing: list[Unnamed] = []
            calls = [call for i, (key, changes) in enumerate(writes) for call in calls_of(i, key, changes, names, missing)]
            if not missing:
                return names, calls
            await self._names.intern(missing)
        raise StoreUnavailable("the dictionary of names keeps changing", code="names")

    async def _applied(self, calls: list[Call], names: Dictionary, now: int, until: int, *, sure: bool) -> list[Applied] | None:
        """None where the dictionary is not the one that Redis has. That it still is at the end shows that it was before."""
        results: dict[int, dict[int, Result]] = {call.write: {} for call in calls}
        erased: set[int] = set()
        cut = now - self._age if self._age else 0
        long: set[str] = set()
        while calls:
            head = (names.epoch, names.size, self._bound, cut, sure)
            scripts = [
                (_keys(call.key), [HEAD.pack(*head, len(call.events), until) + call.by.encode(), *call.events, *call.fields]) for call in calls
            ]
            *replies, epoch = await evaluate_many(self._writes, self._apply, scripts, self._write_seconds, then=_EPOCH)
            if epoch is None or int(epoch) != names.epoch or b"?" in replies:
                return None
            if b"<" in replies:
                raise LeaseLost("the lease ended before the write")
            moved = [call for call, reply in zip(calls, replies, strict=True) if reply == b"~"]
            if moved:
                await self._sealing.open({call.key for call in moved})
            for call, reply in zip(calls, replies, strict=True):
                if reply.startswith((b">", b"=")):
                    moved += redirected(call, reply)
                elif reply == b"~":
                    continue
                elif reply == b"!":
                    erased.add(call.write)
                    results[call.write].update(dict.fromkeys(call.places, "erased"))
                else:
                    if reply.endswith(b"s"):
                        reply = reply[:-1]
                        long.add(call.key)
                    results[call.write].update({place: _RESULTS[code] for place, code in zip(call.places, reply, strict=True)})
            calls = moved
        if long:
            with suppress(StoreUnavailable):
                await self._sealing.seal(long)
        return [
            Applied(tuple([each for _, each in sorted(results[i].items())]), erased=i in erased and set(results[i].values()) <= {"erased"})
            for i in sorted(results)
        ]

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | Full | None]:
        oldest = max(now - KEPT_SECONDS * 1000, 0).to_bytes(8, "big")
        calls: list[tuple[list[str], list[Any]]] = []
        for each in recordings:
            tag = "{" + each.key + "}"
            arguments = [each.send, each.expected or b"", each.record, KEPT_SECONDS, oldest, _kept(each.variants, now), *_guards(each.guards)]
            calls.append((["m:" + tag, "d:" + tag], arguments))
        replies: list[Any] = await evaluate_many(self._writes, self._record, calls, self._write_seconds)
        found = [_winner(reply) for reply in replies]
        moved = {i: replace(recordings[i], key=reply[1:].decode()) for i, reply in enumerate(replies) if reply[:1] == b">"}
        if moved:
            for i, answer in zip(moved, await self.record(list(moved.values()), now), strict=True):
                found[i] = answer
        return found

    async def erase(self, key: str, now: int) -> frozenset[str]:
        profile = await self.read(key)
        stamp = now.to_bytes(8, "big")
        gone = {key, profile.key or key, *(identity.key for identity in profile.identities)}
        gone -= await self._others(profile.key or key, gone)
        for each in sorted(gone):
            tag = "{" + each + "}"
            keys = [part + ":" + tag for part in "htmodl"]
            await evaluate(self._writes, self._erase, keys, [stamp], self._write_seconds)
        return frozenset(gone)

    async def _others(self, key: str, keys: set[str]) -> set[str]:
        """Those identifiers that passed from the person to somebody else, or came from them: not theirs to take along."""
        commands: list[Command] = [("HMGET", "m:{" + each + "}", "=", "<") for each in keys]
        replies = await self._link.pipeline(commands, self._write_seconds)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        shared = {each for each, reply in zip(keys, replies, strict=True) if reply[0] is not None}
        return shared - {key}


def _kept(variants: Mapping[str, str], now: int) -> bytes:
    """What `record.lua` keeps of experiments: names and values, each led by its length; a value by the instant, as all fields are."""
    if not variants:
        return b""
    stamp = now.to_bytes(8, "big") + bytes(ID_BYTES)
    parts = [part for id, stored in variants.items() for part in (id.encode(), stamp + stored.encode() if stored else b"")]
    return b"".join([len(part).to_bytes(2, "big") + part for part in parts])


def _guards(guards: Sequence[Guard]) -> list[Any]:
    return [part for each in guards for part in (each.most, each.after, each.placement, "".join(f"\n{offer}\n" for offer in each.offers))]


def _winner(reply: Any) -> bytes | Full | None:
    if isinstance(reply, list):
        return Full(_records(reply))  # pyright: ignore[reportUnknownArgumentType]
    return None if not reply else b"" if reply == b"\0" else reply


def _records(flat: Sequence[bytes]) -> dict[str, bytes]:
    return {field.decode(): data for field, data in zip(flat[::2], flat[1::2], strict=True)}


def _keys(key: str) -> list[str]:
    return ["h:{" + key + "}", "t:{" + key + "}", "m:{" + key + "}", "o:{" + key + "}"]


def _beside(tag: str, send: str | None, *, sends: bool) -> list[Command]:
    """Beside a person's history: all else that is filed of them, and their decisions as far as they are asked for."""
    meta: Command = ("HGETALL", "m:" + tag)
    if sends:
        return [meta, ("HGETALL", "d:" + tag)]
    return [meta] if send is None else [meta, ("HGET", "d:" + tag, send)]
