"""A replay as JSON, and as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

from app.learning.estimators import Estimate
from app.reports.replay import Replay
from app.reports.worth import Worth

STYLE = """
:root { color-scheme: light dark; --ink: #14181f; --muted: #5b6573; --page: #f6f7f9; --surface: #fff; --line: #e3e7ec; --accent: #2f5bea; --warn: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --muted: #9aa4b2; --page: #0f1216; --surface: #171b21; --line: #2a3038; --accent: #7d9bff; --warn: #e2b341; } }
* { box-sizing: border-box; } body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 40px 24px; } h1 { font-size: 28px; line-height: 1.2; margin: 8px 0 16px; } h2 { font-size: 20px; line-height: 1.2; margin: 0 0 8px; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 24px; margin-top: 16px; overflow-x: auto; } p { margin: 0 0 8px; } .muted { color: var(--muted); font-size: 14px; } .warn { color: var(--warn); }
table { border-collapse: collapse; width: 100%; font-size: 14px; } th { color: var(--muted); font-weight: 500; font-size: 12px; text-align: left; } th, td { padding: 8px 16px 8px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; overflow-wrap: anywhere; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } svg { width: 100%; height: auto; } svg text { font: 12px -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: var(--muted); }
.band { fill: var(--accent); opacity: .35; } .dot { fill: var(--accent); } .zero { stroke: var(--muted); }
"""


def as_json(found: Replay) -> dict[str, Any]:
    body = asdict(found)
    body["skipped"] = dict(found.skipped)
    body["uses"] = [{"offer": offer, "old": old, "new": new} for offer, old, new in found.uses]
    if found.worth is not None:
        body["worth"]["finding"] = found.worth.finding
    return body


def headline(found: Replay) -> str:
    rows, changed = sum(each.decisions for each in found.placements), sum(each.changed for each in found.placements)
    return f"{changed:,} of {rows:,} placements would show something else ({share(changed, rows)})"


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def shown(offer: str | None) -> str:
    return "fallback" if offer is None else offer


def estimates(found: Worth) -> list[tuple[str, Estimate]]:
    return [("as logged", found.logged), ("IPS", found.ips), ("SNIPS", found.snips), ("doubly robust", found.robust), ("gain, doubly robust", found.gain)]


def page(found: Replay) -> str:
    """The whole file."""
    parts = [_placements(found), _changes(found), _uses(found), _worth(found), _troubles(found)]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Replay</title>'
        f"<style>{STYLE}</style><main><p class=\"muted\">Replay of {found.decisions:,} logged decisions by content {escape(found.version)}</p><h1>{escape(headline(found))}</h1>"
        f"{''.join(parts)}</main></html>\n"
    )


def _placements(found: Replay) -> str:
    rows = [
        (each.placement, f"{each.decisions:,}", f"{each.changed:,}", share(each.changed, each.decisions), f"{each.people_changed:,}",
         f"{share(each.fallback_old, each.decisions)} → {share(each.fallback_new, each.decisions)}", share(each.gone, each.decisions),
         f"{share(each.capped_old, each.decisions)} → {share(each.capped_new, each.decisions)}")
        for each in found.placements
    ]
    return _section("Placements", ("placement", "decisions", "changed", "", "people", "fallback", "blank", "an offer capped"), rows, left=1)


def _changes(found: Replay) -> str:
    rows = [(each.placement, shown(each.old), "(blank)" if each.new is None and each.why == "the placement is no more" else shown(each.new), each.why, f"{each.decisions:,}") for each in found.changes]
    return _section("Who would get something else, and why", ("placement", "instead of", "would get", "because", "decisions"), rows, left=4) if rows else ""


def _uses(found: Replay) -> str:
    rows = [(offer, f"{old:,}", f"{new:,}") for offer, old, new in found.uses]
    return _section("Codes and limited quantities", ("offer", "used", "would be used"), rows, left=1) if rows else ""


def _worth(found: Replay) -> str:
    if found.worth is None:
        return '<section><h2>Expected reward</h2><p class="muted">Nobody in the log did what is the reward, so nothing can be said of it.</p></section>'
    named = estimates(found.worth)
    rows = [(name, f"{each.value:.5f}", f"{each.low:.5f} to {each.high:.5f}", f"{each.effective:,.0f}", f"{each.mean_weight:.3f}") for name, each in named]
    table = _table(("estimator", "per decision", "95 % interval", "effective decisions", "mean weight"), rows, left=1)
    note = f"Both show the same in {100 * found.worth.agree:.1f} % of decisions; of these alone the log knows what came of them."
    return f'<section><h2>{escape(found.worth.finding)}</h2><p class="muted">{note}</p>{_plot(named)}{table}</section>'


def _plot(named: Sequence[tuple[str, Estimate]]) -> str:
    known = [(name, each) for name, each in named if all(map(_finite, (each.low, each.high)))]
    if not known:
        return ""
    low, high = min(0.0, *(each.low for _, each in known)), max(0.0, *(each.high for _, each in known))
    scale = 640 / ((high - low) or 1.0)

    def x(value: float) -> float:
        return 140 + (value - low) * scale

    bands = "".join(
        f'<text x="0" y="{30 * i + 20}">{escape(name)}</text><rect class="band" x="{x(each.low):.1f}" y="{30 * i + 10}" width="{max(1.0, x(each.high) - x(each.low)):.1f}" height="12" rx="2"/>'
        f'<circle class="dot" cx="{x(each.value):.1f}" cy="{30 * i + 16}" r="4"/>'
        for i, (name, each) in enumerate(known)
    )
    tall = 30 * len(known) + 24
    ticks = "".join(f'<text x="{x(value):.1f}" y="{tall}" text-anchor="middle">{value:.4f}</text>' for value in dict.fromkeys((low, 0.0, high)))
    return f'<svg role="img" aria-label="reward per decision with 95 % intervals" viewBox="0 0 800 {tall + 6}"><line class="zero" x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{tall - 14}"/>{bands}{ticks}</svg>'


def _finite(value: float) -> bool:
    return value - value == 0


def _troubles(found: Replay) -> str:
    told = [f"{number:,} records: {why}" for why, number in found.skipped.items()] + found.troubles
    items = "".join(f"<li>{escape(each)}</li>" for each in told)
    return f'<section><h2>Passed over</h2><ul class="warn">{items}</ul></section>' if told else ""


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    return f"<section><h2>{escape(title)}</h2>{_table(heads, rows, left)}</section>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{'' if i < left else ' class=n'}>{escape(cell)}</{tag}>" for i, cell in enumerate(row))

    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{cells(heads, 'th')}</tr>{body}</table>"
