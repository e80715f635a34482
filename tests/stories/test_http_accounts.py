"""An experiment on accounts: everybody of one account sees the same, also after the weights have changed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.server import Server

RULES = """\
version: 1
placements: {hero: {fallback: {block: plain}}}
experiments: {copy: {placement: hero, unit: account, variants: {a: 1.0, b: 0.0}}}
"""


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server.ruled(RULES)
    yield running
    running.close()


def version(server: Server) -> str:
    return server.get("/readyz").json["content"]["version"]


def variant(server: Server, person: str, account: str) -> str:
    server.post("/v1/events", {"type": "identify", "userId": person, "traits": {"account_id": account}})
    return server.post("/v1/decisions", {"profile": person, "send": "s", "placements": ["hero"]}).json["placements"]["hero"]["variant"]["copy"]


def test_a_newcomer_to_an_account_sees_what_the_account_saw_before_the_weights_changed(server: Server) -> None:
    first, before = variant(server, "ann", "ACME"), version(server)
    rules = server.content / "rules" / "shop.yaml"
    rules.write_text(rules.read_text().replace("{a: 1.0, b: 0.0}", "{a: 0.0, b: 1.0}"))
    server.until(lambda: version(server) != before, 20)

    assert (first, variant(server, "ben", "ACME"), variant(server, "cem", "Globex")) == ("a", "a", "b")
