"""What is pasted into each sender's template: identity and send in the address, and nothing left open."""

from __future__ import annotations

import re

import pytest

from app.formats.snippets import CALLS, EXPORTED, SENDERS, snippet

BASE = "https://inlay.shop.example"
SHARED = {"klaviyo", "sailthru"}
"""Fetch once for all."""
POSTED = {"emarsys", "notifuse"}
"""Tell the person in a body."""
AHEAD = {"listmonk"}
EACH = sorted(set(CALLS) - SHARED - POSTED - AHEAD)


@pytest.mark.parametrize("sender", CALLS)
def test_nothing_is_left_open(sender):
    text = snippet(sender, "hero-1", BASE, mail="newsletter")

    assert re.findall(r"\$(?:url|base|name|raw|rest|rest_js|surface|feed|batch|recipient)\b", text) == []
    assert "inlay_hero_1" in text or "hero-1" in text


@pytest.mark.parametrize("sender", EACH)
def test_person_and_send_stand_in_the_address_as_the_sender_s_own_words(sender):
    text = snippet(sender, "hero", BASE, mail="newsletter")

    assert f"{BASE}/v1/placements/hero." in text
    assert "profile=" in text and "send=" in text and "mail=newsletter" in text
    assert not re.search(r"send=(?![\"'{\[@])", text), "a constant send would serve yesterday's mail"


@pytest.mark.parametrize("sender", CALLS)
def test_no_address_of_a_person_stands_in_an_address(sender):
    assert "email" not in snippet(sender, "hero", BASE).replace("channels.email.id", "")


@pytest.mark.parametrize("sender", [name for name, call in CALLS.items() if call.surface == "json" and name not in SHARED])
def test_a_sender_that_takes_json_alone_asks_for_the_content_in_it(sender):
    assert "hero.json" in snippet(sender, "hero", BASE)
    assert "content=html" in snippet(sender, "hero", BASE)


@pytest.mark.parametrize("sender", CALLS)
def test_what_to_mind_is_told(sender):
    assert CALLS[sender].title
    assert all(each.endswith((".", ")")) for each in CALLS[sender].about)


def test_braze_asks_with_the_dispatch_and_without_its_cache():
    assert snippet("braze", "hero", BASE).splitlines()[0] == (
        "{% connected_content https://inlay.shop.example/v1/placements/hero.html?profile={{${user_id} | url_param_escape}}&send={{campaign.${dispatch_id}}} :basic_auth inlay :no_cache :save inlay_hero %}"
    )


def test_every_sender_is_known():
    assert {"braze", "iterable", "salesforce-ampscript", "salesforce-ssjs", "klaviyo", "customerio", "emarsys", "adobe-campaign", "adobe-journey-optimizer", "airship", "moengage",
            "clevertap", "dotdigital", "sailthru", "cordial", "notifuse", "listmonk"} <= set(CALLS)
    assert set(EXPORTED) >= {"mailchimp", "hubspot"}
    assert len(set(SENDERS)) == len(SENDERS) == len(set(CALLS) | set(EXPORTED))
