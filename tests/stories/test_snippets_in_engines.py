"""What `inlay snippet` prints, rendered by the engines that senders render it with, against a running server: the person's own content arrives, as it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.stories.engines import Caller, Values, braze, handlebars, javascript, jinja, klaviyo, liquid
from tests.stories.server import Server
from tests.stories.test_http_clicks import MAIL_SHOP
from tests.stories.typed import typed

PUBLIC = "https://inlay.shop.example"
SHOWN = "<div><h1>Boots &amp; socks</h1>"
PLACEMENT = "hero-1"
RULES = f"""
version: 1
placements: {{{PLACEMENT}: {{fallback: {{block: plain}}}}}}
offers: {{more_boots: {{placements: [{PLACEMENT}], block: hero, vars: {{headline: Boots & socks, url: "https://shop.example/boots"}}}}}}
"""
OBJECTS = """
var Platform = {Load: function () {}}, written = "";
var Attribute = {GetValue: function (name) { return {_subscriberkey: dukpy.who, jobid: "send-1"}[name]; }};
var Variable = {GetValue: function (name) { return {"@inlay_key": "admin"}[name]; }};
var Script = {Util: {HttpRequest: function (url) {
  var headers = {};
  this.setHeader = function (name, value) { headers[name] = value; };
  this.send = function () { return {statusCode: headers.Authorization == "Bearer admin" && this.method == "GET" ? 200 : 401, content: call_python("fetch", url)}; };
}}};
function Write(text) { written += text; }
"""
"""What Salesforce's server-side JavaScript finds around it."""


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("senders") / "content"
    shutil.copytree(MAIL_SHOP, folder)
    (folder / "rules" / "more.yaml").write_text(RULES)
    return folder


@pytest.fixture(scope="module")
def mail(content: Path) -> Iterator[Server]:
    server = Server.of(content, INLAY_PUBLIC_URL=PUBLIC, INLAY_ADMIN_KEY="admin")
    server.headers = {"Authorization": "Bearer admin"}
    yield server
    server.close()


@pytest.fixture
def caller(mail: Server) -> Caller:
    return Caller(PUBLIC, f"http://127.0.0.1:{mail.port}", "admin")


@pytest.fixture
def pasted(content: Path, request: pytest.FixtureRequest) -> str:
    """What the command prints for the sender of the test."""
    done = typed("snippet", request.param, PLACEMENT, "--url", PUBLIC, "--content", content)
    done.check_returncode()
    return done.stdout


def of(sender: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("pasted", [sender], indirect=True)


def address(pasted: str) -> str:
    """What is called: the first line of a snippet of several steps."""
    return pasted.splitlines()[0].removeprefix("GET ").removeprefix("POST ")


def message(pasted: str) -> str:
    """What stands in the mail: all behind the last line that says where."""
    return pasted[pasted.rindex(":\n") + 2 :].strip()


def asked(mail: Server, caller: Caller) -> tuple[str, str]:
    """For whom, and for which send, the one call was made."""
    (id,) = caller.decisions
    decision = mail.get(f"/v1/decisions/{id}").json
    return decision["profile"], decision["send"]


@of("braze")
def test_braze_calls_for_the_user_and_the_dispatch_whatever_the_id(mail, caller, who, pasted):
    shown = braze(pasted, {"user_id": f"{who}&send=x y", "campaign": {"dispatch_id": "send-1"}}, caller)

    assert (shown.strip().startswith(SHOWN), asked(mail, caller)) == (True, (f"{who}&send=x y", "send-1"))


@of("customerio")
def test_customer_io_keeps_the_answer_and_shows_it_in_the_next_step(mail, caller, who, pasted):
    values = {"customer": {"id": f"{who}&x"}, "campaign": {"id": 7}, "delivery_id": "d9"}
    answer = caller.json(liquid(address(pasted), values))

    shown = liquid(message(pasted), {**values, "journey": {"inlay_hero_1": answer}})

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (f"{who}&x", "7-d9"))


@of("clevertap")
def test_clevertap_shows_its_linked_content_by_its_name(mail, caller, who, pasted):
    answer = caller.json(liquid(address(pasted), {"Profile": {"Identity": who}, "Campaign": {"campaignId": "send-1"}}))

    shown = liquid(message(pasted), {"Linked": {"inlay_hero_1": answer}})

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (who, "send-1"))


@of("notifuse")
def test_notifuse_posts_the_contact_and_finds_its_feed_by_the_placement(caller, who, pasted):
    answer = caller.json(address(pasted), {"contact": {"external_id": who}, "broadcast": {"id": "b1"}})

    assert liquid(message(pasted), {"recipient_feed": answer}).startswith(SHOWN)


@pytest.mark.parametrize(("pasted", "values", "names", "send"), [
    ("iterable", {"campaignId": 1, "templateId": 2}, ("userId",), "1-2"),
    ("airship", {"send_id": "send-1"}, ("named_user_id",), "send-1"),
    ("adobe-journey-optimizer", {"context": {"system": {"source": {"id": "s"}}, "journey": {"technicalProperties": {"journeyVersionId": "v"}}}}, ("profile", "person", "crmId"), "s-v"),
], indirect=["pasted"])
def test_handlebars_leaves_the_markup_as_it_is(mail, caller, who, pasted, values, names, send):
    answer = caller.json(handlebars(address(pasted), values | nested(names, who)))

    shown = handlebars(message(pasted), {"inlay_hero_1": answer, "context": {"journey": {"actions": {"inlay_hero_1": answer}}}})

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (who, send))


def nested(names: tuple[str, ...], value: str) -> Values:
    first, *rest = names
    return {first: nested(tuple(rest), value) if rest else value}


@of("moengage")
def test_moengage_calls_its_content_api(mail, caller, who, pasted):
    answer = caller.json(jinja(address(pasted), {"UserAttribute": {"Customer ID": who}, "CampaignAttribute": {"Campaign ID": "send-1"}}))

    shown = jinja(message(pasted), {"ContentApi": {"inlay_hero_1": lambda: answer}})

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (who, "send-1"))


@of("klaviyo")
def test_klaviyo_finds_the_placement_in_its_shared_feed(caller, pasted):
    assert klaviyo(message(pasted), {"feeds": {"inlay_hero_1": caller.json(address(pasted))}}).startswith(SHOWN)


@of("salesforce-ssjs")
def test_salesforce_s_script_asks_with_the_key_and_writes_the_content(mail, caller, who, pasted):
    script = pasted.strip().removeprefix('<script runat="server">').removesuffix("</script>")

    shown = javascript(OBJECTS + script + "; written", {"who": f"{who}&x"}, fetch=caller.text)

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (f"{who}&x", "send-1"))


@of("salesforce-ssjs")
def test_salesforce_s_script_shows_its_own_text_where_the_call_fails(pasted):
    script = pasted.strip().removeprefix('<script runat="server">').removesuffix("</script>")

    assert javascript(OBJECTS + script + "; written", {"who": "u1"}) == "<p>See what is new</p>"


@of("adobe-campaign")
def test_campaign_s_expression_asks_for_the_recipient(mail, caller, who, pasted):
    expression = pasted.strip().removeprefix("<%=").removesuffix("%>")
    objects = 'var recipient = {id: dukpy.who}, delivery = {id: "send-1"}; function getURL(address) { return call_python("fetch", address); };'

    shown = javascript(objects + expression, {"who": f"{who}&x"}, fetch=caller.text)

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (f"{who}&x", "send-1"))


@of("dotdigital")
def test_dotdigital_s_address_is_whole_once_its_fields_are_in_it(mail, caller, who, pasted):
    shown = caller.text(pasted.strip().replace("@CONTACT_ID@", quote(who)).replace("@CAMPAIGN_ID@", "send-1"))

    assert (shown.startswith(SHOWN), asked(mail, caller)) == (True, (who, "send-1"))
