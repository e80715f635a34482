"""A person is found in bytes that were kept as they came, and others are left in peace."""

from __future__ import annotations

import pytest

from app.domain.event import Identity
from app.domain.profile import Profile
from app.domain.trail import Trail

PERSON = Profile("u:mara77", traits={"email": "mara@example.com", "city": "Bonn"}, identities=(Identity("anonymous_id", "web-1"),), known=True)
TRAIL = Trail.of("email:mara@example.com", PERSON)


def test_it_holds_every_key_and_every_name_of_the_person():
    assert TRAIL.keys == {"u:mara77", "a:web-1", "email:mara@example.com"}
    assert TRAIL.values == {"mara77", "web-1", "mara@example.com"}


@pytest.mark.parametrize("body", [
    b'{"userId": "mara77"}', b'[{"a": [{"email": "mara@example.com"}]}]', b'{"profile": "email:mara@example.com"}', b'{"anonymousId": "web-1"}', b"\xff broken mara@example.com", b'"mara77"',
])
def test_bytes_that_name_the_person_are_found(body):
    assert TRAIL.crosses(body)


@pytest.mark.parametrize("body", [b'{"userId": "mara778"}', b'{"city": "Bonn"}', b"{}", b"null", b"7", b"\xff nothing", b"\xff web-", b"[" * 100_000])
def test_bytes_that_do_not_name_them_are_not(body):
    assert not TRAIL.crosses(body)


def test_a_number_names_somebody_only_where_ids_stand():
    trail = Trail.of("u:7", Profile("u:7"))

    assert [trail.crosses(body) for body in (b'{"userId": 7}', b'{"quantity": 7}')] == [True, False]
