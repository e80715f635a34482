"""Drawing with a palette: a colour is a ramp of shades from the ground to it, so that text is smooth and files stay small."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageColor, ImageDraw

from app.images.type import lines, masked

Rgb = tuple[int, int, int]


def rgb(text: str) -> Rgb:
    return ImageColor.getrgb(text)[:3]


class Palette:
    """Shades are numbered in the order in which ramps are asked for; 256 at most."""

    def __init__(self) -> None:
        self.colours: list[Rgb] = []
        self._ramps: dict[tuple[Rgb, Rgb, int], int] = {}

    def flat(self, colour: Rgb) -> int:
        return self.ramp(colour, colour, 1)

    def ramp(self, ground: Rgb, colour: Rgb, steps: int) -> int:
        """The number of the first of `steps` shades from just above `ground` to `colour`."""
        key = ground, colour, steps
        if key not in self._ramps:
            self._ramps[key] = len(self.colours)
            for i in range(1, steps + 1):
                self.colours.append((_mixed(ground[0], colour[0], i, steps), _mixed(ground[1], colour[1], i, steps), _mixed(ground[2], colour[2], i, steps)))
        return self._ramps[key]

    def put(self, image: Image.Image) -> None:
        flat = [channel for colour in self.colours for channel in colour]
        image.putpalette(flat + [0] * (-len(flat) % 48))


@lru_cache(256)
def _tables(first: int, steps: int) -> tuple[list[int], list[int]]:
    """What each grey of a mask becomes, and where anything is drawn at all."""
    least = 128 // steps
    return [0 if i < least else first + min(steps - 1, i * steps // 256) for i in range(256)], [0 if i < least else 255 for i in range(256)]


def _mixed(ground: int, colour: int, part: int, of: int) -> int:
    return ground + (colour - ground) * part // of


class Canvas:
    """A picture in palette colours on one ground."""

    def __init__(self, size: tuple[int, int], ground: Rgb, palette: Palette | None = None, steps: int = 7) -> None:
        self.palette = palette or Palette()
        self.ground = ground
        self._steps = steps
        self.image = Image.new("P", size, self.palette.flat(ground))
        self._draw = ImageDraw.Draw(self.image)

    def text(self, at: tuple[int, int], path: str, size: int, text: str, colour: Rgb, *, ground: Rgb | None = None, anchor: str = "left") -> int:
        """Draw a line whose top is at `at`; gives its width. `ground` is what lies below it."""
        mask, left, top = masked(path, size, text)
        x = at[0] - (mask.width if anchor == "right" else mask.width // 2 if anchor == "middle" else 0) + (left if anchor == "left" else 0)
        self.paste(mask, (x, at[1] + top), colour, ground)
        return mask.width

    def paste(self, mask: Image.Image, at: tuple[int, int], colour: Rgb, ground: Rgb | None = None) -> None:
        """Colour through a mask, its greys being shades between the two."""
        first, steps = self.palette.ramp(ground or self.ground, colour, self._steps), self._steps
        shades, seen = _tables(first, steps)
        self.image.paste(mask.point(shades), at, mask.point(seen))

    def box(self, box: tuple[int, int, int, int], colour: Rgb, radius: int = 0) -> None:
        if not radius:
            self._draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=self.palette.flat(colour))
            return
        width, height = box[2] - box[0], box[3] - box[1]
        mask = Image.new("L", (width * 2, height * 2), 0)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, width * 2 - 1, height * 2 - 1), radius * 2, fill=255)
        self.paste(mask.resize((width, height), Image.Resampling.BOX), (box[0], box[1]), colour)

    def column(self, at: tuple[int, int], path: str, size: int, text: str, colour: Rgb, width: int, most: int) -> int:
        """Lines of a text below each other; gives the height that they take."""
        found = lines(path, size, text, width, most)
        step = size * 5 // 4
        for i, line in enumerate(found):
            self.text((at[0], at[1] + i * step), path, size, line, colour)
        return len(found) * step

    def finished(self) -> Image.Image:
        self.palette.put(self.image)
        return self.image
