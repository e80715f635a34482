"""Draws the invented shop's pictures, flat and consistent. Run at development time: `python -m app.demo.draw` (needs Pillow)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent / "pictures"
SIZE, SCALE = 360, 4
INK, WHITE = "#1d2433", "#ffffff"
GROUNDS = {"shoes": "#dfe7ff", "cameras": "#fde7d3", "bags": "#dcf0e4", "jackets": "#ece3fb", "accessories": "#fbe3ea"}

Point = tuple[float, float]


def mixed(one: str, other: str, share: float) -> str:
    """`share` of the other colour in the one."""
    a, b = (tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (one, other))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))


def rounded(points: Sequence[Point], *, closed: bool = True) -> list[Point]:
    """The corners of a line cut off four times (Chaikin): a smooth curve near its points."""
    found = list(points)
    for _ in range(4):
        pairs = list(zip(found, found[1:] + found[:1] if closed else found[1:], strict=False))
        cut = [(ax + (bx - ax) * share, ay + (by - ay) * share) for (ax, ay), (bx, by) in pairs for share in (0.25, 0.75)]
        found = cut if closed else [found[0], *cut, found[-1]]
    return found


class Pen:
    """Draws on a square of 360 x 360, at four times the size, so that edges are smooth."""

    def __init__(self, category: str) -> None:
        self.ground = GROUNDS[category]
        self.picture = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), self.ground)
        self._draw = ImageDraw.Draw(self.picture)

    def shadow(self, left: float, right: float, y: float = 292) -> None:
        self.oval(left, y - 11, right, y + 11, mixed(self.ground, "#000000", 0.09))

    def shape(self, points: Sequence[Point], fill: str, *, sharp: bool = False) -> None:
        self._draw.polygon(_scaled(points if sharp else rounded(points)), fill=fill)

    def inside(self, points: Sequence[Point], draw: Callable[[Pen], object], *, sharp: bool = False) -> None:
        """What `draw` draws, seen through the shape alone."""
        other = Pen.__new__(Pen)
        other.ground, other.picture = self.ground, self.picture.copy()
        other._draw = ImageDraw.Draw(other.picture)
        draw(other)
        mask = Image.new("L", self.picture.size, 0)
        ImageDraw.Draw(mask).polygon(_scaled(points if sharp else rounded(points)), fill=255)
        self.picture.paste(other.picture, (0, 0), mask)

    def line(self, points: Sequence[Point], fill: str, width: float, *, sharp: bool = False) -> None:
        path = _scaled(points if sharp else rounded(points, closed=False))
        self._draw.line(path, fill=fill, width=round(width * SCALE))
        radius = width * SCALE / 2
        for x, y in path:
            self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: str, radius: float = 0) -> None:
        self._draw.rounded_rectangle([each * SCALE for each in (left, top, right, bottom)], radius * SCALE, fill=fill)

    def oval(self, left: float, top: float, right: float, bottom: float, fill: str) -> None:
        self._draw.ellipse([each * SCALE for each in (left, top, right, bottom)], fill=fill)

    def disc(self, x: float, y: float, radius: float, fill: str) -> None:
        self.oval(x - radius, y - radius, x + radius, y + radius, fill)

    def ring(self, left: float, top: float, right: float, bottom: float, fill: str, width: float, start: float = 0, end: float = 360) -> None:
        self._draw.arc([each * SCALE for each in (left, top, right, bottom)], start, end, fill=fill, width=round(width * SCALE))

    def done(self) -> Image.Image:
        return self.picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).quantize(64, dither=Image.Dither.NONE)


def _scaled(points: Sequence[Point]) -> list[Point]:
    return [(x * SCALE, y * SCALE) for x, y in points]


def main() -> None:
    from app.demo.drawings import DRAWINGS
    from app.demo.shop import PRODUCTS

    HERE.mkdir(exist_ok=True)
    for id, category, *_ in PRODUCTS:
        pen = Pen(category)
        DRAWINGS[id](pen)
        pen.done().save(HERE / f"{id}.png", optimize=True)


if __name__ == "__main__":
    main()
