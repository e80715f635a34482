"""What watching models found, as JSON, as one HTML file that needs nothing else, and as what the server tells as metrics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from app.reports.drift import DRIFTED, MOVED
from app.reports.model_watch import Report, Watched
from app.reports.replay_page import STYLE
from app.telemetry.watched_models import FILE

WIDEST = 0.5
"""PSI that a bar of the page ends at."""


def as_json(found: Report) -> dict[str, Any]:
    models = [{**asdict(each), "state": each.state, "drift": [{**asdict(row), "state": row.state} for row in each.drift]} for each in found.models]
    return {"records": found.records, "since": found.since, "until": found.until, "models": models, "skipped": dict(found.skipped), "troubles": found.troubles}


def kept(found: Report, data: Path) -> None:
    """Leave it where the server reads it for its metrics."""
    rows = {each.model: {"psi": {row.name: row.psi for row in each.drift if row.psi is not None}, "calibration_error": each.calibration.error if each.calibration else None, "skewed": each.skewed} for each in found.models}
    path = data / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(rows))
    part.replace(path)


def page(found: Report) -> str:
    drifted = [each.model for each in found.models if each.state == "drifted"]
    head = f"{', '.join(drifted)} drifted" if drifted else "No model drifted"
    notes = "".join(f'<p class="warn">{escape(line)}</p>' for line in (*(f"{number:,} records were passed over: {why}" for why, number in found.skipped.items()), *found.troubles))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Models</title>'
        f'<style>{STYLE} .bar {{ fill: var(--accent); }}</style><main><p class="muted">Models by {found.records:,} logged decisions</p><h1>{escape(head)}</h1>'
        f"{''.join(map(_section, found.models))}{notes}</main></html>\n"
    )


def _section(each: Watched) -> str:
    others = f", {each.other_versions:,} by other versions" if each.other_versions else ""
    lines = [f'<p class="muted">Version {escape(each.version)}; {each.decisions:,} decisions by it{others}</p>']
    if each.drift:
        rows = "".join(
            f'<tr><td>{escape(row.name)}</td><td class="n">{"–" if row.psi is None else f"{row.psi:.3f}"}</td><td>{_bar(row.psi)}</td><td>{row.state}</td><td class="n">{row.absent_then:.1%}</td><td class="n">{row.absent_now:.1%}</td></tr>'
            for row in each.drift
        )
        lines.append(f'<table><tr><th>input</th><th class="n">PSI</th><th>0 to {WIDEST:g}; lines at {MOVED:g} and {DRIFTED:g}</th><th></th><th class="n">absent in training</th><th class="n">now</th></tr>{rows}</table>')
    if each.calibration is not None:
        told = each.calibration
        lines.append(f"<p>Of {told.decisions:,} decisions whose time is over, {told.foretold:.2%} were foretold and {told.came:.2%} came true; calibration error {told.error:.4f}.</p>")
    lines.append(f"<p>{each.skewed:,} of {each.compared:,} logged values are others than those that the logged histories give again.</p>")
    lines += [f"<p>Beside it, {escape(shadow.name)}: {shadow.scored:,} scores, {shadow.mean:.4f} in the mean, {shadow.apart:.4f} apart.</p>" for shadow in each.shadows]
    return f"<section><h2>{escape(each.model)}: {each.state}</h2>{''.join(lines)}{''.join(_notes(each.notes))}</section>"


def _notes(notes: Iterable[str]) -> Iterable[str]:
    return (f'<p class="warn">{escape(note)}</p>' for note in notes)


def _bar(psi: float | None) -> str:
    width = 0.0 if psi is None else min(psi, WIDEST) / WIDEST * 200
    lines = "".join(f'<line class="zero" x1="{at / WIDEST * 200:g}" x2="{at / WIDEST * 200:g}" y1="0" y2="12" />' for at in (MOVED, DRIFTED))
    return f'<svg viewBox="0 0 200 12" role="img" aria-label="PSI {0 if psi is None else psi:.3f}" style="max-width:200px"><rect class="bar" width="{width:.1f}" height="12" />{lines}</svg>'
