"""What is closed stays closed: a server that knew a key, and one that others reach."""

from __future__ import annotations

import pytest

from app.errors import Unauthorised
from app.security.keys import entry_of
from app.web.auth import KeyRing

CALL = {"headers": [(b"host", b"localhost")], "method": "GET"}


def row(key: str) -> dict:
    entry = entry_of(key, "n", ["content"], 0)
    return {entry.id: {"name": entry.name, "sha256": entry.sha256, "scopes": ["content"]}}


@pytest.mark.parametrize("after", [{}, None], ids=["the last key revoked", "the store emptied"])
def test_a_server_that_knew_a_key_never_opens_again(tmp_path, after):
    ring = KeyRing(tmp_path / "keys.json")
    ring.replace(row("k"))

    ring.replace(after)

    with pytest.raises(Unauthorised):
        ring.authorise(CALL, "content")


def test_an_emptied_store_takes_no_key_away(tmp_path):
    ring = KeyRing(tmp_path / "keys.json")
    ring.replace(row("k"))

    ring.replace(None)

    ring.authorise({**CALL, "headers": [(b"authorization", b"Bearer k")]}, "content")


def test_a_server_that_others_reach_is_never_in_development_mode(tmp_path):
    ring = KeyRing(tmp_path / "keys.json", guarded=True)

    with pytest.raises(Unauthorised):
        ring.authorise(CALL, "content")


