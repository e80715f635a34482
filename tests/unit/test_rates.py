"""How much one caller may ask for."""

from __future__ import annotations

import pytest

from app.errors import RateLimited
from app.web.rates import MAX_NAMES, Rates


def test_a_burst_is_taken_and_then_the_caller_waits():
    rates = Rates(5, 10)
    rates.take("a", 10, 0)

    with pytest.raises(RateLimited) as caught:
        rates.take("a", 10, 0)

    assert caught.value.seconds == 2


def test_what_was_refused_took_nothing():
    rates = Rates(1, 10)
    with pytest.raises(RateLimited):
        rates.take("a", 11, 0)

    rates.take("a", 10, 0)


def test_callers_do_not_take_from_each_other():
    rates = Rates(1, 1)
    rates.take("a", 1, 0)

    rates.take("b", 1, 0)


def test_tokens_come_back_with_time_up_to_the_burst():
    rates = Rates(5, 10)
    rates.take("a", 10, 0)
    rates.take("a", 5, 1_000)
    rates.take("a", 10, 1_000_000)

    with pytest.raises(RateLimited):
        rates.take("a", 1, 1_000_000)


def test_a_clock_that_goes_back_gives_and_takes_nothing():
    rates = Rates(5, 10)
    rates.take("a", 5, 10_000)

    rates.take("a", 5, 0)


def test_what_is_remembered_of_callers_is_bounded():
    rates = Rates(1, 1)

    [rates.take(str(number), 1, 0) for number in range(MAX_NAMES + 10)]

    assert len(rates._rows) == MAX_NAMES  # noqa: SLF001 (memory is what is promised)
