"""`esps:` says where a sender's own data name the person, and says what it cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import RULES, write_shop

from app.content.load import inspect, load
from app.domain.custom_keys import USUAL_KEYS


def test_a_name_is_looked_for_before_the_usual_ones(tmp_path: Path) -> None:
    found = load(write_shop(tmp_path, RULES + "esps: {postmark: {profile: userid, send: [campaign, mailing]}}\n")).esps["postmark"]

    assert (found.profile, found.send, found.message) == (("userid", *USUAL_KEYS.profile), ("campaign", "mailing", *USUAL_KEYS.send), USUAL_KEYS.message)


def test_without_the_section_nothing_is_declared(tmp_path: Path) -> None:
    assert load(write_shop(tmp_path)).esps == {}


@pytest.mark.parametrize(("text", "said"), [
    ("{postmrk: {}}", 'no source of webhooks "postmrk"'), ("{postmark: {profil: x}}", 'unknown key "profil"'), ("{postmark: {profile: 7}}", "is a number"),
    ("{postmark: {secret: x}}", 'unknown key "secret"'),
])
def test_what_cannot_be_read_is_a_problem(tmp_path: Path, text: str, said: str) -> None:
    _, problems = inspect(write_shop(tmp_path, RULES + f"esps: {text}\n"))

    assert [problem.message for problem in problems] == [said]
