"""Pictures of others, read with care: cut to size and brought down to few colours, once."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from app.images.card import SHADES

MAX_PIXELS = 24_000_000
MAX_BYTES = 4 << 20
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")


class Unusable(ValueError):
    """No picture, or one that is too large to be one."""


def fitted(data: bytes, size: tuple[int, int], ground: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    """The middle of the picture, filling `size`, in palette colours. Its size is looked at before a pixel is read. `Unusable`."""
    if len(data) > MAX_BYTES:
        raise Unusable(f"more than {MAX_BYTES:,} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Unusable(f"{image.width} x {image.height} pixels")
        image.draft("RGB", (size[0] * 2, size[1] * 2))
        whole = Image.new("RGBA", image.size, (*ground, 255))
        whole.alpha_composite(image.convert("RGBA"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError, MemoryError) as error:
        raise Unusable("cannot be read as a picture") from error
    return ImageOps.fit(whole.convert("RGB"), size, Image.Resampling.LANCZOS).quantize(SHADES, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
