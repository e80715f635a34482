"""How identifiers are named, normalised, hashed and claimed."""

from __future__ import annotations

import pytest

from app.domain.claims import Claim, Link, owner_at, with_claim
from app.domain.event import Event, Heard, Identity
from app.domain.identity import USUAL_KINDS, Identifiers, IdentityKind

KINDS = {**USUAL_KINDS, "phone": IdentityKind("phone", country="+49"), "card": IdentityKind("card_number", hashed=True)}
KNOWN = Identifiers(KINDS, b"k" * 32)


def said(kind: str, user: str, link: Identity | None = None, **traits: object) -> Heard:
    return Heard(kind, Identity("user_id", user), Event(kind, 5, b"123456"), traits, link)


@pytest.mark.parametrize("text,kind,value", [
    ("u1", "user_id", "u1"), ("a:b", "user_id", "a:b"), ("anonymous_id: x", "anonymous_id", " x"[1:]), ("email: Ann@Shop.Example ", "email", "ann@shop.example"),
    ("phone:0171 23-45", "phone", "+491712345"), ("phone:+49 (171) 2345", "phone", "+491712345"), ("phone:0049 171 2345", "phone", "+491712345"),
])
def test_an_identifier_is_found_however_it_is_written(text, kind, value):
    assert KNOWN.parse(text) == Identity(kind, value)


def test_a_hashed_identifier_shows_nothing_and_is_found_by_its_value_and_by_its_hash():
    hashed = KNOWN.parse("card:1234")

    assert "1234" not in hashed.value
    assert KNOWN.parse(str(hashed)) == hashed == KNOWN.parse("card: 1234 ")
    assert Identifiers(KINDS, b"x" * 32).parse("card:1234") != hashed


def test_a_user_claims_what_identify_names_and_a_number_may_be_one():
    links = KNOWN.links(said("identify", "u1", Identity("anonymous_id", "v"), email=" A@b.example", phone="", card_number=77, city="Bonn"))

    assert links == [
        Link("u:u1", "a:v", 5, b"123456"), Link("u:u1", "email:a@b.example", 5, b"123456", asked=False),
        Link("u:u1", KNOWN.parse("card:77").key, 5, b"123456", asked=False),
    ]


def test_an_alias_claims_the_anonymous_id_and_merges_the_user_of_that_name():
    assert KNOWN.links(said("alias", "u1", Identity("anonymous_id", "old"))) == [
        Link("u:u1", "a:old", 5, b"123456"), Link("u:u1", "u:old", 5, b"123456", merge=True),
    ]


def test_traits_of_a_track_event_or_of_nobody_known_claim_nothing():
    anonymous = Heard("identify", Identity("anonymous_id", "v"), Event("identify", 5, b"123456"), {"email": "a@b.example"})

    assert KNOWN.links(anonymous) == KNOWN.links(said("track", "u1")) == KNOWN.links(said("group", "u1", group_id="g")) == []


def test_what_came_before_every_claim_is_the_first_s():
    claims = with_claim(with_claim((), Claim(20, b"b", "u:2")), Claim(10, b"a", "u:1"))

    assert [owner_at(claims, at, b"a") for at in (5, 10, 19, 20, 21)] == ["u:1", "u:1", "u:1", "u:1", "u:2"]


def test_of_many_claims_the_changes_of_owner_stay():
    claims: tuple[Claim, ...] = ()
    for i in range(300):
        claims = with_claim(claims, Claim(i, b"", f"u:{i // 100}"))

    assert len(claims) < 70
    assert [owner_at(claims, at, b"") for at in (0, 99, 100, 199, 200, 500)] == ["u:0", "u:0", "u:1", "u:1", "u:2", "u:2"]
