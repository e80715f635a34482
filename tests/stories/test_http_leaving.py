"""Leaving: one click without a key or cookie, pages that act only when posted to, purposes one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urlsplit

import pytest

from app.security.tokens import DAYS_31
from tests.stories.server import Answer, Server
from tests.stories.test_http_clicks import MAIL_SHOP, events, minted

ONE_CLICK = b"List-Unsubscribe=One-Click"
FORM = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP, INLAY_PUBLIC_URL="https://mail.shop.example", INLAY_ADMIN_KEY="admin")
    server.headers = {"Authorization": "Bearer admin"}
    yield server
    server.close()


def addresses(mail: Server, who: str) -> list[str]:
    """Of leaving and of preferences, as the footer has them."""
    found = re.findall(r'href="([^"]*)"', mail.get(f"/v1/placements/footer.html?profile={who}&send=s1").text)
    return [urlsplit(unescape(each)).path for each in found]


def bare(mail: Server, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
    """A call without any key, as recipients make it."""
    kept, mail.headers = mail.headers, {}
    try:
        return mail.call(method, path, body, **headers)
    finally:
        mail.headers = kept


def consents(mail: Server, who: str) -> dict[str, str]:
    answer = mail.get(f"/v1/profiles/{who}/consents")
    return {purpose: each["status"] for purpose, each in answer.json["consents"].items()} if answer.status == 200 else {}


def granted(mail: Server, who: str) -> str:
    mail.call("PUT", f"/v1/profiles/{who}/consents", {"newsletter": "granted", "sales": "granted", "tracking": "granted"})
    return who


def test_one_click_takes_back_what_is_declared_and_nothing_else(mail, who):
    answer = bare(mail, "POST", addresses(mail, granted(mail, who))[0], ONE_CLICK, **FORM)

    assert (answer.status, consents(mail, who)) == (200, {"newsletter": "denied", "sales": "denied", "tracking": "granted"})
    assert ("location" in answer.headers, "set-cookie" in answer.headers) == (False, False)


def test_it_is_an_event_joined_to_the_send(mail, who):
    bare(mail, "POST", addresses(mail, who)[0], ONE_CLICK, **FORM)

    (event,) = events(mail, who)
    assert (event["event"], event["properties"]["send"], event["properties"]["purposes"]) == ("email_unsubscribed", "s1", ["newsletter", "sales"])


@pytest.mark.parametrize(("kind", "body"), [
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'),
    ("multipart/form-data", b"broken"), ("application/json", b"{}"), ("text/plain", b""), ("application/x-www-form-urlencoded", b"x=1&" * 20_000),
])
def test_however_it_is_posted_it_counts(mail, who, kind, body):
    answer = bare(mail, "POST", addresses(mail, granted(mail, who))[0], body, Content_Type=kind)

    assert (answer.status, consents(mail, who)["newsletter"]) == (200, "denied")


def test_a_repetition_is_as_good(mail, who):
    path = addresses(mail, who)[0]

    assert [bare(mail, "POST", path, ONE_CLICK, **FORM).status for _ in range(3)] == [200, 200, 200]


def test_a_get_shows_a_page_and_changes_nothing(mail, who):
    answer = bare(mail, "GET", addresses(mail, granted(mail, who))[0])

    assert (answer.status, answer.headers["content-type"], '<form method="post">' in answer.text, "The Shop" in answer.text) == (200, "text/html; charset=utf-8", True, True)
    assert consents(mail, who)["newsletter"] == "granted"


def test_an_old_mail_still_lets_one_leave(mail, who):
    granted(mail, who)

    answer = bare(mail, "POST", urlsplit(minted(mail, "u", who=f"u:{who}", age=DAYS_31 * 12)).path, ONE_CLICK, **FORM)

    assert (answer.status, consents(mail, who)["newsletter"]) == (200, "denied")


@pytest.mark.parametrize("spoil", [lambda path: path[:-1], lambda path: path + "A", lambda path: path.replace("/u/", "/p/"), lambda path: "/u/", lambda path: "/u/x"])
def test_a_spoilt_address_changes_nothing(mail, who, spoil):
    answer = bare(mail, "POST", spoil(addresses(mail, granted(mail, who))[0]), ONE_CLICK, **FORM)

    assert (answer.status, consents(mail, who)["newsletter"]) == (404, "granted")


def test_the_preferences_show_what_holds_purpose_by_purpose(mail, who):
    mail.call("PUT", f"/v1/profiles/{who}/consents", {"sales": "granted"})

    page = bare(mail, "GET", addresses(mail, who)[1]).text

    assert re.findall(r'name="purpose" value="(\w+)"( checked)?', page) == [("newsletter", ""), ("sales", " checked"), ("tracking", "")]
    assert "once a week &lt;b&gt;at most&lt;/b&gt;" in page


def test_saving_grants_and_takes_back(mail, who):
    mail.call("PUT", f"/v1/profiles/{who}/consents", {"sales": "granted"})

    answer = bare(mail, "POST", addresses(mail, who)[1], b"purpose=newsletter&purpose=unheard-of", **FORM)

    assert (answer.status, "Saved." in answer.text) == (200, True)
    assert consents(mail, who) == {"newsletter": "granted", "sales": "denied", "tracking": "denied"}


def test_saving_with_nothing_ticked_takes_everything_back(mail, who):
    bare(mail, "POST", addresses(mail, granted(mail, who))[1], b"save=1", **FORM)

    assert set(consents(mail, who).values()) == {"denied"}


@pytest.mark.parametrize(("kind", "body", "status"), [
    ("application/json", b'{"purpose": "sales"}', 200), ("text/plain", b"", 200), ("application/x-www-form-urlencoded", b"", 200), ("application/x-www-form-urlencoded", b"x=1", 200),
    ("application/x-www-form-urlencoded", b"purpose=\xff", 400), ("application/x-www-form-urlencoded", b"purpose=%ff", 400), ("multipart/form-data", b"broken", 422), ("text/html", b"a" * 5_000_000, 413),
])
def test_a_body_that_is_not_the_page_s_form_changes_nothing(mail, who, kind, body, status):
    answer = bare(mail, "POST", addresses(mail, granted(mail, who))[1], body, Content_Type=kind)

    assert (answer.status, "Saved." in answer.text, set(consents(mail, who).values())) == (status, False, {"granted"})


def test_one_button_takes_everything_back(mail, who):
    bare(mail, "POST", addresses(mail, granted(mail, who))[1], b"all=1&purpose=sales", **FORM)

    assert set(consents(mail, who).values()) == {"denied"}


def test_an_old_preference_page_can_only_take_back(mail, who):
    granted(mail, who)

    answer = bare(mail, "POST", urlsplit(minted(mail, "p", who=f"u:{who}", age=DAYS_31 + 86_400_000)).path, b"purpose=newsletter", **FORM)

    assert (answer.status, 'type="checkbox"' in answer.text, set(consents(mail, who).values())) == (200, False, {"denied"})


def test_a_form_with_ten_thousand_fields_is_refused(mail, who):
    assert bare(mail, "POST", addresses(mail, who)[1], b"&".join(b"a%d=1" % i for i in range(10_000)), **FORM).status in (413, 422)


def test_an_erased_person_s_page_tells_nothing(mail, who):
    path = addresses(mail, granted(mail, who))[0]
    mail.call("DELETE", f"/v1/profiles/{who}")

    assert bare(mail, "POST", path, ONE_CLICK, **FORM).status == 200
    assert mail.get(f"/v1/profiles/{who}").status == 404
