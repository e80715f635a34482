"""What every block looks like in a mail: drawn by chromium, and compared with what somebody has looked at.

`make pictures` draws them all anew into `tests/browser/pictures/`: look at what changed before it is committed.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from app.content.blocks import Block
from app.content.compiling import compile_blocks
from app.content.samples import sample_values
from app.content.load import load
from app.content.proof import NOW, URLS

ROOT = Path(__file__).parent.parent.parent
STORED = Path(__file__).parent / "pictures"
PRODUCTS = ROOT / "app" / "demo" / "pictures"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--force-color-profile=srgb")
COLOURS = 48
CELL = 12
"""Pictures are compared in squares of so many pixels: fonts differ from machine to machine, what stands where does not."""
MOST_OF_ALL, MOST_OF_A_CELL, MOST_CELLS, MOST_HEIGHT = 5.0, 48.0, 0.04, 0.1


@dataclass(frozen=True)
class Shot:
    block: str
    width: int
    scheme: str
    language: str = ""

    @property
    def name(self) -> str:
        return "-".join(filter(None, (self.block, str(self.width), self.scheme, self.language)))

    @property
    def path(self) -> Path:
        return STORED / f"{self.name}.png"


BLOCKS: dict[str, Block] = compile_blocks(load(ROOT).blocks)[0]
SHOTS = [Shot(id, width, scheme) for id in BLOCKS for width in (375, 600) for scheme in ("light", "dark")] + [Shot(id, 375, "light", "ar") for id in BLOCKS]


def drawn(browser: Any, shot: Shot) -> Image.Image:
    block = BLOCKS[shot.block]
    values, items = sample_values(block.definition)
    markup = block.html(values, items, {}, {"language": shot.language} if shot.language else {}, URLS, NOW)
    page = browser.new_page(viewport={"width": shot.width, "height": 40}, color_scheme=shot.scheme)
    try:
        page.route("**/*", _answered)
        page.set_content(_mail(markup), wait_until="load")
        data = page.screenshot(full_page=True)
    finally:
        page.close()
    return Image.open(io.BytesIO(data)).convert("RGB")


def _mail(markup: str) -> str:
    dark = "@media (prefers-color-scheme: dark) { body { background: #0f1216 } }"
    return f'<!doctype html><meta name="color-scheme" content="light dark"><style>body {{ margin: 0; background: #f6f7f9 }} {dark}</style>{markup}'


def _answered(route: Any) -> None:
    """Products have their pictures; nothing else is anywhere."""
    path = PRODUCTS / route.request.url.rpartition("/")[2]
    if path.is_file():
        route.fulfill(body=path.read_bytes(), content_type="image/png")
    else:
        route.abort()


def difference(found: Image.Image, stored: Image.Image) -> str:
    """In words, what is otherwise; empty where they look the same."""
    if found.width != stored.width or abs(found.height - stored.height) > max(MOST_HEIGHT * stored.height, 12):
        return f"is {found.width} x {found.height}, was {stored.width} x {stored.height}"
    size = (found.width // CELL, max(1, stored.height // CELL))
    apart = ImageChops.difference(*(each.convert("RGB").resize(size, Image.Resampling.BOX) for each in (found, stored)))
    mean = sum(ImageStat.Stat(apart).mean) / 3
    histogram = apart.convert("L").histogram()
    wrong = sum(histogram[int(MOST_OF_A_CELL) :]) / sum(histogram)
    return f"differs by {mean:.1f} of 255, {wrong:.1%} of it plainly" if mean > MOST_OF_ALL or wrong > MOST_CELLS else ""


def renew() -> Iterator[str]:
    """Draw all anew; names what came out otherwise."""
    from playwright.sync_api import sync_playwright

    path = next(path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name)))
    STORED.mkdir(exist_ok=True)
    for gone in set(STORED.glob("*.png")) - {shot.path for shot in SHOTS}:
        gone.unlink()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        for shot in SHOTS:
            found = drawn(browser, shot)
            if not shot.path.exists() or difference(found, Image.open(shot.path)):
                found.quantize(COLOURS, dither=Image.Dither.NONE).save(shot.path, optimize=True)
                yield shot.name
        browser.close()


if __name__ == "__main__":
    for name in renew():
        print(name)
