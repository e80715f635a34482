"""What is looked at before a send: findings in words, differences from what was approved, a page that can do nothing."""

from __future__ import annotations

import pytest

from app.reports.qa import Cell, cell_of, differences, findings, interests, minor, outside, page, untranslated

GOOD = Cell("mara", "", "hero", "boots", "hero_card", ("b1",), '<h1>Boots</h1><a href="https://shop.example/c/v1.k.a.b">See</a>', "Boots\n", ("Boots",))


def like(**more: object) -> Cell:
    return Cell(**({name: getattr(GOOD, name) for name in Cell.__slots__} | more))


def test_what_is_good_has_nothing_to_look_at():
    assert list(findings(GOOD)) == []


@pytest.mark.parametrize(("cell", "said"), [
    (like(html="<p></p>", text=""), "comes out empty"), (like(html="<p>" + "x" * 110_000 + '</p><a href="https://a.example/">x</a>'), "Gmail clips it"), (like(html="<h1>Boots</h1>"), "no link"),
    (like(html='<p>Hi {{ name }}</p><a href="https://a.example/">x</a>'), "not filled in"), (like(titles=("word " * 20,)), "too long"), (like(titles=("x" * 41,)), "too long"), (like(offer=""), "shows the fallback"),
])
def test_what_is_wrong_is_said(cell, said):
    assert any(said in each for each in findings(cell))


def test_a_link_that_is_not_there_is_said():
    assert list(findings(like(html='<a href="https://a.example/?x=1&amp;y=2">x</a>'), {"https://a.example/?x=1&y=2": "answers 404"})) == ["https://a.example/?x=1&amp;y=2 answers 404"]


def test_tokens_make_no_difference_but_words_offers_and_items_do():
    approved = {GOOD.key: GOOD.mark}

    assert differences([like(html=GOOD.html.replace("v1.k.a.b", "v1.k.c.d"))], approved) == {}
    assert differences([like(html=GOOD.html.replace("Boots", "Shoes"))], approved) == {"mara hero": "has other words"}
    assert differences([like(offer="hats", items=("h1",))], approved) == {"mara hero": "has other offer, items: boots before"}
    assert differences([like(person="jonas")], approved) == {"jonas hero": "is new", "mara hero": "is gone"}


def test_the_page_shows_mails_in_frames_that_can_do_nothing():
    shown = page("News <b>", [like(html='<script>alert(1)</script><p title="x">x</p>')], {"mara hero": ["<i>"]}, {})

    assert ("<script" in shown, 'sandbox=""' in shown, "&lt;script&gt;" in shown, "<i>" in shown, "News <b>" in shown) == (False, True, True, False, False)


def test_a_cell_is_made_of_a_decision():
    cell = cell_of("u1", "2026-11-01", "hero", {"offer": None, "block": "b", "vars": {"headline": "H", "n": 1}, "items": [{"id": "i"}], "content": "<p>x</p>"}, "x")

    assert (cell.key, cell.offer, cell.items, cell.titles) == ("u1 2026-11-01 hero", "", ("i",), ("H",))


ITEM = {"id": "b1", "name": "Winter boot", "category": "shoes", "brand": "Tinde"}
GERMAN = like(language="de", html='<h1>Stiefel</h1><p>Have a look</p><p>Winter boot, 189.00</p><a href="https://shop.example/x">Ansehen</a>', shown=(ITEM,))
ENGLISH = like(language="en", html='<h1>Boots</h1><p>Have a look</p><p>Winter boot, 189.00</p><a href="https://shop.example/x">See</a>', shown=(ITEM,))


def test_lines_that_read_as_in_the_first_language_are_told_but_not_what_items_are_called():
    assert untranslated([ENGLISH, GERMAN]) == {"mara de hero": ['says "Have a look" as in en: not translated']}


@pytest.mark.parametrize(("texts", "told"), [
    ({"de": ["Have a look"]}, 0), ({"de": ["<b>Have</b> a look"]}, 0), ({"de": ["{what} a look"]}, 0), ({"de": ["look"]}, 1), ({"fr": ["Have a look"]}, 1), ({"de": []}, 1),
])
def test_a_text_that_its_catalogue_translates_by_itself_is_rightly_the_same(texts, told):
    assert len(untranslated([ENGLISH, GERMAN], texts)["mara de hero"]) == told


def test_a_language_of_one_country_has_the_texts_of_its_language():
    assert untranslated([ENGLISH, like(language="de_AT", html=GERMAN.html, shown=(ITEM,))], {"de": ["Have a look"]}) == {"mara de_AT hero": []}


@pytest.mark.parametrize("cells", [[ENGLISH], [ENGLISH, like(language="de", offer="hats", html=ENGLISH.html)], [ENGLISH, like(language="de", person="jonas", html=ENGLISH.html)]])
def test_only_the_same_offer_for_the_same_person_is_compared(cells):
    assert [lines for lines in untranslated(cells).values() if lines] == []


def test_languages_are_cells_of_their_own():
    assert [cell.key for cell in (GOOD, ENGLISH, like(at="2026-11-01", language="de"))] == ["mara hero", "mara en hero", "mara 2026-11-01 de hero"]


def test_interests_are_what_people_named_and_what_they_looked_at():
    events = [{"properties": {"category": "Shoes", "brand": "Fjell", "price": 1}}, {"properties": {"products": [{"category": "bags"}, "odd"]}}, {"properties": None}]

    assert interests({"interests": ["Running"], "favourite_brand": "Lys", "city": "Bonn"}, events) == {"running", "lys", "shoes", "fjell", "bags"}


@pytest.mark.parametrize(("known", "told"), [({"shoes"}, 0), ({"tinde"}, 0), (set(), 0), ({"bags", "lys"}, 1)])
def test_items_outside_of_known_interests_are_told_where_any_are_known(known, told):
    assert len(list(outside(like(shown=(ITEM, {"id": "x", "name": "Says nothing"})), known))) == told


def test_what_is_told_of_interests_names_item_and_person_and_stops_no_send():
    (finding,) = outside(like(shown=(ITEM,)), {"bags", "lys"})

    assert (finding, minor(finding), minor("shows the fallback"), minor("comes out empty")) == ('"Winter boot" (shoes, tinde) is outside of what is known of mara: bags, lys', True, True, False)
