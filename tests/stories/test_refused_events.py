"""Events that were refused are kept, looked at, and sent again once the rules are mended: once, whatever happens."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed

RULES = """\
version: 1
events:
  order_completed: {schema: {properties: {total: {type: string}}}}
"""


@pytest.fixture(scope="module")
def picky() -> Iterator[Server]:
    """A server whose rules refuse orders with a number for their total."""
    running = Server.of()
    (running.content / "rules" / "events.yaml").write_text(RULES)
    running.until(lambda: rejected(running, {"type": "track", "userId": "first", "event": "Order Completed", "properties": {"total": 1}}), 10)
    yield running
    running.close()


@pytest.fixture
def server(picky: Server) -> Server:
    """The same, without dead letters."""
    inlay(picky, "dead-letters", "drop", "--all")
    return picky


def rejected(server: Server, *raws: object) -> list[str]:
    return [row["reason"] for row in server.post("/v1/events", {"batch": list(raws)}).json["rejected"]]


def inlay(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed(*arguments, "--data", server.data, NO_COLOR="1", COLUMNS="200")


def listed(server: Server) -> list[dict[str, str]]:
    return [json.loads(line) for line in inlay(server, "dead-letters", "list", "--json").stdout.splitlines()]


def order(who: str, **more: object) -> dict[str, object]:
    return {"type": "track", "userId": who, "event": "Order Completed", "properties": {"total": 5}, **more}


def mended(server: Server, redrive: tuple[str, ...], path: str) -> tuple[subprocess.CompletedProcess[str], subprocess.CompletedProcess[str]]:
    """Redrive twice by rules that take such events."""
    content = server.data.parent / path
    subprocess.run(["cp", "-r", str(server.content), str(content)], check=True)
    (content / "rules" / "events.yaml").write_text(RULES.replace("string", "number"))
    arguments = ("dead-letters", "redrive", *redrive, "--content", str(content))
    return inlay(server, *arguments), inlay(server, *arguments)


def test_a_refused_event_is_listed_with_its_reason_and_shown_byte_for_byte(server, who):
    body = b'{"batch": [ {"type":"track", "userId": "%b",  "event":"Order Completed","properties":{"total": 5.50}} ]}' % who.encode()
    server.post("/v1/events", body)

    letter = listed(server)[-1]
    shown = inlay(server, "dead-letters", "show", letter["id"])
    table = inlay(server, "dead-letters", "list")

    assert (letter["reason"], letter["detail"], letter["from"]) == ("invalid", "total: is a number; text is wanted", "events")
    assert shown.stdout.encode() == body[len(b'{"batch": [ ') : -len(b" ]}")] + b"\n"
    assert letter["id"] in table.stdout and "total: is a number; text is wanted" in table.stdout


def test_redriving_after_the_rules_were_mended_applies_once(server, who):
    rejected(server, order(who, messageId=f"{who}-1"), order(who))
    first, second = mended(server, ("--reason", "invalid"), f"content-{who}")
    again = server.post("/v1/events", order(who, messageId=f"{who}-1", properties={"total": "5"})).json

    assert (first.returncode, second.returncode, listed(server)) == (0, 0, [])
    assert "applied" in first.stdout and second.stdout == ""
    assert server.get(f"/v1/profiles/{who}").json["events"]["order_completed"]["count"] == 2
    assert again["duplicates"] == 1


def test_what_is_still_wrong_stays_and_is_told(server, who):
    rejected(server, order(who))
    done = inlay(server, "dead-letters", "redrive", "--all", "--content", str(server.content))

    assert (done.returncode, "still invalid: total: is a number" in done.stderr, len(listed(server))) == (1, True, 1)
    assert inlay(server, "dead-letters", "drop", listed(server)[0]["id"]).stdout.split() == ["1", "dropped"]


def test_commands_that_do_not_say_which_do_nothing(server):
    assert [inlay(server, "dead-letters", action).returncode for action in ("redrive", "drop")] == [2, 2]
    assert inlay(server, "dead-letters", "show", "1-1").returncode == 1


def test_nothing_is_kept_of_people_who_were_erased(server, who):
    server.call("DELETE", f"/v1/profiles/{who}")

    assert (rejected(server, {"type": "track", "userId": who, "event": "Seen"}), listed(server)) == (["erased"], [])


def test_dead_letters_are_counted_by_reason(server, who):
    rejected(server, {"type": "track", "event": "Seen"})
    inlay(server, "dead-letters", "drop", "--reason", "no_identity")

    assert 'inlay_dead_letters_total{reason="no_identity"}' in server.get("/metrics").text
