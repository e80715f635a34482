"""What bandits earn, and how well it is told from a log what another policy would have earned."""

from __future__ import annotations

import asyncio
import csv
import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np
import yaml

from app.content.choosing import Taken, choose
from app.content.snapshot import Snapshot
from app.domain.bandits import Bandit, Posterior, Reward, Showing
from app.domain.definitions import BlockDefinition, Definitions, Offer, Placement, Shown
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.thompson import beta_shares
from app.learning import estimators as e
from bench.machine import ROOT
from bench.registry import Measured, figure
from bench.stage import doing, tell
from tests.fakes import FixedModels, MemoryBandits

OPEN_BANDIT = ROOT.parent / "shared" / "data" / "open-bandit"

# -- Open Bandit: the Thompson policy, estimated from the log of the random one ----------------------------------------

SEED = 12345
DRAWS = 200_000
"""Rankings drawn to learn how often each item comes second and third: three were shown at a time."""


@figure("obd_mean_weight_error", "from 1", at_most=0.05, title="mean importance weight of the Thompson policy on Open Bandit's random log")
def obd_mean_weight_error() -> Measured:
    found = open_bandit()
    return Measured(abs(found.mean_weight - 1), {"mean_weight": f"{found.mean_weight:.4f}", "effective": f"{found.effective:,.0f} of {found.rows:,}"})


@figure("obd_interval_covers", "0 or 1", at_least=1, title="whether the interval so estimated covers the click rate of the Thompson policy's own log")
def obd_interval_covers() -> Measured:
    found, own = open_bandit(), fmean(float(row["click"]) for row in logged("bts_men.csv.gz"))
    return Measured(float(found.covers(own)), {"estimate": f"{found.value:.5f}", "interval": f"{found.low:.5f}..{found.high:.5f}", "own": f"{own:.5f}"})


@cache
def open_bandit() -> e.Estimate:
    """With an interval by bootstrap: 46 clicks in 10,000 are too few and too lopsided for a normal one."""
    rows = list(logged("random_men.csv.gz"))
    shares = positions()
    chances = [shares[int(row["position"]) - 1, int(row["item_id"])] for row in rows]
    weights = e.importance(chances, [float(row["propensity_score"]) for row in rows])
    return e.bootstrap(e.snips([float(row["click"]) for row in rows], weights), SEED)


def logged(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(OPEN_BANDIT / name, "rt") as file:
        yield from csv.DictReader(file)


def positions() -> np.ndarray:
    """[3, items]: how often the Thompson policy shows each item at each place. The first place is what a bandit of ours gives; the others take
    draws of whole rankings, of which the first is checked against it."""
    prior = yaml.safe_load((OPEN_BANDIT / "prior_bts.yaml").read_text())["men"]
    alphas, betas = np.array(prior["alpha"]), np.array(prior["beta"])
    draw, size = np.random.default_rng(SEED), len(alphas)
    counts = np.zeros((3, size))
    for _ in range(DRAWS // 10_000):
        ranking = np.argsort(-draw.beta(alphas, betas, size=(10_000, size)), axis=1)[:, :3]
        counts += [np.bincount(ranking[:, place], minlength=size) for place in range(3)]
    drawn = counts / counts.sum(axis=1, keepdims=True)
    first = beta_shares(alphas.tolist(), betas.tolist())
    tell(f"the first place by quadrature and by {DRAWS:,} draws: at most {np.abs(first - drawn[0]).max():.4f} apart")
    drawn[0] = first
    return drawn


# -- digits: classification as a bandit, where the truth is known ------------------------------------------------------

RUNS = 30
LEAN_LOGGED, LEAN_WANTED = 0.8, 0.9
"""How much the two policies lean on a classifier; the rest is even."""


@figure("digits_dr_error", "relative", at_most=0.06, title="relative error of doubly robust on scikit-learn's digits, mean of 30 runs; at most that of IPW")
def digits_dr_error() -> Measured:
    robust, weighted = digits()
    return Measured(robust, {"ipw": f"{weighted:.4f}"})


@figure("digits_ipw_error", "relative", at_most=0.06, title="relative error of inverse propensity weighting on scikit-learn's digits, mean of 30 runs")
def digits_ipw_error() -> float:
    return digits()[1]


@cache
def digits() -> tuple[float, float]:
    """Relative errors (DR, IPW), set up as the Open Bandit Pipeline's example of multi-class classification."""
    with doing("30 runs on digits"):
        errors = [one_run(seed) for seed in range(RUNS)]
    return fmean(dr for dr, _ in errors), fmean(ipw for _, ipw in errors)


def one_run(seed: int) -> tuple[float, float]:
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import train_test_split

    pictures, labels = load_digits(return_X_y=True)
    pictures = pictures / 16
    known, shown, known_labels, truth = train_test_split(pictures, labels, test_size=0.7, random_state=seed)
    guess = LogisticRegression(max_iter=10_000, random_state=SEED).fit(known, known_labels).predict(shown)
    draw, everyone = np.random.default_rng(seed), np.arange(len(truth))

    def policy(lean: float) -> np.ndarray:
        even = np.full((len(truth), 10), (1 - lean) / 10)
        even[everyone, guess] += lean
        return even

    by, wanted = policy(LEAN_LOGGED), policy(LEAN_WANTED)
    actions = (by.cumsum(axis=1) > draw.random((len(truth), 1))).argmax(axis=1)
    rewards = (actions == truth).astype(float)
    foreseen = predicted(shown, actions, rewards, seed)
    weights = e.importance(wanted[everyone, actions], by[everyone, actions])
    value = float(wanted[everyone, truth].mean())
    robust = e.doubly_robust(rewards, weights, foreseen[everyone, actions], (foreseen * wanted).sum(axis=1))
    return abs(robust.value / value - 1), abs(e.ips(rewards, weights).value / value - 1)


def predicted(shown: np.ndarray, actions: np.ndarray, rewards: np.ndarray, seed: int) -> np.ndarray:
    """[rows, actions]: the reward that a model foresees, each row by a model that has not seen it (3 folds)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold

    found, marks = np.zeros((len(shown), 10)), np.eye(10)
    for train, test in KFold(3, shuffle=True, random_state=seed).split(shown):
        model = LogisticRegression(solver="newton-cholesky", max_iter=1_000).fit(np.hstack([shown[train], marks[actions[train]]]), rewards[train])
        for action in range(10):
            found[test, action] = model.predict_proba(np.hstack([shown[test], np.tile(marks[action], (len(test), 1))]))[:, 1]
    return found


# -- regret: a campaign of five offers, rewards that come late ---------------------------------------------------------

RATES = {"a": 0.05, "b": 0.08, "c": 0.10, "d": 0.13, "e": 0.17}
SEEDS, BATCHES, BATCH = 30, 50, 100
WINDOW, TYPICAL = 10, 3.0
"""Batches that a reward may take, and that it takes on average."""

Show = Callable[[int, int], str]


@dataclass(frozen=True)
class Campaign:
    """What each offer would earn each person, and how many batches later it is heard of; None where it never is."""

    seed: int
    worth: dict[str, np.ndarray]
    delays: np.ndarray

    @staticmethod
    def of(seed: int) -> Campaign:
        draw = np.random.default_rng(seed)
        size = (BATCHES, BATCH)
        return Campaign(seed, {offer: draw.random(size) < rate for offer, rate in RATES.items()}, draw.geometric(1 / TYPICAL, size))

    def delay(self, offer: str, batch: int, i: int) -> int | None:
        return int(self.delays[batch, i]) if self.worth[offer][batch, i] and self.delays[batch, i] <= WINDOW else None


@figure("regret_vs_mabwiser", "times", at_most=1.1, title="regret of a campaign of five offers with late rewards, of mabwiser's Thompson sampling on the same seeds")
def regret_vs_mabwiser() -> Measured:
    with doing(f"{SEEDS} campaigns of {BATCHES * BATCH:,} mails"):
        ours = [asyncio.run(our_regret(Campaign.of(seed))) for seed in range(SEEDS)]
        theirs = [their_regret(Campaign.of(seed)) for seed in range(SEEDS)]
    even = BATCHES * BATCH * (max(RATES.values()) - fmean(RATES.values()))
    tell(f"rewards lost to not knowing the best offer: {fmean(ours):.1f}, mabwiser {fmean(theirs):.1f}, shown evenly {even:.1f}")
    return Measured(fmean(ours) / fmean(theirs), {"ours": f"{fmean(ours):.1f}", "mabwiser": f"{fmean(theirs):.1f}", "even": f"{even:.1f}"})


def lost(offers: Sequence[str]) -> float:
    return sum(max(RATES.values()) - RATES[offer] for offer in offers)


async def our_regret(campaign: Campaign) -> float:
    """Through what serves: the rules choose, and draws, rewards and windows go through a store of bandits. A batch is a minute."""
    bandit = Bandit("clicks", Reward("email_clicked", WINDOW))
    posteriors: dict[str, Posterior] = {}
    snapshot, store = Snapshot(rules(bandit), FixedModels({}), posteriors), MemoryBandits()
    shown: list[str] = []
    coming: dict[int, list[Showing]] = {}
    for batch in range(BATCHES):
        for showing in coming.pop(batch, ()):
            await store.reward(showing, 1.0, batch)
        await store.settle("clicks", batch, BATCH * BATCHES)
        await store.publish("clicks", batch, 0)
        posteriors.update(await store.posteriors(["clicks"]))
        showings = [drawn(snapshot, campaign, batch, i) for i in range(BATCH)]
        await store.show("clicks", showings)
        shown += [each.offer for each in showings]
        for i, each in enumerate(showings):
            if (delay := campaign.delay(each.offer, batch, i)) is not None:
                coming.setdefault(batch + delay, []).append(each)
    return lost(shown)


def rules(bandit: Bandit) -> Definitions:
    block = BlockDefinition("plain", "", (), (), {}, {"html": ("", "<p>Hello</p>")})
    offers = {id: Offer(id, ("hero",), Shown("plain")) for id in RATES}
    return Definitions("bench", placements={"hero": Placement("hero", (Shown("plain"),), bandit="clicks")}, offers=offers, blocks={"plain": block}, bandits={"clicks": bandit})


def drawn(snapshot: Snapshot, campaign: Campaign, batch: int, i: int) -> Showing:
    key, send = f"u:{campaign.seed}-{i}", f"s{batch}"
    r = Request(batch, Profile(key, known=True), None, None, snapshot.trials.assign, send)
    choice, _ = choose(snapshot, r, "hero", None, Taken(), None, reasons=False)
    assert choice.offer is not None and choice.drawn is not None
    return Showing(key, send, "hero", choice.offer, choice.drawn, batch + WINDOW)


def their_regret(campaign: Campaign) -> float:
    """mabwiser's, told the same at the same time: a reward when it comes, its absence when the window is over."""
    from mabwiser.mab import MAB, LearningPolicy

    mab = MAB(list(RATES), LearningPolicy.ThompsonSampling(), seed=campaign.seed)
    shown: list[str] = []
    coming: dict[int, list[tuple[str, int]]] = {}
    for batch in range(BATCHES):
        if heard := coming.pop(batch, []):
            learn: Any = mab.partial_fit if mab._is_initial_fit else mab.fit  # noqa: SLF001 (asking it to choose before is an error)
            learn([offer for offer, _ in heard], [reward for _, reward in heard])
        if mab._is_initial_fit:  # noqa: SLF001
            offers: list[str] = [mab.predict() for _ in range(BATCH)]
        else:
            offers = np.random.default_rng(campaign.seed).choice(list(RATES), BATCH).tolist()
        shown += offers
        for i, offer in enumerate(offers):
            delay = campaign.delay(offer, batch, i)
            coming.setdefault(batch + (WINDOW + 1 if delay is None else delay), []).append((offer, int(delay is not None)))
    return lost(shown)
