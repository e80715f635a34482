"""What is looked at before a send: findings in words, differences from what was approved, a page that can do nothing."""

from __future__ import annotations

import pytest

from app.reports.qa import Cell, cell_of, differences, findings, page

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
