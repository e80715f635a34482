"""What the decision policy promises, counted."""

from __future__ import annotations

import json
from collections.abc import Iterator

from app.domain.experiments import Namespace, bucket, bucket_ranges, choose_variation, equal_weights, in_namespace
from bench.machine import ROOT
from bench.registry import figure

CASES = ROOT.parent / "shared/data/growthbook/bucketing_cases.json"
CLOSE = 1e-6


@figure("bucketing_cases_failed", "cases", at_most=0, title="published cases of GrowthBook's bucketing that come out otherwise")
def bucketing_cases_failed() -> float:
    return sum(not right for right in _right())


def _right() -> Iterator[bool]:
    cases = json.loads(CASES.read_text())
    for seed, unit, version, wanted in cases["hash"]:
        yield (bucket(seed, unit, version) if version in (1, 2) else None) == wanted
    for _, given, wanted in cases["getBucketRange"]:
        found = bucket_ranges(*given)
        yield len(found) == len(wanted) and all(abs(a - b) < CLOSE for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True))
    for _, at, ranges, wanted in cases["chooseVariation"]:
        yield choose_variation(at, ranges) == wanted
    for _, unit, namespace, wanted in cases["inNamespace"]:
        yield in_namespace(unit, Namespace(*namespace)) == wanted
    for count, wanted in cases["getEqualWeights"]:
        found = equal_weights(count)
        yield len(found) == len(wanted) and all(abs(a - b) < CLOSE for a, b in zip(found, wanted, strict=True))
