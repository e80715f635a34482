"""Drawing: countdowns frame by frame, cards, letters that a font lacks, pictures that are none."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from app.domain.pictures import PictureSpec
from app.images.canvas import rgb
from app.images.card import Card
from app.images.countdown import Countdown
from app.images.fitting import Unusable, fitted
from app.images.type import BOLD, REGULAR, chosen, lines, readable

COUNTDOWN = PictureSpec("countdown", 600, 120)
DAY = 86_400


def frames(data: bytes) -> list[bytes]:
    """What is seen in each frame, as RGB."""
    image, found = Image.open(BytesIO(data)), []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        found.append(image.convert("RGB").tobytes())
    return found


@pytest.fixture(scope="module")
def countdown() -> Countdown:
    return Countdown(COUNTDOWN)


@pytest.mark.parametrize("seconds", [3 * DAY + 4 * 3_600 + 7 * 60 + 20, DAY, 60, 61, 3_600, 100 * DAY + 5, 999 * DAY, 59])
def test_every_frame_shows_a_second_less_than_the_one_before(countdown, seconds):
    expected = [countdown.first(seconds - i).convert("RGB").tobytes() for i in range(min(60, seconds))]

    assert frames(countdown.drawn(seconds))[: len(expected)] == expected


def test_the_last_frame_says_that_it_is_over_and_stays(countdown):
    data = countdown.drawn(5, "This is over")

    assert len(frames(data)) == 6
    assert frames(data)[-1] == countdown.said("This is over").convert("RGB").tobytes()
    assert b"NETSCAPE" not in data


def test_what_is_over_is_said_in_one_frame(countdown):
    assert frames(countdown.drawn(0, "Over")) == [countdown.said("Over").convert("RGB").tobytes()]


def test_a_minute_of_it_is_small(countdown):
    assert max(len(countdown.drawn(9 * DAY + seconds)) for seconds in (1, 59, 3_601, 40_000)) <= 30_720


@pytest.mark.parametrize("size", [(120, 40), (300, 60), (1_200, 240)])
def test_it_fits_any_size(size):
    image = Image.open(BytesIO(Countdown(PictureSpec("countdown", *size)).drawn(DAY)))

    assert image.size == size


def test_long_words_are_made_smaller_until_they_fit(countdown):
    edge = countdown.said("This offer is over, and will not come back before next year").convert("RGB")

    assert {edge.getpixel((x, y)) for x in (2, 597) for y in range(120)} == {(255, 255, 255)}


def card(**texts: str) -> Image.Image:
    return Image.open(BytesIO(Card(PictureSpec("card", 600, 200)).drawn(texts, None)))


def test_a_card_has_twice_its_size_and_what_is_empty_leaves_no_gap():
    assert card(title="Boots").size == (1_200, 400)
    assert card(title="Boots", text="", price="", button="").tobytes() == card(title="Boots").tobytes()


def test_a_title_of_any_length_stays_inside():
    image = card(title="Fjell " * 200, text="x" * 500, price="9" * 30).convert("RGB")

    assert {image.getpixel((1_197, y)) for y in range(400)} == {(255, 255, 255)}


def test_a_picture_keeps_its_colours_beside_those_of_the_text():
    drawer, red = Card(PictureSpec("card", 600, 200)), Image.new("RGB", (50, 50), (200, 30, 40))
    out = BytesIO()
    red.save(out, "PNG")

    image = Image.open(BytesIO(drawer.drawn({"picture": "x", "title": "Boots"}, fitted(out.getvalue(), drawer.picture_size())))).convert("RGB")

    assert image.getpixel((100, 100)) == (200, 30, 40)


def test_text_in_any_language_is_cut_at_a_word_with_an_ellipsis():
    assert lines(REGULAR, 20, "one two three four five six seven", 120, 2)[-1].endswith("…")
    assert lines(REGULAR, 20, "short", 500, 2) == ["short"]


def test_a_letter_that_no_font_has_is_left_out_instead_of_drawn_as_a_box():
    assert readable(REGULAR, "Boot \U00012345€") == "Boot €"
    assert card(title="Boot \U00012345").tobytes() == card(title="Boot ").tobytes()


def test_a_font_that_lacks_letters_which_ours_has_is_not_drawn_with(tmp_path: Path):
    from PIL import ImageFont

    meagre = tmp_path / "meagre.ttf"
    meagre.write_bytes(ImageFont.load_default(20).font_bytes)

    assert [chosen(str(meagre), "12 €"), chosen(str(meagre), "12"), chosen(BOLD, "€")] == [REGULAR, str(meagre), BOLD]


def bomb() -> bytes:
    """A small file that says it is 40,000 pixels wide and high."""
    out = BytesIO()
    Image.new("1", (40_000, 40_000)).save(out, "PNG", optimize=True)
    return out.getvalue()


def chatty() -> bytes:
    """A small PNG with a comment of 64 MiB, packed."""
    out, told = BytesIO(), PngInfo()
    told.add_text("comment", "x" * (64 << 20), zip=True)
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=told)
    return out.getvalue()


def test_of_a_picture_that_never_ends_the_first_frame_is_read():
    first, out = Image.new("RGB", (40, 40), (200, 30, 40)), BytesIO()
    first.save(out, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 40), (0, 0, shade)) for shade in range(256)], loop=0)
    endless = out.getvalue()[:-1] + out.getvalue()[-400:-1] * 5_000

    assert fitted(endless, (40, 40)).convert("RGB").getpixel((20, 20)) == (200, 30, 40)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n" + b"x" * 200, b"x" * (5 << 20), bomb(), chatty()], ids=["none", "cut", "svg", "broken", "large", "bomb", "chatty"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(Unusable):
        fitted(data, (100, 100))


def test_transparency_lies_on_the_ground_of_the_card():
    image, out = Image.new("RGBA", (40, 40), (0, 0, 0, 0)), BytesIO()
    ImageDraw.Draw(image).rectangle((0, 0, 40, 5), fill=(10, 20, 30, 255))
    image.save(out, "PNG")

    assert fitted(out.getvalue(), (40, 40), rgb("#ffeedd")).convert("RGB").getpixel((20, 30)) == (255, 238, 221)
