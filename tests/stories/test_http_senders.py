"""Senders with shapes of their own, and senders that make no call at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest

from tests.stories.server import Server
from tests.stories.test_http_clicks import MAIL_SHOP
from tests.stories.typed import typed


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP)
    server.call("PUT", "/v1/items/boot", {"name": "Boot, high", "price": 120, "url": "https://shop.example/p/boot"})
    server.until(lambda: "/p/boot" in server.get("/v1/placements/grid.txt?profile=x").text, 10)
    yield server
    server.close()


def test_emarsys_gets_every_parameter_back_with_the_fields_it_asked_for(mail):
    rows = [{"contact_id": "u1", "lang": "en"}, {"contact_id": "mara@example.com"}, {"contact_id": None}, {"lang": "de"}]

    answer = mail.post("/v1/senders/emarsys?placement=hero&send=s1&profile=contact_id", {"parameters": rows, "fields": ["html", "headline", "unheard_of"], "limit": 4})

    content = answer.json["content"]
    assert (answer.status, [{key: each.get(key) for key in row} for each, row in zip(content, rows, strict=True)]) == (200, rows)
    assert {(each["headline"], each["unheard_of"], "<h1>Boots &amp; socks</h1>" in each["html"]) for each in content} == {("Boots & socks", "", True)}


def test_a_batch_is_one_decision_a_person_with_its_merge_call(mail, who):
    mail.post("/v1/senders/emarsys?placement=hero&send=s1", {"parameters": [{"contact_id": who}], "fields": ["html"]})

    assert mail.get(f"/v1/decisions/{mail.get(f'/v1/placements/hero.json?profile={who}&send=s1').json['decision_id']}").status == 200


def test_notifuse_gets_the_placements_of_its_contact(mail, who):
    answer = mail.post("/v1/senders/notifuse?mail=newsletter", {"contact": {"external_id": who, "email": "x@y.example"}, "broadcast": {"id": "b7"}, "list": {"id": 1}})

    shown = answer.json["placements"]
    assert (answer.status, list(shown), shown["hero"]["offer"], shown["grid"]["items"][0]["name"]) == (200, ["hero", "grid", "footer"], "boots", "Boot, high")
    assert mail.get(f"/v1/decisions/{shown['hero']['decision_id']}").json["send"] == "b7"


@pytest.mark.parametrize("body", [{}, {"contact": None}, {"contact": {"external_id": 7}}, {"contact": {"external_id": "x" * 400}}, {"broadcast": []}])
def test_a_contact_that_is_nobody_gets_what_anybody_gets(mail, body):
    answer = mail.post("/v1/senders/notifuse?placement=hero", body)

    assert (answer.status, "<h1>" in answer.json["placements"]["hero"]["html"] or "<p>" in answer.json["placements"]["hero"]["html"]) == (200, True)


def test_a_shared_feed_may_be_kept_and_names_nobody(mail):
    answer = mail.get("/v1/senders/feed?placement=hero,grid")

    assert (answer.headers["cache-control"], list(answer.json["placements"]), answer.json["content"][0]["placement"]) == ("public, max-age=300", ["hero", "grid"], "hero")
    assert "v1.k1." not in answer.text


@pytest.mark.parametrize(("path", "status"), [("?placement=nowhere", 404), ("?mail=nothing", 404), ("", 422)])
def test_what_is_not_there_is_said(mail, path, status):
    assert mail.get(f"/v1/senders/feed{path}").status == status


def test_json_holds_the_content_where_it_is_asked_for(mail, who):
    plain, full = mail.get(f"/v1/placements/hero.json?profile={who}").json, mail.get(f"/v1/placements/hero.json?profile={who}&content=html").json

    assert ("content" in plain, full["content"].startswith("<div><h1>Boots"), full["vars"]["headline"]) == (False, True, "Boots & socks")


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email,profile\nmara@example.com,u1\njonas@example.com,\n")
    return path


def exported(mail: Server, people, sender: str) -> tuple[list[dict[str, str]], str]:
    done = typed("export", "decisions", "--for", sender, "--mail", "newsletter", "--send", "s9", "--server", f"http://127.0.0.1:{mail.port}", people)
    done.check_returncode()
    return list(csv.DictReader(io.StringIO(done.stdout))), done.stderr


def test_mailchimp_gets_short_tags_and_nothing_that_does_not_fit(mail, people):
    rows, told = exported(mail, people, "mailchimp")

    tags = [name for name in rows[0] if name != "Email Address"]
    assert [row["Email Address"] for row in rows] == ["mara@example.com", "jonas@example.com"]
    assert all(len(tag) <= 10 and tag == tag.upper() for tag in tags) and len(set(tags)) == len(tags)
    assert all(len(value.encode()) <= 255 for row in rows for value in row.values())
    assert "Boots & socks" in rows[0].values() and "*|HERO_HEADL|*  hero_headline" in told


def test_rows_that_cannot_be_decided_or_merged_are_told_and_the_others_kept(mail, people):
    people.write_bytes(b"email,profile\nmara@example.com,u1\n,u2\nshort@example.com\nx@example.com,u3,more,and more\nodd@example.com,a\x01b\n")

    rows, told = exported(mail, people, "hubspot")

    assert [(row["email"], bool(row["inlay_hero_html"])) for row in rows] == [("mara@example.com", True), ("short@example.com", True), ("x@example.com", True), ("odd@example.com", False)]
    assert ("left out for want of an address: 1" in told, "1 of them with empty fields: " in told) == (True, True)


@pytest.mark.parametrize(("content", "said"), [(b"\xff\xfe", "is not UTF-8"), (b"name\nx\n", "no column email; there are name"), (b"", "no column email; there are none")])
def test_a_list_that_cannot_be_read_is_said_in_a_line(people, content, said):
    people.write_bytes(content)

    done = typed("export", "decisions", "--for", "hubspot", "--mail", "newsletter", people)

    assert (done.returncode, said in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_hubspot_gets_properties_with_the_html(mail, people):
    rows, _ = exported(mail, people, "hubspot")

    assert (rows[0]["inlay_hero_headline"], rows[1]["inlay_grid_item1_name"], "<h1>" in rows[0]["inlay_hero_html"]) == ("Boots & socks", "Boot, high", True)


def test_listmonk_gets_attributes(mail, people):
    rows, _ = exported(mail, people, "listmonk")

    assert json.loads(rows[0]["attributes"])["inlay_hero_headline"] == "Boots & socks"
