"""Who is probably one person, and what becomes of it."""

from __future__ import annotations

import os
from random import Random

import pytest
from bench.identities import DATA, KINDS, linked, without_id

from app.domain.traits import Trait
from app.errors import SettingsInvalid
from app.learning.linkage import Match, matches
from app.learning.records import Person, cleaned
from app.learning.resolving import verdicts

TRAITS = {"first": Trait("first", "given_name"), "last": Trait("last", "family_name"), "born": Trait("born", "date"), "zip": Trait("zip", "postcode")}
CARDS = TRAITS | {"card": Trait("card", "id", exclusive=True)}
real = pytest.mark.skipif(not (DATA / "febrl").exists() and not os.environ.get("CI"), reason="the FEBRL records are not on this machine")


def people(count: int) -> list[Person]:
    draw = Random(4)
    names = [("".join(draw.choices("abcdefghijklmnoprst", k=6)), "".join(draw.choices("abcdefghijklmnoprst", k=7))) for _ in range(150)]
    return [
        Person(f"u:{i}", {"first": draw.choice(names)[0], "last": draw.choice(names)[1], "born": f"19{draw.randrange(40, 99)}-0{draw.randrange(1, 9)}-1{draw.randrange(9)}", "zip": str(draw.randrange(10_000, 10_400))})
        for i in range(count)
    ]


def test_a_person_is_found_again_in_spite_of_a_slip_and_says_why():
    known = people(400)
    again = Person("u:again", known[7].traits | {"last": str(known[7].traits["last"]).upper() + "x"})

    best = matches([[*known, again]], TRAITS)[0]

    assert {best.a, best.b} == {"u:7", "u:again"}
    assert {name: how for name, (how, _) in best.evidence.items()} == {"first": "same", "last": "similar", "born": "same", "zip": "same"}


def test_too_little_to_compare_is_said():
    with pytest.raises(SettingsInvalid, match="traits:"):
        matches([people(5)], {"zip": TRAITS["zip"], "note": Trait("note", "text")})


def test_the_certain_are_merged_and_the_doubtful_reviewed():
    found = [Match("u:1", "u:2", 0.99, {}), Match("u:3", "u:4", 0.7, {})]

    assert [each.outcome for each in verdicts(found, people(5), TRAITS, 0.95)] == ["merge", "review"]


def test_nobody_is_merged_across_a_hard_conflict_not_even_through_a_third():
    known = [Person("u:1", {"card": "11"}), Person("u:2", {}), Person("u:3", {"card": "33"}), Person("u:4", {}, frozenset({"u:1"}))]
    found = [Match("u:1", "u:2", 0.999, {}), Match("u:2", "u:3", 0.998, {}), Match("u:2", "u:4", 0.997, {})]

    told = verdicts(found, known, CARDS, 0.95)

    assert [(each.outcome, each.why) for each in told] == [("merge", ""), ("conflict", "card differs"), ("conflict", "somebody said that they are two")]


@pytest.mark.parametrize(("value", "kind", "wanted"), [
    (" José-María ", "given_name", "jose maria"), ("1980-02-03", "date", "19800203"), ("+49 (171) 23", "phone", "+4917123"), ("A@B.Example", "email", "a@b.example"),
    ("", "city", None), (None, "city", None), (True, "city", None), (4011, "postcode", "4011"),
])
def test_values_are_compared_without_what_does_not_matter(value, kind, wanted):
    assert cleaned(value, kind) == wanted


@real
def test_real_records_with_their_slips_are_found_again_without_labels():
    found = linked(["dataset1.csv"], without_id())

    assert found.value >= 0.995
    assert float(found.notes["precision"]) >= 0.998


@real
@pytest.mark.long
def test_five_thousand_real_records_are_found_again_between_two_files():
    found = linked(["dataset4a.csv", "dataset4b.csv"], KINDS)

    assert found.value >= 0.998
    assert float(found.notes["precision"]) >= 0.998
