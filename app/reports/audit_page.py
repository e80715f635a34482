"""The audit of profiles as one HTML file that needs nothing else; its plots are drawn as SVG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape

from app.reports.profiles import Audit, Finding

SHOWN = 100
MONTHS = 12
STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6675; --line: #d9dee5; --bar: #2f6f62; --ground: #fbfbf9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebef; --soft: #a3adba; --line: #364150; --bar: #6fbcab; --ground: #161b22; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); max-width: 62rem; margin: 3rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; } p { color: var(--soft); margin: .25rem 0 1rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1.5rem 0; } dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; font-size: .85rem; } .n { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; max-width: 100%; } svg rect { fill: var(--bar); } svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
"""


def page(audit: Audit) -> str:
    """The whole file."""
    at = datetime.fromtimestamp(audit.at / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    duplicates = sum(len(each.people) for each in audit.duplicates)
    numbers = {
        "people": audit.people, "events kept": audit.events, "in groups of duplicates": duplicates,
        "contradictory": len({each.person for each in audit.contradictory}), "out of range": len({each.person for each in audit.out_of_range}),
    }
    told = "".join(f"<div><dt>{escape(name)}</dt><dd>{number:,}</dd></div>" for name, number in numbers.items())
    groups = [(", ".join(each.traits), str(len(each.people)), ", ".join(each.people[:8])) for each in audit.duplicates]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Profiles, {at}</title>'
        f"<style>{STYLE}</style><h1>Profiles</h1><p>As of {at}</p><dl>{told}</dl>"
        f"<h2>Last heard of</h2><p>People by the days since their last event.</p>{bars(audit.stale)}"
        f"<h2>Growth</h2><p>Events of each type by month, as they are kept.</p>{_growth(audit.growth)}"
        f"<h2>Duplicates</h2>{_table(('agree in', 'people', 'who'), groups, 'No two people agree in what tells people apart.')}"
        f"<h2>Contradictory</h2>{_findings(audit.contradictory, 'Nothing contradicts itself.')}"
        f"<h2>Out of range</h2>{_findings(audit.out_of_range, 'Every value is one that can be.')}</html>\n"
    )


def bars(rows: Mapping[str, int]) -> str:
    """Horizontal bars with their names and numbers."""
    most = max(rows.values(), default=0) or 1
    drawn = "".join(
        f'<text x="0" y="{28 * i + 18}">{escape(name)}</text><rect x="140" y="{28 * i + 5}" width="{420 * number / most:.1f}" height="18" rx="2"/>'
        f'<text x="{148 + 420 * number / most:.1f}" y="{28 * i + 18}">{number:,}</text>'
        for i, (name, number) in enumerate(rows.items())
    )
    return f'<svg role="img" aria-label="people by the days since their last event" viewBox="0 0 640 {28 * len(rows)}" width="640">{drawn}</svg>'


def columns(numbers: Sequence[int], label: str) -> str:
    """A column per month."""
    most = max(numbers, default=0) or 1
    drawn = "".join(f'<rect x="{18 * i}" y="{36 - 34 * n / most:.1f}" width="14" height="{34 * n / most:.1f}" rx="1"/>' for i, n in enumerate(numbers))
    return f'<svg role="img" aria-label="{escape(label, quote=True)}" viewBox="0 0 {18 * len(numbers)} 36" width="{18 * len(numbers)}" height="36">{drawn}</svg>'


def last_months(growth: Mapping[str, Counter[str]]) -> list[str]:
    """The months of the latest year in which anything was kept, without gaps."""
    latest = max((month for months in growth.values() for month in months if month), default="")
    if not latest:
        return []
    last = 12 * int(latest[:4]) + int(latest[5:]) - 1
    return [f"{month // 12:04}-{month % 12 + 1:02}" for month in range(last - MONTHS + 1, last + 1)]


def _growth(growth: Mapping[str, Counter[str]]) -> str:
    months = last_months(growth)
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="n">{found.total():,}</td><td class="n">{found[months[-1]] if months else 0:,}</td>'
        f"<td>{columns([found[month] for month in months], f'{name} by month')}</td></tr>"
        for name, found in sorted(growth.items(), key=lambda each: (-each[1].total(), each[0]))
    )
    span = f"{months[0]} to {months[-1]}" if months else ""
    return f'<table><tr><th>event</th><th class="n">ever</th><th class="n">{months[-1] if months else ""}</th><th>{span}</th></tr>{rows}</table>'


def _findings(found: Sequence[Finding], none: str) -> str:
    return _table(("person", "trait", ""), [(each.person, each.trait, each.what) for each in found], none)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> str:
    if not rows:
        return f"<p>{escape(none)}</p>"
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[:SHOWN])
    more = f"<p>and {len(rows) - SHOWN:,} more</p>" if len(rows) > SHOWN else ""
    return f"<table><tr>{top}</tr>{body}</table>{more}"
