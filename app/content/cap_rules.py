"""`caps:`, `cooldown:` and `inventory:`, from nodes to their definitions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from app.content.leaves import PERIODS
from app.content.reader import Reader
from app.content.source import Node
from app.domain import caps as k
from app.domain.conditions import Calendar, Ever, Scalar, Within
from app.domain.definitions import Shown

CAP_KEYS = ("max", "per", "within", "calendar", "count", "description")
NAMED_KEYS = (*CAP_KEYS, "of")
COOLDOWN_KEYS = ("after", "for", "times", "description")
INVENTORY_KEYS = ("codes", "quantity", "empty", "low", "description")
UNITS: tuple[k.Per, ...] = get_args(k.Per)
COUNTS: tuple[k.Counting, ...] = get_args(k.Counting)
OUTCOMES: tuple[k.Outcome, ...] = get_args(k.Outcome)
WHEN_EMPTY = ("fallback", "without")
MOST = 10**9
KEPT_DAYS = k.SENDS_KEPT // 86_400_000


def caps(reader: Reader, node: Node, at: str) -> tuple[k.Cap, ...]:
    """The caps of an offer or a placement."""
    found = tuple(_cap(reader, each, here, CAP_KEYS) for here, each in reader.items(node, at))
    if node.value == []:
        reader.wrong(node.line, at, "names no cap", "[{max: 2, per: profile, within: 7d}]", warning=True)
    return found


def named_cap(reader: Reader, id: str, node: Node, at: str) -> k.Cap:
    """A cap over the offers of a category, or over all."""
    return _cap(reader, node, at, NAMED_KEYS)


def _cap(reader: Reader, node: Node, at: str, keys: Iterable[str]) -> k.Cap:
    found = reader.mapping(node, at, keys, ("max",))
    per = reader.one_of(found["per"], f"{at}.per", UNITS, "unit") if "per" in found else "profile"
    counting = reader.one_of(found["count"], f"{at}.count", COUNTS, "thing to count") if "count" in found else "send"
    return k.Cap(
        reader.whole(found["max"], f"{at}.max", 1, MOST, 1) if "max" in found else 1, per or "profile", counting or "send",
        _window(reader, found, node, at, kept=per != "total"), _of(reader, found["of"], f"{at}.of") if "of" in found else (), reader.place(node),
    )


def _window(reader: Reader, found: dict[str, Node], node: Node, at: str, *, kept: bool) -> k.Span:
    if "within" in found and "calendar" in found:
        reader.wrong(node.line, at, "has both within and calendar", "one of the two")
    if "calendar" in found:
        return Calendar(reader.one_of(found["calendar"], f"{at}.calendar", PERIODS, "calendar period") or "day")
    if "within" in found:
        return Within(_kept(reader, found["within"], f"{at}.within") if kept else reader.duration(found["within"], f"{at}.within"))
    if kept and node.value and isinstance(node.value, dict):
        reader.wrong(node.line, at, "needs a window", f"within: 7d (at most {KEPT_DAYS}d), or calendar: day, week or month")
    return Ever()


def _kept(reader: Reader, node: Node, at: str) -> int:
    """A duration that looks back over recorded decisions."""
    found = reader.duration(node, at)
    if found > k.SENDS_KEPT:
        reader.wrong(node.line, at, "reaches further back than decisions are kept", f"at most {KEPT_DAYS}d; over a longer time, suppress: looks at events")
    return min(found, k.SENDS_KEPT)


def _of(reader: Reader, node: Node, at: str) -> tuple[tuple[str, tuple[Scalar, ...]], ...]:
    found: list[tuple[str, tuple[Scalar, ...]]] = []
    for name, each in reader.mapping(node, at, sorted(reader.names.attributes - {"priority", "value"})).items():
        values = each.value if isinstance(each.value, list) else [each]
        usable = tuple(one.value for one in values if isinstance(one.value, (str, int, float, bool)))
        if not usable or len(usable) < len(values):
            reader.wrong(each.line, f"{at}.{name}", "needs one value or a list of them", f"{name}: discount")
        found.append((name, usable))
    if node.value == {}:
        reader.wrong(node.line, at, "names no attribute", "of: {category: discount}; leave it out to count every offer")
    return tuple(found)


def cooldowns(reader: Reader, node: Node, at: str) -> tuple[k.Cooldown, ...]:
    return tuple(_cooldown(reader, each, here) for here, each in reader.items(node, at))


def _cooldown(reader: Reader, node: Node, at: str) -> k.Cooldown:
    found = reader.mapping(node, at, COOLDOWN_KEYS, ("after", "for"))
    after = reader.one_of(found["after"], f"{at}.after", OUTCOMES, "outcome") if "after" in found else "bought"
    if "times" in found and after != "ignored":
        reader.wrong(found["times"].line, f"{at}.times", f"means nothing after {after}", "it is how often something was ignored in a row")
    return k.Cooldown(
        after or "bought", _kept(reader, found["for"], f"{at}.for") if "for" in found else 1,
        reader.whole(found["times"], f"{at}.times", 1, 100, 1) if "times" in found else 1, reader.place(node),
    )


def inventory(reader: Reader, node: Node, at: str) -> k.Inventory:
    found = reader.mapping(node, at, INVENTORY_KEYS)
    if ("codes" in found) == ("quantity" in found):
        reader.wrong(node.line, at, "names nothing that runs out" if "codes" not in found else "has both codes and quantity", "codes: the name of a pool, or quantity: a number")
    pool = reader.text(found["codes"], f"{at}.codes") if "codes" in found else ""
    if "codes" in found and not usable_pool(pool):
        reader.wrong(found["codes"].line, f"{at}.codes", f"{pool!r:.60} is no usable name of a pool", "letters, digits, _ and -, at most 64")
    empty = reader.one_of(found["empty"], f"{at}.empty", WHEN_EMPTY, "way out") if "empty" in found else "fallback"
    if "empty" in found and "codes" not in found:
        reader.wrong(found["empty"].line, f"{at}.empty", "is about codes", "leave it out: once a quantity is used up the offer is not shown")
    return k.Inventory(
        pool, reader.whole(found["quantity"], f"{at}.quantity", 1, MOST, 1) if "quantity" in found else 0,
        reader.whole(found["low"], f"{at}.low", 0, MOST, 0) if "low" in found else 0, empty == "without", reader.place(node),
    )


def usable_pool(name: str) -> bool:
    return 0 < len(name) <= 64 and all(ch.isalnum() or ch in "_-" for ch in name)


def check_code(reader: Reader, shown: Shown, inventory: k.Inventory, at: str) -> None:
    """Somebody has to see the code, and where the offer is shown without one something else has to stand there."""
    names = [name for name, value in shown.vars.items() if value == k.CODE]
    if not names:
        reader.wrong(inventory.place.line, f"{at}.inventory", "nobody sees the code", "vars: {code: {field: offer.code}}", warning=True)
    declared = reader.names.blocks.get(shown.block)
    for variable in declared.variables if declared is not None and inventory.codeless else ():
        if variable.name in names and variable.default is None:
            reader.wrong(shown.place.line, f"{at}.vars.{variable.name}", "has nothing to show without a code", f"give {variable.name} a default in the block {shown.block}, or leave out empty: without")
