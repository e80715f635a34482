"""A product or an offer as one picture, drawn at twice its size for sharp screens."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from PIL import Image

from app.domain.pictures import PictureSpec
from app.images.canvas import Canvas, Rgb, rgb
from app.images.type import BOLD, REGULAR, chosen, length, readable

SCALE = 2
SHADES = 128
"""Of the picture's own colours; the text has the rest."""


class Card:
    """One block's card. Texts that are empty leave no gap, and a picture that is missing leaves a calm ground."""

    def __init__(self, spec: PictureSpec) -> None:
        self._spec = spec
        self._page, self._ink, self._muted, self._accent, self._on = (rgb(spec.colours[name]) for name in ("page", "ink", "muted", "accent", "on_accent"))
        self._unit = max(4, spec.height * SCALE // 50)

    def picture_size(self) -> tuple[int, int]:
        """How large the picture in the card is, in pixels."""
        side = self._spec.height * SCALE - 2 * self._unit * 3
        return min(side, self._spec.width * SCALE // 2), side

    def drawn(self, texts: Mapping[str, str], picture: Image.Image | None, extension: str = "png") -> bytes:
        """The file. `picture` is of `picture_size`, in palette colours (see `fitted`)."""
        canvas = Canvas((self._spec.width * SCALE, self._spec.height * SCALE), self._page)
        left, pad = self._unit * 3, self._unit * 3
        if picture is not None or texts.get("picture"):
            width, height = self.picture_size()
            if picture is None:
                canvas.box((pad, pad, pad + width, pad + height), _between(self._page, self._muted), self._unit)
            left = pad + width + self._unit * 4
        self._words(canvas, texts, left)
        image = canvas.finished()
        if picture is not None:
            image = self._with(image, picture, pad, len(canvas.palette.colours))
        out = BytesIO()
        image.save(out, "PNG" if extension == "png" else "GIF", **({"compress_level": 3} if extension == "png" else {}))
        return out.getvalue()

    def _with(self, image: Image.Image, picture: Image.Image, pad: int, used: int) -> Image.Image:
        """The picture put in, its colours behind those of the text."""
        own = picture.getpalette() or []
        kept = min(SHADES, 256 - used)
        image.paste(picture.point([min(i, kept - 1) + used for i in range(256)]), (pad, pad))
        palette = image.getpalette() or []
        image.putpalette([*palette[: used * 3], *own[: kept * 3]])
        return image

    def _words(self, canvas: Canvas, texts: Mapping[str, str], left: int) -> None:
        unit, width = self._unit, self._spec.width * SCALE - left - self._unit * 3
        title, price = unit * 6, unit * 5
        rows = [("kicker", unit * 7 // 2, self._accent, 1, True), ("title", title, self._ink, 2, True), ("text", unit * 4, self._muted, 2, False)]
        heights = [self._height(texts.get(name, ""), size, width, most, bold=bold) for name, size, _, most, bold in rows]
        ends = [unit * 8 if texts.get("price") or texts.get("stock") else 0, unit * 11 if texts.get("button") else 0]
        top = max(unit * 2, (self._spec.height * SCALE - sum(heights) - sum(ends) - unit * 2) // 2)
        for (name, size, colour, most, bold), height in zip(rows, heights, strict=True):
            if height:
                canvas.column((left, top), self._path(texts[name], bold=bold), size, self._said(texts[name], bold=bold), colour, width, most)
                top += height + unit
        if ends[0]:
            self._prices(canvas, texts, left, top, price)
            top += ends[0]
        if ends[1]:
            self._button(canvas, texts["button"], left, top + unit)

    def _prices(self, canvas: Canvas, texts: Mapping[str, str], left: int, top: int, size: int) -> None:
        at = left
        if price := texts.get("price"):
            at += canvas.text((at, top), self._path(price, bold=True), size, self._said(price, bold=True), self._ink) + self._unit * 2
        if old := texts.get("old_price"):
            width = canvas.text((at, top + size // 6), self._path(old), size * 4 // 5, self._said(old), self._muted)
            canvas.box((at, top + size * 7 // 10, at + width, top + size * 7 // 10 + max(2, self._unit // 4)), self._muted)
            at += width + self._unit * 2
        if stock := texts.get("stock"):
            canvas.text((at, top + size // 5), self._path(stock), size * 7 // 10, self._said(stock), self._accent)

    def _button(self, canvas: Canvas, text: str, left: int, top: int) -> None:
        size, path, said = self._unit * 4, self._path(text, bold=True), self._said(text, bold=True)
        width, height = int(length(path, size, said)) + self._unit * 8, self._unit * 9
        canvas.box((left, top, left + width, top + height), self._accent, self._unit * 2)
        canvas.text((left + self._unit * 4, top + (height - size * 5 // 4) // 2), path, size, said, self._on, ground=self._accent)

    def _height(self, text: str, size: int, width: int, most: int, *, bold: bool) -> int:
        if not text:
            return 0
        said, path = self._said(text, bold=bold), self._path(text, bold=bold)
        rows = min(most, max(1, int(length(path, size, said) // max(width, 1)) + 1))
        return rows * (size * 5 // 4)

    def _path(self, text: str, *, bold: bool = False) -> str:
        return chosen((self._spec.bold or self._spec.font or BOLD) if bold else self._spec.font or REGULAR, text)

    def _said(self, text: str, *, bold: bool = False) -> str:
        return readable(self._path(text, bold=bold), text)


def _between(a: Rgb, b: Rgb) -> Rgb:
    """Mostly the first."""
    return tuple((7 * x + y) // 8 for x, y in zip(a, b, strict=True))  # pyright: ignore[reportReturnType]
