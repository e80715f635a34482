"""Why a decision fell so, asked over HTTP long after it was packed away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed


@pytest.fixture
def own() -> Iterator[Server]:
    running = Server.of()
    yield running
    running.close()


def decided(shop: Server, who: str, *, stock: int = 0) -> str:
    shop.call("PUT", f"/v1/profiles/{who}/consents", {"marketing": "granted"})
    shop.post("/v1/events", {"type": "track", "userId": who, "event": "Product Viewed", "properties": {"category": "shoes"}})
    return shop.post("/v1/decisions", {"profile": who, "send": "n", "placements": ["hero"], "context": {"stock": stock}}).json["decision_id"]


def test_a_decision_is_explained_at_once(shop: Server, who: str) -> None:
    explain = shop.get(f"/v1/decisions/{decided(shop, who)}").json["explain"]

    assert explain["why"]["hero"]["candidates"]["shoes_15"] == {"text": "context.stock is 0, not at least 1", "values": {"context.stock": 0}}
    assert explain["why"]["hero"]["sentence"].startswith("The fallback hero_generic was shown: no offer was left. Not shoes_15: context.stock is 0")
    assert explain["latency_ms"] > 0


def test_what_came_of_it_is_told_with_it(shop: Server, who: str) -> None:
    id = decided(shop, who)
    shop.post("/v1/events", {"type": "track", "userId": who, "event": "Email Clicked", "properties": {"send": "n"}})

    def told() -> list[str]:
        return [each["event"] for each in shop.get(f"/v1/decisions/{id}").json["explain"]["outcomes"]]

    shop.until(lambda: told() == ["email_clicked"], 20)


def test_it_is_explained_the_same_once_it_is_packed(own: Server, who: str) -> None:
    id = decided(own, who)
    before = own.get(f"/v1/decisions/{id}").json
    own.stop()

    packed = typed("log", "pack", "--data", own.data)
    own.start()

    assert (packed.returncode, list((own.data / "log" / "stream").iterdir())) == (0, [])
    assert own.get(f"/v1/decisions/{id}").json == before


def test_an_erased_person_s_decision_is_told_to_nobody(shop: Server, who: str) -> None:
    id = decided(shop, who)

    shop.call("DELETE", f"/v1/profiles/{who}")

    assert shop.get(f"/v1/decisions/{id}").status == 404
