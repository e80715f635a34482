"""Any order of arrival, in any batches and with any repetition, gives the people that one pass in order gives."""

from __future__ import annotations

import pytest
from bench.orders import orders_equal


def test_histories_that_arrive_anyhow_make_the_same_people(redis_socket):
    assert orders_equal(redis_socket, 60) >= 60


@pytest.mark.long
def test_two_thousand_histories_that_arrive_anyhow_make_the_same_people(redis_socket):
    assert orders_equal(redis_socket, 2_000) >= 2_000
