"""What changed between two versions of the content, in words: by what it means, not by lines of files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

from app.content.words import condition_words, duration, expression_words, feature_words, value_words
from app.domain import conditions as c
from app.domain.definitions import Definitions, Feature

Kind: TypeAlias = Literal["added", "removed", "changed"]
SECTIONS = {
    "context": "context", "consents": "consent", "traits": "trait", "features": "feature", "segments": "segment", "placements": "placement", "mails": "mail",
    "offers": "offer", "models": "model", "blocks": "block", "experiments": "experiment", "holdouts": "holdout", "bandits": "bandit", "caps": "cap", "tables": "table", "recommenders": "recommender", "triggers": "trigger", "webhooks": "webhook",
}
_CONDITIONS = (*get_args(c.Leaf), c.All, c.Any, c.Not, c.Field, c.Did, c.Changed, c.InSegment, c.Consented, c.LocalTime, c.InVariant)
_EXPRESSIONS = (c.Number, c.Name, c.Arithmetic, c.Negative, c.Call)
_WINDOWS = (c.Ever, c.Within, c.Since, c.SinceLast, c.Between, c.Calendar)
_DURATIONS = frozenset({"deadline", "milliseconds", "exclude_bought", "exclude_shown"})


@dataclass(frozen=True, slots=True)
class Change:
    """`what` is such as `offer shoes_15`; `text` says what of it changed, empty where all of it came or went."""

    kind: Kind
    what: str
    text: str = ""
    place: str = ""

    def __str__(self) -> str:
        return f"{self.what} {self.text or self.kind}"


def changes(old: Definitions, new: Definitions) -> list[Change]:
    """All of them, by section, in the order of the rules."""
    found = [] if old.timezone == new.timezone else [Change("changed", "timezone", f"is {new.timezone}, was {old.timezone}")]
    for section, word in SECTIONS.items():
        found += _section(word, getattr(old, section, {}), getattr(new, section, {}))
    return found


def _section(word: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for id, value in new.items():
        what, place = f"{word} {id}", _place(value)
        if id not in old:
            yield Change("added", what, "", place)
        else:
            yield from (Change("changed", what, text, place) for text in _changed(old[id], value))
    yield from (Change("removed", f"{word} {id}", "", _place(value)) for id, value in old.items() if id not in new)


def _place(value: Any) -> str:
    place = getattr(value, "place", None)
    return str(place) if isinstance(place, c.Place) and place.line else ""


def bare(value: Any) -> Any:
    """The value without the places that it was written at."""
    if isinstance(value, c.Place):
        return None
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, *[bare(getattr(value, each.name)) for each in fields(value)]
    if isinstance(value, Mapping):
        return {key: bare(each) for key, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (tuple, list)):
        return [bare(each) for each in cast("Sequence[Any]", value)]
    return value


def _changed(old: Any, new: Any) -> Iterator[str]:
    """A text for each part that differs."""
    if bare(old) == bare(new):
        return
    if isinstance(new, Feature) and isinstance(old, Feature):
        before, after = _feature(old), _feature(new)
        yield f"is now {after}, was {before}" if before != after else "counts otherwise"
        return
    if not is_dataclass(new) or type(old) is not type(new):
        yield f"is {words(new)}, was {words(old)}"
        return
    for each in fields(new):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if each.name != "place" and bare(before) != bare(after):
            yield from _part(each.name, before, after)


def _feature(feature: Feature) -> str:
    return expression_words(feature.expression) if feature.expression is not None else feature_words(feature)


def _part(name: str, old: Any, new: Any) -> Iterator[str]:
    label, alike = name.replace("_", " "), type(old) is type(new)
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        before, after = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new)
        for key in dict.fromkeys((*after, *before)):
            if bare(before.get(key)) != bare(after.get(key)):
                yield f"{label}.{key}: {_said(key, after.get(key))}, was {_said(key, before.get(key))}"
    elif name == "rows":
        known, rows = {repr(bare(each)) for each in cast("Sequence[Any]", old)}, [repr(bare(each)) for each in cast("Sequence[Any]", new)]
        yield f"rows: {len(rows):,}, was {len(old):,}; {sum(each not in known for each in rows):,} of them are new or otherwise"
    elif alike and _in_parts(cast("object", new)):
        yield from _changed(old, new)
    else:
        yield f"{label}: {_said(name, new)}, was {_said(name, old)}"


def _in_parts(value: object) -> bool:
    """Whether its parts are told apart: conditions and expressions are told whole."""
    return is_dataclass(value) and not isinstance(value, (type, *_CONDITIONS, *_EXPRESSIONS, *_WINDOWS, c.Ref))


def _said(name: str, value: Any) -> str:
    if name in _DURATIONS and isinstance(value, int) and value:
        return duration(value)
    return words(value)


def words(value: Any) -> str:
    """A part of the rules as people say it; `none` where there is none."""
    if value is None or value == () or value == "":
        return "none"
    if isinstance(value, _CONDITIONS):
        return condition_words(cast("c.Condition", value))
    if isinstance(value, _EXPRESSIONS):
        return expression_words(value)
    if isinstance(value, c.Within):
        return f"the last {duration(value.milliseconds)}"
    if isinstance(value, c.Ref):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = [f"{each.name.replace('_', ' ')} {_said(each.name, part)}" for each in fields(value) if each.name != "place" and (part := getattr(value, each.name)) not in (None, (), "", 0)]
        return f"({', '.join(parts)})" if parts else type(value).__name__.lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {words(each)}" for key, each in cast("Mapping[Any, Any]", value).items()) or "none"
    if isinstance(value, (tuple, list, frozenset)):
        several = cast("Sequence[Any]", sorted(cast("frozenset[Any]", value)) if isinstance(value, frozenset) else value)
        return ", ".join(map(words, several))
    text = value_words(value)
    return text if len(text) <= 80 and "\n" not in text else f"{len(text):,} characters"
