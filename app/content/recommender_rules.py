"""`recommenders:`, from nodes to their definitions. The file that a recommender reads is looked at too: a broken one is an error
of the content, so that the last good one goes on serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.content.reader import Reader
from app.content.recommending import read
from app.content.source import Node
from app.domain import conditions as c
from app.domain import definitions as d
from app.domain.event import event_name
from app.errors import ContentInvalid

RECOMMENDER_KEYS = ("file", "seeds", "bought", "accessories", "diverse", "new", "description")
SEEDS = ("last", "recent")


def recommender(models: Path, reader: Reader, id: str, node: Node, at: str) -> d.Recommender:
    found = reader.mapping(node, at, RECOMMENDER_KEYS, ("seeds",))
    seeds = reader.mapping(found["seeds"], f"{at}.seeds", SEEDS) if "seeds" in found else {}
    if "seeds" in found and len(seeds) != 1:
        reader.wrong(found["seeds"].line, f"{at}.seeds", "names no event" if not seeds else "has both last and recent", "{last: order_completed.products.product_id}, or recent: the latest events together")
    kind = next(iter(seeds), "last")
    event, path = _property(reader, seeds[kind], f"{at}.seeds.{kind}") if seeds else ("", ("x",))
    bought = _property(reader, found["bought"], f"{at}.bought") if "bought" in found else None
    file = reader.text(found["file"], f"{at}.file") if "file" in found else f"{id}.npz"
    _check(reader, node, at, models, file)
    told: dict[str, Any] = {
        "accessories": {kind: _categories(reader, each, f"{at}.accessories.{kind}") for kind, each in reader.mapping(found["accessories"], f"{at}.accessories").items()} if "accessories" in found else {},
        "diverse": reader.whole(found["diverse"], f"{at}.diverse", 1, 100, 2) if "diverse" in found else 0,
        "new": reader.whole(found["new"], f"{at}.new", 2, 100, 4) if "new" in found else 0,
    }
    return d.Recommender(id, file, event, path, kind == "recent", bought, description=reader.text(found["description"], f"{at}.description") if "description" in found else "", place=reader.place(node), **told)


def _property(reader: Reader, node: Node, at: str) -> tuple[str, c.Path]:
    event, *path = reader.path(node, at)
    if not path:
        reader.wrong(node.line, at, "needs an event and a property", "order_completed.products.product_id")
    return event_name(event), tuple(path) or ("x",)


def _categories(reader: Reader, node: Node, at: str) -> tuple[str, ...]:
    return tuple(reader.text(each, where) for where, each in reader.items(node, at))


def _check(reader: Reader, node: Node, at: str, models: Path, file: str) -> None:
    path = models / file
    if "/" in file or ".." in file or not path.is_file():
        reader.wrong(node.line, f"{at}.file", f"no file models/{file[:80]}", "inlay train writes it")
        return
    try:
        read(path)
    except ContentInvalid as error:
        reader.wrong(node.line, f"{at}.file", f"models/{file} {error.found[0].message}", error.found[0].hint)
