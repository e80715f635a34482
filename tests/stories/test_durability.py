"""An acknowledgement holds under kills of every process and under power cuts; the figures run more of the same."""

from __future__ import annotations

import pytest

from bench.durability import kills, power_cuts


@pytest.mark.long
def test_kills_of_server_worker_and_redis_lose_no_acknowledged_event_and_apply_none_twice():
    lost, doubled, _ = kills(10, seed=7)

    assert (lost, doubled) == (0, 0)


@pytest.mark.long
def test_power_cuts_lose_no_acknowledged_event_and_apply_none_twice():
    lost, doubled, notes = power_cuts(4, seed=7)

    assert (lost, doubled) == (0, 0)
    assert notes["of them spooled answers"] != "0"
