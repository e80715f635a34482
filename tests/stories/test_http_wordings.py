"""The rules change after a mail was decided: the mail says what it said, whatever worker or server is asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stories.server import Server

RULES = """\
version: 1
placements: {hero: {fallback: {block: plain}}}
offers:
  shoes: {placements: [hero], block: card, vars: {headline: Fifteen percent off all shoes}}
"""


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server.ruled(RULES)
    yield running
    running.close()


def version(server: Server) -> str:
    return server.get("/readyz").json["content"]["version"]


def headline(server: Server, send: str) -> str:
    return server.post("/v1/decisions", {"profile": "ann", "send": send, "placements": ["hero"]}).json["placements"]["hero"]["vars"]["headline"]


def test_a_recorded_mail_says_what_it_said_after_the_rules_and_the_server_changed(server: Server) -> None:
    first, before = headline(server, "monday"), version(server)
    rules = server.content / "rules" / "shop.yaml"
    rules.write_text(rules.read_text().replace("Fifteen", "Twenty"))
    server.until(lambda: version(server) != before, 20)
    server.stop()
    server.start()

    assert (first, headline(server, "monday")) == ("Fifteen percent off all shoes", "Fifteen percent off all shoes")
    assert headline(server, "tuesday") == "Twenty percent off all shoes"
