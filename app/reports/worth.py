"""What another policy would have earned, out of a replay and of what came of the logged decisions.

A row counts where the other policy shows what was shown: the rest is inferred by a model of the reward, fitted on other people's rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from app.learning.estimators import Estimate, difference, doubly_robust, estimate, importance, ips, mean, snips

RIDGE = 1.0
FAR = 0.1
"""How far from 1 the mean weight may be: beyond it the log never shows a good part of what the policy would, and all is the model's word."""
Columns = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Worth:
    """`reward` per decision of the log's policy and of the other, by three estimators, and the other's gain (doubly robust) with its
    interval. `agree` is the share of decisions in which both show the same: of it alone the estimators know for sure."""

    reward: str
    decisions: int
    agree: float
    logged: Estimate
    ips: Estimate
    snips: Estimate
    robust: Estimate
    gain: Estimate

    @property
    def finding(self) -> str:
        """In a sentence. Where the interval holds 0 there is no gain to claim."""
        if self.agree == 1:
            return f"The same {self.reward}: both show the same to everybody"
        if not np.isfinite(self.gain.value) or abs(self.ips.mean_weight - 1) > FAR:
            return (
                f"Nothing sure can be said of {self.reward}: what the other policy would show, the log's chance did not show to such people "
                f"(mean weight {self.ips.mean_weight:.2f}, it should be near 1)"
            )
        span = f"{self.gain.value:+.4f} per decision ({self.gain.low:+.4f} to {self.gain.high:+.4f})"
        if self.gain.low > 0:
            return f"More {self.reward} than the log's policy: {span}"
        return f"Less {self.reward} than the log's policy: {span}" if self.gain.high < 0 else f"No difference in {self.reward} is shown: {span}"


def worth(rows: str, outcomes: Any, reward: str, within_ms: int) -> Worth | None:
    """None where nobody did what is the reward. An event counts for the decision that it names, else for the person's latest before it."""
    if not outcomes.num_rows:
        return None
    with duckdb.connect() as db:
        db.register("outcomes", outcomes)
        found = db.execute(
            f"""WITH d AS (SELECT *, row_number() OVER (ORDER BY "at", decision, placement) AS n FROM read_parquet('{rows}') WHERE who <> ''),
            o AS (SELECT * FROM outcomes WHERE event = ? AND who <> ''),
            named AS (SELECT d.n, max(CASE WHEN o.value > 0 THEN o.value ELSE 1 END) AS reward FROM d JOIN o ON o.decision = d.decision AND o.decision <> ''
                      AND o."at" BETWEEN d."at" AND d."at" + ? GROUP BY d.n),
            unnamed AS (SELECT d.n, sum(CASE WHEN o.value > 0 THEN o.value ELSE 1 END) AS reward FROM o ASOF JOIN d ON o.who = d.who AND o."at" >= d."at"
                        WHERE o.decision = '' AND o."at" <= d."at" + ? GROUP BY d.n)
            SELECT d.who, d.old, d.shares, d.propensity, d.features, coalesce(named.reward, 0) + coalesce(unnamed.reward, 0)
            FROM d LEFT JOIN named USING (n) LEFT JOIN unnamed USING (n) ORDER BY d.n""",
            [reward, within_ms, within_ms],
        ).fetchall()
    if not found or not any(row[5] for row in found):
        return None
    who, old, shares, propensity, features, earned = zip(*found, strict=True)
    return valued(reward, who, old, list(map(msgspec.json.decode, shares)), np.array(propensity), _matrix(features), np.array(earned, np.float64))


def certain(shown: Sequence[str | None]) -> list[Mapping[str, float]]:
    """The shares of a policy in which chance has no say: all of what it shows, None nothing."""
    return [{offer: 1.0} if offer is not None else {} for offer in shown]


def valued(
    reward: str, who: Sequence[str], old: Sequence[str], shares: Sequence[Mapping[str, float]], propensity: Columns, features: Columns, earned: Columns,
) -> Worth:
    """The estimates from columns of decisions: whose, what was shown with what probability, which offers the other policy shows with what
    probability, what was earned."""
    again = np.array([each.get(offer, 0.0) for offer, each in zip(old, shares, strict=True)], np.float64)
    weights = importance(again, propensity)
    agree = np.where([len(each) > 1 for each in shares], np.minimum(weights, 1.0), again)
    seen, expected = foreseen(who, old, shares, features, earned)
    logged, robust = mean(earned), doubly_robust(earned, weights, seen, expected)
    return Worth(
        reward, len(old), float(agree.mean()), estimate(logged, who), estimate(ips(earned, weights), who), estimate(snips(earned, weights), who),
        estimate(robust, who), difference(robust, logged, who),
    )


def _matrix(features: Sequence[str]) -> Columns:
    rows = [msgspec.json.decode(each) for each in features]
    names = sorted({name for row in rows for name in row})
    found = np.array([[float(row.get(name, 0.0)) for name in names] for row in rows]).reshape(len(rows), len(names))
    spread = found.std(axis=0)
    return (found - found.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def foreseen(who: Sequence[str], old: Sequence[str], shares: Sequence[Mapping[str, float]], features: Columns, earned: Columns) -> tuple[Columns, Columns]:
    """(what a model foresees for what was shown, for what would be), each row by a model that saw none of that person's: ridge
    regression on the offer and the features."""
    offers = {offer: i for i, offer in enumerate(sorted({*old, *(offer for each in shares for offer in each)}))}

    def design(shown: Sequence[Mapping[str, float]]) -> Columns:
        spread = np.zeros((len(shown), len(offers)))
        for row, each in enumerate(shown):
            for offer, share in each.items():
                spread[row, offers[offer]] = share
        return np.hstack([np.ones((len(shown), 1)), spread, features])

    was, would = design(certain(old)), design(shares)
    half = np.unique(np.asarray(who), return_inverse=True)[1] % 2
    seen, expected = np.zeros(len(earned)), np.zeros(len(earned))
    for fold in (0, 1):
        others, here = half != fold, half == fold
        x, y = was[others], earned[others]
        penalty = RIDGE * np.eye(x.shape[1])
        penalty[0, 0] = 0.0
        beta = np.linalg.lstsq(x.T @ x + penalty, x.T @ y, rcond=None)[0]
        seen[here], expected[here] = was[here] @ beta, would[here] @ beta
    return seen, expected
