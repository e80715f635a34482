"""`inlay qa` through a running server: people, languages, what is not translated, what is new to somebody."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.server import Server
from tests.stories.typed import typed

RULES = """
version: 1
context: {language: string}
placements:
  top: {fallback: {block: card}}
offers:
  boots: {placements: [top], block: card, items: {from: catalogue, limit: 1}}
"""
GERMAN = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\nmsgid "Picked for you"\nmsgstr "Ausgesucht"\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    content = tmp_path_factory.mktemp("qa") / "content"
    block, words = content / "blocks" / "card", content / "blocks" / "locales" / "de" / "LC_MESSAGES"
    block.mkdir(parents=True)
    words.mkdir(parents=True)
    (content / "rules").mkdir()
    (content / "rules" / "shop.yaml").write_text(RULES)
    (block / "block.yaml").write_text("description: a card\nitem_fields: [name, url]\n")
    (block / "html.j2").write_text('<h1>{% trans %}Picked for you{% endtrans %}</h1>{% for item in items %}<a href="{{ item.url }}">{{ item.name }}</a>{% endfor %}<p>Free returns</p><a href="https://shop.example/">1</a>')
    (words / "blocks.po").write_text(GERMAN)
    server = Server.of(content)
    server.call("PUT", "/v1/items/boot", {"name": "Winter boot", "category": "shoes", "url": "https://shop.example/p/boot"})
    server.until(lambda: "Winter boot" in server.get("/v1/placements/top.txt?profile=x").text, 10)
    server.post("/v1/events", {"type": "track", "userId": "mara", "event": "Product Viewed", "properties": {"product_id": "b", "category": "bags"}})
    yield server
    server.close()


def looked(server: Server, page: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return typed("qa", *arguments, "--placement", "top", "--server", f"http://127.0.0.1:{server.port}", "--out", page)


def test_each_language_is_looked_at_and_what_it_leaves_untranslated_is_told(shop, tmp_path):
    done = looked(shop, tmp_path / "qa.html", "jonas", "--language", "en", "--language", "de")

    assert (done.returncode, done.stdout.splitlines()[0]) == (1, 'jonas de top: says "Free returns" as in en: not translated'), done.stdout + done.stderr
    assert ("Ausgesucht" in (tmp_path / "qa.html").read_text(), "2 renderings" in done.stdout) == (True, True)


def test_what_its_catalogue_translates_by_itself_is_left_alone(shop, tmp_path):
    words = tmp_path / "blocks" / "locales" / "de" / "LC_MESSAGES" / "names.po"
    words.parent.mkdir(parents=True)
    words.write_text('msgid "Free returns"\nmsgstr "Free returns"\n')

    done = looked(shop, tmp_path / "qa.html", "jonas", "--language", "en", "--language", "de", "--content", str(tmp_path))

    assert (done.returncode, "not translated" in done.stdout) == (0, False), done.stdout + done.stderr


def test_every_surface_is_shown_and_held_against_what_was_approved(shop, tmp_path):
    block = shop.content / "blocks" / "card"
    approved, page = ("--approved", str(tmp_path / "approved.json")), tmp_path / "qa.html"
    looked(shop, page, "jonas", *approved, "--approve")
    (block / "amp.j2").write_text('<amp-list width="auto" height="200" layout="fixed-height" src="{{ urls.amp }}"><template type="amp-mustache"><p>{{name}}</p></template></amp-list>')
    shop.until(lambda: shop.get("/v1/placements/top.amp?profile=jonas").status == 200, 10)

    done = looked(shop, page, "jonas", *approved)

    assert (done.returncode, "jonas top has other amp" in done.stdout) == (1, True), done.stdout + done.stderr
    assert ("&lt;amp-list" in page.read_text(), "&quot;offer&quot;: &quot;boots&quot;" in page.read_text()) == (True, True)


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_what_was_approved_and_cannot_be_read_is_said_in_a_line(shop, tmp_path, content):
    (tmp_path / "approved.json").write_text(content)

    done = looked(shop, tmp_path / "qa.html", "jonas", "--approved", str(tmp_path / "approved.json"))

    assert (done.returncode, "approved.json: " in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_an_item_outside_of_known_interests_is_told_and_stops_no_send(shop, tmp_path):
    done = looked(shop, tmp_path / "qa.html", "mara", "jonas")

    assert (done.returncode, done.stdout.splitlines()[0]) == (0, 'mara top: "Winter boot" (shoes) is outside of what is known of mara: bags'), done.stdout + done.stderr
