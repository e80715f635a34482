"""The request path: who is it -> profile and record -> rules and models -> choose -> render -> record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.content.choosing import Render, Taken, Verdict, choose, fall_back
from app.content.reviving import revive
from app.content.snapshot import Snapshot, plain
from app.domain.decision import Decision, Record, decode_record, encode_record
from app.domain.event import Identity
from app.domain.profile import NOBODY, Profile
from app.domain.request import Request
from app.domain.trace import encode_trace
from app.errors import StoreUnavailable
from app.ports import ProfileStore

RETRIES = 32
"""Times that a decision is taken anew after another call recorded first: as many placements may be asked for at once."""


@dataclass(slots=True)
class Question:
    """Who asks for what. `identity` None is an unknown person; `preview` records nothing and may move `now`.

    `unusable` says that the id in the URL was malformed or an e-mail address: the answer is a fallback.
    """

    placements: tuple[str, ...]
    identity: Identity | None = None
    send: str | None = None
    mail: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    preview: bool = False
    unusable: bool = False
    at_open: bool = False
    explain: bool = False


@dataclass(slots=True)
class Answer:
    """A decision with what it was made of, so that it can be explained."""

    decision: Decision
    request: Request
    verdicts: dict[str, Verdict]
    ignored: list[str]


class Decider:
    """Decides. Never raises for what a fallback can mend: each degradation is named in the decision."""

    def __init__(
        self, store: ProfileStore, catalogue: Any, seal: Callable[[str, str], str], random_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._seal = seal
        self.random_id = random_id

    async def decide(self, snapshot: Snapshot, q: Question, now: int, timeout: float, render: RenderFor | None = None) -> Answer:
        """The whole answer within `timeout` seconds, or one that is not recorded, with the reason `deadline`."""
        deadline = asyncio.get_running_loop().time() + timeout
        profile, degraded = await self._profile(snapshot, q, deadline)
        context, ignored = snapshot.coerce(q.context) if q.context else ({}, [])
        for _ in range(RETRIES):
            r = Request(now, snapshot.consented(profile), context, snapshot.score)
            r.degraded += degraded
            answer = self._answer(snapshot, q, profile, r, render)
            answer.ignored = ignored
            if not answer.verdicts or profile.erased or not nameable(q, profile, degraded):
                break
            winner = await self._record(profile, q.send or "", answer, now, deadline)
            if winner is None:
                break
            profile.record = winner or None
        return answer

    async def _profile(self, snapshot: Snapshot, q: Question, deadline: float) -> tuple[Profile, list[str]]:
        if q.unusable:
            return NOBODY, ["profile"]
        if q.identity is None:
            return NOBODY, []
        try:
            reading = self._store.read(q.identity.key, None if q.preview else q.send, sends=snapshot.needs_sends)
            async with asyncio.timeout_at(deadline):
                return await reading, []
        except StoreUnavailable:
            return Profile(key=q.identity.key), ["store"]
        except TimeoutError:
            return Profile(key=q.identity.key), ["deadline"]

    def _answer(self, snapshot: Snapshot, q: Question, profile: Profile, r: Request, render: RenderFor | None) -> Answer:
        record = decode_record(profile.record) if profile.record and not q.preview else None
        named = nameable(q, profile, r.degraded)
        id = self._seal(profile.key or "", q.send or "") if named else self.random_id()
        who = str(q.identity) if q.identity is not None else ""
        decided_at = record.decided_at if record is not None else r.now
        decision = Decision(id, who, q.send, q.mail, decided_at, snapshot.version, {}, r.degraded)
        taken, verdicts = Taken(), {}
        if record is not None:
            self._replay(snapshot, record, decision, taken, r, q, render)
        blind = bool(r.degraded) and r.degraded[0] in ("store", "deadline", "profile")
        for placement in wanted(snapshot, q):
            if placement in decision.choices:
                continue
            draw = render(id, placement, r) if render is not None and placement in q.placements else None
            if blind:
                decision.choices[placement] = fall_back(snapshot, r, placement, self._catalogue, taken, draw)
            else:
                decision.choices[placement], verdicts[placement] = choose(
                    snapshot, r, placement, self._catalogue, taken, draw, reasons=named or q.explain
                )
        return Answer(decision, r, verdicts, [])

    def _replay(self, snapshot: Snapshot, record: Record, decision: Decision, taken: Taken, r: Request, q: Question, render: RenderFor | None) -> None:
        """Bring the recorded choices back to life; where the content no longer can, fall back and say so."""
        decision.replayed = decision.recorded = True
        for choice in record.choices.values():
            taken.offers.add(choice.offer or "")
            taken.items.update([id for id, _ in choice.priced])
        since = record.decided_at if q.at_open else None
        for placement, choice in record.choices.items():
            draw = render(decision.id, placement, r) if render is not None and placement in q.placements else None
            decision.choices[placement] = revive(snapshot, r, choice, self._catalogue, taken, draw, since)

    async def _record(self, profile: Profile, send: str, answer: Answer, now: int, deadline: float) -> bytes | None:
        """Store the decision, or give what another call stored first. None: stored, or the store is away, which
        `degraded` says then. The mail and the content version of the first call stay."""
        decision = answer.decision
        mail, version = decision.mail, decision.content_version
        if profile.record is not None:
            earlier = decode_record(profile.record)
            mail, version = earlier.mail or mail, earlier.version
        data = encode_record(decision.decided_at, mail, version, decision.choices)
        features = {id: plain(value) for id, value in answer.request.features.items()}
        trace = encode_trace(decision.content_version, answer.verdicts, features)
        assert profile.key is not None
        try:
            async with asyncio.timeout_at(deadline):
                winner = await self._store.record(profile.key, send, profile.record, data, trace, now)
        except (StoreUnavailable, TimeoutError) as error:
            decision.degraded.append("deadline" if isinstance(error, TimeoutError) else "store")
            decision.recorded = False
            if profile.record is None:
                decision.id = self.random_id()
            return None
        decision.recorded = winner is None
        return winner


def nameable(q: Question, profile: Profile, degraded: list[str]) -> bool:
    """Whether this call's choices can be the send's. An erased person's are never recorded, but their id is sealed like
    any other: nobody tells them from an unknown person by it."""
    return q.send is not None and profile.key is not None and not q.preview and not degraded


RenderFor = Callable[[str, str, Request], Render]
"""(decision id, placement, request) -> how a choice of that placement is rendered on the surface that was asked for."""


def wanted(snapshot: Snapshot, q: Question) -> tuple[str, ...]:
    """All placements of the mail, then those asked for that are not among them."""
    if q.mail is None:
        return q.placements
    mail = snapshot.definitions.mails[q.mail].placements
    return (*mail, *(placement for placement in q.placements if placement not in mail))
