"""Caps, codes and quantities over HTTP: what many callers at once, retries, previews and voids make of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.stories.server import SHOP, Server
from tests.stories.typed import typed

RULES = """\
version: 1
timezone: Europe/Berlin
placements:
  hero: {fallback: {block: hero_generic}}
  side: {fallback: {block: hero_generic}}
mails:
  both: {placements: [hero, side]}
offers:
  twice:
    placements: [hero]
    eligibility: {field: profile.likes, eq: caps}
    caps: [{max: 2, per: profile, within: 7d}]
    block: hero_card
    vars: {headline: Twice}
  opened_once:
    placements: [hero]
    eligibility: {field: profile.likes, eq: opens}
    caps: [{max: 1, per: profile, within: 7d, count: exposure}]
    block: hero_card
    vars: {headline: Opened}
  coupon:
    placements: [hero, side]
    eligibility: {field: profile.likes, eq: coupons}
    inventory: {codes: autumn, low: 3}
    block: hero_card
    vars: {headline: {field: offer.code}}
  keepsake:
    placements: [hero]
    eligibility: {field: profile.likes, eq: keepsakes}
    inventory: {codes: none_yet, empty: without}
    block: hero_card
    vars: {headline: Keepsake, category: {field: offer.code}}
  seats:
    placements: [hero]
    eligibility: {field: profile.likes, eq: seats}
    inventory: {quantity: 5}
    block: hero_card
    vars: {headline: Seats}
  fresh:
    placements: [hero]
    eligibility: {field: profile.likes, eq: news}
    caps: [{max: 2, per: total, within: 1d, count: click}]
    block: hero_card
    vars: {headline: Fresh}
  first_seven:
    placements: [hero]
    eligibility: {field: profile.likes, eq: haste}
    caps: [{max: 7, per: total, calendar: month}]
    block: hero_card
    vars: {headline: Seven}
"""
CODES = [f"AUTUMN-{i:03}" for i in range(40)]


def command(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    return typed(*words, "--data", server.data, "--content", server.content)


def written(folder: Path) -> Path:
    """The content of these stories."""
    shutil.copytree(SHOP / "blocks", folder / "blocks")
    (folder / "rules").mkdir()
    (folder / "rules" / "shop.yaml").write_text(RULES)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = written(tmp_path_factory.mktemp("content"))
    (folder / "codes.txt").write_text("\n".join(CODES))
    running = Server.of(folder)
    told = command(running, "codes", "import", str(folder / "codes.txt"), "--pool", "autumn")
    assert told.stdout == "autumn: 40 new codes, 0 that it had already, 0 repeated in the file; 40 are left, 0 are given\n", told.stderr
    yield running
    running.close()


def likes(server: Server, who: str, what: str) -> str:
    server.post("/v1/events", {"type": "identify", "userId": who, "traits": {"likes": what}})
    return who


def decided(server: Server, who: str, send: str | None, **more: Any) -> Any:
    body = {"profile": who, "placements": ["hero"], **({"send": send} if send else {}), **more}
    return server.post("/v1/decisions", body, patience=30).json


def hero(server: Server, who: str, send: str | None, **more: Any) -> Any:
    return decided(server, who, send, **more)["placements"]["hero"]


def code(server: Server, who: str, send: str) -> str | None:
    choice = hero(server, who, send)
    return choice["vars"]["headline"] if choice["offer"] == "coupon" else None


def left(server: Server) -> str:
    return next(line for line in command(server, "codes", "list", "--json").stdout.splitlines() if '"autumn"' in line)


def at_once(calls: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(16) as pool:
        return [each.result() for each in [pool.submit(*call) for call in calls]]


def test_of_many_sends_at_once_no_more_show_a_capped_offer_than_its_cap(server: Server, who: str) -> None:
    likes(server, who, "caps")

    found = at_once([(hero, server, who, f"s{i}") for i in range(24)])

    assert sorted(each["offer"] or "" for each in found) == [""] * 22 + ["twice"] * 2


def test_a_send_that_is_taken_back_counts_no_more(server: Server, who: str) -> None:
    likes(server, who, "caps")
    first, _ = decided(server, who, "a"), decided(server, who, "b")
    full = hero(server, who, "c")["offer"]

    voided = server.call("DELETE", f"/v1/decisions/{first['decision_id']}")

    again = hero(server, who, "d")["offer"], hero(server, who, "e")["offer"]
    assert (full, voided.status, again) == (None, 204, ("twice", None))
    assert server.call("DELETE", f"/v1/decisions/{first['decision_id']}").json["error"]["code"] == "not_recorded"


def test_a_cap_over_exposures_waits_for_the_open(server: Server, who: str) -> None:
    likes(server, who, "opens")
    before = hero(server, who, "a")["offer"], hero(server, who, "b")["offer"]

    server.post("/v1/events", {"type": "track", "userId": who, "event": "email_opened", "properties": {"send": "a"}})

    assert (before, hero(server, who, "c")["offer"]) == (("opened_once", "opened_once"), None)


def test_a_removed_offer_says_that_it_is_capped(server: Server, who: str) -> None:
    likes(server, who, "caps")
    decided(server, who, "a")
    decided(server, who, "b")

    told = decided(server, who, "c", explain=True)["explain"]["placements"]["hero"][0]

    assert (told["offer"], told["outcome"], told["by"]) == ("twice", "removed", "caps")


def test_every_send_has_a_code_of_its_own_and_keeps_it(server: Server, who: str) -> None:
    likes(server, who, "coupons")
    first, other = code(server, who, "a"), code(server, who, "b")

    again = [server.get(f"/v1/placements/hero.{surface}?profile={who}&send=a").text for surface in ("html", "txt", "json")]

    assert first in CODES and other in CODES and first != other
    assert all(first in text for text in again)


def test_parts_of_a_mail_that_are_fetched_at_once_show_one_code(server: Server, who: str) -> None:
    likes(server, who, "coupons")

    found = at_once([(code, server, who, "a") for _ in range(16)])

    assert len(set(found)) == 1 and found[0] in CODES


def test_a_mail_shows_an_offer_with_a_code_once(server: Server, who: str) -> None:
    likes(server, who, "coupons")

    body = server.post("/v1/decisions", {"profile": who, "send": "a", "mail": "both", "placements": ["hero", "side"]}).json

    assert [body["placements"][name]["offer"] for name in ("hero", "side")] == ["coupon", None]


@pytest.mark.parametrize("question,offer,shown", [({"at": "2026-10-12T09:00:00Z"}, "coupon", "SAMPLE-CODE"), ({}, None, "Hi")])
def test_a_preview_shows_a_sample_and_an_unrecorded_decision_no_coupon(server: Server, who: str, question: dict[str, str], offer: str | None, shown: str) -> None:
    likes(server, who, "coupons")
    before = left(server)

    found = hero(server, who, None, **question)

    assert (found["offer"], found["vars"]["headline"], left(server)) == (offer, shown, before)


def test_a_voided_decision_gives_its_code_back_once(server: Server, who: str) -> None:
    likes(server, who, "coupons")
    decision = decided(server, who, "a")
    before = left(server)

    answers = at_once([(server.call, "DELETE", f"/v1/decisions/{decision['decision_id']}") for _ in range(8)])

    free = int(left(server).split('"left": ')[1].split(",")[0]) - int(before.split('"left": ')[1].split(",")[0])
    assert sorted(each.status for each in answers) == [204] + [404] * 7
    assert free == 1


@pytest.mark.parametrize("event", ["email_delivered", "email_opened", "email_clicked"])
def test_what_arrived_cannot_be_taken_back(server: Server, who: str, event: str) -> None:
    likes(server, who, "coupons")
    decision = decided(server, who, "a")
    server.post("/v1/events", {"type": "track", "userId": who, "event": event, "properties": {"send": "a"}})

    answer = server.call("DELETE", f"/v1/decisions/{decision['decision_id']}")

    assert (answer.status, answer.json["error"]["code"]) == (409, "sent")
    assert hero(server, who, "a") == decision["placements"]["hero"]


def test_an_empty_pool_shows_the_offer_without_a_code_where_the_rules_say_so(server: Server, who: str) -> None:
    likes(server, who, "keepsakes")

    found = hero(server, who, "a")

    assert (found["offer"], found["vars"]) == ("keepsake", {"headline": "Keepsake", "category": "all"})


@pytest.mark.parametrize("what,offer,most", [("seats", "seats", 5), ("haste", "first_seven", 7)])
def test_what_is_limited_for_all_is_shown_so_often_and_no_more(server: Server, who: str, what: str, offer: str, most: int) -> None:
    people = [likes(server, f"{who}-{i}", what) for i in range(20)]

    found = at_once([(hero, server, each, "a") for each in people])

    assert sum(each["offer"] == offer for each in found) == most
    assert hero(server, people[0], "b", explain=True)["offer"] is None


def test_a_cap_over_everybodys_clicks_stops_at_its_number(server: Server, who: str) -> None:
    people = [likes(server, f"{who}-{i}", "news") for i in range(3)]
    before = [hero(server, each, "a")["offer"] for each in people]

    for each in (people[0], people[0], people[1]):
        server.post("/v1/events", {"type": "track", "userId": each, "event": "email_clicked", "properties": {"send": "a"}})

    assert (before, hero(server, people[2], "b")["offer"]) == (["fresh"] * 3, None)


def test_of_two_people_who_become_one_the_earlier_decision_keeps_its_code_and_the_other_goes_back(server: Server, who: str) -> None:
    first, second = likes(server, f"{who}-1", "coupons"), likes(server, f"{who}-2", "coupons")
    kept, other = code(server, first, "a"), code(server, second, "a")
    before = left(server)

    server.post("/v1/events", {"type": "alias", "userId": first, "previousId": second})

    free = int(left(server).split('"left": ')[1].split(",")[0]) - int(before.split('"left": ')[1].split(",")[0])
    assert other not in (kept, None)
    assert (code(server, first, "a"), code(server, second, "a"), free) == (kept, kept, 1)


def test_the_metrics_tell_how_many_codes_are_left(server: Server) -> None:
    server.until(lambda: 'inlay_codes_left{pool="none_yet"} 0.0' in server.get("/metrics").text and 'inlay_codes_left{pool="autumn"}' in server.get("/metrics").text, 10)


def test_an_empty_pool_is_told_in_the_log(server: Server) -> None:
    server.until(lambda: "0 of 0 codes of the pool none_yet are left" in server.told(), 10)


@pytest.mark.parametrize("text,said", [("", "codes.txt:1: holds no code"), ("A1\n" + "x" * 300, "codes.txt:2: has 300 characters; a code has at most 200")])
def test_a_broken_file_of_codes_adds_nothing(server: Server, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "codes.txt").write_text(text)

    told = command(server, "codes", "import", str(tmp_path / "codes.txt"))

    assert (told.returncode, said in told.stderr, "nothing was added" in told.stderr) == (1, True, True)


@pytest.mark.long
def test_on_a_cluster_every_person_has_a_code_of_their_own_and_a_void_gives_it_back(tmp_path: Path, who: str) -> None:
    cluster = Cluster()  # of its own: API keys that another test left would lock everybody out
    running = Server.of(written(tmp_path), INLAY_REDIS_URL=cluster.url)
    try:
        (tmp_path / "codes.txt").write_text("\n".join(CODES))
        command(running, "codes", "import", str(tmp_path / "codes.txt"), "--pool", "autumn", "--redis-url", cluster.url)
        people = [likes(running, f"{who}-{i}", "coupons") for i in range(50)]
        decisions = at_once([(decided, running, each, "a") for each in people])
        found = [each["placements"]["hero"]["vars"]["headline"] for each in decisions if each["placements"]["hero"]["offer"] == "coupon"]
        first = next(each for each in decisions if each["placements"]["hero"]["offer"] == "coupon")
        running.call("DELETE", f"/v1/decisions/{first['decision_id']}")
        again = [code(running, people[0], send) for send in "bcdef"]
    finally:
        running.close()
        cluster.close()

    assert len(set(found)) == len(found) <= len(CODES)
    assert first["placements"]["hero"]["vars"]["headline"] in again
