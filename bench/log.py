"""The decision log: what it costs, whether decisions can be made again of it, and what a replay of real mails claims."""

from __future__ import annotations

import asyncio
import csv
import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app.adapters.file_log import FileLog
from app.catalogue.replica import Replica
from app.content.logbook import Logbook
from app.content.question import Question
from app.content.reenact import Stage
from app.decide import Decider
from app.domain.decision import Recording
from app.domain.event import ID_BYTES, Event, Identity
from app.domain.dictionary import Dictionary
from app.domain.history import NO_HISTORY, History
from app.domain.logged import VERSION, Fate, Given, Logged
from app.domain.profile import Profile
from app.learning.estimators import difference, doubly_robust, importance
from app.reports.worth import certain, foreseen
from app.security.pseudonyms import Pseudonyms
from app.wiring.content import open_content
from bench import shop
from bench.load import Load, drive
from bench.machine import ROOT
from bench.people import history, person
from bench.registry import Measured, figure
from bench.servers import Inlay, scratch
from bench.stage import block_load, doing, loaded_data, model, tell, told

HILLSTROM = ROOT.parent / "shared/data/hillstrom/hillstrom_even_rows.csv.gz"
RUNS = 7
DECISIONS, PEOPLE = 100_000, 2_000
NOW = 1_790_000_000_000


# -- what it costs -----------------------------------------------------------------------------------------------------


@figure("stored_trace_cost_ratio", "times", at_most=1.25, title="CPU time of a recorded decision with its full trace in the log, over one without a log")
def stored_trace_cost_ratio() -> Measured:
    seed = loaded_data()
    with scratch() as folder:
        shop.write_content(folder / "content", model())
        for name in ("on", "off"):
            shutil.copytree(seed, folder / name)
            shutil.copy(seed.with_name("data.key"), folder / f"{name}.key")
        patient = {"INLAY_READ_TIMEOUT_MS": "2000", "INLAY_WRITE_TIMEOUT_MS": "5000", "INLAY_DEADLINE_ESP_MS": "10000"}  # CPU time is compared: a busy machine may be slow
        with Inlay(folder / "content", folder / "on", INLAY_LOG_STREAM_MB="8192", **patient) as logged, Inlay(folder / "content", folder / "off", INLAY_LOG="off", **patient) as plain:
            runs: list[tuple[Any, Any]] = []
            for number in range(RUNS):
                pair = [drive(_recorded(server, number)) for server in (logged, plain)]
                runs.append((pair[0], pair[1]))
    tell(told("with the log", [a for a, _ in runs]))
    tell(told("without", [b for _, b in runs]))
    return Measured(median(a.cpu_us / b.cpu_us for a, b in runs), {"by_requests": f"{median(b.per_second / a.per_second for a, b in runs):.3f}"})


def _recorded(server: Inlay, number: int) -> Load:
    return block_load(server, send=True, seconds=2.0, seed=number, first=number * 10**9)


# -- whether it can be made again --------------------------------------------------------------------------------------


@figure("decisions_not_reproduced", "decisions", at_most=0, title=f"of {DECISIONS:,} logged decisions, those that another process does not make again to the byte")
def decisions_not_reproduced() -> float:
    with scratch() as folder:
        with doing(f"deciding {DECISIONS:,} times"):
            asyncio.run(_decide(folder))
        with doing("making them again in another process"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.again", str(folder / "log")], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"}, stdout=subprocess.PIPE, text=True, check=True,
            )
    number, wrong = map(int, done.stdout.split())
    tell(f"{number:,} records, {wrong:,} of them otherwise")
    return wrong + (DECISIONS - number)


class _People:
    """As much of a store as deciding needs: people who are there, and whatever is recorded is."""

    def __init__(self) -> None:
        names = Dictionary(1, growing=True)
        self.people = [_person(i, names) for i in range(PEOPLE)]

    async def read_many(self, asked: Sequence[tuple[str, str | None]], *, sends: bool = False) -> list[Profile]:
        found = [self.people[int(key[3:])] for key, _ in asked]
        return [Profile(each.key, each.history, each.traits, {}, known=True) for each in found]

    async def record(self, recordings: Sequence[Recording], now: int) -> list[None]:
        return [None] * len(recordings)


def _person(i: int, names: Dictionary) -> Profile:
    rows = list(history(i, 100, NOW / 1000))
    events = [
        Event(row["event"], NOW - (len(rows) - n) * 3_600_000, n.to_bytes(ID_BYTES, "big"), row["properties"]) for n, row in enumerate(rows) if row["type"] == "track"
    ]
    return Profile(f"u:{person(i)}", History.of(events, names), rows[0]["traits"], known=True)


async def _decide(folder: Path) -> None:
    shop.write_content(folder / "content", model())
    snapshot, catalogue, store = open_content(folder / "content"), Replica(), _People()
    catalogue.apply(0, {item["id"]: item for item in shop.items()})
    log = FileLog(folder / "log", 1 << 40, lambda *_: None, lambda: (snapshot.version, folder / "content"), lambda: [item.fields for item in catalogue.rows])
    decider = Decider(store, catalogue, lambda key, send: f"{key}/{send}", lambda: "n", Logbook(log, Pseudonyms(b"k" * 32)))  # pyright: ignore[reportArgumentType]
    for at in range(0, DECISIONS, 50):
        questions = [Question(("grid", "hero"), Identity("user_id", person(n % PEOPLE)), f"s{n // PEOPLE}") for n in range(at, at + 50)]
        await decider.decide_all(snapshot, questions, NOW + at * 1_000, 600.0)
        await log.flush()
    await log.stop()


# -- what a replay of real mails claims --------------------------------------------------------------------------------

_ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": None}
_TRAITS = ("recency", "history", "mens", "womens", "newbie")
_RULES = """\
version: 1
placements: {{mail: {{fallback: {{block: plain}}, rank: {rank}}}}}
offers:
  mens: {{placements: [mail], value: 2, block: plain, attributes: {{is_mens: 1, is_womens: 0}}}}
  womens: {{placements: [mail], value: 1, block: plain, attributes: {{is_mens: 0, is_womens: 1}}}}
"""


@figure("hillstrom_claimed_gain", "visits a mail", at_most=0, title='visit rate that a replay claims for "best e-mail per customer" above "always Mens" (Hillstrom)')
def hillstrom_claimed_gain() -> Measured:
    with gzip.open(HILLSTROM, "rt") as file:
        rows = list(csv.DictReader(file))
    train, held = rows[::2], rows[1::2]
    with scratch() as folder:
        always, best = _content(folder / "always", "offer.value", None), _content(folder / "best", "offer.is_mens * model.mens + offer.is_womens * model.womens", train)
        records = [_mail(i, row) for i, row in enumerate(held)]
        stages = [Stage(open_content(each), scored=False) for each in (always, best)]
        new = [[stage.again(record, NO_HISTORY, Replica()).choices["mail"].offer or "" for record in records] for stage in stages]
    old = [record.fates["mail"].offer or "" for record in records]
    earned = np.array([float(row["visit"]) for row in held])
    features = np.array([[float(row[name]) for name in _TRAITS] for row in held])
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    who, propensity, terms = [str(i) for i in range(len(held))], np.full(len(held), 1 / 3), []
    for would in new:
        seen, expected = foreseen(who, old, certain(would), features, earned)
        terms.append(doubly_robust(earned, importance([float(a == b) for a, b in zip(old, would, strict=True)], propensity), seen, expected))
    gain = difference(terms[1], terms[0])
    share = sum(offer == "womens" for offer in new[1]) / len(held)
    tell(f"{len(held):,} mails; the best per customer is Womens for {share:.1%}; {gain.value:+.4f} visits a mail ({gain.low:+.4f} to {gain.high:+.4f}) against always Mens")
    return Measured(gain.value if gain.low > 0 else 0.0, {"estimate": f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"})


def _mail(i: int, row: dict[str, str]) -> Logged:
    """A mail of the test as the log would hold it: chance had sent each of three with the same probability."""
    offer = _ARMS[row["segment"]]
    fate = Fate(b"", None, [], [], offer, "plain", "eligible" if offer else "fallback", propensity=1 / 3)
    who = i.to_bytes(16, "big")
    return Logged(VERSION, who, who, NOW, "s", None, "", {"mail": fate}, {}, Given(traits={name: float(row[name]) for name in _TRAITS}))


def _content(folder: Path, rank: str, train: Sequence[dict[str, str]] | None) -> Path:
    for name in ("rules", "blocks/plain", "models"):
        (folder / name).mkdir(parents=True)
    for name, text in shop.BLOCKS["plain"].items():
        (folder / "blocks/plain" / name).write_text(text)
    (folder / "rules/mail.yaml").write_text(_RULES.format(rank=rank))
    for segment, arm in _ARMS.items() if train is not None else ():
        if arm is not None and train is not None:
            _fit(folder / "models", arm, [row for row in train if row["segment"] == segment])
    return folder


def _fit(folder: Path, arm: str, rows: Sequence[dict[str, str]]) -> None:
    """How likely a visit is after this mail, by what is known of the customer."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.ensemble import GradientBoostingClassifier

    x = np.array([[float(row[name]) for name in _TRAITS] for row in rows], np.float32)
    fitted = GradientBoostingClassifier(n_estimators=60, max_depth=3, random_state=1).fit(x, [int(row["visit"]) for row in rows])
    onnx = to_onnx(fitted, initial_types=[("inputs", FloatTensorType([None, len(_TRAITS)]))], options={id(fitted): {"zipmap": False}})
    (folder / f"{arm}.onnx").write_bytes(onnx.SerializeToString())
    inputs = ", ".join(f"{{name: profile.{name}, default: 0}}" for name in _TRAITS)
    (folder / f"{arm}.yaml").write_text(
        f"description: chance of a visit after the {arm} mail\nversion: '1'\ninputs: [{inputs}]\noutput: {{name: probabilities, index: 1, range: [0, 1]}}\nfallback: 0.1\n"
    )
