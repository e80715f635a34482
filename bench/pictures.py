"""Pictures that are drawn at open: the time of one that was not drawn before, and how large it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from statistics import median
from time import perf_counter

from PIL import Image

from app.domain.pictures import PictureSpec
from app.images.card import Card
from app.images.countdown import Countdown
from app.images.fitting import fitted
from bench.machine import ROOT
from bench.registry import figure
from bench.stage import tell

DAY = 86_400
ROUNDS = 200


@figure("countdown_ms", "ms", at_most=5, title="a countdown of 60 frames, 600 x 120, that nobody asked for before")
def countdown_ms() -> float:
    countdown = Countdown(PictureSpec("countdown", 600, 120))
    return _middle([lambda at=at: countdown.drawn(at) for at in range(3 * DAY, 3 * DAY + ROUNDS * 61, 61)])


@figure("countdown_kb", "KB", at_most=30, title="the largest of such countdowns, at any second of an hour")
def countdown_kb() -> float:
    countdown = Countdown(PictureSpec("countdown", 600, 120))
    sizes = [len(countdown.drawn(88 * DAY + at)) for at in range(0, 3_600, 7)]
    first = Image.open(BytesIO(countdown.drawn(DAY)))
    assert getattr(first, "n_frames", 1) == 60
    return max(sizes) / 1024


@figure("card_image_ms", "ms", at_most=10, title="a card of 600 x 200 at twice its size, with a picture, fonts loaded")
def card_image_ms() -> float:
    card = Card(PictureSpec("card", 600, 200))
    picture = fitted((ROOT / "app" / "demo" / "pictures" / "fjell.png").read_bytes(), card.picture_size())
    texts = {"picture": "fjell.png", "kicker": "For you", "text": "15 % off every shoe until Sunday, in every size", "price": "109.00 €", "old_price": "129.00 €", "button": "Have a look"}
    return _middle([lambda i=i: card.drawn({**texts, "title": f"Fjell Trail shoe number {i}", "stock": f"only {i} left"}, picture) for i in range(ROUNDS)])


def _middle(calls: Sequence[Callable[[], bytes]]) -> float:
    """The middle of the milliseconds that these take, the first ten aside."""
    found: list[float] = []
    for call in calls:
        begun = perf_counter()
        call()
        found.append((perf_counter() - begun) * 1000)
    warm = sorted(found[10:])
    tell(f"{median(warm):.2f} ms in the middle, {warm[len(warm) * 99 // 100]:.2f} ms at the 99th percentile")
    return median(warm)
