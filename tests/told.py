"""What a recommender says, told in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.content.ideas import Found
from app.content.shelf import Learnt


def told(learnt: Learnt, seeds: Sequence[str], had: Mapping[str, int], most: int) -> list[Found]:
    (ideas,) = learnt.recommend([(seeds, had)], most)
    return [ideas.found(learnt.id(number), score, speaks) for stride in ideas.strides() for number, score, speaks in zip(*stride, strict=True)]
