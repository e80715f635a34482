"""Who is in a segment, over HTTP: at once, and no longer when the window ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed

RULES = """
segments:
  fresh: {description: opened just now, did: app_opened, within: 6s}
  everybody: {did_not: never_happens}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of()
    (running.content / "rules" / "live.yaml").write_text(RULES)
    running.stop()
    running.start()
    yield running
    running.close()


def within(seconds: float, told: Callable[[], object], wanted: object) -> object:
    """What is told once it is what is wanted, or at the end."""
    end = time.monotonic() + seconds
    while (found := told()) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    return found


def people(server: Server, segment: str) -> list[str]:
    return server.get(f"/v1/segments/{segment}/profiles?limit=10000").json["profiles"]


def opened(server: Server, who: str) -> None:
    server.post("/v1/events", {"type": "track", "event": "App Opened", "userId": who})


def test_a_person_enters_at_once_and_leaves_when_the_window_ends(server: Server, who: str) -> None:
    opened(server, who)

    entered = within(5.0, lambda: who in people(server, "fresh"), wanted=True)
    left = within(30.0, lambda: who in people(server, "fresh"), wanted=False)

    assert (entered, left) == (True, False)


def test_sizes_are_the_numbers_of_people_listed(server: Server, who: str) -> None:
    opened(server, who)
    within(10.0, lambda: who in people(server, "everybody"), wanted=True)

    told = server.get("/v1/segments").json

    sizes = {each["id"]: each["size"] for each in told["segments"]}
    assert sizes["everybody"] == len(people(server, "everybody"))
    assert {each["id"]: each["description"] for each in told["segments"]}["fresh"] == "opened just now"


def test_a_segment_added_later_is_filled_from_what_is_kept(server: Server, who: str) -> None:
    opened(server, who)
    (server.content / "rules" / "more.yaml").write_text("segments: {openers: {did: app_opened}}\n")

    assert within(40.0, lambda: server.get("/v1/segments/openers/profiles").status == 200 and who in people(server, "openers"), wanted=True)


def test_pages_and_formats_and_the_command_name_the_same_people(server: Server, who: str) -> None:
    for number in range(5):
        opened(server, f"{who}-{number}é")
    within(10.0, lambda: f"{who}-4é" in people(server, "everybody"), wanted=True)

    first = server.get("/v1/segments/everybody/profiles?limit=2").json
    second = server.get(f"/v1/segments/everybody/profiles?limit=2&after={first['next']}").json
    lines = server.get("/v1/segments/everybody/profiles?limit=10000&format=ndjson").lines
    table = server.get("/v1/segments/everybody/profiles?limit=10000&format=csv").text.splitlines()
    exported = typed("export", "segment", "everybody", "--data", server.data)

    everybody = people(server, "everybody")
    assert first["profiles"] + second["profiles"] == everybody[:4]
    assert [line["profile"] for line in lines] == everybody
    assert (exported.returncode, exported.stdout.splitlines()) == (0, table)
    assert table == ["profile", *everybody]


@pytest.mark.parametrize(("path", "status"), [("nobody/profiles", 404), ("everybody/profiles?limit=0", 422), ("everybody/profiles?after=%21", 422), ("everybody/profiles?format=xml", 422)])
def test_what_cannot_be_answered_is_refused_with_a_reason(server: Server, path: str, status: int) -> None:
    answer = server.get(f"/v1/segments/{path}")

    assert answer.status == status
    assert answer.json["error"]["message"]


def test_who_comes_just_before_the_worker_is_killed_is_noticed_by_the_next(server: Server, who: str) -> None:
    opened(server, who)
    os.kill(server.worker_pid(), signal.SIGKILL)
    server.until(lambda: server.get("/readyz").status == 200, 20)

    assert within(30.0, lambda: who in people(server, "everybody"), wanted=True)

