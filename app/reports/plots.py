"""Plots of an experiment as SVG that needs nothing else; colours are classes of the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape

from app.reports.estimates import Interval
from app.reports.results import Comparison, Day, percent

WIDTH, LEFT, RIGHT = 420, 84, 12
ROW, GROUP = 22, 28
TALL, WIDE = 240, 860
MOST = 3.0
"""How many times the widest one-look interval a plot may span: beyond it a band runs off the edge."""


def forest(compared: Sequence[Comparison], label: str) -> str:
    """The lift of each variant over the control, with its three intervals."""
    low, high = _domain(compared)
    across = _scale(low, high, LEFT, WIDTH - RIGHT)
    height = len(compared) * (GROUP + 3 * ROW) + 30
    ticks = _ticks(low, high)
    rows = [f'<text class="tick" x="{across(tick):.1f}" y="{height - 8}" text-anchor="middle">{percent(tick, 0)}</text>' for tick in ticks]
    for i, each in enumerate(compared):
        top = i * (GROUP + 3 * ROW)
        rows.append(f'<text class="name" x="0" y="{top + 16}">{escape(_short(each.variant))}</text>')
        rows += [_upright(across(tick), top + GROUP - 4, top + GROUP + 3 * ROW, tick) for tick in ticks]
        spans = (("one look", each.once.lift, "once"), ("odds", each.odds.lift, "odds"), ("whenever", each.always.lift, "always"))
        rows += [_band(name, span, each.lift, top + GROUP + j * ROW, kind, across, low, high) for j, (name, span, kind) in enumerate(spans)]
    return f'<svg class="plot" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {height}">{"".join(rows)}</svg>'


def _upright(x: float, top: float, bottom: float, tick: float) -> str:
    return f'<line class="{"grid" if tick else "zero"}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'


def _short(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"


def _band(name: str, span: Interval, lift: float | None, top: float, kind: str, across: Callable[[float], float], low: float, high: float) -> str:
    start, end = across(max(span.low, low)), across(min(span.high, high))
    text = f'<text class="tick" x="0" y="{top + 13}">{name}</text>'
    bar = f'<rect class="band {kind}" x="{start:.1f}" y="{top + 4}" width="{max(end - start, 1):.1f}" height="10" rx="2"/>'
    dot = f'<circle class="dot" cx="{across(lift):.1f}" cy="{top + 9}" r="3.5"/>' if lift is not None and low <= lift <= high else ""
    return f"<g><title>{name}: {percent(span.low)} to {percent(span.high)}</title>{text}{bar}{dot}</g>"


def over_time(days: Sequence[Day], variant: str, label: str) -> str:
    """How the lift and its always-valid band came closer to what it is, by day."""
    mine = [each for each in days if each.variant == variant and each.lift is not None]
    if len(mine) < 2:
        return ""
    known = [each for each in mine if math.isfinite(each.band.low) and math.isfinite(each.band.high)] or mine
    reach = MOST * max(abs(known[-1].band.low), abs(known[-1].band.high), *(abs(each.lift or 0) for each in mine[len(mine) // 2 :]), 0.01) if known is not mine else 1.0
    low, high = _around((bound for each in known for bound in each.band), reach)
    up, across = _scale(low, high, TALL - 28, 10), _scale(0, len(mine) - 1, 64, WIDE - 16)
    parts = [
        f'<line class="{"zero" if tick == 0 else "grid"}" x1="64" x2="{WIDE - 16}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        f'<text class="tick" x="56" y="{up(tick) + 4:.1f}" text-anchor="end">{percent(tick, 0)}</text>'
        for tick in _ticks(low, high)
    ]
    clipped = [(across(i), up(min(max(each.band.low, low), high)), up(min(max(each.band.high, low), high)), up(min(max(each.lift or 0, low), high))) for i, each in enumerate(mine)]
    outline = [f"{x:.1f},{top:.1f}" for x, _, top, _ in clipped] + [f"{x:.1f},{bottom:.1f}" for x, bottom, _, _ in reversed(clipped)]
    parts.append(f'<polygon class="band always" points="{" ".join(outline)}"/>')
    parts.append(f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, _, _, y in clipped)}"/>')
    parts += [
        f'<text class="tick" x="{across(i):.1f}" y="{TALL - 8}" text-anchor="{"start" if i == 0 else "end" if i == len(mine) - 1 else "middle"}">{mine[i].day}</text>'
        for i in sorted({0, (len(mine) - 1) // 2, len(mine) - 1})
    ]
    return f'<svg class="plot wide" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDE} {TALL}">{"".join(parts)}</svg>'


def _domain(compared: Sequence[Comparison]) -> tuple[float, float]:
    looks = [end for each in compared for end in (*each.once.lift, *each.odds.lift) if math.isfinite(end)]
    reach = MOST * max((abs(end) for end in looks), default=1.0)
    return _around((end for each in compared for end in (*each.once.lift, *each.odds.lift, *each.always.lift)), reach)


def _around(ends: Iterable[float], reach: float) -> tuple[float, float]:
    """From the lowest to the highest and 0, no further than `reach`, with a little air."""
    found = [min(max(each, -reach), reach) for each in ends]
    low, high = min(0.0, *found), max(0.0, *found)
    air = 0.04 * ((high - low) or 1.0)
    return low - air, high + air


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (end - start) * (value - low) / ((high - low) or 1.0)


def _ticks(low: float, high: float) -> list[float]:
    """Four to seven round values."""
    rough = (high - low) / 5
    size = 10 ** math.floor(math.log10(rough))
    step = next(size * each for each in (1, 2, 5, 10) if size * each >= rough)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
