"""Forms in AMP mails: events of the one person whom the token names, always JSON, under AMP's CORS rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from app.security.tokens import DAYS_31
from tests.stories.server import Answer, Server
from tests.stories.test_http_clicks import MAIL_SHOP, events, minted

SENDER = {"AMP_Email_Sender": "news@shop.example"}
URLENCODED = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def mail() -> Iterator[Server]:
    server = Server.of(MAIL_SHOP, INLAY_PUBLIC_URL="https://mail.shop.example", INLAY_AMP_SENDERS="news@shop.example")
    yield server
    server.close()


def addresses(mail: Server, who: str) -> list[str]:
    """The paths in an AMP mail: of its list, of the lists of the whole mail, of its form."""
    markup = mail.get(f"/v1/placements/hero.amp?profile={who}&send=s1&mail=newsletter").text
    return [urlsplit(each).path for each in re.findall(r'(?:src|action-xhr)="(https://mail[^"]+)"', markup)]


def submitted(mail: Server, path: str, body: bytes, **headers: str) -> Answer:
    return mail.call("POST", path, body, **{**SENDER, **URLENCODED, **headers})


def test_an_answer_is_an_event_joined_to_the_decision(mail, who):
    decided = mail.get(f"/v1/placements/hero.json?profile={who}&send=s1&mail=newsletter").json["decision_id"]

    answer = submitted(mail, addresses(mail, who)[2], b"form=survey&answer=blue+%26+green&colours=a&colours=b&other=1")

    (event,) = events(mail, who)
    told = event["properties"]
    assert (answer.status, answer.json["message"], answer.headers["amp-email-allow-sender"], answer.headers["content-type"]) == (200, "Thanks for telling us", "news@shop.example", "application/json")
    assert (event["event"], told["answer"], told["colours"], "other" in told, told["decision_id"], told["placement"]) == ("survey_answered", "blue & green", ["a", "b"], False, decided, "hero")


def test_multipart_says_the_same(mail, who):
    body = b'--b\r\nContent-Disposition: form-data; name="form"\r\n\r\nsurvey\r\n--b\r\nContent-Disposition: form-data; name="answer"\r\n\r\nbl\xc3\xbce\r\n--b--\r\n'

    answer = submitted(mail, addresses(mail, who)[2], body, Content_Type="multipart/form-data; boundary=b")

    assert (answer.status, events(mail, who)[0]["properties"]["answer"]) == (200, "blüe")


def test_a_repetition_is_the_same_event(mail, who):
    path = addresses(mail, who)[2]

    for _ in range(3):
        submitted(mail, path, b"form=survey&answer=blue")

    assert len(events(mail, who)) <= 2  # two where a minute ends between them


def test_a_form_can_answer_about_consent(mail, who):
    submitted(mail, addresses(mail, who)[2], b"form=agree")

    consents = mail.get(f"/v1/profiles/{who}/consents").json
    assert {name: (each["status"], each["source"]) for name, each in consents["consents"].items()} == {"sales": ("granted", "form agree"), "tracking": ("denied", "form agree")}


@pytest.mark.parametrize(("body", "status", "field"), [
    (b"form=survey", 422, "answer"), (b"form=unheard", 422, "form"), (b"answer=blue", 422, "form"), (b"form=survey&answer=" + b"x" * 3_000, 422, "answer"),
    (b"&".join(b"f%d=1" % i for i in range(10_000)), 413, None), (b"&".join(b"f%d=1" % i for i in range(500)), 422, "form"), (b"form=survey&answer=%ff%fe", 400, None), (b"\xff\xfe", 400, None),
])
def test_what_is_wrong_is_said_in_json_to_the_sender_s_mail(mail, who, body, status, field):
    answer = submitted(mail, addresses(mail, who)[2], body)

    assert (answer.status, answer.headers["content-type"], answer.headers["amp-email-allow-sender"]) == (status, "application/json", "news@shop.example")
    assert [each["name"] for each in answer.json["verifyErrors"]] == ([field] if field else [])
    assert events(mail, who) == []


def test_an_old_mail_cannot_be_answered(mail, who):
    answer = submitted(mail, urlsplit(minted(mail, "amp", who=f"u:{who}", age=DAYS_31 + 86_400_000)).path + "/submit", b"form=survey&answer=x")

    assert (answer.status, "too old" in answer.json["message"], events(mail, who)) == (422, True, [])


@pytest.mark.parametrize("headers", [{"AMP_Email_Sender": "x@evil.example"}, {"AMP_Email_Sender": ""}])
def test_a_sender_that_is_not_listed_is_told_nothing(mail, who, headers):
    answer = submitted(mail, addresses(mail, who)[2], b"form=survey&answer=x", **headers)

    assert (answer.status, [name for name in answer.headers if "allow" in name], events(mail, who)) == (403, [], [])


@pytest.mark.parametrize("spoil", [lambda path: path.replace("/submit", "x/submit"), lambda path: path.replace("/submit", "/submit/submit"), lambda path: path.replace("v1.", "v2."), lambda path: "/amp/submit"])
def test_a_spoilt_token_takes_nothing(mail, who, spoil):
    assert submitted(mail, spoil(addresses(mail, who)[2]), b"form=survey&answer=x").status == 403


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_form_is_only_posted(mail, who, method):
    assert mail.call(method, addresses(mail, who)[2], None, **SENDER).status == 403


def test_one_call_feeds_the_lists_of_a_whole_mail(mail, who):
    single, whole, _ = addresses(mail, who)

    lists = mail.get(whole, **SENDER).json

    assert list(lists) == ["placements"]
    assert set(lists["placements"]) == {"hero", "grid", "footer"}
    assert lists["placements"]["hero"]["headline"] == mail.get(single, **SENDER).json["headline"] == "Boots & socks"
