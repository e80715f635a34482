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
