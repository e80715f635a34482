"""Tokens speak for one recipient on one surface, and nobody else can make one."""

from __future__ import annotations

import random

import pytest

from app.security.tokens import DAYS_31, SKEW, Claims, Expired, Tokens

OLD, NEW = ("k1", bytes(range(32))), ("k2", bytes(range(1, 33)))
NOW = 1_760_000_000_000


def minted(tokens: Tokens) -> str:
    return tokens.mint("amp", "hero", "u:1", "s", "news", NOW)


def test_a_token_gives_back_what_it_was_minted_for():
    tokens = Tokens([NEW])

    assert tokens.read(minted(tokens), "amp", NOW) == Claims("amp", "hero", "u:1", "s", "news", NOW + DAYS_31)


def test_a_token_of_the_former_key_is_still_read():
    assert Tokens([NEW, OLD]).read(minted(Tokens([OLD])), "amp", NOW) is not None


def test_a_token_is_for_its_surface_only():
    tokens = Tokens([NEW])

    assert tokens.read(minted(tokens), "image", NOW) is None


def test_an_old_token_is_authentic_but_expired():
    tokens = Tokens([NEW])

    assert isinstance(tokens.read(minted(tokens), "amp", NOW + DAYS_31 + SKEW + 1), Expired)


def test_a_raised_epoch_revokes():
    assert Tokens([NEW], epoch=1).read(minted(Tokens([NEW])), "amp", NOW) is None


def test_no_changed_character_is_accepted():
    tokens = Tokens([NEW])
    token = minted(tokens)
    changed = [token[:i] + c + token[i + 1 :] for i in range(len(token)) for c in "Ax.-_0=" if token[i] != c]

    assert [each for each in changed if tokens.read(each, "amp", NOW) is not None] == []


def test_random_text_is_never_a_token():
    tokens, rng = Tokens([NEW]), random.Random(1)
    made = ["v1.k2." + "".join(rng.choices("abcXYZ019-_.", k=rng.randrange(300))) for _ in range(5_000)]

    assert [each for each in made if tokens.read(each, "amp", NOW) is not None] == []


def test_no_personal_data_can_be_read_in_a_token():
    token = Tokens([NEW]).mint("amp", "hero", "email:ann@example.com", "s", "", NOW)

    assert "ann" not in token and "example" not in token


@pytest.mark.parametrize("id", ["", "k2-", "k2-AAAA", "k9-AAAA", "n" * 5_000, "k2-é", "k2-====", "-"])
def test_what_is_no_decision_id_opens_to_nothing(id):
    assert Tokens([NEW]).open(id) is None


def test_a_decision_id_is_the_same_for_the_same_send_and_opens_again():
    tokens = Tokens([NEW])

    assert tokens.seal("u:1", "s") == tokens.seal("u:1", "s")
    assert tokens.open(tokens.seal("u:1", "s")) == ("u:1", "s")


def test_an_id_of_a_retired_key_still_opens():
    assert Tokens([NEW, OLD]).open(Tokens([OLD]).seal("u:1", "s")) == ("u:1", "s")


def test_a_dropped_key_opens_and_reads_nothing():
    assert Tokens([NEW]).open(Tokens([OLD]).seal("u:1", "s")) is None
    assert Tokens([NEW]).read(minted(Tokens([OLD])), "amp", NOW) is None


@pytest.mark.parametrize("profile", ["u:1", "u:12", "u:123"])
def test_an_id_has_one_spelling(profile):
    tokens = Tokens([NEW])
    id = tokens.seal(profile, "s")
    changed = [id[:i] + c + id[i + 1 :] for i in range(len(id)) for c in "Ax-_0=!" if id[i] != c]
    changed += [id + "=", id + "!", id[:-1], id + "A", id[:9] + "!" + id[9:], id[:9] + "\n" + id[9:], " " + id]

    assert [each for each in changed if tokens.open(each) is not None] == []


@pytest.mark.parametrize("token", [
    "", ".", "...", "v1", "v1.k2", "v1.k2.", "v1.k2..", "v2.k2.AAAA.AAAA", "v1.k2.AAAA.é", "v1..AAAA.AAAA", "v1.k2.AAAA.BBBB.CCCC", "v1.k2.\x00.AAAA",
    "v1.k2." + "A" * 3_000 + ".AAAA",
])
def test_what_is_no_token_reads_as_nothing(token):
    assert Tokens([NEW]).read(token, "amp", NOW) is None


def test_no_part_of_one_token_fits_into_another():
    tokens = Tokens([NEW, OLD])
    a, b = minted(tokens).split("."), tokens.mint("image", "hero", "u:2", "s", "news", NOW).split(".")
    mixed = [".".join((*a[:2], a[2], b[3])), ".".join((*a[:2], b[2], a[3])), ".".join((a[0], "k1", *a[2:])), ".".join(a[:3]), ".".join((*a, a[3])), minted(tokens)[:-1]]

    assert [each for each in mixed if tokens.read(each, "amp", NOW) is not None] == []


def test_the_longest_ids_fit():
    tokens = Tokens([NEW])
    token = tokens.mint("amp", "p" * 64, "u:" + "x" * 256, "s" * 256, "m" * 64, NOW)

    assert tokens.read(token, "amp", NOW) is not None
    assert tokens.open(tokens.seal("u:" + "é" * 128, "s" * 256)) == ("u:" + "é" * 128, "s" * 256)
