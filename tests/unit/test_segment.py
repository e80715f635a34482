"""Segment's wire format: what is refused says why, what is left out harms nothing."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.event import ID_BYTES, Heard
from app.formats.segment import NotHeard, parse

NOW = 1_760_000_000_000
REFUSED = [
    ({"type": "track", "userId": "u", "event": "A", "messageId": ""}, "invalid", "messageId"),
    ({"type": "track", "userId": "u", "event": "A", "messageId": "m" * 513}, "invalid", "messageId"),
    ({"type": "group", "userId": "u"}, "invalid", "groupId is needed"),
    ({"type": "alias", "userId": "u"}, "no_identity", "alias needs"),
    ({"type": "alias", "previousId": "a"}, "no_identity", "alias needs"),
    ({"type": "track", "userId": "u\n", "event": "A"}, "invalid", "userId"),
    ({"type": "track", "userId": "u" * 257, "event": "A"}, "invalid", "userId"),
    ({"type": "track", "userId": True, "event": "A"}, "invalid", "userId"),
    ({"type": "track", "userId": "u", "event": "  "}, "invalid", "event"),
    ({"type": "track", "userId": "u", "event": 7}, "invalid", "event"),
    ({"type": "identify", "userId": "u", "traits": ["a"]}, "invalid", "traits"),
    ({"type": "track", "userId": "u", "event": "A", "properties": "a"}, "invalid", "properties"),
]


def heard(raw: dict[str, Any]) -> Heard:
    return parse(raw, NOW, lambda: bytes(ID_BYTES), lambda text: text.encode()[:ID_BYTES].ljust(ID_BYTES))


@pytest.mark.parametrize(("raw", "reason", "said"), REFUSED, ids=[f"{row[1]} {row[2]} {i}" for i, row in enumerate(REFUSED)])
def test_what_is_refused_says_why(raw, reason, said):
    with pytest.raises(NotHeard) as refusal:
        heard(raw)

    assert (refusal.value.reason, said in refusal.value.detail) == (reason, True)


def test_a_page_s_name_and_category_are_properties_that_those_given_go_before():
    found = heard({"type": "page", "userId": "u", "name": "Home", "category": "shop", "properties": {"category": "own", "gone": None}})

    assert found.event is not None
    assert (found.event.name, found.event.properties) == ("page_viewed", {"category": "own", "name": "Home"})


def test_an_id_may_be_a_whole_number():
    assert heard({"type": "track", "userId": 7, "event": "A"}).who.value == "7"
