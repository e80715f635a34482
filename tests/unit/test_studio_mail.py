"""A whole mail, put together for the page."""

from __future__ import annotations

from app.studio.demo import plain_frame
from app.studio.mail import fill, in_scheme

DARK = "<style>@media (prefers-color-scheme: dark) { a { color: red } } @media (prefers-color-scheme:light) and (min-width: 9px) { b { color: blue } }</style>"


def test_each_placement_fills_its_own_slot_and_the_rest_the_last():
    frame = '<div data-content="hero"></div>|<div data-content="*"></div>'

    assert fill(frame, {"hero": "H", "grid": "G", "more": "M"}) == 'H|<div class="slot">G</div>\n<div class="slot">M</div>'


def test_content_that_looks_like_a_slot_is_not_filled_again():
    assert fill('<div data-content="*"></div>', {"hero": '<div data-content="grid"></div>', "grid": "G"}).count("G") == 1


def test_the_plain_frame_takes_any_placement():
    assert '<div class="slot">X</div>' in fill(plain_frame(), {"anything": "X"})


def test_a_scheme_is_shown_whatever_the_browser_prefers():
    assert in_scheme(DARK, "dark") == DARK.replace("(prefers-color-scheme: dark)", "(min-width: 0)").replace("(prefers-color-scheme:light)", "(max-width: 0)")


def test_without_a_scheme_the_mail_stays_as_it_is_sent():
    assert in_scheme(DARK, None) == DARK
