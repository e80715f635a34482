"""What is refused of a body before anything is made of it."""

from __future__ import annotations

import pytest

from app.errors import Unparsable
from app.web.bodies import parse_json


@pytest.mark.parametrize("data", [
    b"[" * 32 + b"]" * 32,
    b'{"a":' * 32 + b"1" + b"}" * 32,
    b"[" + b'{"a":[]},' * 500 + b"1]",
    b'["' + b"[{" * 100 + b'"]',
    b'["\\"' + b"[{" * 100 + b'"]',
    b'["\\\\", "' + b"[" * 100 + b'\\\\"]',
])
def test_thirty_two_levels_are_read_and_brackets_in_text_are_none(data):
    assert parse_json(data)


@pytest.mark.parametrize("data", [
    b"[" * 33 + b"]" * 33,
    b'{"a":' * 33 + b"1" + b"}" * 33,
    b"[[]," * 33 + b"1" + b"]" * 33,
    b'["\\\\", ' + b"[" * 33 + b"]" * 33 + b', "\\\\"]',
    b"[" * 1_000_000,
    b'{"a":' * 1_000_000,
    b"]" * 1_000,
])
def test_one_level_more_or_brackets_that_do_not_close_are_refused(data):
    with pytest.raises(Unparsable):
        parse_json(data)
