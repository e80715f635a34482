"""Training sets, point in time: a row is a person at an instant, with what a model would have been told then and what
happened afterwards.

A row's inputs come out of `Program.row`, the function that fills a served model's tensors: there is no second way to
compute a feature, and so none that could differ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from app.content.features import truncated
from app.content.program import Program
from app.domain import definitions as d
from app.domain.event import Event
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request
from app.errors import SettingsInvalid
from app.learning.examples import Examples
from app.learning.histories import Events, Past, known_until, pasts
from app.learning.parquet import Writer
from app.learning.spec import Column, Label, Rows, Spec

DAY = 86_400_000
GAP_DAYS = 7
"""Days without any event of anybody that are told of: a shop that sleeps as long is rather a history that was cut."""
LOOKED_AT = 2_000
"""Rows of which the inputs are computed once more from what had happened by then alone."""

Moved = Callable[[int, int], None]
"""Told how many people and rows there are so far."""
Row = tuple[str, int, float, *tuple[Any, ...]]
"""(profile, instant, label, treated where that matters, input, ...): a number that is absent is NaN, a text that is absent is empty."""


class Builder:
    """Makes the rows of people, one after the other. `skipped` counts the instants that gave none, by reason."""

    def __init__(self, spec: Spec, definitions: d.Definitions, until: int) -> None:
        assert spec.rows is not None
        self._rows, self._until = spec.rows, until
        self._horizon = spec.label.horizon if spec.label is not None else 0
        program = Program(definitions)
        self._timezone = program.timezone
        self._input = program.row([d.Input(each.name, "" if each.text else nan) for each in spec.inputs])
        self._who = program.condition(self._rows.who) if self._rows.who is not None else None
        self._treated = program.condition(spec.treated) if spec.treated is not None else None
        self._came = _label_of(spec.label, program)
        names = [each.name.path[1] for each in spec.inputs if each.name.root == "feature"]
        self._features = [(definitions.features[id], program.features[id]) for id in names]
        self.skipped: Counter[str] = Counter()
        self.days: Counter[int] = Counter()
        self.foresighted: set[str] = set()
        self._names = [str(each.name) for each in spec.inputs]
        self._unproved = LOOKED_AT

    def rows(self, past: Past) -> Iterator[Row]:
        history = past.history()
        self.days.update(event.at // DAY for event in past.events)
        for at, traits in _with_traits(instants(self._rows, past.events, self._until), past.events):
            if at + self._horizon > self._until:
                self.skipped["what followed is not known yet"] += 1
                continue
            r = Request(at, Profile(past.profile, history, traits, known=True))
            if self._who is not None and not self._who(r):
                self.skipped["who does not hold"] += 1
            elif past.trimmed and self._cut(r):
                self.skipped["events were trimmed that it would need"] += 1
            else:
                inputs = self._input(r)
                self._prove(past, at, traits, inputs)
                yield from self._labelled(r, inputs)

    def _labelled(self, r: Request, inputs: Sequence[Any]) -> Iterator[Row]:
        came = self._came(Request(r.now + self._horizon, r.profile))
        if came != came:
            self.skipped["the label has no value"] += 1
        else:
            yield (r.profile.key or "", r.now, came, *([] if self._treated is None else [float(self._treated(r))]), *inputs)

    def _cut(self, r: Request) -> bool:
        """Whether the server would have known more at the time."""
        return any(truncated(feature, compute(r), r, self._timezone) for feature, compute in self._features)

    def _prove(self, past: Past, at: int, traits: Mapping[str, Any], inputs: Sequence[Any]) -> None:
        """Note the inputs that come out otherwise where nothing of the future is there to be read."""
        if self._unproved <= 0:
            return
        self._unproved -= 1
        then = History.of([event for event in past.events if event.at <= at], trimmed={name: gone for name, gone in past.trimmed.items() if gone.watermark <= at})
        for name, now, before in zip(self._names, inputs, self._input(Request(at, Profile(past.profile, then, traits, known=True))), strict=True):
            if now != before and not (now != now and before != before):
                self.foresighted.add(name)


def _label_of(label: Label | None, program: Program) -> Callable[[Request], float]:
    """`f(request at the end of the horizon)`: 1 or 0, or the number; 0 where nothing is to be foretold."""
    if label is None:
        return lambda r: 0.0
    if label.condition is not None:
        holds = program.condition(label.condition)
        return lambda r: float(holds(r))
    assert label.feature is not None
    compute = program.feature(label.feature)
    return lambda r: float(value) if isinstance(value := compute(r), (int, float)) else nan


def instants(rows: Rows, events: Sequence[Event], until: int) -> list[int]:
    """The instants at which a person is looked at, ascending, up to `until`, where the history ends: none before the first thing
    that is known of them, and as many after the last one as before, for they stayed away then, which is half of the answer."""
    if not events:
        return []
    end = rows.end if rows.end is not None else until + 1
    if rows.on:
        return sorted({event.at for event in events if event.name == rows.on and rows.start <= event.at < end})
    late = max(0, -(-(events[0].at - rows.start) // rows.every))
    return list(range(rows.start + late * rows.every, end, rows.every))


def _with_traits(at: Sequence[int], events: Sequence[Event]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each instant with the traits that had been said by then: what `identify` events carry, nothing personal."""
    said = [event for event in events if event.name == "identify"]
    traits: dict[str, Any] = {}
    for instant in at:
        while said and said[0].at <= instant:
            traits = {**traits, **said.pop(0).properties}
        yield instant, traits


# -- a whole file ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Told:
    """What became of a history: how many rows and people, the mean of the label, why instants gave no row, stretches of days
    (first, last) in which nobody did anything, and inputs that read what came later."""

    rows: int = 0
    people: int = 0
    total: float = 0.0
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    gaps: Sequence[tuple[int, int]] = ()
    foresighted: Sequence[str] = ()

    @property
    def mean(self) -> float:
        return self.total / self.rows if self.rows else nan


def columns(spec: Spec) -> dict[str, str]:
    """The columns of a training set and what they hold."""
    return {"profile": "text", "instant": "instant", "label": "real", **({"treated": "real"} if spec.treated is not None else {}), **{str(each.name): "name" if each.text else "real" for each in spec.inputs}}


def _unmoved(people: int, rows: int) -> None:
    pass


def build(spec: Spec, definitions: d.Definitions, events: Events, into: Path, moved: Moved = _unmoved) -> Told:
    """Write the training set of a history; `moved` is told how many people and rows there are so far. `SettingsInvalid` where
    the history gives none, or an input knows the future."""
    builder, told = Builder(spec, definitions, known_until(events)), Told()
    with Writer(into, columns(spec)) as file:
        for past in pasts(events):
            rows = list(builder.rows(past))
            file.add([_plain(row) for row in rows])
            told.people += bool(rows)
            told.rows += len(rows)
            told.total += sum(row[2] for row in rows)
            moved(told.people, told.rows)
        told.skipped, told.gaps, told.foresighted = dict(builder.skipped), gaps(builder.days), sorted(builder.foresighted)
        _check(spec, told, events)
    return told


def _plain(row: Row) -> tuple[Any, ...]:
    """What is absent as nothing."""
    return tuple([None if value == "" or value != value else value for value in row])


def _check(spec: Spec, told: Told, events: Events) -> None:
    if told.foresighted:
        raise SettingsInvalid(f"{', '.join(told.foresighted)} knows the future: its value at an instant changes with what happens later; leave it out of inputs")
    if not told.rows:
        why = "; ".join(f"{count:,} instants: {reason}" for reason, count in told.skipped.items()) or "nobody has an event in that time"
        raise SettingsInvalid(f"{events} gives no row: {why}. rows.from, rows.to and the label's window must lie within the history")
    if spec.label is not None and spec.label.yes_or_no and told.mean in (0.0, 1.0):
        raise SettingsInvalid(
            f"the label is {'always' if told.mean else 'never'} true in {told.rows:,} rows, so there is nothing to tell apart: "
            f"look at the label's event and window, or at who is asked about"
        )


def gaps(days: Mapping[int, int]) -> list[tuple[int, int]]:
    """Stretches of at least `GAP_DAYS` days without an event, as their first and last day since 1970."""
    ordered = sorted(days)
    return [(a + 1, b - 1) for a, b in zip(ordered, ordered[1:], strict=False) if b - a > GAP_DAYS]




def everybody(inputs: tuple[Column, ...], definitions: d.Definitions, events: Events, at: int | None, seed: int = 7) -> tuple[Examples, list[str], int]:
    """(what is known of everybody at an instant, whose row is which, the instant); by default at the end of the history."""
    until = known_until(events)
    when = until if at is None else at
    builder = Builder(Spec("", inputs, Rows(when, when + 1, every=1), seed=seed), definitions, max(until, when))
    rows = [row for past in pasts(events) for row in builder.rows(past)]
    if not rows:
        raise SettingsInvalid(f"{events} tells nothing of anybody at that instant; at: must lie within the history")
    columns = list(zip(*rows, strict=True))
    values = tuple(np.array(column, dtype=object if each.text else np.float64) for each, column in zip(inputs, columns[3:], strict=True))
    return Examples(inputs, values, np.zeros(len(rows))), [row[0] for row in rows], when
