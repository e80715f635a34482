"""Place and device of a page's person, on a real server: usable in rules, and the address is nowhere."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories.server import SHOP, Server

DATABASE = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "maxmind" / "GeoLite2-City-Test.mmdb"
pytestmark = pytest.mark.skipif(not DATABASE.exists() and not os.environ.get("CI"), reason="MaxMind's test database is not on this machine")

ADDRESS = "81.2.69.142"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"
RULES = """
version: 1
enrich:
  geo: {from: ip}
  device: {from: user_agent}
  weather: {from: "https://localhost/now?city={profile.geo.city}", take: {temp: main.temp}}
segments:
  londoners: {field: profile.geo, within_km: {lat: 51.5, lon: -0.13, km: 50}}
  phones: {did: page_viewed, where: {_device: mobile}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    content = Path(tempfile.mkdtemp(prefix="inlay-story-"))
    shutil.copytree(SHOP, content, dirs_exist_ok=True)
    (content / "rules" / "enrich.yaml").write_text(RULES)
    running = Server.of(content, INLAY_GEO_DATABASE=str(DATABASE), INLAY_TRUSTED_PROXIES="127.0.0.0/8", INLAY_LOOKUP_HOSTS="localhost")
    yield running
    running.close()
    shutil.rmtree(content)


@pytest.fixture
def own() -> str:
    return uuid.uuid4().hex


def from_a_page(server: Server, own: str, **context: str) -> None:
    """As the page's script sends it, here without a key."""
    event = {"type": "page", "anonymousId": own, "context": {"page": {"url": "https://shop.example/a"}, **context}}
    server.post("/v1/events", {"batch": [event]}, Origin="http://localhost:3000", Sec_Fetch_Site="same-site", User_Agent=PHONE)


def from_a_server(server: Server, user: str) -> None:
    server.post("/v1/events", {"type": "track", "userId": user, "event": "Seen", "context": {"ip": ADDRESS, "userAgent": PHONE}, "properties": {"a": 1}})


def test_a_server_s_event_tells_place_and_device_and_rules_know_them(server, own):
    from_a_server(server, own)

    told = server.get(f"/v1/profiles/{own}").json
    assert (told["traits"]["geo"]["city"], told["traits"]["geo"]["country"], told["traits"]["device"]["type"]) == ("London", "GB", "mobile")
    assert told["traits"]["geo"]["_source"].startswith("GeoLite2-City 20")
    assert "londoners" in told["segments"]


def test_a_page_s_event_tells_its_device_by_the_browser_that_sends_it(server, own):
    from_a_page(server, own)

    assert "phones" in server.get(f"/v1/profiles/anonymous_id:{own}").json["segments"]


def test_a_page_cannot_say_where_it_is(server, own):
    from_a_page(server, own, ip=ADDRESS)

    assert "geo" not in server.get(f"/v1/profiles/anonymous_id:{own}").json["traits"]


def test_the_address_is_nowhere_in_what_is_kept(server, own):
    from_a_server(server, own)
    server.post("/v1/events", {"type": "track", "userId": own, "event": "", "context": {"ip": ADDRESS}})

    kept = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    assert (ADDRESS in server.get(f"/v1/profiles/{own}/export").text, ADDRESS in server.told(), ADDRESS.encode() in kept) == (False, False, False)


def test_a_look_up_at_a_private_address_is_refused_and_counted(server, own):
    from_a_server(server, own)

    server.until(lambda: 'inlay_enrichments_total{entry="weather",outcome="private"}' in server.get("/metrics").text, 20)

    assert "weather" not in server.get(f"/v1/profiles/{own}").json["traits"]
