"""Whether models still see what they learnt from, and say what comes true: drift, calibration and skew, out of the decision log.

Drift is the population stability index (PSI) of each input and of the score against the card's baseline; calibration is what was foretold against what
came about, where the card's label can be told by logged outcomes; skew is what the log's own histories give when they are computed again,
against what was logged. Only decisions by the version that serves now count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import log as ln
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import yaml

from app.content.reenact import Stage
from app.content.snapshot import Snapshot, plain
from app.domain.definitions import ModelCard
from app.domain.json import is_object
from app.domain.logged import FOLLOWED, Logged, Outcome, decode_logged
from app.errors import InlayError, LogUnusable
from app.journal.archive import Archive
from app.journal.segments import entries, segments
from app.reports.drift import Drift, State, drift

LEAST = 100
"""Decisions from which on a share says something."""
MISSED = 0.05
"""Calibration error, and a fifth of the label's share: beyond both, scores do not say what comes true."""
SAME = 1e-6
BINS = 10
Open = Callable[[Path], Snapshot]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Decisions whose label's window is over: what was foretold in the mean, and the share of which it came true."""

    decisions: int
    foretold: float
    came: float
    error: float


@dataclass(frozen=True, slots=True)
class Shadow:
    """A model that was scored beside, in `scored` decisions: its mean score, how far from the served one's in the mean, and by the label
    both log losses, where it is known."""

    name: str
    scored: int
    mean: float
    apart: float
    loss: float | None = None
    served_loss: float | None = None


@dataclass(slots=True)
class Watched:
    """One model."""

    model: str
    version: str
    decisions: int = 0
    other_versions: int = 0
    drift: list[Drift] = field(default_factory=list[Drift])
    calibration: Calibration | None = None
    compared: int = 0
    skewed: int = 0
    shadows: list[Shadow] = field(default_factory=list[Shadow])
    notes: list[str] = field(default_factory=list[str])

    @property
    def state(self) -> State:
        """The worst of its inputs and its score."""
        order: tuple[State, ...] = ("drifted", "moved", "steady")
        states = {each.state for each in self.drift}
        for state in order:
            if state in states:
                return state
        return "unknown"


@dataclass(slots=True)
class Report:
    models: list[Watched]
    records: int = 0
    since: int = 0
    until: int = 0
    skipped: Counter[str] = field(default_factory=Counter[str])
    troubles: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class _Seen:
    """What the log tells of one model: a row per decision."""

    who: list[tuple[bytes, int]] = field(default_factory=list[tuple[bytes, int]])
    scores: list[float] = field(default_factory=list[float])
    rows: list[Sequence[Any]] = field(default_factory=list[Sequence[Any]])
    shadows: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list[tuple[int, float]]))
    others: int = 0
    compared: int = 0
    skewed: Counter[str] = field(default_factory=Counter[str])


def watch(log: Path, content: Path, open_content: Open, *, since: int = 0, models: Iterable[str] = (), step: Callable[[int], None] | None = None) -> Report:
    """Of the models of a content folder (all that are asked for, else every one of people), by decisions from the instant `since` on.
    `LogUnusable` where there are none."""
    served = open_content(content)
    cards = {id: card for id, card in served.definitions.models.items() if not card.per_item and (not models or id in models)}
    if unknown := [id for id in models if id not in cards]:
        raise LogUnusable(f"no model of people {unknown[0][:64]!r}; there are {', '.join(id for id, card in served.definitions.models.items() if not card.per_item) or 'none'}")
    reading = _Reading(log, open_content, cards)
    report = Report([])
    for number, record in enumerate(_records(log, report.troubles)):
        if step is not None and number % 500 == 0:
            step(number)
        if record.at >= since:
            report.records += 1
            report.since, report.until = min(report.since or record.at, record.at), max(report.until, record.at)
            try:
                reading.take(record)
            except (InlayError, ValueError, TypeError, KeyError) as error:
                report.skipped[error.message if isinstance(error, InlayError) else f"cannot be computed again: {type(error).__name__}"] += 1
    if not report.records:
        raise LogUnusable(f"{log} holds no decisions of that time: servers write them for sends, and inlay log pack makes Parquet of them")
    outcomes, last = _outcomes(log, report.troubles)
    last = max(last, report.until)
    for id, card in cards.items():
        report.models.append(_watched(card, _told(content, id), reading.seen[id], outcomes, last))
    return report


class _Reading:
    """Goes through records, and keeps what they tell of the models."""

    def __init__(self, log: Path, open_content: Open, cards: Mapping[str, ModelCard]) -> None:
        self._archive, self._open, self._cards = Archive(log), open_content, cards
        self._stages: dict[str, Stage] = {}
        self.seen: dict[str, _Seen] = {id: _Seen() for id in cards}

    def take(self, record: Logged) -> None:
        given = record.given
        if given is None or not any(id in self._cards for id in given.scores):
            return
        stage = self._stage(record.content)
        r, definitions = stage.request(record, self._archive.history(given)), stage.snapshot.definitions
        wrong = [name for name, value in record.features.items() if name in definitions.features and not _same(plain(stage.snapshot.program.features[name](r)), value)]
        for id, logged in given.scores.items():
            if id not in self._cards or id not in definitions.models or logged is None:
                continue
            seen, card = self.seen[id], self._cards[id]
            if (definitions.models[id].version, definitions.models[id].sha256) != (card.version, card.sha256):
                seen.others += 1
                continue
            self._note(seen, stage.snapshot, r, record, id, float(logged) if not isinstance(logged, str) else float(card.labels.index(logged)), wrong)

    def _note(self, seen: _Seen, snapshot: Snapshot, r: Any, record: Logged, id: str, logged: float, wrong: Sequence[str]) -> None:
        again = snapshot.score(r, id)
        score = float(snapshot.definitions.models[id].labels.index(again)) if isinstance(again, str) else again
        seen.compared += 1 + len(record.features)
        seen.skewed.update([f"feature.{name}" for name in wrong])
        if f"model:{id}" not in record.degraded and (score is None or abs(score - logged) > SAME):
            seen.skewed[f"model.{id}"] += 1
        seen.who.append((record.who, record.at))
        seen.scores.append(logged)
        seen.rows.append(snapshot.row(id)(r))
        for name, told in record.shadow.items():
            model, _, shadow = name.partition("/")
            if model == id:
                seen.shadows[shadow].append((len(seen.scores) - 1, told))

    def _stage(self, version: str) -> Stage:
        if version not in self._stages:
            path = self._archive.content(version)
            if not path.is_dir():
                raise LogUnusable(f"the log's content/{version} is missing: what made these records is not known any more")
            if len(self._stages) >= 8:
                self._stages.pop(next(iter(self._stages)))
            self._stages[version] = Stage(self._open(path), scored=False)
        return self._stages[version]


def _same(one: Any, other: Any) -> bool:
    return msgspec.json.encode(one) == msgspec.json.encode(other)


# -- figures -----------------------------------------------------------------------------------------------------------


def _watched(card: ModelCard, told: Mapping[str, Any], seen: _Seen, outcomes: Mapping[bytes, Sequence[tuple[int, str]]], last: int) -> Watched:
    found = Watched(card.id, card.version or "1", len(seen.scores), seen.others, compared=seen.compared, skewed=sum(seen.skewed.values()))
    found.notes += [f"{name}: {count:,} logged values are others than those computed from the logged history" for name, count in seen.skewed.items()]
    base = told.get("baseline")
    if not is_object(base):
        found.notes.append("the card tells no baseline (trained.baseline): drift cannot be told; inlay train writes one")
    elif len(seen.scores) < LEAST:
        found.notes.append(f"{len(seen.scores):,} decisions by this version are too few; from {LEAST} on drift is told")
    else:
        columns = {str(column.name): [row[i] for row in seen.rows] for i, column in enumerate(card.inputs)}
        defaults = {str(column.name): column.default for column in card.inputs}
        found.drift = [drift(name, values, base[name], defaults.get(name)) for name, values in [*columns.items(), ("score", seen.scores)] if is_object(base.get(name))]
    labels = _labels(told.get("label"), seen.who, outcomes, last, found.notes)
    found.calibration = _calibration(seen.scores, labels, found.notes)
    found.shadows = [_shadow(name, rows, seen.scores, labels) for name, rows in seen.shadows.items()]
    return found


def _labels(label: Any, who: Sequence[tuple[bytes, int]], outcomes: Mapping[bytes, Sequence[tuple[int, str]]], last: int, notes: list[str]) -> list[float | None]:
    """Of each decision whether it came true; None where the window is not over, or nothing tells."""
    if not is_object(label) or label.get("event") not in FOLLOWED:
        if is_object(label):
            notes.append(f"whether {label.get('event')} came about is not in the log (it follows {', '.join(sorted(FOLLOWED))}): inlay models evaluate tells of calibration")
        return [None] * len(who)
    event, within, happened = label["event"], int(label["within_ms"]), label.get("happened", True)
    return [None if at + within > last else float(any(name == event and at < moment <= at + within for moment, name in outcomes.get(person, ())) == happened) for person, at in who]


def _calibration(scores: Sequence[float], labels: Sequence[float | None], notes: list[str]) -> Calibration | None:
    known = sorted((score, label) for score, label in zip(scores, labels, strict=True) if label is not None)
    if len(known) < LEAST:
        return None
    size = -(-len(known) // BINS)
    bins = [known[i : i + size] for i in range(0, len(known), size)]
    error = sum(abs(sum(score - label for score, label in rows)) for rows in bins) / len(known)
    foretold, came = (sum(row[i] for row in known) / len(known) for i in (0, 1))
    if error > MISSED and error > 0.2 * came:
        notes.append(f"scores foretell {foretold:.3f} and {came:.3f} came true: train anew")
    return Calibration(len(known), foretold, came, error)


def _shadow(name: str, rows: Sequence[tuple[int, float]], scores: Sequence[float], labels: Sequence[float | None]) -> Shadow:
    mean, apart = sum(told for _, told in rows) / len(rows), sum(abs(told - scores[i]) for i, told in rows) / len(rows)
    known = [(told, scores[i], label) for i, told in rows if (label := labels[i]) is not None]
    losses = [sum(_loss(each[at], each[2]) for each in known) / len(known) for at in (0, 1)] if len(known) >= LEAST else [None, None]
    return Shadow(name, len(rows), mean, apart, *losses)


def _loss(score: float, label: float) -> float:
    told = min(max(score, 1e-7), 1 - 1e-7)
    return -ln(told) if label else -ln(1 - told)


# -- what there is -----------------------------------------------------------------------------------------------------


def _told(content: Path, id: str) -> Mapping[str, Any]:
    """`trained` of the served card."""
    found: Any = yaml.safe_load((content / "models" / f"{id}.yaml").read_text())
    told = found.get("trained") if is_object(found) else None
    return told if is_object(told) else {}


def _records(log: Path, troubles: list[str]) -> Iterator[Logged]:
    for path in sorted(log.glob("date=*/decisions-*.parquet")):
        for (body,) in _rows(path, "SELECT record FROM read_parquet(?) ORDER BY \"at\"", troubles):
            try:
                yield decode_logged(body)
            except msgspec.DecodeError:
                troubles.append(f"{path.name}: holds records of another version of Inlay")
                break
    for path in segments(log):
        yield from (each for each in entries(path, lambda file, what: troubles.append(f"{file.name}: {what}")) if isinstance(each, Logged))


def _outcomes(log: Path, troubles: list[str]) -> tuple[dict[bytes, list[tuple[int, str]]], int]:
    """By person (instant, event), and the instant up to which the log tells of outcomes."""
    found: dict[bytes, list[tuple[int, str]]] = defaultdict(list)
    last = 0
    for path in sorted(log.glob("date=*/outcomes-*.parquet")):
        for who, at, event in _rows(path, "SELECT who, epoch_ms(\"at\"), event FROM read_parquet(?)", troubles):
            found[bytes.fromhex(who)].append((at, event))
            last = max(last, at)
    for path in segments(log):
        for each in entries(path, lambda file, what: None):
            last = max(last, each.at)
            if isinstance(each, Outcome):
                found[each.who].append((each.at, each.event))
    return found, last


def _rows(path: Path, query: str, troubles: list[str]) -> list[tuple[Any, ...]]:
    try:
        with duckdb.connect() as db:
            return db.execute(query, [str(path)]).fetchall()
    except duckdb.Error as error:
        troubles.append(f"{path.parent.name}/{path.name}: cannot be read, and was passed over: {str(error).splitlines()[0][:120]}")
        return []
