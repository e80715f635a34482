"""A recorded choice brought back: shown again as it was, or, at open, as it is true now.

A merge call shows what was decided, prices as recorded. A mail that is opened shows live prices and replaces an item
that is sold out or was bought since; an offer that has ended falls back.
"""

from __future__ import annotations

from typing import Any

from app.content.choosing import Render, Taken, fall_back
from app.content.items import bought
from app.content.snapshot import Dish, Snapshot
from app.domain.decision import Choice
from app.domain.item import Item
from app.domain.request import Request
from app.domain.wordings import worded
from app.errors import RenderFailed


def revive(snapshot: Snapshot, r: Request, choice: Choice, catalogue: Any, taken: Taken, draw: Render | None, since: int | None) -> Choice:
    """The choice with its items and content, or a fallback with `degraded` set; `since` is when it was decided, at open."""
    variables = worded(choice.vars, choice.wording, snapshot.wordings)
    choice.vars = variables if variables is not None else choice.vars
    block = snapshot.blocks.get(choice.block) if variables is not None else None
    if choice.placement not in snapshot.fallbacks:
        choice.degraded = "content_changed"
        return choice
    items = None if block is None else _items(choice, catalogue) if since is None else _live(snapshot, r, choice, catalogue, taken, since)
    if block is None or items is None or (since is not None and _ended(snapshot, choice, r.now)):
        return _instead(snapshot, r, choice, catalogue, draw, "content_changed" if since is None or block is None else "")
    choice.items = items
    if draw is not None:
        dish = Dish(None, block, {}, (), None)  # pyright: ignore[reportArgumentType]
        try:
            choice.content = draw(dish, choice.vars, items)
        except RenderFailed:
            return _instead(snapshot, r, choice, catalogue, draw, "content_changed")
    return choice


def _instead(snapshot: Snapshot, r: Request, choice: Choice, catalogue: Any, draw: Render | None, why: str) -> Choice:
    if why:
        r.degraded.append(why)
    return fall_back(snapshot, r, choice.placement, catalogue, Taken(), draw)


def _items(choice: Choice, catalogue: Any) -> list[Item] | None:
    """The items at the prices that were recorded; None where one is gone."""
    items: list[Item] = []
    for id, price in choice.priced:
        item = catalogue.get(id)
        if item is None:
            return None
        items.append(item if item.fields.get("price") == price else Item({**item.fields, "price": price}))
    return items


def _live(snapshot: Snapshot, r: Request, choice: Choice, catalogue: Any, taken: Taken, since: int) -> list[Item] | None:
    """The items as they are now; those sold out, gone or bought since are replaced by the next that the plan would take."""
    if not choice.priced:
        return []
    just_bought = bought(r, max(1, r.now - since))
    kept = [
        item for id, _ in choice.priced
        if (item := catalogue.get(id)) is not None and item.fields.get("stock", 1) != 0 and id not in just_bought
    ]
    missing = len(choice.priced) - len(kept)
    dish = snapshot.dish(choice.offer, r) if choice.offer in snapshot.offers else None
    if missing and dish is not None and dish.plan is not None:
        out = taken.items | just_bought
        others = dish.plan.choose(r, catalogue, out, kept) or []
        kept += [item for item in others if item.fields.get("stock", 1) != 0][:missing]
    return kept or None


def _ended(snapshot: Snapshot, choice: Choice, now: int) -> bool:
    offer = snapshot.definitions.offers.get(choice.offer) if choice.offer else None
    return offer is not None and offer.valid_to is not None and now >= offer.valid_to
