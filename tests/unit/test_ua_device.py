"""What a user agent says of the device."""

from __future__ import annotations

import pytest

from app.adapters.ua_device import UaDevice

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"
PIXEL = "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
TAB = "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
IPAD = "Mozilla/5.0 (iPad; CPU OS 15_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/15.0 Mobile/15E148 Safari/604.1"
MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


@pytest.fixture(scope="module")
def devices() -> UaDevice:
    found = UaDevice()
    found.prepare()
    return found


@pytest.mark.parametrize("agent,kind,os,browser", [
    (IPHONE, "mobile", "iOS", "Mobile Safari"), (PIXEL, "mobile", "Android", "Chrome Mobile"), (TAB, "tablet", "Android", "Chrome"), (IPAD, "tablet", "iOS", "Mobile Safari"),
    (MAC, "desktop", "Mac OS X", "Safari"), (FIREFOX, "desktop", "Windows", "Firefox"), (BOT, "bot", None, "Googlebot"), ("curl/8.5", "other", None, "curl"),
])
def test_kind_system_and_browser_are_told(devices, agent, kind, os, browser):
    found = devices.device(agent)

    assert (found["type"], found.get("os"), found.get("browser")) == (kind, os, browser)


def test_a_phone_has_a_maker_and_a_model(devices):
    assert (devices.device(IPHONE)["brand"], devices.device(IPHONE)["model"]) == ("Apple", "iPhone")


@pytest.mark.parametrize("agent", ["", "x" * 100_000, "\x00\ud800", "(" * 5_000])
def test_of_what_is_no_user_agent_nothing_is_known(devices, agent):
    assert devices.device(agent) == {}


def test_what_is_told_can_be_changed_without_changing_what_is_remembered(devices):
    devices.device(IPHONE).clear()

    assert devices.device(IPHONE)["type"] == "mobile"
