"""Profiles, histories and decisions in Redis. All keys of a profile share one hash slot:

`h:{K}` history, `t:{K}` its tail, `m:{K}` traits, identities, consents, alias and tombstone, `d:{K}` decisions by send,
`x:{K}` their traces. One round trip reads a person; one applies all changes of a batch; one records a decision.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec

from app.adapters.redis_link import Command, Link, refusal
from app.adapters.redis_names import KEYS as NAMES
from app.adapters.redis_names import Names
from app.adapters.redis_scripts import Script, evaluate, evaluate_many
from app.domain.change import Append, Applied, Change, Grant, Know, Merge, Result
from app.domain.decision import Recording
from app.domain.event import ID_BYTES, Identity
from app.domain.history import ENTRY, NO_HISTORY, Dictionary, History, Unnamed
from app.domain.profile import Profile
from app.errors import LeaseLost, StoreUnavailable

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder().decode
_RESULTS: dict[int, Result] = {ord("a"): "applied", ord("d"): "duplicate", ord("o"): "too_old"}
KEPT_SECONDS = 35 * 86_400
CHUNK = 400
"""Events that one script call takes at most."""
ATTEMPTS = 3
STAMP = 8 + ID_BYTES
HEAD = struct.Struct(">IIIQBHQ")
_EPOCH: Command = ("HGET", NAMES[0], "epoch")

Call: TypeAlias = "tuple[int, str, int, list[Any]]"
"""Which write it belongs to, the profile's key, how many of the arguments are events, the arguments."""


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
        self._point, self._erase = Script("point"), Script("erase")

    # -- reading ---------------------------------------------------------------------------------------------------

    async def read(self, key: str, send: str | None = None, *, sends: bool = False) -> Profile:
        return (await self.read_many(((key, send),), sends=sends))[0]

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        commands: list[Command] = []
        for key, send in asked:
            tag = "{" + key + "}"
            commands += (("MGET", "h:" + tag, "t:" + tag), ("HGETALL", "m:" + tag))
            if sends:
                commands.append(("HGETALL", "d:" + tag))
            elif send is not None:
                commands.append(("HGET", "d:" + tag, send))
        replies = await self._link.pipeline(commands)
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        following = iter(replies).__next__
        found: list[Profile] = []
        moved: dict[int, str] = {}
        for i, (key, send) in enumerate(asked):
            (base, tail), meta = following(), following()
            if meta and b">" in meta[::2]:
                key = moved[i] = meta[meta.index(b">") + 1].decode()
            profile = await self._profile(key, base, tail, meta)
            if sends or send is not None:
                _take_records(profile, following(), send, sends=sends)
            found.append(profile)
        if moved:
            again = await self.read_many([(key, asked[i][1]) for i, key in moved.items()], sends=sends)
            for i, profile in zip(moved, again, strict=True):
                found[i] = profile
        return found

    async def _profile(self, key: str, base: bytes | None, tail: bytes | None, meta: list[bytes]) -> Profile:
        history = History(base, tail, self._names.dictionary) if base else NO_HISTORY
        if base and (history.unknown or not self._names.loaded):
            history = await self._reread(base, tail)
        profile = Profile(key, history, known=bool(base or meta))
        if meta:
            _take_meta(profile, meta)
        return profile

    async def _reread(self, base: bytes, tail: bytes | None) -> History:
        """A history that the mirror of names did not fit. What no dictionary explains any more counts as none."""
        if self._names.loaded:
            await self._names.load()
        history = History(base, tail, await self._names.current())
        return NO_HISTORY if history.unknown else history

    async def decision(self, key: str, send: str) -> tuple[bytes | None, bytes | None]:
        tag = "{" + key + "}"
        replies = await self._link.pipeline([("HGET", "d:" + tag, send), ("HGET", "x:" + tag, send), ("HGET", "m:" + tag, ">")])
        for reply in replies:
            if isinstance(reply, Exception):
                raise refusal(reply)
        if replies[0] is None and replies[2] is not None:
            return await self.decision(replies[2].decode(), send)
        return replies[0], replies[1]

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
            calls = [call for i, (key, changes) in enumerate(writes) for call in _calls(i, key, changes, names, missing)]
            if not missing:
                return names, calls
            await self._names.intern(missing)
        raise StoreUnavailable("the dictionary of names keeps changing", code="names")

    async def _applied(self, calls: list[Call], names: Dictionary, now: int, until: int, *, sure: bool) -> list[Applied] | None:
        """None where the dictionary is not the one that Redis has. That it still is at the end shows that it was before."""
        found: dict[int, list[bytes]] = {}
        erased: set[int] = set()
        cut = now - self._age if self._age else 0
        while calls:
            head = (names.epoch, names.size, self._bound, cut, sure)
            scripts = [(_keys(key), [HEAD.pack(*head, events, until), *arguments]) for _, key, events, arguments in calls]
            *replies, epoch = await evaluate_many(self._writes, self._apply, scripts, self._write_seconds, then=_EPOCH)
            if epoch is None or int(epoch) != names.epoch or b"?" in replies:
                return None
            if b"<" in replies:
                raise LeaseLost("the lease ended before the write")
            moved: list[Call] = []
            for call, reply in zip(calls, replies, strict=True):
                if reply.startswith(b">"):
                    moved.append((call[0], reply[1:].decode(), *call[2:]))
                elif reply == b"!":
                    erased.add(call[0])
                    found.setdefault(call[0], [])
                else:
                    found.setdefault(call[0], []).append(reply)
            calls = moved
        return [Applied(tuple([_RESULTS[code] for code in b"".join(found[i])]), i in erased) for i in sorted(found)]

    async def record(self, recordings: Sequence[Recording], now: int) -> list[bytes | None]:
        oldest = max(now - KEPT_SECONDS * 1000, 0).to_bytes(8, "big")
        calls: list[tuple[list[str], list[Any]]] = []
        for each in recordings:
            tag = "{" + each.key + "}"
            arguments = [each.send, each.expected or b"", each.record, each.trace, KEPT_SECONDS, oldest]
            calls.append((["m:" + tag, "d:" + tag, "x:" + tag], arguments))
        replies: list[bytes] = await evaluate_many(self._writes, self._record, calls, self._write_seconds)
        return [None if not found else b"" if found == b"\0" else found for found in replies]

    async def link(self, anonymous: str, user: str, now: int, *, until: int = 0) -> None:
        for _ in range(8):
            base_key, tail_key, meta_key = _keys(anonymous)
            replies = await self._writes.pipeline([("MGET", base_key, tail_key), ("HGETALL", meta_key)], self._write_seconds)
            for reply in replies:
                if isinstance(reply, Exception):
                    raise refusal(reply)
            (base, tail), meta = replies
            fields = dict(zip(meta[::2], meta[1::2], strict=True))
            if fields.get(b">") == user.encode() or b"!" in fields:
                return
            await self._claim(user, base, tail, fields, anonymous, now, until)
            done = await evaluate(self._writes, self._point, [base_key, tail_key, meta_key], [user, base or b"", tail or b"", until], self._write_seconds)
            if done < 0:
                raise LeaseLost("the lease ended before the write")
            if done:
                return

    async def _claim(self, user: str, base: bytes | None, tail: bytes | None, fields: dict[bytes, bytes], anonymous: str, now: int, until: int) -> None:
        """Copy what was known under an anonymous id; copying twice changes nothing."""
        changes: list[Change] = [Know(Identity.from_key(anonymous), now)]
        if base and b">" not in fields:
            changes += [Append(event) for event in (await self._reread(base, tail)).events()]
        for name, value in fields.items():
            at = int.from_bytes(value[:8], "big")
            if name.startswith(b"t:"):
                changes.append(Merge({name[2:].decode(): _unpack(value[STAMP:])}, at, value[8:STAMP]))
            elif name.startswith(b"c:"):
                changes.append(Grant(name[2:].decode(), value[8:] == b"1", at))
        await self.apply([(user, changes)], now, until=until)

    async def erase(self, key: str, now: int) -> None:
        profile = await self.read(key)
        stamp = now.to_bytes(8, "big")
        gone = {key, profile.key or key, *(identity.key for identity in profile.identities)}
        for each in sorted(gone):
            tag = "{" + each + "}"
            keys = ["h:" + tag, "t:" + tag, "m:" + tag, "d:" + tag, "x:" + tag]
            await evaluate(self._writes, self._erase, keys, [stamp], self._write_seconds)

    # -- the meaning of traces -------------------------------------------------------------------------------------

    async def save_table(self, version: str, table: Any) -> None:
        """Keep what the numbers in traces of a content version mean, as long as decisions are kept."""
        await self._writes.call("SET", f"inlay:table:{version}", _pack(table), "EX", KEPT_SECONDS + 86_400, seconds=self._write_seconds)

    async def load_table(self, version: str) -> Any:
        data = await self._link.call("GET", f"inlay:table:{version}")
        return None if data is None else _unpack(data)


def _keys(key: str) -> list[str]:
    return ["h:{" + key + "}", "t:{" + key + "}", "m:{" + key + "}"]


def _calls(i: int, key: str, changes: Sequence[Change], names: Dictionary, missing: list[Unnamed]) -> list[Call]:
    """The arguments that tell the script of these changes; in chunks where there are many events. Names that the
    dictionary lacks are noted in `missing`."""
    events: list[bytes] = []
    fields: list[Any] = []
    for change in changes:
        match change:
            case Append(event):
                try:
                    code, payload = names.pack(event)
                except Unnamed as lacking:
                    missing.append(lacking)
                    continue
                events.append(ENTRY.pack(event.at, event.id, code) + payload)
            case Merge(traits, at, id):
                stamp = at.to_bytes(8, "big") + id
                for name, value in traits.items():
                    fields += ("t:" + name, stamp + _pack(value))
            case Know(identity, at):
                fields += ("i:" + identity.key, at.to_bytes(8, "big"))
            case Grant(purpose, granted, at):
                fields += ("c:" + purpose, at.to_bytes(8, "big") + (b"1" if granted else b"0"))
    found: list[Call] = [(i, key, min(len(events), CHUNK), [*events[:CHUNK], *fields])]
    for at in range(CHUNK, len(events), CHUNK):
        found.append((i, key, len(events[at : at + CHUNK]), events[at : at + CHUNK]))
    return found


def _take_records(profile: Profile, reply: Any, send: str | None, *, sends: bool) -> None:
    if not sends:
        profile.record = reply
        return
    profile.sends = {field.decode(): data for field, data in zip(reply[::2], reply[1::2], strict=True)}
    profile.record = profile.sends.get(send) if send is not None else None


def _take_meta(profile: Profile, flat: list[bytes]) -> None:
    traits: dict[str, Any] = {}
    consents: dict[str, bool] = {}
    identities: list[Identity] = []
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        kind, rest = name[:2], name[2:]
        if kind == b"t:":
            trait = _unpack(value[STAMP:])
            if trait is not None:
                traits[rest.decode()] = trait
        elif kind == b"c:":
            consents[rest.decode()] = value[8:] == b"1"
        elif kind == b"i:":
            identities.append(Identity.from_key(rest.decode()))
        elif name == b"!":
            profile.erased = True
    profile.traits, profile.consents, profile.identities = traits, consents, tuple(identities)
