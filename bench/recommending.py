"""Recommendations over HTTP out of a catalogue of 100,000 items, filtered live, against an empty request."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from urllib.request import Request, urlopen

from app.learning.baskets import Basket
from app.learning.copurchase import learn, packed
from bench.kept import kept, source, today
from bench.load import Load, drive
from bench.people import person
from bench.registry import Measured, figure
from bench.servers import Inlay, Noop, inlay, post, scratch, wait_for
from bench.stage import doing, interleaved, middle_ratio, noop_load, tell, told

ITEMS, KINDS = 100_000, 1_000
BASKETS = 400_000
PEOPLE, ORDERS = 3_000, 10
SHOWN = 10
QUERY = {"recommender": "goes_with", "filter": {"field": "item.stock", "gte": 1}, "exclude": {"bought": "30d", "shown": "14d"}, "limit": SHOWN}
RULES = """
version: 1
consents: {marketing: {gates: [decide]}}
placements: {told: {fallback: {block: plain}}}
recommenders:
  goes_with: {seeds: {last: order_completed.products.product_id}, bought: order_completed.products.product_id}
"""


@figure("recommend_vs_noop", "times", at_least=0.35, title="requests/s of a recommendation of 10 of 100,000 items, in stock, not just bought nor shown, with consent, over those of a FastAPI no-op")
def recommend_vs_noop() -> Measured:
    with served() as server, Noop() as noop:
        asked = whole(server)
        runs = interleaved("recommendation against no-op", lambda n: load(server, asked, seconds=2.0, seed=n), lambda n: noop_load(noop, seconds=2.0))
        rate = median(run.per_second for run in runs[0]) / 2
        (half,) = interleaved("half load", lambda n: load(server, asked, seconds=4.0, rate=rate, connections=64, seed=n), runs=3)
    tell(told("recommendation", runs[0]))
    tell(told("no-op", runs[1]))
    tell(f"by CPU time the ratio is {median(a.cpu_us / b.cpu_us for a, b in zip(runs[1], runs[0], strict=True)):.3f}: the better guide while the machine is busy")
    tell(told(f"at half load, {rate:,.0f}/s", half))
    return Measured(middle_ratio(*runs), {"p99_ms_half_load": f"{median(run.p99_ms for run in half):.1f}"})


def load(server: Inlay, asked: tuple[bytes, ...], **more: object) -> Load:
    """A recommendation for each of these people, drawn in turn."""
    return Load(server.port, tuple(post("/v1/recommendations", server.head(), body) for body in asked), b'"reason"', SHOWN, pid=server.pid, **more)  # pyright: ignore[reportArgumentType]


def whole(server: Inlay) -> tuple[bytes, ...]:
    """Questions about people for whom ten items are left by all filters: nearly all."""
    bodies = [json.dumps({"profile": person(i), **QUERY}).encode() for i in range(PEOPLE)]
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}

    def items(body: bytes) -> int:
        with urlopen(Request(f"http://127.0.0.1:{server.port}/v1/recommendations", body, headers), timeout=60) as answer:
            return len(json.load(answer)["items"])

    wait_for(lambda: any(items(body) for body in bodies[:5]))
    found = tuple(body for body in bodies if items(body) == SHOWN)
    tell(f"{len(found):,} of {PEOPLE:,} people get {SHOWN} items")
    return found


@contextmanager
def served() -> Generator[Inlay]:
    """A shop of that size with its recommender, in a running server."""
    seed = kept("recommending", [today(), *source("app/adapters/*", "app/domain/*.py", "app/learning/*.py", "app/content/neighbours.py", "bench/recommending.py")], _make)
    with scratch() as folder:
        for name in ("data", "content"):
            shutil.copytree(seed / name, folder / name)
        shutil.copy(seed / "data.key", folder / "data.key")
        with Inlay(folder / "content", folder / "data") as server:
            wait_for(lambda: b'"id"' in server.get(f"/v1/items/{item(ITEMS - 1)}")[1])
            drive(Load(server.port, tuple(_consent(server, i) for i in range(PEOPLE)), once=True, warm_seconds=0, seconds=300))
            yield server


def _consent(server: Inlay, i: int) -> bytes:
    return post(f"/v1/profiles/{person(i)}/consents", server.head(), b'{"marketing": "granted"}').replace(b"POST", b"PUT", 1)


def item(i: int) -> str:
    return f"i{i:06}"


def _make(into: Path) -> None:
    for name, text in {"rules/shop.yaml": RULES, "blocks/plain/block.yaml": "description: a word", "blocks/plain/html.j2": "<p>A word</p>"}.items():
        (into / "content" / name).parent.mkdir(parents=True, exist_ok=True)
        (into / "content" / name).write_text(text)
    (into / "content" / "models").mkdir()
    with doing("learning what goes with what"):
        (into / "content" / "models" / "goes_with.npz").write_bytes(packed(learn(baskets())))
    (into / "items.jsonl").write_text("\n".join(map(json.dumps, items())) + "\n")
    (into / "events.jsonl").write_text("\n".join(map(json.dumps, events())) + "\n")
    with doing("loading the shop"):
        Inlay(into / "content", into / "data")
        inlay("import", "items", str(into / "items.jsonl"), "--data", str(into / "data"))
        inlay("import", "events", str(into / "events.jsonl"), "--content", str(into / "content"), "--data", str(into / "data"), INLAY_DURABILITY="fast")
    (into / "items.jsonl").unlink()
    (into / "events.jsonl").unlink()


def items() -> Iterator[dict[str, object]]:
    """One in twenty is out of stock."""
    for i in range(ITEMS):
        yield {"id": item(i), "name": f"Thing {i}", "category": f"kind{i % KINDS}", "price": 5 + i % 90, "stock": int(i % 20 > 0), "url": f"https://shop.example/p/{i}"}


def bought(draw: Random) -> list[str]:
    """Two to six things of a kind, some of which sell better than others."""
    kind = draw.randrange(KINDS)
    return [item(kind + KINDS * each) for each in {int(draw.random() ** 2 * ITEMS / KINDS) for _ in range(draw.randint(2, 6))}]


def baskets() -> list[Basket]:
    draw = Random(6)
    return [Basket(person(i % 50_000), i * 10_000, tuple(bought(draw))) for i in range(BASKETS)]


def events() -> Iterator[dict[str, object]]:
    """Per person some orders within the last year."""
    draw, now = Random(7), time.time()
    for who in range(PEOPLE):
        for number in range(ORDERS):
            at = datetime.fromtimestamp(now - (ORDERS - number) * 36 * 86_400, UTC).isoformat()
            products = [{"product_id": id, "quantity": 1, "price": 9.5} for id in bought(draw)]
            yield {"type": "track", "event": "order_completed", "userId": person(who), "messageId": f"{who}-{number}", "timestamp": at, "properties": {"total": 30, "products": products}}
