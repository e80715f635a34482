"""`inlay identities`, as an operator uses it beside the running server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from random import Random

import pytest

from tests.stories.server import ROOT, Server
from tests.stories.typed import typed


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server.of(ROOT)
    draw = Random(3)
    names = ["".join(draw.choices("abdefghiklmnoprstu", k=6)).title() for _ in range(120)]
    rows = [{"first_name": draw.choice(names), "last_name": draw.choice(names), "birth_date": f"19{draw.randrange(50, 99)}-0{draw.randrange(1, 9)}-12", "postcode": str(draw.randrange(1_000, 1_300)), "city": draw.choice(names)} for _ in range(300)]
    rows += [rows[0] | {"first_name": rows[0]["first_name"] + "a"}, rows[1] | {"card_number": "2"}]
    rows[1] = rows[1] | {"card_number": "1"}
    running.post("/v1/events", {"batch": [{"type": "identify", "userId": f"p{i}", "traits": row} for i, row in enumerate(rows)]})
    yield running
    running.close()


def identities(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return inlay(server, "identities", *words)


def inlay(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(*words, "--content", server.content, "--data", server.data, seconds=120, NO_COLOR="1", COLUMNS="160")


def test_people_who_are_one_are_found_and_those_whose_cards_differ_shown(server):
    done = identities(server, "match")
    shown = identities(server, "review")

    assert done.returncode == 0, done.stderr
    assert server.get("/v1/profiles/p300").json["id"] == server.get("/v1/profiles/p0").json["id"]
    assert server.get("/v1/profiles/p301").json["id"] != server.get("/v1/profiles/p1").json["id"]
    assert "card_number differs" in shown.stdout
    assert "p301" in shown.stdout


def test_an_operator_merges_and_parts(server):
    merged = identities(server, "merge", "p10", "p11")
    one = server.get("/v1/profiles/p11").json["id"]
    parted = identities(server, "unmerge", "p10", "p11")

    assert (merged.returncode, one, parted.returncode) == (0, "p10", 0), merged.stderr + parted.stderr
    assert server.get("/v1/profiles/p11").json["id"] == "p11"


def test_people_who_were_never_merged_cannot_be_parted_and_it_is_said(server):
    done = identities(server, "unmerge", "p20", "p21")

    assert (done.returncode, done.stderr) == (1, "inlay: p20 and p21 were not merged with each other\n")


def test_an_audit_is_told_and_written_as_a_page(server, tmp_path):
    server.post("/v1/events", {"type": "identify", "userId": "odd", "traits": {"tier": "iron", "birth_date": "2031-01-01"}})

    done = inlay(server, "audit", "profiles", "--html", str(tmp_path / "report.html"))
    page = (tmp_path / "report.html").read_text()

    assert done.returncode == 0, done.stderr
    assert "is none of the values that there are" in done.stdout
    assert "lies ahead" in page
    assert page.count("<svg") > 1
