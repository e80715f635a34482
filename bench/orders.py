"""Histories that arrive in any order, in any batches, any number of times: each gives what one pass in order gives.

A Hypothesis state machine makes up what happened and how it arrives; the profiles of the two are compared on the store itself.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from app.adapters.breaker import Breaker
from app.adapters.redis_identities import RedisIdentities
from app.adapters.redis_link import Link
from app.adapters.redis_names import Names
from app.adapters.redis_store import RedisStore
from app.identities import Identities
from app.ingest import Ingest
from app.wiring import hashed_id, random_id

NOW = 1_760_000_000_000
USERS, DEVICES, ADDRESSES = ("ann", "ben", "cyd"), ("phone", "tablet"), ("a@x.example", "b@x.example")
STEPS = 16


@dataclass(slots=True)
class Ground:
    """A store to try on, in an event loop of its own."""

    link: Link
    store: RedisStore
    ingest: Ingest
    loop: asyncio.AbstractEventLoop
    equal: int = 0
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def take(self, raws: list[dict[str, Any]], prefix: str) -> None:
        receipt = self.loop.run_until_complete(self.ingest.take([renamed(raw, prefix) for raw in raws], NOW + 86_400_000))
        assert not receipt.rejected, receipt.rejected

    def people(self, prefix: str) -> dict[str, Any]:
        """What the store tells of everybody, by each of their identifiers."""
        keys = [f"u:{prefix}{user}" for user in USERS] + [f"a:{prefix}{name}" for name in (*DEVICES, *USERS)] + [f"email:{prefix}{each}" for each in ADDRESSES]
        profiles = self.loop.run_until_complete(self.store.read_many([(key, None) for key in keys]))
        return {
            key.replace(prefix, ""): (
                (profile.key or "").replace(prefix, ""), [(event.id, event.name, event.at) for event in profile.history.events()],
                {name: str(value).replace(prefix, "") for name, value in profile.traits.items()},
                sorted(str(each).replace(prefix, "") for each in profile.identities),
            )
            for key, profile in zip(keys, profiles, strict=True)
        }


def renamed(raw: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The event as one of other people, who are called alike."""
    found = {key: prefix + value if key in ("userId", "anonymousId", "previousId") else value for key, value in raw.items()}
    if "email" in raw.get("traits", {}):
        found["traits"] = {**raw["traits"], "email": prefix + raw["traits"]["email"]}
    return found


def orders_equal(socket: str, cases: int) -> int:
    """How many of that many cases are equal; the first that is not raises, made as small as it can be."""
    loop = asyncio.new_event_loop()
    link = Link(f"unix://{socket}", Breaker(time.monotonic), read_seconds=10.0)
    names = Names(link)
    store = RedisStore(link, names, write_seconds=10.0)
    ground = Ground(link, store, Ingest(store, Identities(RedisIdentities(link, names, seconds=10.0)), random_id, hashed_id), loop)
    try:
        run_state_machine_as_test(
            lambda: Arrivals(ground),
            settings=settings(
                max_examples=cases, stateful_step_count=STEPS, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(link.close())
        loop.close()
    return ground.equal


class Arrivals(RuleBasedStateMachine):
    """Things happen, and are told in some order; at the end all was told at least once."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.number = next(ground.numbers)
        self.happened: list[dict[str, Any]] = []
        self.told: set[int] = set()

    def _happens(self, **raw: Any) -> None:
        n = len(self.happened)
        at = datetime.fromtimestamp(NOW / 1000 + n, UTC).isoformat()
        self.happened.append({"messageId": f"m{n}", "timestamp": at, **raw})

    @rule(user=st.sampled_from(USERS))
    def a_user_does_something(self, user: str) -> None:
        self._happens(type="track", event="seen", userId=user)

    @rule(device=st.sampled_from(DEVICES))
    def somebody_does_something(self, device: str) -> None:
        self._happens(type="track", event="seen", anonymousId=device)

    @rule(device=st.sampled_from(DEVICES), city=st.sampled_from(("Bonn", "Ulm")))
    def somebody_says_where_they_are(self, device: str, city: str) -> None:
        self._happens(type="identify", anonymousId=device, traits={"city": city})

    @rule(user=st.sampled_from(USERS), device=st.sampled_from(DEVICES), city=st.sampled_from((None, "Kiel", "Jena")))
    def a_user_is_known_on_a_device(self, user: str, device: str, city: str | None) -> None:
        self._happens(type="identify", userId=user, anonymousId=device, traits={"city": city} if city else {})

    @rule(user=st.sampled_from(USERS), address=st.sampled_from(ADDRESSES))
    def a_user_has_an_address(self, user: str, address: str) -> None:
        self._happens(type="identify", userId=user, traits={"email": address})

    @rule(user=st.sampled_from(USERS), other=st.sampled_from((*USERS, *DEVICES)))
    def a_user_is_the_same_as_another(self, user: str, other: str) -> None:
        self._happens(type="alias", userId=user, previousId=other)

    @precondition(lambda self: self.happened)
    @rule(draws=st.lists(st.integers(0, STEPS), min_size=1, max_size=8))
    def some_is_told(self, draws: list[int]) -> None:
        chosen = [draw % len(self.happened) for draw in draws]
        self.told.update(chosen)
        self.ground.take([self.happened[i] for i in chosen], f"{self.number}x")

    def teardown(self) -> None:
        late = [each for i, each in enumerate(self.happened) if i not in self.told]
        self.ground.take(late[::-1], f"{self.number}x")
        for each in self.happened:
            self.ground.take([each], f"{self.number}y")
        assert self.ground.people(f"{self.number}x") == self.ground.people(f"{self.number}y")
        self.ground.equal += 1


