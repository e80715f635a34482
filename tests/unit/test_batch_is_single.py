"""Many who are decided for in one call get what each of them alone would get."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

import msgspec
import pytest

from app.catalogue.replica import Replica
from app.content.load import load
from app.content.question import Answer, Question
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.change import Append, Change, Merge
from app.domain.event import ID_BYTES, Event, Identity
from app.web.answers import decision_json
from app.web.lines import Lines
from tests.content.content_shop import write_shop
from tests.fakes import FixedModels, MemoryStore

NOW = 1_760_000_000_000
DAY = 86_400_000
PLACEMENTS = ("hero", "side", "foot")
PLAIN = """\
version: 1
context: {device: string}
features: {views_7d: {count: product_viewed, within: 7d}, spend_90d: {sum: order_completed.total, within: 90d}}
placements:
  hero: {fallback: {block: plain}}
  side: {fallback: {block: plain}}
  foot: {fallback: {block: plain}}
mails:
  newsletter: {placements: [hero, side, foot]}
offers:
  busy: {placements: [hero, side], priority: 1, eligibility: {field: feature.views_7d, gte: 2}, block: card, vars: {headline: Back again}}
  german: {placements: [hero, side, foot], eligibility: {field: profile.country, eq: DE}, block: card, vars: {headline: Hallo}}
  small: {placements: [hero], eligibility: {field: context.device, eq: mobile}, block: card, vars: {headline: Small}}
  named: {placements: [foot], eligibility: {field: profile.country, in: [FR, IT]}, block: card, vars: {headline: Salut, category: {field: profile.name}}}
  hats: {placements: [side], eligibility: {did: product_viewed, where: {category: hats}, within: 30d}, block: card, vars: {headline: Hats}}
"""
CAPPED = PLAIN.replace("vars: {headline: Hallo}", "vars: {headline: Hallo}, caps: [{max: 1, per: profile, within: 7d}]")
TRIED = PLAIN + """\
  long: {placements: [hero], eligibility: {variant: copy.b}, block: card, vars: {headline: Long}}
experiments:
  copy: {placement: hero, variants: {a: 0.5, b: 0.5}}
"""
HELD = PLAIN + "holdouts: {all: {percent: 40, placements: [hero]}}\n"
RULES = {"nothing but offers": PLAIN, "caps": CAPPED, "an experiment": TRIED, "a holdout": HELD}
ASKED = {
    "without a send": {}, "for a send": {"send": "s"}, "for a mail": {"send": "s", "mail": "newsletter"}, "as a preview": {"send": "s", "preview": True},
    "with reasons": {"send": "s", "explain": True},
}
COUNTRIES = ("DE", "FR", "IT", "")
PEOPLE = tuple(f"p{i}" for i in range(24))


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Snapshot]:
    return {name: Snapshot(load(write_shop(tmp_path_factory.mktemp("content"), rules)), FixedModels({})) for name, rules in RULES.items()}


def changes(i: int) -> list[Change]:
    """What is known of the person of this number: of some nothing is."""
    views = [Append(Event("product_viewed", NOW - n * DAY, bytes([i, n]).rjust(ID_BYTES), {"category": ("hats", "shoes")[n % 2]})) for n in range(1, 1 + i % 5)]
    return [Merge({"country": COUNTRIES[i % 4], "name": f"Name {i}"}, NOW, bytes(ID_BYTES)), *views]


def questions(**more: object) -> list[Question]:
    """One for each, one for somebody of whom nothing is known, one for nobody, and one whose id cannot be used."""
    contexts: tuple[dict[str, object], ...] = ({}, {"device": "mobile"}, {"device": 7, "zz": 1})
    people = [Identity("user_id", each) for each in (*PEOPLE, "stranger")]
    found = [Question(PLACEMENTS, each, context=contexts[i % 3], **more) for i, each in enumerate(people)]  # type: ignore[arg-type]
    return [*found, Question(PLACEMENTS), Question(PLACEMENTS, unusable=True)]


class Shop:
    """A store with everybody in it, some of whom were decided for before, and a decider over it."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.store = MemoryStore()
        numbers = count(1)
        self.decider = Decider(self.store, Replica(), lambda key, send: f"{key}/{send}", lambda: f"random{next(numbers)}")

    async def open(self) -> None:
        await self.store.apply([(f"u:{person}", changes(i)) for i, person in enumerate(PEOPLE)], NOW)
        before = [Question(("hero",), Identity("user_id", person), send) for person in PEOPLE[::3] for send in ("s", "earlier")]
        await self.decider.decide_all(self.snapshot, before, NOW - 2 * DAY, 5.0)

    async def together(self, asked: Sequence[Question]) -> list[Answer]:
        await self.open()
        return await self.decider.decide_all(self.snapshot, asked, NOW, 5.0)

    async def alone(self, asked: Sequence[Question]) -> list[Answer]:
        await self.open()
        return [await self.decider.decide(self.snapshot, each, NOW, 5.0) for each in asked]

    async def records(self) -> list[bytes | None]:
        return [await self.store.decision(f"u:{person}", "s") for person in PEOPLE]


@pytest.mark.parametrize("more", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("rules", RULES)
def test_together_everybody_gets_the_decision_that_they_get_alone(snapshots: dict[str, Snapshot], rules: str, more: dict[str, object]) -> None:
    one, many = Shop(snapshots[rules]), Shop(snapshots[rules])

    together = asyncio.run(many.together(questions(**more)))

    alone = asyncio.run(one.alone(questions(**more)))
    assert [decision_json(each, PLACEMENTS) for each in together] == [decision_json(each, PLACEMENTS) for each in alone]
    assert asyncio.run(many.records()) == asyncio.run(one.records())


@pytest.mark.parametrize("rules", RULES)
def test_a_choice_that_was_made_ahead_is_the_one_that_reasons_are_given_for(snapshots: dict[str, Snapshot], rules: str) -> None:
    ahead, explained = Shop(snapshots[rules]), Shop(snapshots[rules])

    found = asyncio.run(ahead.together(questions()))

    reasoned = asyncio.run(explained.together(questions(explain=True)))
    assert [decision_json(each, PLACEMENTS) for each in found] == [decision_json(each, PLACEMENTS) for each in reasoned]
    assert len({each.decision.choices["hero"].offer for each in found}) > 2


@pytest.mark.parametrize("rules", RULES)
def test_the_lines_of_a_batch_are_the_bodies_of_the_decisions(snapshots: dict[str, Snapshot], rules: str) -> None:
    answers = asyncio.run(Shop(snapshots[rules]).together(questions()))
    lines = Lines(PLACEMENTS)

    found = [lines.of(each) for each in answers]

    assert found == [msgspec.json.encode(decision_json(each, PLACEMENTS)) for each in answers]
