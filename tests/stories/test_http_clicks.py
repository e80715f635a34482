"""Links that are followed and mails that are opened: where links lead, and what becomes of it."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app.security.tokens import DAYS_31, Tokens
from app.settings import parse_secret
from tests.stories.server import Answer, Server

MAIL_SHOP = Path(__file__).parent.parent / "content" / "mail_shop"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP, INLAY_PUBLIC_URL="https://mail.shop.example", INLAY_AMP_SENDERS="news@shop.example")
    server.call("PUT", "/v1/items/boot", {"name": "Boot", "price": 120, "url": "https://shop.example/p/boot"})
    server.until(lambda: "/p/boot" in server.get("/v1/placements/grid.txt?profile=x").text, 10)
    yield server
    server.close()


def content(mail: Server, who: str, placement: str = "hero", surface: str = "html", mailing: str = "&send=s1&mail=newsletter") -> str:
    return mail.get(f"/v1/placements/{placement}.{surface}?profile={who}{mailing}").text


def links(markup: str) -> list[str]:
    return [unescape(each) for each in re.findall(r'href="([^"]*)"', markup)]


def followed(mail: Server, address: str, agent: str = BROWSER, method: str = "GET", **headers: str) -> Answer:
    """The answer as it came: a redirect is not gone after."""
    connection = http.client.HTTPConnection("127.0.0.1", mail.port, timeout=10)
    connection.request(method, urlsplit(address).path, headers={"User-Agent": agent, **{name.replace("_", "-"): value for name, value in headers.items()}})
    answer = connection.getresponse()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def minted(mail: Server, surface: str, more: tuple[str, ...] = (), who: str = "u:u1", age: int = 0) -> str:
    now = time.time_ns() // 1_000_000
    token = Tokens(parse_secret((mail.data / "secret").read_text())).mint(surface, "hero", who, "s1", "newsletter", now - age, more=more)
    return f"https://mail.shop.example/{surface}/{token}"


def events(mail: Server, who: str) -> list[dict]:
    answer = mail.get(f"/v1/profiles/{who}/events")
    return answer.json["events"] if answer.status == 200 else []


def names(mail: Server, who: str) -> list[str]:
    return [each["event"] for each in events(mail, who)]


def test_a_link_leads_where_the_block_says_with_its_parameters(mail, who):
    answer = followed(mail, links(content(mail, who))[0])

    target = urlsplit(answer.headers["location"])
    assert (answer.status, target.netloc, target.path, target.fragment) == (302, "shop.example", "/boots", "top")
    assert parse_qs(target.query) == {"a": ["1"], "b": ["2"], "utm_source": ["inlay"], "utm_campaign": ["newsletter-s1"], "utm_content": ["hero.boots"]}


def test_a_click_is_an_event_joined_to_the_decision(mail, who):
    decided = mail.get(f"/v1/placements/grid.html?profile={who}&send=s1&mail=newsletter")

    followed(mail, links(decided.text)[0])

    (event,) = events(mail, who)
    told = event["properties"]
    assert (event["event"], told["decision_id"], told["send"], told["placement"], told["offer"], told["item"]) == ("email_clicked", decided.headers["x-inlay-decision"], "s1", "grid", "shoes", "boot")
    assert told["url"].startswith("https://shop.example/p/boot?utm_source=inlay")


def test_links_to_other_hosts_and_pictures_are_left_alone(mail, who):
    markup = content(mail, who)

    assert (links(markup)[1], 'src="https://shop.example/boots.png"' in markup) == ("https://elsewhere.example/x", True)


def test_a_text_has_short_links_with_parameters(mail, who):
    assert "See: https://shop.example/boots?a=1&b=2&utm_source=inlay&utm_campaign=newsletter-s1&utm_content=hero.boots#top" in content(mail, who, surface="txt")


def test_links_of_amp_lists_are_followed_too(mail, who):
    source = re.search(r'src="(https://mail.shop.example/amp/[^"]+)"', content(mail, who, surface="amp"))
    assert source is not None

    found = mail.get(urlsplit(source[1]).path, AMP_Email_Sender="news@shop.example").json

    assert followed(mail, found["items"][0]["url"]).headers["location"].startswith("https://shop.example/boots?")


def test_nobody_s_links_are_followed_nowhere(mail):
    assert links(mail.get("/v1/placements/hero.html").text)[0] == "https://shop.example/boots?a=1&b=2&utm_source=inlay&utm_content=hero.boots#top"


@pytest.mark.parametrize("agent", ["Barracuda Sentinel (EE)", "Mozilla/5.0 (compatible; SafeLinks bot)", "curl/8.5", ""])
def test_a_scanner_gets_the_page_and_is_no_click(mail, who, agent):
    answer = followed(mail, links(content(mail, who))[0], agent)

    assert (answer.status, names(mail, who)) == (302, ["email_clicked_by_machine"])


def test_a_head_and_a_fetch_ahead_are_no_clicks(mail, who):
    address = links(content(mail, who))[0]

    followed(mail, address, method="HEAD")
    followed(mail, address, Sec_Purpose="prefetch;prerender")

    assert names(mail, who) == ["email_clicked_by_machine"]


def test_whoever_follows_all_links_at_once_is_a_scanner(mail, who):
    addresses = [minted(mail, "c", (f"https://shop.example/{i}", "boots", ""), f"u:{who}") for i in range(4)]

    for address in addresses:
        followed(mail, address)

    assert sorted(names(mail, who)) == ["email_clicked"] * 2 + ["email_clicked_by_machine"] * 2


@pytest.mark.parametrize("address", [
    "https://evil.example/", "https://shop.example.evil.example/", "https://shop.example@evil.example/", "https://evilshop.example/", "javascript:alert(1)", "//evil.example", "",
    "https://shop.example\\@evil.example/", "https://shop.example:99999/", "data:text/html,x", "https://[::1]/", "http://shop.example\r\nX: y",
])
def test_a_link_leads_to_no_other_host_even_where_the_token_is_ours(mail, address):
    answer = followed(mail, minted(mail, "c", (address, "", "")))

    assert (answer.status, "location" in answer.headers, "evil" in answer.text) == (404, False, False)


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-1], lambda whole: whole + "A", lambda whole: whole.replace("/c/v1.", "/c/v2."), lambda whole: whole.replace("/c/", "/c/x"), lambda whole: whole[:30]])
def test_a_spoilt_link_leads_nowhere(mail, spoil):
    assert followed(mail, spoil(minted(mail, "c", ("https://shop.example/", "", "")))).status == 404


def test_a_token_of_another_surface_is_no_link(mail):
    assert followed(mail, minted(mail, "o").replace("/o/", "/c/")).status == 404


def test_an_old_link_still_leads_on_and_says_nothing(mail, who):
    answer = followed(mail, minted(mail, "c", ("https://shop.example/", "", ""), f"u:{who}", DAYS_31 + 86_400_000))

    assert (answer.status, events(mail, who)) == (302, [])


def test_a_link_is_only_read(mail):
    assert followed(mail, minted(mail, "c", ("https://shop.example/", "", "")), method="POST").status == 405


def test_an_open_is_an_event_once_a_minute(mail, who):
    address = minted(mail, "o", ("boots",), f"u:{who}", 120_000) + ".gif"

    answers = [followed(mail, address), followed(mail, address, GMAIL)]

    assert [(each.status, each.headers["content-type"], each.body[:6]) for each in answers] == [(200, "image/gif", b"GIF89a")] * 2
    assert set(names(mail, who)) == {"email_opened"}
    assert (events(mail, who)[0]["properties"]["offer"], answers[0].headers["cache-control"].startswith("no-store")) == ("boots", True)


@pytest.mark.parametrize("agent", ["Mozilla/5.0", GMAIL, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"])
def test_what_fetches_ahead_as_the_mail_arrives_opens_nothing(mail, who, agent):
    followed(mail, minted(mail, "o", ("boots",), f"u:{who}", 2_000) + ".gif", agent)

    assert names(mail, who) == ["email_opened_by_machine"]


def test_the_pixel_stands_in_the_html_of_its_placement_alone(mail, who):
    assert ["/o/v1." in content(mail, who, placement) for placement in ("hero", "grid")] == [True, False]
    assert "/o/v1." not in content(mail, who, "hero", "txt")


@pytest.mark.parametrize("path", ["/o/", "/o/x.gif", "/o/v1.k1.a.b.gif", "/o/" + "x" * 4_000])
def test_whatever_is_asked_of_the_pixel_the_answer_is_the_picture(mail, path):
    answer = mail.get(path)

    assert (answer.status, answer.headers["content-type"]) == (200, "image/gif")
