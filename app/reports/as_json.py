"""A report as JSON takes it: shares as numbers from 0 to 1, an end without a bound as null."""

from __future__ import annotations

import math
from typing import Any

from app.reports.estimates import Estimate, Interval
from app.reports.results import Arm, Comparison, Measured, Report


def as_json(report: Report) -> dict[str, Any]:
    plan, counts = report.plan, report.counts
    whole = math.fsum(plan.weights.values())
    return {
        "experiment": plan.experiment, "verdict": report.verdict, "finding": report.finding, "notes": list(report.notes),
        "control": plan.control, "from": counts.first_at or None, "to": counts.last_at or None,
        "variants": [{"variant": each, "share": weight / whole, "visitors": counts.units.get(each, 0)} for each, weight in plan.weights.items()],
        "checks": {
            "sample_ratio": {"ok": report.ratio.ok, "p_value": report.ratio.value, "message": report.ratio.message},
            "multiple_exposure": {"ok": report.multiple.ok, "visitors": counts.multiple, "share": report.multiple.value, "message": report.multiple.message},
        },
        "metrics": [_metric(each) for each in report.measured],
        "days": [{"day": each.day, "variant": each.variant, "visitors": each.units, "lift": _finite(each.lift), "always_valid": _ends(each.band)} for each in report.days],
    }


def _metric(measured: Measured) -> dict[str, Any]:
    metric = measured.metric
    return {
        "metric": metric.name, "kind": measured.kind, "role": metric.role, "good": metric.good,
        "variants": [_arm(each) for each in measured.arms], "comparisons": [_comparison(each) for each in measured.comparisons],
    }


def _arm(arm: Arm) -> dict[str, Any]:
    sample = arm.sample
    return {
        "variant": arm.variant, "visitors": sample.n, "total": sample.hits if sample.kind == "rate" else sample.total,
        "value": sample.mean if sample.n else None, "interval": _ends(arm.interval), "chance_best": arm.highest,
    }


def _comparison(each: Comparison) -> dict[str, Any]:
    return {
        "variant": each.variant, "verdict": each.verdict, "says": each.says, "difference": each.difference, "lift": each.lift,
        "frequentist": {**_estimate(each.once), "p_adjusted": each.p_adjusted},
        "bayesian": {"chance_higher": each.odds.higher, "lift": _ends(each.odds.lift), "loss": _finite(each.odds.loss), "loss_of_control": _finite(each.odds.loss_of_control)},
        "always_valid": {**_estimate(each.always), "p_adjusted": each.always_adjusted},
        "detectable_lift": each.detectable,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"difference": _ends(estimate.difference), "lift": _ends(estimate.lift), "p_value": estimate.p_value}


def _ends(interval: Interval) -> list[float | None]:
    return [_finite(end) for end in interval]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
