"""Model cards: from nodes to definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from app.content.reader import LARGEST, Reader
from app.content.source import Node, Value
from app.domain import conditions as c
from app.domain import definitions as d

TENSOR_KINDS: tuple[d.TensorType, ...] = get_args(d.TensorType)
OUTPUT_KEYS = ("name", "index", "range", "labels")
CARD_KEYS = ("description", "version", "file", "inputs", "output", "fallback", "golden", "sha256", "trained", "shadow")


def card(reader: Reader, id: str, node: Node) -> d.ModelCard:
    found = reader.mapping(node, "", CARD_KEYS, ("inputs", "fallback"))
    inputs = tuple(_input(reader, each, at) for at, each in reader.items(found["inputs"], "inputs")) if "inputs" in found else ()
    output = reader.mapping(found["output"], "output", OUTPUT_KEYS) if "output" in found else {}
    bounds = [reader.number(each, at) for at, each in reader.items(output["range"], "output.range")] if "range" in output else []
    if "range" in output and (len(bounds) != 2 or bounds[0] > bounds[1]):
        reader.wrong(output["range"].line, "output.range", "needs two numbers", "[low, high]")
        bounds = []
    if bounds and "fallback" in found and not bounds[0] <= reader.number(found["fallback"], "fallback") <= bounds[1]:
        reader.wrong(found["fallback"].line, "fallback", "lies outside of output.range", "a score that the model could give", warning=True)
    golden = tuple(_golden(reader, each, at, len(inputs)) for at, each in reader.items(found["golden"], "golden")) if "golden" in found else ()
    text = {key: reader.text(found[key], key) for key in ("description", "version", "file", "sha256") if key in found}
    return d.ModelCard(
        id, text.get("file") or f"{id}.onnx", inputs, reader.number(found["fallback"], "fallback") if "fallback" in found else 0.0,
        text.get("description", ""), text.get("version", ""), reader.text(output["name"], "output.name") if "name" in output else "",
        _output_index(reader, output["index"]) if "index" in output else None,
        (bounds[0], bounds[1]) if bounds else None, golden, _labels(reader, output["labels"]) if "labels" in output else (), text.get("sha256", ""), reader.place(node),
        _shadow(reader, found["shadow"]) if "shadow" in found else None,
    )


def _shadow(reader: Reader, node: Node) -> d.Shadow:
    """`shadow: other_model`, or with the share of decisions in which it is scored."""
    given = reader.mapping(node, "shadow", ("model", "share"), ("model",)) if isinstance(node.value, dict) else {"model": node}
    share = reader.number(given["share"], "shadow.share") if "share" in given else 0.1
    if not 0 < share <= 1:
        reader.wrong(node.line, "shadow.share", f"is {share:g}", "above 0, and at most 1: the share of decisions in which it is scored")
        share = 0.1
    return d.Shadow(reader.text(given["model"], "shadow"), share) if "model" in given else d.Shadow("")


def check_shadows(reader: Reader, cards: Mapping[str, d.ModelCard], id: str) -> None:
    """A shadow is another model of people, and casts none itself."""
    card = cards[id]
    if card.shadow is None:
        return
    other, at = cards.get(card.shadow.model), card.place.line
    if other is None:
        reader.wrong(at, "shadow", f"there is no model {card.shadow.model[:64]!r}", f"one of {', '.join(name for name in cards if name != id) or 'models/'}; inlay models shadow puts a version there")
    elif other is card or other.shadow is not None:
        reader.wrong(at, "shadow", f"{card.shadow.model} is the model itself, or has a shadow of its own", "another model, without one")
    elif card.per_item or other.per_item:
        reader.wrong(at, "shadow", f"{id if card.per_item else other.id} reads items", "only models of people have shadows")


def _labels(reader: Reader, node: Node) -> tuple[str, ...]:
    found = tuple(reader.text(each, at) for at, each in reader.items(node, "output.labels"))
    if len(set(found)) < len(found) or not all(found):
        reader.wrong(node.line, "output.labels", "names two kinds alike, or one by nothing", "a different name for each number, from 0 on")
    return found


def _output_index(reader: Reader, node: Node) -> int | str:
    if isinstance(node.value, str):
        return reader.text(node, "output.index")
    return reader.whole(node, "output.index", 0, 10_000, 0)


_TENSOR: dict[str, tuple[type, ...]] = {"float": (int, float), "int": (int,), "bool": (bool, int), "string": (str,)}


def _input(reader: Reader, node: Node, at: str) -> d.Input:
    found = reader.mapping(node, at, ("name", "default", "type", "tensor"), ("name",))
    ref = reader.ref(found["name"].value, node.line, f"{at}.name", ("feature", "profile", "context", "item")) if "name" in found else None
    kind = reader.one_of(found["type"], f"{at}.type", TENSOR_KINDS, "type") if "type" in found else "float"
    default: float | str | None = "" if kind == "string" else 0.0
    if "default" in found and (default := _as_column(kind or "float", found["default"].value)) is None:
        reader.wrong(node.line, f"{at}.default", f"{found['default'].plain()!r:.40} is no {kind}")
    tensor = reader.text(found["tensor"], f"{at}.tensor") if "tensor" in found else ""
    return d.Input(ref or c.Ref(("profile", "_")), 0.0 if default is None else default, kind or "float", tensor)


def _as_column(kind: d.TensorType, value: Value) -> float | str | None:
    """A value as a tensor of that kind takes it; None where it does not fit."""
    if type(value) not in _TENSOR[kind]:
        return None
    if isinstance(value, (int, float)):
        return float(value) if abs(value) < LARGEST else None
    return value if isinstance(value, str) else None


def _golden(reader: Reader, node: Node, at: str, columns: int) -> d.Golden:
    found = reader.mapping(node, at, ("inputs", "output"), ("inputs", "output"))
    row = [each.value for _, each in reader.items(found["inputs"], f"{at}.inputs")] if "inputs" in found else []
    values = tuple(each for each in row if isinstance(each, (str, int, float)))
    if len(values) < len(row):
        reader.wrong(node.line, f"{at}.inputs", "holds something that is no number and no text")
    if len(row) != columns:
        reader.wrong(node.line, f"{at}.inputs", f"has {len(row)} values", f"the card has {columns} inputs")
    return d.Golden(values, reader.number(found["output"], f"{at}.output") if "output" in found else 0.0)
