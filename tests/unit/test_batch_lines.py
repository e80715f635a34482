"""A line of a batch is the body that the single route gives."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from app.content.question import Answer
from app.domain.bandits import Drawn
from app.domain.decision import Choice, Decision
from app.domain.item import Item
from app.domain.profile import NOBODY
from app.domain.request import Request
from app.web.answers import decision_json
from app.web.lines import Lines

NOW = 1_760_000_000_000
VARS: dict[str, Any] = {"headline": 'Say "hällo"\n', "off": 15}


def answer(choice: Choice, **more: Any) -> Answer:
    decision = Decision("n1", "u1", None, None, NOW, "v1", {"hero": choice})
    return Answer(replace(decision, **more), NOBODY, Request(NOW))


def choice(**more: Any) -> Choice:
    return replace(Choice("hero", "shoes", "card", "eligible", VARS, version="v1"), **more)


CASES = {
    "plain": answer(choice()), "the same again": answer(choice()), "other variables of the same": answer(choice(vars={"headline": "Ann"})),
    "a fallback": answer(choice(offer=None, reason="fallback")), "another block": answer(choice(block="plain")),
    "items": answer(choice(items=[Item({"id": "p1", "price": 1.5})])), "variants": answer(choice(variants={"copy": "a"})),
    "a holdout": answer(choice(reason="holdout", holdout="universal")), "a bandit": answer(choice(drawn=Drawn("b", 3, 0.5))), "content": answer(choice(content="<p>é</p>")),
    "degraded": answer(choice(), degraded=["store", "model:m", "store"]), "recorded before": answer(choice(), decided_at=NOW - 5, content_version="v0", send="s\"1"),
    "a strange id": answer(choice(), profile='email:"ä"@b.example'), "two placements": answer(choice(), choices={"hero": choice(), "grid": choice(placement="grid", block="plain")}),
}


@pytest.mark.parametrize("placements", [("hero",), ("grid", "hero")])
def test_every_line_is_what_the_single_route_tells(placements: tuple[str, ...]):
    asked = [each for each in CASES.values() if {*placements} <= each.decision.choices.keys()]
    lines = Lines(placements)

    found = [lines.of(each) for each in asked for _ in range(2)]

    assert found == [msgspec.json.encode(decision_json(each, placements)) for each in asked for _ in range(2)]
