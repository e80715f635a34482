"""Local days without a calendar's cost."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import pytest

from app.content.windows import local_day, local_days, local_time, offsets_of

EPOCH = 719_163


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia"])
def test_the_number_of_a_local_day_is_the_calendars(zone):
    draw, timezone = random.Random(zone), ZoneInfo(zone)
    instants = [draw.randrange(80_000_000_000, 2_200_000_000_000) for _ in range(5_000)]

    days = [local_day(at, timezone) for at in instants]

    assert days == [local_time(at, timezone).date().toordinal() - EPOCH for at in instants]
    assert local_days(instants, offsets_of(timezone)) == set(days)
