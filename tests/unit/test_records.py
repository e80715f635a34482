"""What a recorded decision holds, and in how few bytes."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.decision import Choice, decode_record, encode_record, items_sent, with_wording
from app.domain.wordings import worded, wording_of

NOW = 1_790_000_000_000
SAYS = {"headline": "15 % off shoes", "url": "https://shop.example/autumn/shoes", "preheader": "This week alone"}


def read(choice: Choice) -> Choice:
    return decode_record(encode_record(NOW, None, "v1", {"hero": choice})).choices["hero"]


def test_what_the_rules_say_is_not_repeated_in_a_record() -> None:
    record = encode_record(NOW, None, "v1", {"hero": Choice("hero", "shoes", "card", "", {**SAYS, "name": "Ann"}, wording=wording_of(SAYS))})

    assert (b"Ann" in record, b"off shoes" in record, len(record) < 60) == (True, False, True)


def test_a_choice_read_back_says_what_it_said() -> None:
    said = wording_of(SAYS)
    assert said is not None
    shown = {**SAYS, "name": "Ann", "headline": "20 % off"}

    assert with_wording(read(Choice("hero", "shoes", "card", "", shown, wording=said)), {said.id: SAYS}).vars == shown


def test_it_says_the_person_s_own_where_nobody_knows_the_rest() -> None:
    choice = read(Choice("hero", "shoes", "card", "", {**SAYS, "name": "Ann"}, wording=wording_of(SAYS)))

    assert (worded(choice.vars, choice.wording, {}), with_wording(choice, {}).vars) == (None, {"name": "Ann"})


def test_a_record_that_is_added_to_stays_as_it_was() -> None:
    first = encode_record(NOW, None, "v1", {"hero": Choice("hero", "shoes", "card", "", {**SAYS, "name": "Ann"}, wording=wording_of(SAYS))})

    assert encode_record(NOW, None, "v1", decode_record(first).choices) == first


def test_little_words_stand_in_the_record_itself() -> None:
    assert wording_of({"dir": "ltr"}) is None


@pytest.mark.parametrize("price", [None, 0, 1, 129, 13.8, 67.79, 0.005, 1 / 3, 1e12, 99999.99, -0.5])
def test_prices_come_back_as_they_were(price: Any) -> None:
    record = encode_record(NOW, None, "v1", {"hero": Choice("hero", "shoes", "card", "", priced=[("a", price), ("b", 2.5)])})

    assert decode_record(record).choices["hero"].priced == [("a", price), ("b", 2.5)]
    assert items_sent(record) == (NOW, {"a", "b"})
