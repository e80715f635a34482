"""Every block at 375 and 600 pixels, light and dark, and from right to left, as somebody has looked at it.

A block that was changed on purpose: `make pictures`, then look at the pictures that changed.
"""

from __future__ import annotations

import pytest
from PIL import Image

from tests.browser.pictures import BLOCKS, SHOTS, STORED, difference, drawn

pytestmark = pytest.mark.long


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_a_block_looks_as_it_did_when_somebody_looked(browser, tmp_path, shot):
    found = drawn(browser, shot)

    found.save(tmp_path / f"{shot.name}.png")
    assert difference(found, Image.open(shot.path)) == "", f"see {tmp_path}/{shot.name}.png; `make pictures` renews what is meant to be so"


def test_every_picture_is_of_a_block():
    assert {path.name for path in STORED.glob("*.png")} == {f"{shot.name}.png" for shot in SHOTS}


@pytest.mark.parametrize("width", [375, 600])
@pytest.mark.parametrize("block", BLOCKS)
def test_nothing_is_wider_than_the_screen_and_every_picture_can_be_told(browser, block, width):
    from app.content.samples import sample_values
    from app.content.proof import NOW, URLS

    values, items = sample_values(BLOCKS[block].definition)
    page = browser.new_page(viewport={"width": width, "height": 400})
    page.set_content('<style>body { margin: 0 }</style>' + BLOCKS[block].html(values, items, {}, {}, URLS, NOW))
    wide = page.evaluate("document.documentElement.scrollWidth")
    bare = page.evaluate("[...document.images].filter(each => !each.alt || !each.getAttribute('width') || !each.getAttribute('height')).length")
    small = page.evaluate("[...document.querySelectorAll('td, a, p, div, h1, h2')].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim() && n.data.trim() != '\\u00a0') && parseFloat(getComputedStyle(e).fontSize) < 14 && parseFloat(getComputedStyle(e).fontSize) > 0 && e.offsetHeight).map(e => e.textContent)")
    roles = page.evaluate("[...document.querySelectorAll('table')].filter(each => each.getAttribute('role') != 'presentation').length")
    page.close()

    assert (wide, bare, small, roles) == (width, 0, [], 0)
