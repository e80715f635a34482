"""A bandit learns over HTTP: shown, clicked, published; and an operator looks at it and steers it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed

RULES = """\
version: 1
placements:
  hero: {fallback: {block: plain}, rank: {bandit: clicks}}
offers:
  a: {placements: [hero], block: plain}
  b: {placements: [hero], block: plain}
bandits:
  clicks: {reward: {event: email_clicked, within: 3d}, every: 1s, floor: 0.1}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.ruled(RULES)
    yield running
    running.close()


def decide(server: Server, person: str) -> Any:
    return server.post("/v1/decisions", {"profile": person, "send": "news", "placements": ["hero"], "explain": True}).json


def click(server: Server, person: str, decision: str, **properties: Any) -> Any:
    return server.post("/v1/events", {"type": "track", "userId": person, "event": "Email Clicked", "properties": {"decision_id": decision, **properties}}).json


def bandits(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed("bandits", *words, "--content", server.content, "--data", server.data, seconds=120, NO_COLOR="1", COLUMNS="160")


def listed(server: Server) -> Any:
    return json.loads(bandits(server, "list", "--json").stdout)["bandits"][0]


def posterior(server: Server, person: str) -> int:
    return decide(server, person)["placements"]["hero"]["bandit"]["posterior"]


def test_a_bandit_learns_and_an_operator_steers_it(server: Server) -> None:
    first = decide(server, "u0")
    again = server.get("/v1/placements/hero.json?profile=u0&send=news").json
    clicked = [click(server, person, told["decision_id"]) for i in range(1, 60) if (told := decide(server, person := f"u{i}"))["placements"]["hero"]["offer"] == "a"]
    strange = click(server, "u1", "no-such-decision")
    server.until(lambda: decide(server, f"n{os.urandom(4).hex()}")["placements"]["hero"]["bandit"]["propensity"] in (0.9, 0.1), 20)
    row, table = listed(server), bandits(server, "list").stdout
    metrics = server.get("/metrics").text

    assert first["placements"]["hero"]["bandit"] == {"id": "clicks", "posterior": 0, "propensity": 0.5}
    assert again["bandit"] == first["placements"]["hero"]["bandit"]
    assert [row["score"] for row in first["explain"]["placements"]["hero"]] == [0.5, 0.5]
    assert {each["accepted"] for each in clicked} == {1}
    assert strange == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert (row["arms"]["a"]["rewards"], row["rewards"]["unknown"]) == (len(clicked), 1)
    assert row["arms"]["a"]["best"] > 0.9
    assert "clicks · posterior" in table
    assert f'inlay_bandit_rewards_total{{bandit="clicks",outcome="counted"}} {len(clicked)}.0' in metrics

    frozen, refrozen, known = bandits(server, "freeze", "clicks"), bandits(server, "freeze", "clicks"), listed(server)
    version = known["posterior"]
    for i in range(5):
        decide(server, f"w{i}")
    thawed, wrong, none = bandits(server, "thaw", "clicks"), bandits(server, "reset", "clicks", "--arm", "z"), bandits(server, "freeze", "nobody")
    server.until(lambda: listed(server)["posterior"] > version, 20)
    alone, before = bandits(server, "reset", "clicks", "--arm", "b"), listed(server)
    reset, after = bandits(server, "reset", "clicks"), listed(server)
    server.until(lambda: decide(server, f"m{os.urandom(4).hex()}")["placements"]["hero"]["bandit"]["propensity"] == 0.5, 20)
    late = click(server, "u2", decide(server, "u2")["decision_id"])

    assert (frozen.stdout, refrozen.stdout, thawed.stdout) == ("clicks: frozen\n", "clicks: frozen already\n", "clicks: thawed\n")
    assert known["frozen"] is True
    assert (wrong.returncode, wrong.stderr) == (1, "inlay: clicks knows no arm 'z'; it knows: a, b\n")
    assert (none.returncode, none.stderr) == (1, "inlay: no bandit 'nobody'; there are: clicks\n")
    assert (alone.stdout, set(before["arms"])) == ("clicks: b forgotten\n", {"a"})
    assert (reset.stdout, after["arms"]) == ("clicks: all forgotten\n", {})
    assert late["accepted"] == 1
    assert listed(server)["rewards"]["reset"] == 1


def test_the_starter_content_names_its_bandit(tmp_path: Path) -> None:
    done = typed("bandits", "list", "--data", tmp_path / "data", seconds=120, NO_COLOR="1", COLUMNS="160")
    assert (done.returncode, done.stdout.startswith("teaser_clicks@"), "0 pending" in done.stdout) == (0, True, True)
