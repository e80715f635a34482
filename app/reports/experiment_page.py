"""What an experiment showed as one HTML file that needs nothing else."""

from __future__ import annotations

from html import escape

from app.reports.plots import forest, over_time
from app.reports.results import Arm, Check, Comparison, Measured, Report, Verdict, percent, shown

STYLE = """
:root { color-scheme: light dark; --ink: #14181f; --muted: #5b6573; --page: #f6f7f9; --surface: #fff; --line: #e3e7ec; --accent: #2f5bea; --good: #1b7f4b; --warn: #9a6700; --bad: #b42318; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf0; --muted: #9aa4b2; --page: #0f1216; --surface: #171b21; --line: #2a3038; --accent: #7d9bff; --good: #4cc38a; --warn: #e2b341; --bad: #ff8a80; } }
* { box-sizing: border-box; } body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 40px 24px; } code { font: 14px ui-monospace, Menlo, Consolas, monospace; }
h1 { font-size: 28px; line-height: 1.2; margin: 8px 0 16px; text-wrap: balance; } h2 { font-size: 20px; line-height: 1.2; margin: 0 0 4px; } p { margin: 0; } .muted { color: var(--muted); font-size: 14px; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 24px; margin-top: 16px; }
.chip { display: inline-block; border: 1px solid currentColor; border-radius: 8px; padding: 0 8px; font-size: 14px; color: var(--muted); } .good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.checks { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); } .checks p { font-size: 14px; } .checks strong { display: block; }
.metric { display: grid; gap: 24px; grid-template-columns: minmax(0, 1fr) minmax(0, 420px); align-items: start; margin-top: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; } th { color: var(--muted); font-weight: 500; font-size: 12px; text-align: left; } th, td { padding: 8px 16px 8px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
td { overflow-wrap: anywhere; } .n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; } tr > :last-child { padding-right: 0; } small { display: block; color: var(--muted); font-size: 12px; }
.says { margin-top: 8px; } .plot { display: block; width: 100%; height: auto; } .scroll { overflow-x: auto; } .wide { min-width: 640px; margin-top: 16px; }
svg text { font: 12px -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: var(--muted); } svg .name { fill: var(--ink); font-size: 14px; font-weight: 600; }
.grid { stroke: var(--line); } .zero { stroke: var(--muted); } .band { fill: var(--accent); } .once { opacity: .85; } .odds { opacity: .5; } .always { opacity: .25; } .dot { fill: var(--surface); stroke: var(--ink); stroke-width: 2; } .line { fill: none; stroke: var(--accent); stroke-width: 2; }
dl { display: grid; grid-template-columns: 96px 1fr; gap: 8px 16px; margin: 8px 0 0; font-size: 14px; } dt { color: var(--muted); } dd { margin: 0; } ul { margin: 8px 0 0; padding-left: 20px; font-size: 14px; color: var(--muted); }
@media (max-width: 760px) { main { padding: 24px 12px; } section { padding: 16px; } .metric { grid-template-columns: minmax(0, 1fr); } h1 { font-size: 20px; } }
"""
TONES: dict[Verdict, str] = {"better": "good", "worse": "bad", "better_if_planned": "warn", "worse_if_planned": "warn", "no_difference_shown": "", "unreadable": "bad"}
WORDS: dict[Verdict, str] = {
    "better": "better", "worse": "worse", "better_if_planned": "better, if this is the planned end", "worse_if_planned": "worse, if this is the planned end",
    "no_difference_shown": "no difference shown", "unreadable": "not readable",
}
ROLES = {"primary": "decides", "secondary": "beside it", "guardrail": "guardrail"}


def page(report: Report) -> str:
    """The whole file."""
    name = escape(report.plan.experiment)
    span = f" · {escape(report.counts.first_at)} to {escape(report.counts.last_at)}" if report.counts.first_at else ""
    everybody = sum(report.counts.units.values())
    notes = "".join(f"<li>{_text(each)}</li>" for each in report.notes)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{name}: {WORDS[report.verdict]}</title>'
        f'<style>{STYLE}</style></head><body><main><p class="muted">{escape(report.plan.what.capitalize())} <code>{name}</code> · {everybody:,} visitors{span} <span class="chip {TONES[report.verdict]}">{WORDS[report.verdict]}</span></p><h1>{_text(report.finding)}</h1>'
        f'<section><div class="checks">{_check("Sample ratio", report.ratio)}{_check("Several variants", report.multiple)}</div>{f"<ul>{notes}</ul>" if notes else ""}</section>'
        f'{"".join(map(_metric, report.measured))}{_time(report)}{LEGEND}</main></body></html>\n'
    )


def _text(sentence: str) -> str:
    """A sentence as HTML, in which no number is parted from its per cent sign."""
    return escape(sentence).replace(" %", "\N{NO-BREAK SPACE}%")


def _check(title: str, check: Check) -> str:
    tone, word = ("good", "in order") if check.ok else ("bad", "off")
    return f'<p><strong>{title} <span class="{tone}">{word}</span></strong>{_text(check.message[0].upper() + check.message[1:])}.</p>'


def _metric(measured: Measured) -> str:
    metric = measured.metric
    compared = {each.variant: each for each in measured.comparisons}
    rows = "".join(_row(arm, compared.get(arm.variant), measured) for arm in measured.arms)
    says = "".join(f'<p class="says"><span class="chip {TONES[each.verdict]}">{WORDS[each.verdict]}</span> {_text(each.says[0].upper() + each.says[1:])}.</p>' for each in measured.comparisons)
    plotted = forest(measured.comparisons, f"lift of {metric.name} over the control, by variant")
    better = "more is better" if metric.good == "up" else "less is better"
    return (
        f'<section><h2>{escape(metric.name)}</h2><p class="muted">{ROLES[metric.role]} · {better}</p>{says}<div class="metric"><div class="scroll"><table><tr><th>variant</th><th class="n">visitors</th>'
        f'<th class="n">{"rate" if measured.kind == "rate" else "mean"}, 95 %</th><th class="n">chance to be best</th></tr>{rows}</table></div>{plotted}</div></section>'
    )


def _row(arm: Arm, compared: Comparison | None, measured: Measured) -> str:
    sample = arm.sample
    value = shown(sample.mean, measured.kind) if sample.n else "–"
    change = "control" if compared is None else _text(percent(compared.lift))
    total = f"{sample.hits:,} of them" if measured.kind == "rate" else f"{sample.total:,.2f} in all"
    return (
        f'<tr><td>{escape(arm.variant)}<small>{change}</small></td><td class="n">{sample.n:,}<small>{total}</small></td>'
        f'<td class="n">{value}<small>{shown(arm.interval.low, measured.kind)} to {shown(arm.interval.high, measured.kind)}</small></td><td class="n">{_chance(arm.highest)}</td></tr>'
    )


def _chance(share: float) -> str:
    return "&gt; 99.9 %" if share > 0.999 else "&lt; 0.1 %" if share < 0.001 else f"{100 * share:.1f} %"


def _time(report: Report) -> str:
    return "".join([_course(report, each) for each in report.plan.weights])


def _course(report: Report, variant: str) -> str:
    """How a variant's lift came to where it is; nothing where there are no days to tell of."""
    mine = [each for each in report.days if each.variant == variant]
    plot = over_time(report.days, variant, f"lift of {variant} by day")
    if not plot:
        return ""
    return (
        f'<section><h2>{_text(f"{variant} stands at {percent(mine[-1].lift)} after {len(mine)} days")}</h2><p class="muted">Lift of {escape(report.plan.metrics[0].name)} over '
        f'{escape(report.plan.control)}, of all who came until that day, with the interval that may be looked at whenever one likes</p><div class="scroll">{plot}</div></section>'
    )


LEGEND = """<section><h2>How to read this</h2><dl>
<dt>one look</dt><dd>Right 95 times in 100 if one looks once, at the planned end. Looking daily and stopping at the first difference is wrong far more often.</dd>
<dt>odds</dt><dd>Where the lift lies with 95 % probability, for one who believed nothing before.</dd>
<dt>whenever</dt><dd>Right 95 times in 100 however often one looks; the price is a wider interval. Where it leaves 0 out, the difference is shown.</dd>
<dt>sample ratio</dt><dd>Whether visitors fall on the variants as designed. Where they do not, something is lost or given wrongly, and nothing is concluded.</dd>
</dl></section>"""
