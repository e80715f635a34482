"""What an experiment showed: from counts by variant to estimates, checks and a finding in a sentence.

The first metric decides; the others and the guardrails are told beside it. With several variants each is compared with the control, and
the p-values are adjusted for their number. Where the sample ratio is off, nothing is concluded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from app.reports.estimates import ALPHA, TUNED_FOR, Estimate, Interval, Kind, Odds, Sample, adjusted, any_time, chances_to_be_highest
from app.reports.estimates import detectable_lift, goodness_of_fit, odds, one_look

Role: TypeAlias = Literal["primary", "secondary", "guardrail"]
Verdict: TypeAlias = Literal["better", "worse", "better_if_planned", "worse_if_planned", "no_difference_shown", "unreadable"]
"""`…_if_planned`: shown only where this was the planned end of the experiment; the always-valid interval still holds 0."""
SUSPICIOUS = 0.001
"""A p-value of the sample ratio below which it is off: what large programmes of experiments use, and GrowthBook."""
TOLERATED_MULTIPLE = 0.01
"""The share of units that may have seen several variants before it is worth a warning."""
FEW = 25
"""Hits in all arms below which intervals that lean on large numbers are not to be leant on."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is counted per unit. `good` says which way is better; a guardrail may get worse by `margin` (a share of the control's) at most."""

    name: str
    role: Role = "secondary"
    good: Literal["up", "down"] = "up"
    margin: float = 0.05


@dataclass(frozen=True, slots=True)
class Counts:
    """What was seen: units by variant, a sample by metric and variant, units that saw several variants (in no sample), and what was passed
    over, with how often."""

    units: Mapping[str, int]
    samples: Mapping[str, Mapping[str, Sample]]
    multiple: int = 0
    passed_over: Mapping[str, int] | None = None
    first_at: str = ""
    last_at: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What was meant to be: the control first among `weights`, whose shares are those of the design."""

    experiment: str
    weights: Mapping[str, float]
    metrics: Sequence[Metric]
    tuned_for: int = TUNED_FOR
    what: str = "experiment"

    @property
    def control(self) -> str:
        return next(iter(self.weights))


@dataclass(frozen=True, slots=True)
class Check:
    ok: bool
    message: str
    value: float
    """The p-value of the sample ratio, or the share of units that saw several variants."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One variant against the control by one metric. `p_adjusted` is for one look, `always_adjusted` for any number of them."""

    variant: str
    difference: float
    lift: float | None
    once: Estimate
    odds: Odds
    always: Estimate
    p_adjusted: float
    always_adjusted: float
    detectable: float | None
    verdict: Verdict
    says: str


@dataclass(frozen=True, slots=True)
class Arm:
    variant: str
    sample: Sample
    interval: Interval
    highest: float
    """How probably it is the best of all, by the metric's direction."""


@dataclass(frozen=True, slots=True)
class Measured:
    metric: Metric
    kind: Kind
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """How a variant stood by the primary metric at the end of a day, all units exposed until then."""

    day: str
    variant: str
    units: int
    lift: float | None
    band: Interval


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    counts: Counts
    ratio: Check
    multiple: Check
    measured: tuple[Measured, ...]
    days: tuple[Day, ...]
    verdict: Verdict
    finding: str
    notes: tuple[str, ...]


def report(plan: Plan, counts: Counts, daily: Sequence[tuple[str, Mapping[str, Sample]]] = ()) -> Report:
    """`daily` holds, per day, the samples of the primary metric among the units exposed on it."""
    ratio, multiple = _ratio(plan, counts), _multiple(counts)
    measured = tuple([_measured(plan, each, counts.samples[each.name], ratio) for each in plan.metrics])
    verdict, finding = _finding(plan, measured, ratio)
    return Report(plan, counts, ratio, multiple, measured, tuple(_days(plan, daily)), verdict, finding, tuple(_notes(measured, counts)))


def _ratio(plan: Plan, counts: Counts) -> Check:
    seen = [counts.units.get(variant, 0) for variant in plan.weights]
    weighted = [(n, weight) for n, weight in zip(seen, plan.weights.values(), strict=True) if weight > 0]
    if len(weighted) < 2 or not sum(n for n, _ in weighted):
        return Check(True, "too few visitors to tell", 1.0)
    _, p = goodness_of_fit([n for n, _ in weighted], [weight for _, weight in weighted])
    shares = " : ".join(f"{100 * n / max(sum(seen), 1):.2f}" for n in seen)
    meant = " : ".join(f"{100 * weight / sum(plan.weights.values()):.2f}" for weight in plan.weights.values())
    if p >= SUSPICIOUS:
        return Check(True, f"visitors fall {shares} where {meant} was meant: as chance would have it (p = {p:.2g})", p)
    return Check(False, f"visitors fall {shares} where {meant} was meant: chance hardly does that (p = {p:.2g}). Something gives or records the variants otherwise than designed", p)


def _multiple(counts: Counts) -> Check:
    everybody = sum(counts.units.values()) + counts.multiple
    share = counts.multiple / everybody if everybody else 0.0
    if not counts.multiple:
        return Check(True, "nobody saw more than one variant", 0.0)
    return Check(share <= TOLERATED_MULTIPLE, f"{counts.multiple:,} of {everybody:,} ({100 * share:.2g} %) saw more than one variant, and are left out", share)


def _measured(plan: Plan, metric: Metric, samples: Mapping[str, Sample], ratio: Check) -> Measured:
    control, *others = list(plan.weights)
    sign = 1 if metric.good == "up" else -1
    best = chances_to_be_highest([_mirrored(samples[each], sign) for each in plan.weights]) if all(samples[each].n > 1 for each in plan.weights) else [0.0] * len(plan.weights)
    arms = tuple([Arm(each, samples[each], samples[each].interval(), chance) for each, chance in zip(plan.weights, best, strict=True)])
    once = [one_look(samples[control], samples[each]) for each in others]
    always = [any_time(samples[control], samples[each], tuned_for=plan.tuned_for) for each in others]
    fixed, forever = adjusted([each.p_value for each in once]), adjusted([each.p_value for each in always])
    compared = tuple([_compared(metric, control, each, samples, *estimates, ratio) for each, estimates in zip(others, zip(once, always, fixed, forever, strict=True), strict=True)])
    return Measured(metric, samples[control].kind, arms, compared)


def _mirrored(sample: Sample, sign: int) -> Sample:
    """The sample, or the one of which high is low."""
    if sign > 0:
        return sample
    if sample.kind == "rate":
        return Sample("rate", sample.n, sample.n - sample.total, sample.n - sample.total)
    return Sample("mean", sample.n, -sample.total, sample.squares)


def _compared(
    metric: Metric, control: str, variant: str, samples: Mapping[str, Sample], once: Estimate, always: Estimate, fixed: float, forever: float, ratio: Check
) -> Comparison:
    a, b = samples[control], samples[variant]
    difference = b.mean - a.mean if a.n and b.n else 0.0
    lift = difference / a.mean if a.n and b.n and a.mean > 0 else None
    verdict = _verdict(difference * (1 if metric.good == "up" else -1), fixed, forever) if ratio.ok else "unreadable"
    detectable = detectable_lift(a, b)
    says = _guarded(metric, variant, once, verdict) if metric.role == "guardrail" else _said(metric, control, variant, a, b, lift, once, detectable, verdict)
    return Comparison(variant, difference, lift, once, odds(a, b), always, fixed, forever, detectable, verdict, says)


def _verdict(gain: float, fixed: float, forever: float) -> Verdict:
    if forever <= ALPHA:
        return "better" if gain > 0 else "worse"
    if fixed <= ALPHA:
        return "better_if_planned" if gain > 0 else "worse_if_planned"
    return "no_difference_shown"


def _said(metric: Metric, control: str, variant: str, a: Sample, b: Sample, lift: float | None, once: Estimate, detectable: float | None, verdict: Verdict) -> str:
    numbers = f"{metric.name} {shown(b.mean, b.kind)} against {shown(a.mean, a.kind)}"
    change = f", {percent(lift)} ({percent(once.lift.low)} to {percent(once.lift.high)})" if lift is not None else ""
    match verdict:
        case "better" | "worse":
            return f"{variant} is {verdict} than {control}: {numbers}{change}"
        case "better_if_planned" | "worse_if_planned":
            word = verdict.split("_")[0]
            return f"{variant} is {word} than {control} if this is the planned end of the experiment, not shown if one is only looking in: {numbers}{change}"
        case "no_difference_shown":
            power = f"; a change of {float(f'{100 * detectable:.2g}'):,g} % would have shown four times in five" if detectable is not None else ""
            return f"no difference shown between {variant} and {control}: {numbers}{change}{power}"
        case "unreadable":
            return f"{numbers}: not to be compared while the sample ratio is off"


def _guarded(metric: Metric, variant: str, once: Estimate, verdict: Verdict) -> str:
    """A guardrail is broken where it is worse; it has held where it is certainly not worse by more than its margin."""
    if verdict == "unreadable":
        return f"{metric.name} cannot be judged while the sample ratio is off"
    if verdict.startswith("worse"):
        return f"{variant} hurts {metric.name}"
    worst = -once.lift.low if metric.good == "up" else once.lift.high
    if worst <= metric.margin:
        return f"{variant} leaves {metric.name} within {100 * metric.margin:g} %"
    if math.isinf(worst):
        return f"no harm shown to {metric.name}, and too little seen to exclude any"
    return f"no harm shown to {metric.name}, and not excluded: it may be {percent(worst if metric.good == 'down' else -worst)}"


def _finding(plan: Plan, measured: Sequence[Measured], ratio: Check) -> tuple[Verdict, str]:
    """The primary metric in a sentence. The best of the variants that are better speaks for all; harm speaks before no difference."""
    primary = measured[0]
    if not ratio.ok:
        return "unreadable", f"Not readable: {ratio.message}."
    if not any(arm.sample.n for arm in primary.arms):
        return "no_difference_shown", f"Nobody was in {plan.experiment} yet: no difference shown."
    best = max(primary.comparisons, key=lambda each: (_ORDER[each.verdict], each.difference * (1 if primary.metric.good == "up" else -1)))
    broken = [each.says for one in measured if one.metric.role == "guardrail" for each in one.comparisons if each.verdict.startswith("worse")]
    others = len(primary.comparisons) - 1
    more = "" if best.verdict != "no_difference_shown" or not others else f"; nor between {plan.control} and the other {others}"
    return best.verdict, f"{best.says[0].upper()}{best.says[1:]}{more}." + "".join(f" But {each}." for each in broken)


_ORDER: Mapping[Verdict, int] = {"better": 5, "better_if_planned": 4, "worse": 3, "worse_if_planned": 2, "no_difference_shown": 1, "unreadable": 0}


def _notes(measured: Sequence[Measured], counts: Counts) -> list[str]:
    found = [*counts.remarks, *(f"{number:,} rows passed over: {why}" for why, number in (counts.passed_over or {}).items() if number)]
    if (pairs := len(measured[0].comparisons)) > 1:
        found.append(f"{pairs} variants are compared with the control: a verdict takes more than one alone would, by Holm's rule")
    for each in measured:
        if each.kind == "rate" and sum(arm.sample.hits for arm in each.arms) < FEW:
            found.append(f"{each.metric.name}: fewer than {FEW} in all; only the one-look intervals and the odds hold with so few")
    return found


def _days(plan: Plan, daily: Sequence[tuple[str, Mapping[str, Sample]]]) -> list[Day]:
    kept: dict[str, Sample] = {}
    found: list[Day] = []
    for day, samples in daily:
        for variant, sample in samples.items():
            kept[variant] = _sum(kept[variant], sample) if variant in kept else sample
        control = kept.get(plan.control)
        for variant, sample in kept.items():
            if control is None or variant == plan.control:
                continue
            lift = sample.mean / control.mean - 1 if control.total > 0 else None
            found.append(Day(day, variant, sample.n + control.n, lift, any_time(control, sample, tuned_for=plan.tuned_for).lift))
    return found


def _sum(one: Sample, other: Sample) -> Sample:
    return Sample(one.kind, one.n + other.n, one.total + other.total, one.squares + other.squares)


def shown(value: float, kind: Kind) -> str:
    """A mean as people read it: a rate in per cent, anything else with four digits."""
    return f"{100 * value:.2f} %" if kind == "rate" else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A change: `+20.7 %`."""
    if share is None or share != share:
        return "–"
    if abs(share) == float("inf"):
        return "unbounded"
    if round(100 * share, digits) == 0:
        return f"{0:.{digits}f} %"
    return f"{100 * share:+.{digits}f} %".replace("-", "\N{MINUS SIGN}")
