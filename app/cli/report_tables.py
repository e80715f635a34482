"""A report on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.reports.estimates import UNBOUNDED, Interval
from app.reports.results import Measured, Report, percent, shown

TONES = {"better": "green", "better_if_planned": "yellow", "worse": "red", "worse_if_planned": "yellow", "no_difference_shown": "", "unreadable": "red"}
SPANS = ("one look, 95 %", "odds, 95 %", "whenever, 95 %")
WIDE = 118
ROLES = {"primary": "decides", "secondary": "", "guardrail": "guardrail"}


def tell(report: Report, console: Console) -> None:
    console.print(Text(report.finding, f"bold {TONES[report.verdict]}".strip()), "")
    for measured in report.measured:
        for table in _whole(measured) if console.width >= WIDE else _parted(measured):
            console.print(table, "")
    for check in (report.ratio, report.multiple):
        console.print(Text("✓ " if check.ok else "✗ ", "green" if check.ok else "red"), Text(check.message), sep="")
    for note in report.notes:
        console.print(Text(f"· {note}", "dim"))


def _whole(measured: Measured) -> list[Table]:
    """One table, for a terminal that is wide enough."""
    rows = [(*start, *lift, *spans, *end) for start, lift, spans, end in _rows(measured)]
    return [_table((*_heads(measured), *SPANS, "better", ""), rows, _title(measured))]


def _parted(measured: Measured) -> list[Table]:
    """The intervals in a table below."""
    rows = _rows(measured)
    first = _table((*_heads(measured), "better", ""), [(*start, *lift, *end) for start, lift, _, end in rows], _title(measured))
    return [first, _table(("lift of", *SPANS), [(start[0], *spans) for start, _, spans, _ in rows if any(spans)], None)]


def _heads(measured: Measured) -> tuple[str, ...]:
    return ("variant", "visitors", "rate" if measured.kind == "rate" else "mean", "lift")


def _title(measured: Measured) -> Text:
    return Text.assemble((measured.metric.name, "bold"), (f"  {ROLES[measured.metric.role]}", "dim"))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | Text]], title: Text | None) -> Table:
    table = Table(box=None, header_style="dim", title=title, title_justify="left", padding=(0, 2, 0, 0))
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i and head else "left", no_wrap=head in SPANS)
    for row in rows:
        table.add_row(*row)
    return table


def _rows(measured: Measured) -> list[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str | Text, ...]]]:
    """Per variant: who and how many, lift, the three intervals, chance and verdict."""
    compared = {each.variant: each for each in measured.comparisons}
    found: list[tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str | Text, ...]]] = []
    for arm in measured.arms:
        start = (arm.variant, f"{arm.sample.n:,}", shown(arm.sample.mean, measured.kind) if arm.sample.n else "–")
        each = compared.get(arm.variant)
        if each is None:
            found.append((start, ("",), ("", "", ""), ("", "control")))
            continue
        better = each.odds.higher if measured.metric.good == "up" else 1 - each.odds.higher
        spans = tuple([_span(span) for span in (each.once.lift, each.odds.lift, each.always.lift)])
        found.append((start, (percent(each.lift),), spans, (_chance(better), Text(each.verdict.replace("_", " "), TONES[each.verdict]))))
    return found


def _span(span: Interval) -> str:
    return f"{percent(span.low)} to {percent(span.high)}" if span != UNBOUNDED else "–"


def _chance(share: float) -> str:
    return "> 99.9 %" if share > 0.999 else "< 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"
