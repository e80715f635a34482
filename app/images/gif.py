"""Putting a GIF together from pictures that were compressed before: a frame is the part that changes, and mostly seen already."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

_TRAILER = b";"


def encoded(image: Image.Image) -> tuple[bytes, bytes]:
    """(header with the palette, the compressed pixels) of a palette image."""
    out = BytesIO()
    image.save(out, "GIF", optimize=False, interlace=False)
    return taken_apart(out.getvalue())


def taken_apart(data: bytes) -> tuple[bytes, bytes]:
    """The header and colour table, and what follows the descriptor of the first picture up to its end."""
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    header = data[:at]
    while data[at] == 0x21:  # extensions: a label and sub-blocks
        at = _after_blocks(data, at + 2)
    at += 10 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
    return header, data[at : _after_blocks(data, at + 1)]


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def frame(pixels: bytes, box: tuple[int, int, int, int], centiseconds: int) -> bytes:
    """One frame: pixels for the box (left, top, width, height), shown for so long on top of what is there."""
    control = b"\x21\xf9\x04\x04" + centiseconds.to_bytes(2, "little") + b"\0\0"
    return control + b"," + b"".join(each.to_bytes(2, "little") for each in box) + b"\0" + pixels


def assembled(header: bytes, frames: list[bytes]) -> bytes:
    """The whole file, played once: its last frame stays."""
    return b"GIF89a" + header[6:] + b"".join(frames) + _TRAILER
