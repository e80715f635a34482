"""Whatever is sent as an event is either heard or refused in words; nothing else ever happens."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.event import Heard
from app.errors import InlayError
from app.formats.page import on_our_clock, page_events, pixel_event
from app.formats.segment import NotHeard
from app.formats.wire import parse
from app.domain.event import hashed_id
from app.wiring import random_id

NOW = 1_791_795_600_000
TEXT = st.one_of(st.text(max_size=40), st.sampled_from(["", "u1", "a" * 32, "\ud800", "\x00", "2026-10-12T09:00:00Z", "9999-12-31T23:59:59Z", "https://[", "1.0", "page", "identify"]))
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT), lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)), max_leaves=8,
)
KEYS = (
    "type", "event", "userId", "anonymousId", "messageId", "timestamp", "properties", "traits", "context", "groupId", "previousId", "userHash", "name", "specversion", "id", "source", "subject",
    "time", "data", "data_base64", "userid", "anonymousid", "sentAt",
)
CONTEXT = st.fixed_dictionaries({}, optional=dict.fromkeys(("page", "campaign", "device", "ip", "userAgent", "protocols"), VALUE))
EVENT = st.fixed_dictionaries(
    {"type": st.one_of(st.sampled_from(["track", "page", "identify", "alias", "group", "io.inlay.identify"]), VALUE)},
    optional={**{key: VALUE for key in KEYS if key != "type"}, "context": st.one_of(CONTEXT, VALUE), "specversion": st.one_of(st.just("1.0"), VALUE), "anonymousId": st.one_of(st.just("a" * 32), VALUE)},
)
ANYTHING = st.one_of(EVENT, VALUE)


@given(ANYTHING)
@settings(max_examples=300)
def test_an_event_is_heard_or_refused(raw: Any):
    found: Any = None

    with contextlib.suppress(NotHeard):
        found = parse(raw, NOW, random_id, hashed_id)

    assert found is None or isinstance(found, Heard)


@given(st.lists(ANYTHING, max_size=3), VALUE)
@settings(max_examples=300)
def test_a_page_s_events_are_taken_or_refused_and_no_user_comes_through_without_a_proof(raws: Any, sent: Any):
    found: Any = []

    with contextlib.suppress(InlayError):
        found = on_our_clock(page_events(raws, lambda user, given: False)[1], sent, NOW)

    assert [each for each in found if "userId" in each or each["type"] not in ("page", "track") or each["anonymousId"] != "a" * 32 and len(each["anonymousId"]) < 16] == []


@given(st.dictionaries(st.one_of(st.sampled_from(["e", "a", "u", "h", "m", "p.x", "p."]), TEXT), TEXT, max_size=6), TEXT)
@settings(max_examples=200)
def test_a_picture_s_address_is_an_event_or_refused(query: Any, referrer: str):
    found: Any = {}

    with contextlib.suppress(InlayError, NotHeard):
        found = parse(pixel_event(query, referrer, lambda user, given: False), NOW, random_id, hashed_id)

    assert found == {} or found.who.kind == "anonymous_id"
