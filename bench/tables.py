"""Decision tables: what a look-up costs, by the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from statistics import median
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from app.content.cells import cell
from app.content.program import Program
from app.domain.conditions import Ref
from app.domain.definitions import Definitions
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.tables import Hit, Input, Output, Row, Table
from bench.machine import SERVER_CORE, free, pinned
from bench.registry import Measured, figure
from bench.stage import tell

LARGE, SMALL = 3_000, 30
PEOPLE = 2_000
ROUNDS = 30
ROWS_PER_TOWN = 10
UTC = ZoneInfo("UTC")


@figure("table_cost_ratio", "times", at_most=2, title="a look-up in a table of 3,000 rows over one in a table of 30")
def table_cost_ratio() -> Measured:
    """Both are asked by turns for the same people; a look-up includes what leads to it, the request and the function's call."""
    pinned(SERVER_CORE)
    notes: dict[str, str] = {}
    ratios: dict[Hit, float] = {}
    for hit in ("first", "unique", "collect"):
        large, small = _table(LARGE, hit), _table(SMALL, hit)
        times = [(_time(large, LARGE), _time(small, SMALL)) for _ in range(ROUNDS)]
        slow, fast = (median(pair[i] for pair in times) for i in (0, 1))
        ratios[hit] = slow / fast
        notes[hit] = f"{slow * 1e9:.0f} ns over {fast * 1e9:.0f} ns"
        tell(f"{hit}: {notes[hit]}")
    free()
    return Measured(max(ratios.values()), notes)


Lookup = Callable[[Request], Mapping[str, Any]]


def _table(rows: int, hit: Hit) -> Lookup:
    """A grid of towns and stretches of age, of which one row fits everybody who is asked for."""
    inputs = (Input(Ref(("profile", "town")), "string"), Input(Ref(("profile", "age")), "number"), Input(Ref(("context", "device")), "string"))
    made = tuple(
        Row((cell(f"town{i // ROWS_PER_TOWN}", "string", UTC), cell(f"{i % ROWS_PER_TOWN * 10}..<{(i % ROWS_PER_TOWN + 1) * 10}", "number", UTC), ()), {"percent": i})
        for i in range(rows)
    )
    table = Table("grid", inputs, (Output("percent", "number"),), hit, made)
    return Program(Definitions("bench", tables={"grid": table})).tables["grid"]


def _time(lookup: Lookup, rows: int) -> float:
    """Seconds of one look-up."""
    draw = Random(7)
    requests = [
        Request(0, Profile(f"u:{i}", traits={"town": f"town{draw.randrange(rows // ROWS_PER_TOWN)}", "age": draw.random() * 100}), {"device": "mobile"}) for i in range(PEOPLE)
    ]
    start = perf_counter()
    for r in requests:
        lookup(r)
    return (perf_counter() - start) / PEOPLE
