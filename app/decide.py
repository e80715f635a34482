"""The request path: who is it -> profile and record -> rules and models -> choose -> render -> record.

Many people are decided for as one is: one read of the store, a choice for each in turn, one write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from time import monotonic

from app.content.arbitrating import arbitrate
from app.content.choosing import Taken, choose, fall_back
from app.content.logbook import Logbook
from app.content.question import Answer, Question
from app.content.reviving import revive
from app.content.snapshot import Snapshot
from app.deadline import Deadlines
from app.domain.caps import UNCOUNTED, Full
from app.domain.decision import Decision, decode_record
from app.domain.profile import NOBODY, Profile
from app.domain.request import Request
from app.errors import StoreUnavailable
from app.ports import Catalogue, ProfileStore
from app.reserving import Reserving
from app.rewards import Rewards

RETRIES = 32
"""Times that a decision is taken anew after another call recorded first: as many placements may be asked for at once."""


class Decider:
    """Decides. Never raises for what a fallback can mend: each degradation is named in the decision."""

    def __init__(
        self, store: ProfileStore, catalogue: Catalogue, seal: Callable[[str, str], str], random_id: Callable[[], str], logbook: Logbook | None = None,
        reserving: Reserving | None = None,
        rewards: Rewards | None = None,
    ) -> None:
        """Without a logbook nobody is told afterwards why a decision fell so; without `reserving`, what is limited in total is not
        shown; `rewards` is told what bandits drew."""
        self._store = store
        self._catalogue = catalogue
        self._seal = seal
        self._logbook = logbook
        self.random_id = random_id
        self._deadlines = Deadlines()
        self._reserving = reserving
        self._rewards = rewards

    async def decide(self, snapshot: Snapshot, q: Question, now: int, timeout: float) -> Answer:
        """The whole answer within `timeout` seconds, or one that is not recorded, with the reason `deadline`."""
        begun = monotonic()
        deadline = begun + timeout
        person = (NOBODY, "profile" if q.unusable else "")
        if q.identity is not None and not q.unusable:
            person = await self._person(snapshot, q, q.identity.key, deadline)
        answers = [self._answer(snapshot, q, *person, now)]
        if answers[0].open:
            await self._settle(snapshot, (q,), (person,), answers, now, begun, deadline)
        return answers[0]

    async def decide_all(self, snapshot: Snapshot, questions: Sequence[Question], now: int, timeout: float) -> list[Answer]:
        """What `decide` gives for each question, in order, within `timeout` seconds altogether."""
        begun = monotonic()
        deadline = begun + timeout
        people = await self._people(snapshot, questions, deadline)
        answers = [self._answer(snapshot, q, *person, now) for q, person in zip(questions, people, strict=True)]
        await self._settle(snapshot, questions, people, answers, now, begun, deadline)
        return answers

    # -- who is it -------------------------------------------------------------------------------------------------

    async def _person(self, snapshot: Snapshot, q: Question, key: str, deadline: float) -> tuple[Profile, str]:
        """As `_people`, of one."""
        try:
            with self._deadlines.until(deadline):
                found = await self._store.read(key, None if q.preview else q.send, sends=_look_back(snapshot, (q,)))
                return (NOBODY if found.restricted else found), ""
        except (StoreUnavailable, TimeoutError) as error:
            return Profile(key=key), _reason(error)

    async def _people(self, snapshot: Snapshot, questions: Sequence[Question], deadline: float) -> list[tuple[Profile, str]]:
        """Everybody who is asked for, with the reason why nothing is known of them, where there is one."""
        asked = [(q.identity.key, None if q.preview else q.send) for q in questions if q.identity is not None and not q.unusable]
        read, why = await self._read(asked, deadline, sends=_look_back(snapshot, questions)) if asked else ([], "")
        following = iter(read).__next__
        return [
            (NOBODY, "profile") if q.unusable else (NOBODY, "") if q.identity is None else (following(), why) for q in questions
        ]

    async def _read(self, asked: Sequence[tuple[str, str | None]], deadline: float, *, sends: bool) -> tuple[list[Profile], str]:
        try:
            with self._deadlines.until(deadline):
                found = await self._store.read_many(asked, sends=sends)
                return [NOBODY if each.restricted else each for each in found], ""
        except (StoreUnavailable, TimeoutError) as error:
            return [Profile(key=key) for key, _ in asked], _reason(error)

    # -- what do they see ------------------------------------------------------------------------------------------

    def _answer(self, snapshot: Snapshot, q: Question, profile: Profile, why: str, now: int) -> Answer:
        context, ignored = snapshot.coerce(q.context) if q.context else (None, [])
        r = Request(now, snapshot.consented(profile), context, snapshot.score, snapshot.trials.assign, q.send or "")
        if q.variants:
            r.variants.update(q.variants)
        if why or q.degraded:
            r.degraded += [why, *q.degraded] if why else q.degraded
        # An erased person's choices are never recorded, but their id is sealed: nobody tells them from an unknown one.
        named = q.send is not None and profile.key is not None and not q.preview and not why
        id = self._seal(profile.key or "", q.send or "") if named else self.random_id()
        decision = Decision(id, str(q.identity or ""), q.send, q.mail, now, snapshot.version, {}, r.degraded)
        answer, taken = Answer(decision, profile, r, ignored=ignored), Taken()
        if snapshot.limited:
            r.refused = self._refused(q, now, named=named and not profile.erased)
        if profile.record and not q.preview:
            self._replay(snapshot, q, profile.record, answer, taken)
        if q.mail in snapshot.arbitrated and not why:
            self._arbitrate(snapshot, q, q.mail, answer, taken)
        choices, verdicts = decision.choices, answer.verdicts
        for placement in q.placements if q.mail is None else q.wanted(snapshot):
            if placement not in choices:
                draw = q.drawing(placement, r) if q.draw is not None else None
                if why:
                    choices[placement] = fall_back(snapshot, r, placement, self._catalogue, taken, draw)
                else:
                    choices[placement], verdicts[placement] = choose(snapshot, r, placement, self._catalogue, taken, draw, reasons=q.explain)
        answer.open = named and bool(answer.verdicts) and not profile.erased
        if answer.open:
            answer.kept = snapshot.trials.to_keep(profile, [decision.choices[id] for id in answer.verdicts])
        if answer.open and snapshot.limited:
            shown = {id: offer for id in answer.verdicts if (offer := decision.choices[id].offer)}
            answer.guards = snapshot.limits.guards(r, shown)
            if self._reserving is not None:
                answer.asks = snapshot.limits.asks(r, self._reserving.holder(profile.key or "", q.send or ""), id, shown)
        return answer

    def _arbitrate(self, snapshot: Snapshot, q: Question, mail: str, answer: Answer, taken: Taken) -> None:
        """Choose the placements of the mail that are not decided yet together."""
        decided, r = answer.decision.choices, answer.request
        missing = [placement for placement in snapshot.definitions.mails[mail].placements if placement not in decided]
        for placement, (choice, verdict) in arbitrate(snapshot, r, mail, missing, self._catalogue, taken, lambda id: q.drawing(id, r)).items():
            choice.variants = snapshot.trials.exposed(r, placement)
            decided[placement], answer.verdicts[placement] = choice, verdict

    def _replay(self, snapshot: Snapshot, q: Question, data: bytes, answer: Answer, taken: Taken) -> None:
        """Bring the recorded choices back to life; where the content no longer can, fall back and say so."""
        record, decision, r = decode_record(data), answer.decision, answer.request
        decision.decided_at = record.decided_at
        decision.replayed = decision.recorded = True
        for choice in record.choices.values():
            r.variants.update(choice.variants)
            taken.offers.add(choice.offer or "")
            taken.items.update([id for id, _ in choice.priced])
        since = record.decided_at if q.at_open else None
        for placement, choice in record.choices.items():
            decision.choices[placement] = revive(snapshot, r, choice, self._catalogue, taken, q.drawing(placement, r), since)

    def _refused(self, q: Question, now: int, *, named: bool) -> Collection[str] | None:
        """What is limited in total is held for decisions that will be recorded, and shown as a sample in a preview."""
        if q.preview:
            return ()
        return q.refused if q.refused is UNCOUNTED else self._reserving.refused(q, now) if named and self._reserving is not None else None

    def _unlimited(self, snapshot: Snapshot, q: Question, failed: Answer, now: int) -> Answer:
        """What is shown where a decision could not be recorded: nothing that has to be counted."""
        q.refused, why = UNCOUNTED, failed.decision.degraded[-1]
        answer = self._answer(snapshot, q, failed.profile, "", now)
        self._forgo(answer, why)
        return answer

    # -- what stays ------------------------------------------------------------------------------------------------

    async def _settle(
        self, snapshot: Snapshot, questions: Sequence[Question], people: Sequence[tuple[Profile, str]], answers: list[Answer], now: int, begun: float, deadline: float,
    ) -> None:
        """Record what is open among `answers`; where another call was first, it is answered anew in its place."""
        for _ in range(RETRIES):
            todo = [i for i, answer in enumerate(answers) if answer.open]
            if not todo:
                return
            ready = await self._reserved(snapshot, [(questions[i], answers[i]) for i in todo], now, deadline) if snapshot.limited else [answers[i] for i in todo]
            if ready:
                await self._record(snapshot, ready, now, begun, deadline)
            for i in todo:
                if answers[i].open:
                    answers[i] = self._answer(snapshot, questions[i], *people[i], now)
                elif answers[i].uncounted:
                    answers[i] = self._unlimited(snapshot, questions[i], answers[i], now)
        for i, answer in enumerate(answers):
            if answer.open and (answer.guards or answer.asks):
                self._forgo(answer, "store")
                answers[i] = self._unlimited(snapshot, questions[i], answer, now)

    async def _reserved(self, snapshot: Snapshot, asked: Sequence[tuple[Question, Answer]], now: int, deadline: float) -> list[Answer]:
        """The answers that have what their offers use up. The others stay open, to be given something else."""
        if self._reserving is None or not any(answer.asks for _, answer in asked):
            return [answer for _, answer in asked]
        try:
            with self._deadlines.until(deadline):
                return await self._reserving.take(asked, snapshot, now)
        except TimeoutError as error:
            for _, answer in asked:
                self._forgo(answer, _reason(error))
            return []

    async def _record(self, snapshot: Snapshot, answers: Sequence[Answer], now: int, begun: float, deadline: float) -> None:
        """Store the decisions. One stays open where another call recorded first, or where a cap is reached by now; its profile
        then has that record, or those sends."""
        try:
            with self._deadlines.until(deadline):
                winners = await self._store.record([answer.recording() for answer in answers], now)
        except (StoreUnavailable, TimeoutError) as error:
            for answer in answers:
                self._forgo(answer, _reason(error))
            return
        took = monotonic() - begun
        for answer, winner in zip(answers, winners, strict=True):
            answer.open, answer.decision.recorded = winner is not None, winner is None
            if answer.held and self._reserving is not None:
                await self._reserving.settled(answer)
            if isinstance(winner, Full):
                answer.profile.sends = winner.sends
            elif winner is not None:
                answer.profile.record = winner or None
            else:
                self._tell(snapshot, answer, took)

    def _tell(self, snapshot: Snapshot, answer: Answer, took: float) -> None:
        """A decision was recorded."""
        if self._logbook is not None:
            self._logbook.note(snapshot, answer, took)
        if snapshot.rankings and self._rewards is not None:
            self._rewards.shown(snapshot, answer)

    def _forgo(self, answer: Answer, why: str) -> None:
        """The decision stays unrecorded; where it would have been the send's first, its id is one that nobody finds."""
        answer.open = answer.decision.recorded = False
        answer.uncounted = bool(answer.guards or answer.asks)
        answer.decision.degraded.append(why)
        if answer.profile.record is None:
            answer.decision.id = self.random_id()


def _look_back(snapshot: Snapshot, questions: Sequence[Question]) -> bool:
    """Whether it matters what people were sent before."""
    if snapshot.remembering and any(q.mail in snapshot.remembering for q in questions):
        return True
    return snapshot.needs_sends or (snapshot.limited and any(snapshot.limits.look_back(q.wanted(snapshot)) for q in questions))


def _reason(error: Exception) -> str:
    return "deadline" if isinstance(error, TimeoutError) else "store"
