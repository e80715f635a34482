"""Draws the invented shop's pictures, flat and consistent. Run at development time: `python -m app.demo.draw` (needs Pillow)."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent / "pictures"
SIZE, SCALE = 360, 3
GROUNDS = {"shoes": "#dfe7ff", "cameras": "#fde7d3", "bags": "#dcf0e4", "jackets": "#ece3fb", "accessories": "#fbe3ea"}
TONES = ["#2f5bea", "#c2542d", "#1b7f4b", "#6b4bb8", "#14181f", "#b3305c", "#0f766e", "#9a6700"]


def drawn(category: str, number: int) -> Image.Image:
    side = SIZE * SCALE
    picture = Image.new("RGB", (side, side), GROUNDS[category])
    pen = ImageDraw.Draw(picture)
    tone = TONES[(number * 3 + len(category)) % len(TONES)]
    pen.ellipse(_box(60, 272, 300, 300), fill=_mixed(GROUNDS[category], "#000000", 0.08))
    _SHAPES[category](pen, tone, _mixed(tone, "#ffffff", 0.45), number)
    return picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS).quantize(48)


def _box(*corners: float) -> list[float]:
    return [corner * SCALE for corner in corners]


def _mixed(one: str, other: str, share: float) -> str:
    a, b = (tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (one, other))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))


def _shoe(pen: ImageDraw.ImageDraw, tone: str, light: str, number: int) -> None:
    high = 110 if number % 2 else 150
    pen.polygon(_box(80, high, 150, high, 165, 185, 275, 220, 290, 262, 80, 262), fill=tone)
    pen.rounded_rectangle(_box(74, 256, 296, 282), 12 * SCALE, fill="#ffffff")
    for i in range(3):
        pen.line(_box(160 + 26 * i, 186 + 9 * i, 146 + 26 * i, 210 + 9 * i), fill=light, width=7 * SCALE)
    pen.rectangle(_box(80, high, 150, high + 18), fill=light)


def _camera(pen: ImageDraw.ImageDraw, tone: str, light: str, number: int) -> None:
    pen.rounded_rectangle(_box(70, 130, 290, 275), 18 * SCALE, fill=tone)
    pen.polygon(_box(140, 132, 158, 100, 218, 100, 236, 132), fill=tone)
    radius = 52 + 6 * (number % 3)
    for shrink, colour in ((0, "#ffffff"), (8, "#14181f"), (24, light), (40, "#14181f")):
        pen.ellipse(_box(180 - radius + shrink, 204 - radius + shrink, 180 + radius - shrink, 204 + radius - shrink), fill=colour)
    pen.rectangle(_box(84, 146, 118, 158), fill=light)


def _bag(pen: ImageDraw.ImageDraw, tone: str, light: str, number: int) -> None:
    pen.arc(_box(140, 70, 220, 150), 180, 360, fill=tone, width=12 * SCALE)
    pen.rounded_rectangle(_box(95, 105, 265, 285), 40 * SCALE, fill=tone)
    pen.rounded_rectangle(_box(115, 195, 245, 268), 16 * SCALE, fill=light)
    pen.line(_box(115, 165 - 8 * (number % 3), 245, 165 - 8 * (number % 3)), fill=light, width=6 * SCALE)


def _jacket(pen: ImageDraw.ImageDraw, tone: str, light: str, number: int) -> None:
    pen.polygon(_box(130, 90, 230, 90, 290, 140, 268, 240, 245, 232, 245, 285, 115, 285, 115, 232, 92, 240, 70, 140), fill=tone)
    pen.polygon(_box(150, 90, 210, 90, 180, 130), fill=light)
    pen.line(_box(180, 128, 180, 285), fill=light, width=5 * SCALE)
    if number % 2:
        pen.rectangle(_box(115, 190, 245, 210), fill=light)


def _accessory(pen: ImageDraw.ImageDraw, tone: str, light: str, number: int) -> None:
    if number % 3 == 0:
        pen.arc(_box(90, 90, 270, 290), 0, 360, fill=tone, width=22 * SCALE)
        pen.rounded_rectangle(_box(150, 78, 210, 112), 8 * SCALE, fill=light)
    elif number % 3 == 1:
        for end in (100, 180, 260):
            pen.line(_box(180, 150, end, 285), fill=tone, width=13 * SCALE)
        pen.rounded_rectangle(_box(140, 105, 220, 155), 10 * SCALE, fill=light)
    else:
        pen.rounded_rectangle(_box(140, 110, 220, 285), 22 * SCALE, fill=tone)
        pen.rounded_rectangle(_box(155, 80, 205, 116), 8 * SCALE, fill=light)


_SHAPES = {"shoes": _shoe, "cameras": _camera, "bags": _bag, "jackets": _jacket, "accessories": _accessory}


def main() -> None:
    from app.demo.shop import PRODUCTS

    HERE.mkdir(exist_ok=True)
    for number, product in enumerate(PRODUCTS):
        drawn(product[1], number).save(HERE / f"{product[0]}.png", optimize=True)


if __name__ == "__main__":
    main()
