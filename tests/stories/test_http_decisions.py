"""Decisions over HTTP: what is answered, recorded and told again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.stories.server import Server

ITEMS = ({"id": "h1", "name": "Cap", "price": 9, "category": "hats", "stock": 2}, {"id": "h2", "name": "Beret", "price": 12, "category": "hats", "stock": 1})


@pytest.fixture(scope="module")
def hatter(shop: Server) -> Server:
    """The shop with two hats to sell."""
    for item in ITEMS:
        shop.call("PUT", f"/v1/items/{item['id']}", item)
    shop.until(lambda: len(shop.post("/v1/recommendations", {"from": ["h1", "h2"]}).json["items"]) == 2, 20)
    return shop


def see_hats(shop: Server, who: str) -> None:
    see(shop, who, "hats")


def see(shop: Server, who: str, category: str) -> None:
    at = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    shop.post("/v1/events", {"type": "track", "userId": who, "event": "Product Viewed", "properties": {"category": category}, "timestamp": at})


def test_the_answer_has_the_keys_of_the_contract_and_no_other(hatter, who):
    see_hats(hatter, who)

    body = hatter.post("/v1/decisions", {"profile": who, "send": "n", "mail": "newsletter", "placements": ["hero", "grid"], "context": {"stock": 3, "zz": 1}, "surface": "html", "explain": True}).json

    assert list(body) == ["decision_id", "profile", "send", "decided_at", "content_version", "degraded", "placements", "explain"]
    assert set(body["placements"]["hero"]) == {"offer", "block", "variant", "reason", "vars", "items", "content"}
    assert body["placements"]["hero"]["variant"] == {}
    assert [item["id"] for item in body["placements"]["grid"]["items"]] == ["h1", "h2"]
    assert body["explain"]["ignored_context"] == ["zz"]


def test_features_that_are_missing_are_told_as_null(hatter, who):
    body = hatter.post("/v1/decisions", {"profile": who, "placements": ["hero"], "explain": True}).json

    assert body["explain"]["features"] == {"last_category": {"value": None}}


def test_flat_json_is_the_placement_with_its_decision(hatter, who):
    see_hats(hatter, who)

    body = hatter.get(f"/v1/placements/hero.json?profile={who}&send=n").json

    assert set(body) == {"decision_id", "profile", "send", "placement", "decided_at", "content_version", "degraded", "offer", "block", "variant", "reason", "vars", "items"}
    assert (body["offer"], body["reason"], body["vars"]) == ("hats", "eligible", {"headline": "Hats", "category": "all"})


@pytest.mark.parametrize("surface,content", [
    ("html", "<table><tr><td>Hats</td></tr></table>"), ("text", "Hats\n"), ("json", {"vars": {"headline": "Hats", "category": "all"}, "items": []}),
])
def test_content_is_rendered_as_it_was_asked_for(hatter, who, surface, content):
    see_hats(hatter, who)

    body = hatter.post("/v1/decisions", {"profile": who, "placements": ["hero"], "surface": surface}).json

    assert body["placements"]["hero"]["content"] == content


def test_a_block_without_amp_is_shown_as_the_fallback_s_on_that_surface_alone(hatter, who):
    see_hats(hatter, who)

    body = hatter.post("/v1/decisions", {"profile": who, "placements": ["hero"], "surface": "amp"}).json
    page = hatter.get(f"/v1/placements/hero.amp?profile={who}")

    assert (body["placements"]["hero"]["offer"], body["degraded"]) == ("hats", ["render:hero_card"])
    assert "<amp-list " in body["placements"]["hero"]["content"]
    assert (page.status, page.headers["x-inlay-degraded"], "<amp-list " in page.text) == (200, "render:hero_card", True)


def test_a_decision_asked_again_for_its_reasons_tells_those_of_the_time(hatter, who):
    see(hatter, who, "shoes")
    hatter.call("PUT", f"/v1/profiles/{who}/consents", {"marketing": "granted"})
    hatter.get(f"/v1/placements/hero.html?profile={who}&send=n&ctx.stock=1")
    see(hatter, who, "hats")

    again = hatter.post("/v1/decisions", {"profile": who, "send": "n", "placements": ["hero"], "explain": True}).json

    assert [(row["offer"], row["outcome"]) for row in again["explain"]["placements"]["hero"]] == [("shoes_15", "chosen"), ("hats", "removed")]
    assert again["explain"]["features"]["last_category"] == {"value": "shoes", "as_of": again["decided_at"]}


def test_a_later_placement_is_added_and_nothing_recorded_changes(hatter, who):
    see_hats(hatter, who)
    first = hatter.post("/v1/decisions", {"profile": who, "send": "n", "mail": "newsletter", "placements": ["hero"]}).json
    before = hatter.get(f"/v1/decisions/{first['decision_id']}").json

    hatter.post("/v1/decisions", {"profile": who, "send": "n", "placements": ["hero", "aside"]})
    after = hatter.get(f"/v1/decisions/{first['decision_id']}").json

    assert set(before["placements"]) == {"hero", "grid"}
    assert {name: after["placements"][name] for name in before["placements"]} == before["placements"]
    assert (after["mail"], after["decided_at"], set(after["placements"])) == ("newsletter", before["decided_at"], {"hero", "grid", "aside"})


@pytest.mark.parametrize("first,second", [("", "&mail=newsletter"), ("&mail=newsletter", ""), ("&mail=newsletter", "&mail=newsletter")])
def test_no_offer_and_no_item_comes_twice_in_a_send(hatter, who, first, second):
    see_hats(hatter, who)
    grid = hatter.get(f"/v1/placements/grid.json?profile={who}&send=n{first}").json

    aside = hatter.get(f"/v1/placements/aside.json?profile={who}&send=n{second}").json

    assert {item["id"] for item in grid["items"]} & {item["id"] for item in aside["items"]} == set()


def test_many_first_calls_at_once_agree(hatter, who):
    see_hats(hatter, who)

    def ask(number: int) -> tuple[str | None, str, str]:
        placement = ("hero", "grid", "aside")[number % 3]
        body = hatter.get(f"/v1/placements/{placement}.json?profile={who}&send=n&ctx.stock={number}").json
        return placement, body["offer"], body["decision_id"]

    with ThreadPoolExecutor(12) as pool:
        told = set(pool.map(ask, range(48)))

    assert len(told) == 3
    assert len({decision for *_, decision in told}) == 1


def test_a_preview_records_nothing_and_sees_nothing_recorded(hatter, who):
    see_hats(hatter, who)
    hatter.get(f"/v1/placements/hero.json?profile={who}&send=n")

    later = hatter.post("/v1/decisions", {"profile": who, "send": "n", "placements": ["hero"], "at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}).json

    assert later["placements"]["hero"]["offer"] is None
    assert hatter.get(f"/v1/decisions/{later['decision_id']}").status == 404


def test_a_batch_tells_each_line_s_own_trouble(hatter, who):
    recipients = [{"profile": who}, "x", {"profile": "email:"}, {"profile": who, "nope": 1}, {"context": {"stock": 1}}, {"profile": 7}]

    lines = hatter.post("/v1/decisions/batch", {"placements": ["hero"], "recipients": recipients, "send": "b"}).lines

    assert [line.get("index") for line in lines] == [None, 1, 2, 3, None, 5]
    assert {frozenset(line["error"]) for line in lines if "error" in line} == {frozenset({"code", "message", "problems"})}
    assert lines[3]["error"]["problems"] == [{"at": "nope", "message": "unknown key"}]


def test_a_batch_too_long_to_be_held_comes_in_parts_and_is_whole(hatter, who):
    hatter.call("PUT", "/v1/items/long", {"name": "Long", "price": 1, "category": "hats", "stock": 1, "about": "x" * 9_000})
    hatter.until(lambda: "x" * 9_000 in hatter.post("/v1/recommendations", {"from": ["long"]}).text, 20)
    recipients = [{"profile": f"{who}{i}"} for i in range(999)] + [{"profile": 7}]

    answer = hatter.post("/v1/decisions/batch", {"placements": ["grid"], "recipients": recipients})
    hatter.call("DELETE", "/v1/items/long")
    hatter.until(lambda: hatter.post("/v1/recommendations", {"from": ["long"]}).json["items"] == [], 20)

    assert (answer.headers["transfer-encoding"], len(answer.body) > 8_000_000) == ("chunked", True)
    assert [line.get("profile", line.get("index")) for line in answer.lines] == [f"{who}{i}" for i in range(999)] + [999]


def test_recommendations_are_items_with_their_scores(hatter, who):
    body = hatter.post("/v1/recommendations", {"profile": who, "from": "catalogue", "filter": {"field": "item.category", "eq": "hats"}, "rank": "-item.price", "limit": 5, "context": {"stock": 1}}).json

    assert body == {"profile": who, "items": [{**ITEMS[0], "score": -9}, {**ITEMS[1], "score": -12}], "degraded": [], "content_version": body["content_version"]}
