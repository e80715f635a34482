"""The Open Inference Protocol's tensors, and the rows of a model's card: names, types and shapes, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite, prod
from typing import Any, TypeGuard

from app.domain.definitions import ModelCard, TensorType
from app.domain.json import is_list, is_object
from app.errors import RequestInvalid

MOST_ROWS = 1_200
"""Rows of one request; more are asked for by several."""
UNNAMED = "inputs"
"""How the one tensor of a card is called whose columns name none."""
PEOPLE = "profile"
"""The tensor of ids of people, of whom the server knows the inputs."""
DATATYPES: Mapping[TensorType, str] = {"float": "FP32", "int": "INT64", "bool": "BOOL", "string": "BYTES"}
LARGEST = 3.4e38
_WHOLE = 2**63


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= LARGEST and isfinite(value)


_FITS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "FP32": (_is_number, "a number"), "INT64": (lambda value: type(value) is int and -_WHOLE <= value < _WHOLE, "a whole number"),
    "BOOL": (lambda value: type(value) is bool, "true or false"), "BYTES": (lambda value: type(value) is str, "a text"),
}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input of a model: the columns of the card that it holds, by their numbers."""

    name: str
    datatype: str
    columns: tuple[int, ...]

    @property
    def shape(self) -> list[int]:
        """-1 is the number of rows."""
        return [-1, len(self.columns)]

    @property
    def plain(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": self.shape}


def tensors_of(card: ModelCard) -> tuple[Tensor, ...]:
    """In the order in which the card names them."""
    names = list(dict.fromkeys(column.tensor for column in card.inputs))
    columns = {name: tuple(i for i, column in enumerate(card.inputs) if column.tensor == name) for name in names}
    return tuple(Tensor(name or UNNAMED, DATATYPES[card.inputs[columns[name][0]].type], columns[name]) for name in names)


def asks_for_people(inputs: Any) -> TypeGuard[list[Any]]:
    return is_list(inputs) and len(inputs) == 1 and is_object(inputs[0]) and inputs[0].get("name") == PEOPLE


def people_of(inputs: Sequence[Any]) -> list[str]:
    """The ids of the tensor `profile`."""
    cells = _cells(inputs[0], "inputs[0]", Tensor(PEOPLE, "BYTES", (0,)))
    if None in cells:
        raise wrong(f"inputs[0].data[{cells.index(None)}]", "input 'profile'", "the id of a person", "null")
    return list(map(str, cells))


def rows_of(inputs: Any, card: ModelCard) -> list[list[float | str]]:
    """The rows that the tensors of a request hold, in the order of the card's columns; null is what is absent, for which the
    card's default stands. `RequestInvalid` names the input, what was expected and what was given."""
    if not is_list(inputs) or not inputs:
        raise RequestInvalid("inputs: a list of tensors {name, datatype, shape, data}", problems=(("inputs", "missing, empty or no list"),))
    tensors = {tensor.name: tensor for tensor in tensors_of(card)}
    given: dict[str, list[Any]] = {}
    for number, each in enumerate(inputs):
        at = f"inputs[{number}]"
        name = each.get("name") if is_object(each) else None
        if not isinstance(name, str) or name not in tensors:
            raise wrong(f"{at}.name", f"an input of {card.id}", f"one of {', '.join(tensors)}{'' if card.per_item else f', or {PEOPLE} alone'}", _shown(name if is_object(each) else each))
        if name in given:
            raise wrong(f"{at}.name", f"input {name!r}", "each input once", "it twice")
        given[name] = _cells(each, at, tensors[name])
    if missing := [name for name in tensors if name not in given]:
        raise wrong("inputs", f"{card.id}", f"the inputs {', '.join(tensors)}", f"none that is called {missing[0]}")
    counts = {name: len(cells) // len(tensors[name].columns) for name, cells in given.items()}
    if len(set(counts.values())) > 1:
        raise wrong("inputs", card.id, "as many rows in every input", ", ".join(f"{count} in {name}" for name, count in counts.items()))
    return _rows(card, tensors, given, next(iter(counts.values())))


def _rows(card: ModelCard, tensors: Mapping[str, Tensor], given: Mapping[str, list[Any]], count: int) -> list[list[float | str]]:
    rows: list[list[float | str]] = [[column.default for column in card.inputs] for _ in range(count)]
    for name, cells in given.items():
        columns = tensors[name].columns
        for at, value in enumerate(cells):
            if value is not None:
                rows[at // len(columns)][columns[at % len(columns)]] = value if isinstance(value, str) else float(value)
    return rows


def _cells(given: Mapping[str, Any], at: str, tensor: Tensor) -> list[Any]:
    """The values of a tensor, row by row."""
    told = f"input {tensor.name!r}"
    if given.get("datatype") != tensor.datatype:
        raise wrong(f"{at}.datatype", told, f"datatype {tensor.datatype}", _shown(given.get("datatype")))
    shape, width = given.get("shape"), len(tensor.columns)
    expected = f"shape [rows, {width}]" + (" or [rows]" if width == 1 else "")
    if not is_list(shape) or not all(type(each) is int and each >= 0 for each in shape) or shape[1:] not in ([[width], []] if width == 1 else [[width]]):
        raise wrong(f"{at}.shape", told, expected, _shown(shape))
    if not 1 <= shape[0] <= MOST_ROWS:
        raise wrong(f"{at}.shape", told, f"1 to {MOST_ROWS:,} rows", f"{shape[0]:,}")
    data = given.get("data")
    if not is_list(data):
        raise wrong(f"{at}.data", told, "a list of values, row by row", _shown(data))
    cells: list[Any] = list(chain.from_iterable(data)) if data and all(map(is_list, data)) else data
    if len(cells) != prod(shape):
        raise wrong(f"{at}.data", told, f"{prod(shape):,} values for shape {shape}", f"{len(cells):,}")
    fits, kind = _FITS[tensor.datatype]
    for number, value in enumerate(cells):
        if value is not None and not fits(value):
            raise wrong(f"{at}.data[{number}]", told, f"{kind} (or null for what is absent)", _shown(value))
    return cells


def outputs_of(asked: Any, known: Sequence[str]) -> list[str]:
    """The outputs that a request names; all where it names none."""
    if asked is None or asked == []:
        return list(known)
    if not is_list(asked):
        raise wrong("outputs", "outputs", "a list of {name}", _shown(asked))
    names: dict[str, None] = {}
    for number, each in enumerate(asked):
        name = each.get("name") if is_object(each) else each
        if not isinstance(name, str) or name not in known:
            raise wrong(f"outputs[{number}].name", "an output", f"one of {', '.join(known)}", _shown(name))
        names[name] = None
    return list(names)


def wrong(at: str, what: str, expected: str, given: str) -> RequestInvalid:
    return RequestInvalid(f"{at}: {what}: expected {expected}, given {given}", problems=((at, f"expected {expected}, given {given}"),))


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if is_list(value) and any(map(is_list, value)):
        return "a list of lists"
    return f"{value!r:.60}"
