"""Items as vectors, and an index that finds the nearest of a million: lists around centres, of which the nearest are looked
through (an inverted file: Jégou, Douze and Schmid 2011)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.content.ideas import Found, Ideas, Told, popular
from app.content.neighbours import POPULAR, Question

ARRAYS = ("meta", "ids", "id_at", "order", "middles", "list_at", "vectors", "popular")


class Vectors:
    """`ids[id_at[i]:id_at[i + 1]]` is the UTF-8 of the i-th id, in the order of their bytes; its vector, of length 1, is
    `vectors[order[i]]`. `vectors[list_at[k]:list_at[k + 1]]` are those nearest to `middles[k]`. All of it is memory-mapped: of the
    file, a worker holds only what no other can share, and the pages that it reads."""

    counts_had = False

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.meta: dict[str, Any] = json.loads(bytes(arrays["meta"]))
        self._ids, self._id_at, self._order = arrays["ids"], arrays["id_at"], arrays["order"]
        self._vectors, self._list_at, self._popular = arrays["vectors"], arrays["list_at"], arrays["popular"]
        self._middles = arrays["middles"].astype(np.float32)
        self._lists: int = self.meta["lists"]
        self._row = np.empty(len(self._order), dtype=np.int32)
        self._row[self._order] = np.arange(len(self._order), dtype=np.int32)
        self.bytes = sum(each.nbytes for each in arrays.values())

    def __len__(self) -> int:
        return len(self._order)

    def fits(self) -> bool:
        """Whether the parts fit together, as far as that can be told without reading all of the file."""
        items, lists = len(self._order), len(self._middles)
        return (
            self._vectors.ndim == 2 and self._middles.ndim == 2 and self._vectors.shape[1] == self._middles.shape[1] and len(self._vectors) == items and items > 0
            and len(self._id_at) == items + 1 and int(self._id_at[0]) == 0 and int(self._id_at[-1]) == len(self._ids) and bool((np.diff(self._id_at) > 0).all())
            and len(self._list_at) == lists + 1 and int(self._list_at[0]) == 0 and int(self._list_at[-1]) == items and bool((np.diff(self._list_at) >= 0).all())
            and bool((np.bincount(self._order, minlength=items) == 1).all()) and 0 < self._lists <= lists
            and (not len(self._popular) or 0 <= int(self._popular.min()) <= int(self._popular.max()) < items) and bool(np.isfinite(self._middles).all())
        )

    def recommend(self, asked: Sequence[Question], most: int) -> list[Ideas]:
        """To each question the items nearest to the seeds together, seeds left out, the nearest first; where none is known, to what the
        person had; where that is not known either, what sells best of late. A score is a cosine, no less than 0."""
        return [self._recommend(seeds, had, most) for seeds, had in asked]

    def _recommend(self, seeds: Sequence[str], had: Mapping[str, int], most: int) -> Ideas:
        known: list[int] = self._rows(seeds) or self._rows(had)
        if not known:
            return self.usual(most)
        mine = self._vectors[known].astype(np.float32)
        rows, cosines = self.nearest(mine.sum(axis=0), most + len(known))
        kept = ~np.isin(rows, known) & (cosines > 0)
        rows, cosines = rows[kept][:most], np.minimum(cosines[kept][:most], 1)

        def tell(start: int, stop: int) -> Told:
            why = np.argmax(self._vectors[rows[start:stop]].astype(np.float32) @ mine.T, axis=1)
            return cosines[start:stop].tolist(), why.tolist()

        return Ideas(rows, tell, lambda id, cosine, speaks: Found(id, cosine, self.id(known[speaks])))

    def knows(self, id: str) -> bool:
        return self._find(id.encode()) is not None

    def usual(self, most: int = POPULAR) -> Ideas:
        """What sells best of late."""
        return popular(self._popular[:most], len(self))

    def nearest(self, middle: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows, cosines) of the vectors nearest to this one, as far as they are in the lists that are looked through."""
        middle = middle / max(float(np.linalg.norm(middle)), 1e-9)
        near = np.argpartition(-(self._middles @ middle), self._lists - 1)[: self._lists].tolist()
        spans = [(int(self._list_at[k]), int(self._list_at[k + 1])) for k in near]
        rows = np.concatenate([np.arange(start, end) for start, end in spans])
        cosines = np.concatenate([self._vectors[start:end].astype(np.float32) @ middle for start, end in spans])
        best = np.argpartition(-cosines, most - 1)[:most] if most < len(cosines) else np.arange(len(cosines))
        best = best[np.argsort(-cosines[best], kind="stable")]
        return rows[best], cosines[best]

    def _rows(self, ids: Sequence[str] | Mapping[str, int]) -> list[int]:
        return [row for id in dict.fromkeys(ids) if (row := self._find(id.encode())) is not None]

    def _find(self, id: bytes) -> int | None:
        """By bisection of the ids."""
        low, high = 0, len(self)
        while low < high:
            half = (low + high) // 2
            if self._at(half) < id:
                low = half + 1
            else:
                high = half
        return int(self._order[low]) if low < len(self) and self._at(low) == id else None

    def _at(self, place: int) -> bytes:
        return self._ids[self._id_at[place] : self._id_at[place + 1]].tobytes()

    def id(self, row: int) -> str:
        return self._at(int(self._row[row])).decode()
