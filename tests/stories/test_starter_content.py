"""The starter content and the invented shop: what a newcomer sees first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.demo.people import PEOPLE
from app.demo.shop import PRODUCTS, items
from tests.stories.server import Server
from tests.stories.typed import typed

ROOT = Path(__file__).parent.parent.parent


def test_the_starter_content_has_no_problem():
    done = typed("check", "--content", ROOT, "--json")

    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_every_product_has_a_picture_of_its_own():
    pictures = [ROOT / "app" / "demo" / "pictures" / f"{product[0]}.png" for product in PRODUCTS]

    assert [picture.read_bytes()[:4] for picture in pictures] == [b"\x89PNG"] * len(PRODUCTS)
    assert all(related in {product[0] for product in PRODUCTS} for product in PRODUCTS for related in product[7])


@pytest.fixture(scope="module")
def demo():
    server = Server.starter()
    yield server
    server.close()


@pytest.mark.parametrize("person,offers", [
    ("mara", {"shoes_15"}), ("jonas", {"photo_walk"}), ("ines", {"last_days"}), ("layla", {"come_back_arabic"}), ("tom", {"come_back"}), ("aiko", {"welcome_back"}),
    ("lea", {None, "phone_advice"}),  # while there is somebody to ask
    ("finn", {"nearby"}), ("guest", {None}),
])
def test_each_person_of_the_demo_gets_the_hero_meant_for_them(demo, person, offers):
    assert demo.get(f"/v1/placements/hero.json?profile={person}").json["offer"] in offers


def test_a_camera_buyer_is_shown_what_goes_with_the_camera_and_is_in_stock(demo):
    shown = demo.get("/v1/placements/grid.json?profile=jonas").json["items"]

    assert [item["id"] for item in shown] == ["strap", "cube", "tripod"]


def test_a_change_of_stock_is_seen_at_once(demo):
    demo.call("PATCH", "/v1/items/strap", {"stock": 0})

    demo.until(lambda: [item["id"] for item in demo.get("/v1/placements/grid.json?profile=jonas").json["items"]] == ["cube", "tripod"], 20)
    demo.call("PATCH", "/v1/items/strap", {"stock": 50})


@pytest.mark.parametrize("ending", ["html", "txt", "json", "amp"])
@pytest.mark.parametrize("person", [person.id for person in PEOPLE])
def test_nobody_ever_gets_a_blank_placement(demo, person, ending):
    answers = [demo.get(f"/v1/placements/{placement}.{ending}?profile={person}&send=s&mail=newsletter") for placement in ("hero", "grid")]

    assert [answer.status for answer in answers] == [200, 200]
    assert min(len(answer.body) for answer in answers) > 40


def test_the_page_and_the_docs_answer_without_any_other_host(demo):
    pages = [demo.get(path).text for path in ("/", "/docs")]

    assert "Skip to the mails" in pages[0] and "One moment" in pages[1]
    assert "//cdn" not in "".join(pages) and 'src="http' not in "".join(pages)


def test_the_catalogue_passes_its_own_rules():
    from app.catalogue.items import parse_item

    assert [parse_item(item)["id"] for item in items("http://localhost:8000")] == [product[0] for product in PRODUCTS]
