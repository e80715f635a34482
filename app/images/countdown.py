"""A countdown as an animated GIF that is right from its first frame on, and stands still after a minute."""

from __future__ import annotations

from collections import OrderedDict

from PIL import Image

from app.domain.pictures import PictureSpec
from app.images.canvas import Canvas, rgb
from app.images.gif import assembled, encoded, frame
from app.images.type import BOLD, REGULAR, chosen, font_at, length, masked, readable

FRAMES = 60
KEPT = 128
STEPS = 6
"""Shades of a colour: the eye does not see more at this size, and every one costs bytes."""
_UNITS = (86_400, 3_600, 60, 1)
_MOST_DAYS = 999


class Countdown:
    """One block's countdown: all that does not change is drawn here, once. Sizes are 1 : 1, since a mail shows a GIF as it is."""

    def __init__(self, spec: PictureSpec) -> None:
        self._spec = spec
        self._page, self._ink, self._muted = (rgb(spec.colours[name]) for name in ("page", "ink", "muted"))
        self._size = max(16, min(spec.height * 11 // 20, spec.width // 11))
        self._path = chosen(spec.bold or spec.font or BOLD, "0123456789:")
        font = font_at(self._path, self._size)
        self._cell = max(int(font.getlength(str(digit))) for digit in range(10)) + 2
        self._tall = self._size + 2
        self._top = max(2, (spec.height - self._tall - self._small - 6) // 2)
        self._digits = [self._drawn_digit(str(digit)) for digit in range(10)]
        self._base = self._drawn_base()
        self._header = encoded(self._base)[0]
        self._ones = [encoded(self._palette(digit))[1] for digit in self._digits]
        self._pairs = {number: encoded(self._pair(number))[1] for number in range(9, 60, 10)}
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    @property
    def _small(self) -> int:
        return max(11, self._spec.height // 8)

    def drawn(self, seconds: int, over: str = "") -> bytes:
        """The GIF of somebody who opens the mail with so many seconds left; `over` is said once there are none."""
        key = min(seconds, _MOST_DAYS * 86_400)
        found = self._kept.get(key) if not over else None
        if found is None:
            found = self._animated(key, over)
            if not over or seconds >= FRAMES:
                self._kept[key] = found
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return found

    def still(self, text: str) -> bytes:
        """One frame that says something in words: for when it is over, and for whoever looks at an unknown time."""
        return assembled(self._header, [self._whole(self.said(text), 0)])

    def first(self, seconds: int) -> Image.Image:
        """What is seen first."""
        return self._palette(self._at(min(seconds, _MOST_DAYS * 86_400)))

    def _animated(self, seconds: int, over: str) -> bytes:
        if seconds <= 0:
            return self.still(over or "0")
        frames, before = [self._whole(self._at(seconds), 100)], seconds
        for left in range(seconds - 1, max(seconds - FRAMES, -1), -1):
            if left == 0 and over:
                frames.append(self._whole(self.said(over), 100))
                break
            frames.append(self._step(before, left))
            before = left
        return assembled(self._header, frames)

    def _step(self, before: int, left: int) -> bytes:
        """What changes in this second: mostly one digit."""
        if before // 60 != left // 60:
            return self._whole(self._at(left), 100)
        x = self._place(3)
        if before // 10 % 6 == left // 10 % 6:
            return frame(self._ones[left % 10], (x + self._cell, self._top, self._cell, self._tall), 100)
        return frame(self._pairs[left % 60], (x, self._top, self._cell * 2, self._tall), 100)

    def _pair(self, number: int) -> Image.Image:
        both = Image.new("P", (self._cell * 2, self._tall), 0)
        both.paste(self._digits[number // 10], (0, 0))
        both.paste(self._digits[number % 10], (self._cell, 0))
        return self._palette(both)

    def _whole(self, image: Image.Image, centiseconds: int) -> bytes:
        return frame(encoded(image)[1], (0, 0, self._spec.width, self._spec.height), centiseconds)

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _place(self, unit: int) -> int:
        """Where the digits of a unit begin: four columns, three digits in the first."""
        column = self._spec.width // 4
        return unit * column + (column - self._cell * 2) // 2

    def _at(self, seconds: int) -> Image.Image:
        image = self._base.copy()
        for unit, size in enumerate(_UNITS):
            number = seconds // size % (60 if unit > 1 else 24 if unit else _MOST_DAYS + 1)
            text = f"{number:02d}"
            x = self._place(unit) - (self._cell // 2 if len(text) > 2 else 0)
            for i, digit in enumerate(text):
                image.paste(self._digits[int(digit)], (x + i * self._cell, self._top))
        return image

    def _drawn_base(self) -> Image.Image:
        canvas = self._canvas((self._spec.width, self._spec.height))
        path = chosen(self._spec.font or REGULAR, "".join(self._spec.labels))
        for unit, label in enumerate(self._spec.labels):
            middle = unit * (self._spec.width // 4) + self._spec.width // 8
            canvas.text((middle, self._top + self._tall + 4), path, self._small, readable(path, label), self._muted, anchor="middle")
            if unit:
                canvas.text((unit * (self._spec.width // 4), self._top - self._size // 6), self._path, self._size, ":", self._muted, anchor="middle")
        return canvas.finished()

    def _drawn_digit(self, digit: str) -> Image.Image:
        canvas = self._canvas((self._cell, self._tall))
        mask, _, top = masked(self._path, self._size, digit)
        lowest = masked(self._path, self._size, "0")[2]
        canvas.paste(mask, ((self._cell - mask.width) // 2, min(top, lowest + 2) - lowest + 1), self._ink)
        return canvas.finished()

    def said(self, text: str) -> Image.Image:
        """Words instead of numbers."""
        path = chosen(self._spec.bold or self._spec.font or BOLD, text)
        text = readable(path, text)
        size = self._size
        while size > 12 and length(path, size, text) > self._spec.width - 24:
            size -= 2
        canvas = self._canvas((self._spec.width, self._spec.height))
        canvas.text((self._spec.width // 2, (self._spec.height - size * 5 // 4) // 2), path, size, text, self._ink, anchor="middle")
        return canvas.finished()

    def _canvas(self, size: tuple[int, int]) -> Canvas:
        """Every one has the same palette."""
        canvas = Canvas(size, self._page, steps=STEPS)
        canvas.palette.ramp(self._page, self._ink, STEPS)
        canvas.palette.ramp(self._page, self._muted, STEPS)
        return canvas

    def _palette(self, image: Image.Image) -> Image.Image:
        canvas = self._canvas((1, 1))
        canvas.palette.put(image)
        return image
