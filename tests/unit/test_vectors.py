"""Items as vectors: what is near, what the index finds, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.content.recommending import read
from app.content.vectors import Vectors
from app.errors import ContentInvalid, SettingsInvalid
from app.learning.baskets import Basket
from app.learning.copurchase import packed
from app.learning.factors import factorised, indexed
from tests.told import told

KINDS, EACH = 8, 12


def baskets(count: int = 600) -> list[Basket]:
    """Each of things of one kind."""
    draw = np.random.default_rng(5)
    return [Basket(f"u{i % 50}", i, tuple(f"k{i % KINDS}-{j}" for j in draw.choice(EACH, 4, replace=False))) for i in range(count)]


def written(folder: Path, arrays: dict[str, np.ndarray]) -> Path:
    (folder / "near.npz").write_bytes(packed(arrays))
    return folder / "near.npz"


def test_things_of_a_kind_are_near_each_other_and_name_what_speaks_for_them(tmp_path):
    index = read(written(tmp_path, factorised(baskets())))

    found = told(index, ["k3-1"], {}, 8)

    assert {each.id.split("-")[0] for each in found} == {"k3"}
    assert {each.because for each in found} == {"k3-1"}
    assert "k3-1" not in {each.id for each in found}
    assert all(0 < each.score <= 1 for each in found)


def test_who_gives_no_seed_gets_what_is_near_to_what_they_had(tmp_path):
    index = read(written(tmp_path, factorised(baskets())))

    assert {each.id.split("-")[0] for each in told(index, [], {"k5-2": 2}, 5)} == {"k5"}


def test_who_is_not_known_at_all_gets_what_sells_best_of_late(tmp_path):
    index = read(written(tmp_path, factorised([*baskets(), *(Basket("u1", 10**10 + i, ("k1-1", "k1-2")) for i in range(40))])))

    found = told(index, ["nothing that is known"], {}, 2)

    assert {each.id for each in found} == {"k1-1", "k1-2"}
    assert {each.because for each in found} == {None}


def test_the_index_finds_nearly_all_of_the_nearest():
    draw = np.random.default_rng(9)
    middles = draw.standard_normal((150, 16))
    vectors = (middles[draw.integers(0, 150, 20_000)] + 0.3 * draw.standard_normal((20_000, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    arrays = indexed([f"i{i:05}" for i in range(20_000)], vectors, np.arange(10))
    index, asked = Vectors(arrays), vectors[:50]

    found = [set(index.nearest(each, 10)[0].tolist()) for each in asked]
    true = [set(np.argsort(-(arrays["vectors"].astype(np.float32) @ each))[:10].tolist()) for each in asked]

    assert np.mean([len(some & best) / 10 for some, best in zip(found, true, strict=True)]) >= 0.95


def torn(data: bytes) -> bytes:
    return data[: len(data) // 2]


def compressed(data: bytes) -> bytes:
    from io import BytesIO

    into = BytesIO()
    with np.load(BytesIO(data)) as given:
        np.savez_compressed(into, allow_pickle=False, **{name: given[name] for name in given})
    return into.getvalue()


@pytest.mark.parametrize("spoil", [torn, compressed, lambda data: b"", lambda data: b"no archive at all"], ids=["torn", "compressed", "empty", "text"])
def test_a_spoilt_file_is_refused_with_what_to_do(tmp_path, spoil):
    path = tmp_path / "near.npz"
    path.write_bytes(spoil(packed(factorised(baskets()))))

    with pytest.raises(ContentInvalid) as failed:
        read(path)

    assert "write it anew with `inlay train`" in str(failed.value.found[0])


@pytest.mark.parametrize("name,change", [("order", 3), ("list_at", 1), ("popular", 5_000), ("id_at", 7)])
def test_a_file_whose_parts_do_not_fit_together_is_refused(tmp_path, name, change):
    arrays = factorised(baskets())
    arrays[name] = arrays[name] + change

    with pytest.raises(ContentInvalid, match="near.npz"):
        read(written(tmp_path, arrays))


def test_too_few_baskets_are_refused_with_what_to_do():
    with pytest.raises(SettingsInvalid, match="take in more time"):
        factorised(baskets(20))
