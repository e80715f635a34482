"""`inbox:` and a block's `image:` say what they take, and name what they cannot read."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import CARD, RULES, write_shop

from app.content.load import inspect, load
from app.domain.inbox import allowed, filled, with_parameters


def problems(folder: Path, rules: str = RULES, block: str = "") -> list[str]:
    _, found = inspect(write_shop(folder, rules, more={"blocks/card/block.yaml": CARD + block} if block else None))
    return [problem.message for problem in found if not problem.warning]


def test_without_the_section_links_stay_as_they_are(tmp_path: Path) -> None:
    assert load(write_shop(tmp_path)).inbox.idle


def test_everything_that_is_declared_is_known(tmp_path: Path) -> None:
    text = "inbox: {clicks: {hosts: [Shop.example], utm: {utm_source: x}, consent: marketing}, opens: {placements: [hero]}, unsubscribe: {purposes: [marketing]}, pictures: {hosts: ['*.cdn.example']}}\n"

    found = load(write_shop(tmp_path, RULES + text)).inbox

    assert (found.clicks.hosts, found.clicks.utm, found.clicks.track, found.clicks.consent) == (("shop.example",), (("utm_source", "x"),), True, "marketing")
    assert (found.opens.placements, found.leaving.purposes, found.pictures, found.idle) == (("hero",), ("marketing",), ("*.cdn.example",), False)


@pytest.mark.parametrize(("text", "said"), [
    ("{clickz: {}}", 'unknown key "clickz"'), ("{clicks: {}}", "hosts is missing"), ("{clicks: {hosts: ['https://shop.example']}}", "'https://shop.example' is no host"),
    ("{clicks: {hosts: ['*']}}", "'*' is no host"), ("{clicks: {hosts: ['*.com']}}", "'*.com' is no host"), ("{clicks: {hosts: [a.example], utm: {utm_source: '{x}'}}}", "{x} is not known"),
    ("{clicks: {hosts: [a.example], track: 1}}", "is neither true nor false"), ("{clicks: {hosts: [a.example], consent: x}}", 'no purpose "x"'),
    ("{opens: {placements: [x]}}", 'no placement "x"'), ("{unsubscribe: {purposes: []}}", "names no purpose"), ("{unsubscribe: {purposes: [marketing], mailto: 'a b'}}", "'a b' is no address"),
])
def test_what_cannot_be_read_is_a_problem(tmp_path: Path, text: str, said: str) -> None:
    assert problems(tmp_path, RULES + f"inbox: {text}\n") == [said]


@pytest.mark.parametrize(("image", "said"), [
    ("{}", "kind is missing"), ("{kind: movie}", 'no kind "movie"'), ("{kind: card}", "shows nothing"), ("{kind: countdown}", '"" is no variable of the type date'),
    ("{kind: countdown, until: headline}", '"headline" is no variable of the type date'), ("{kind: card, title: x, until: y}", "a card shows no until"),
    ("{kind: card, title: x, width: 5000}", "is 5000"), ("{kind: card, title: x, colours: {ink: red}}", "'red' is no colour"), ("{kind: card, title: x, labels: [a]}", "has 1 words"),
    ("{kind: card, title: x, font: ../../etc/passwd}", "'../../etc/passwd' is no font"), ("{kind: card, title: x, font: Absent.ttf}", "no file fonts/Absent.ttf"),
])
def test_a_picture_that_cannot_be_drawn_is_a_problem(tmp_path: Path, image: str, said: str) -> None:
    assert problems(tmp_path, block=f"image: {image}\n") == [said]


@pytest.mark.parametrize(("address", "is_allowed"), [
    ("https://shop.example/x", True), ("https://SHOP.example.:443/x", True), ("http://a.b.shop.example", False), ("https://a.cdn.example", True), ("https://cdn.example", False),
    ("https://shop.example@evil.example", False), ("https://evil.example/shop.example", False), ("ftp://shop.example", False), ("https:shop.example", False), ("https://shop.example:x", False),
    ("https://shop.example\\.evil.example", False), ("https://[::1", False), ("https://shop.example\n", False),
])
def test_a_host_is_that_of_the_address_alone(address: str, is_allowed: bool) -> None:
    assert allowed(address, ("shop.example", "*.cdn.example")) is is_allowed


def test_parameters_are_added_once_and_encoded() -> None:
    found = with_parameters("https://a.example/?utm_source=own&x=1#y", (("utm_source", "inlay"), ("utm_campaign", "{mail} & {send}"), ("utm_term", "{item}")), {"mail": "news", "send": "s=1"})

    assert found == "https://a.example/?utm_source=own&x=1&utm_campaign=news%20%26%20s%3D1#y"


def test_what_is_not_known_leaves_no_stray_signs() -> None:
    assert filled("{placement}.{offer}.{item}", {"placement": "hero", "offer": "boots"}) == "hero.boots"
