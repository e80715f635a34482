"""What is kept of an event's context."""

from __future__ import annotations

import pytest

from app.formats.context import context_properties, plain_address

CONTEXT = {
    "device": {"type": "Mobile"}, "ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "locale": "de-DE",
    "page": {"url": "https://shop.example/shoes?email=a@b.example&utm_source=news#top", "referrer": "https://search.example/?q=me", "title": "Shoes"},
    "campaign": {"source": "news", "medium": "email", "name": "autumn", "term": "boots", "content": "b", "other": "x"},
}


def test_device_addresses_and_campaign_become_properties_and_nothing_else_does():
    assert context_properties(CONTEXT) == {
        "_device": "mobile", "_url": "https://shop.example/shoes", "_referrer": "https://search.example/", "_utm_source": "news", "_utm_medium": "email",
        "_utm_campaign": "autumn", "_utm_term": "boots", "_utm_content": "b",
    }


@pytest.mark.parametrize("address", [
    None, 7, "", "shop.example/a", "javascript:alert(1)", "https://", "http://[::1", "https://x:99999/", "https://shop.example/a@b.example", "https://shop.example/a%40b", "https://x.example/" + "a" * 300,
    "https://x.example/\x00",
])
def test_what_is_no_web_address_or_may_name_somebody_is_left_out(address):
    assert plain_address(address) == ""


def test_credentials_in_an_address_are_not_kept():
    assert plain_address("https://me:secret@shop.example:8443/a") == "https://shop.example:8443/a"


@pytest.mark.parametrize("context", [{}, {"device": 1, "page": [], "campaign": "x"}, {"device": {"type": 1}, "page": {"url": {}}, "campaign": {"source": 1, "medium": "a@b.example"}}])
def test_a_context_of_another_shape_adds_nothing(context):
    assert context_properties(context) == {}
