"""`enrich:` in rules/: what is read of it, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from content_shapes import fits
from content_shop import RULES, write_shop

from app.content.load import inspect, load
from app.content.schema import schemas
from app.content.source import parse_yaml
from app.domain.enrichment import Enrichments, Lookup, filled, learned, slots, taken

ENRICH = """\
enrich:
  geo: {from: ip}
  device: {from: user_agent, description: the phone}
  weather:
    from: https://weather.example:8443/v1/{profile.geo.country}/now?city={profile.geo.city}
    take: {temp: main.temp, sky: weather.0.main}
    fresh: 30m
    stale: 2d
    timeout: 300ms
    per_second: 5
    on: [Page Viewed, identify]
    headers: {Authorization: "Bearer {secret.WEATHER}"}
"""
LOOKUP = Lookup(
    "weather", "https://weather.example:8443/v1/{profile.geo.country}/now?city={profile.geo.city}", "weather.example", {"temp": ("main", "temp"), "sky": ("weather", "0", "main")},
    1_800_000, 172_800_000, 300, 5, frozenset({"page_viewed", "identify"}), {"authorization": "Bearer {secret.WEATHER}"},
)


def read(tmp_path: Path, text: str) -> Enrichments:
    return load(write_shop(tmp_path, RULES + text)).enrich


def test_what_is_declared_is_read(tmp_path):
    found = read(tmp_path, ENRICH)

    assert dict(found.local) == {"geo": "ip", "device": "user_agent"}
    assert [(each.id, each.url, each.host, dict(each.take), each.fresh, each.stale, each.timeout, each.per_second, each.events, dict(each.headers)) for each in found.lookups] == [
        (LOOKUP.id, LOOKUP.url, LOOKUP.host, dict(LOOKUP.take), LOOKUP.fresh, LOOKUP.stale, LOOKUP.timeout, LOOKUP.per_second, LOOKUP.events, dict(LOOKUP.headers)),
    ]


def test_the_schema_takes_it():
    node = parse_yaml((RULES + ENRICH).encode(), "x.yaml", [])

    assert fits(node.plain(), schemas()["rules"])


@pytest.mark.parametrize("entry,at", [
    ("{}", "x"), ("7", "x"), ("{from: mac}", "x.from"), ("{from: ip, take: {a: b}}", "x.take"), ("{from: 'https://a.example/'}", "x"), ("{from: 'http://a.example/', take: {a: b}}", "x.from"),
    ("{from: 'https://{profile.host}/', take: {a: b}}", "x.from"), ("{from: 'https://a.example:{profile.port}/', take: {a: b}}", "x.from"), ("{from: 'https://me@a.example/', take: {a: b}}", "x.from"),
    ("{from: 'https://a.example/#x', take: {a: b}}", "x.from"), ("{from: 'https://a.example/{city}', take: {a: b}}", "x.from"), ("{from: 'https://a.example/{profile.}', take: {a: b}}", "x.from"),
    ("{from: 'https://a.example/{context.ip}', take: {a: b}}", "x.from"), ("{from: 'https://a.example/{', take: {a: b}}", "x.from"), ("{from: 'https://a.example/a b', take: {a: b}}", "x.from"),
    ("{from: 'https://[', take: {a: b}}", "x.from"), ("{from: 'https://a.example:x/', take: {a: b}}", "x.from"), ("{from: 'https://a.example/', take: {}}", "x.take"),
    ("{from: 'https://a.example/', take: {_at: b}}", "x.take._at"), ("{from: 'https://a.example/', take: {a: b..c}}", "x.take.a"), ("{from: 'https://a.example/', take: {a: b}, timeout: 1m}", "x.timeout"),
    ("{from: 'https://a.example/', take: {a: b}, fresh: soon}", "x.fresh"), ("{from: 'https://a.example/', take: {a: b}, per_second: 0}", "x.per_second"),
    ("{from: 'https://a.example/', take: {a: b}, headers: {Host: evil}}", "x.headers.Host"), ("{from: 'https://a.example/', take: {a: b}, headers: {x: \"a\\nb\"}}", "x.headers.x"),
    ("{from: 'https://a.example/', take: {a: b}, headers: {x: '{profile.email}'}}", "x.headers.x"), ("{from: 'https://a.example/', take: {a: b}, method: POST}", "x.method"),
])
def test_a_mistake_is_told_with_its_place(tmp_path, entry, at):
    _, problems = inspect(write_shop(tmp_path, RULES + f"enrich:\n  x: {entry}\n"))

    assert [each.key for each in problems if not each.warning][:1] == [f"enrich.{at}"]


@pytest.mark.parametrize("traits,url", [
    ({"geo": {"country": "DE", "city": "Köln"}}, "https://weather.example:8443/v1/DE/now?city=K%C3%B6ln"), ({"geo": {"country": "DE", "city": 7}}, "https://weather.example:8443/v1/DE/now?city=7"),
    ({"geo": {"country": "../..", "city": "a&b=c#d"}}, "https://weather.example:8443/v1/..%2F../now?city=a%26b%3Dc%23d"), ({"geo": {"country": "DE"}}, None), ({"geo": "DE"}, None), ({}, None),
    ({"geo": {"country": "..", "city": "x"}}, None), ({"geo": {"country": "DE", "city": [1]}}, None), ({"geo": {"country": "DE", "city": True}}, "https://weather.example:8443/v1/DE/now?city=true"),
])
def test_an_address_is_filled_with_traits_that_cannot_change_its_shape(traits, url):
    assert filled(LOOKUP.url, traits) == url


def test_slots_are_the_traits_that_an_address_asks_for():
    assert slots(LOOKUP.url) == [("geo", "country"), ("geo", "city")]


@pytest.mark.parametrize("answer,fields", [
    ({"main": {"temp": 7.5}, "weather": [{"main": "Rain"}]}, {"temp": 7.5, "sky": "Rain"}), ({"main": {"temp": True}}, {"temp": True}), ({"weather": []}, {}), ({"weather": {"0": {"main": "x"}}}, {"sky": "x"}),
    (None, {}), ([], {}), ("x", {}), ({"main": {"temp": float("inf")}}, {}), ({"main": {"temp": 2**60}}, {}), ({"main": {"temp": "x" * 501}}, {}),
])
def test_of_an_answer_short_texts_numbers_and_booleans_are_taken(answer: Any, fields):
    assert taken(LOOKUP, answer) == fields


def test_what_is_learned_says_when_and_from_whom():
    assert learned({"temp": 7}, 1_791_795_600_123, "weather.example") == {"temp": 7, "_at": "2026-10-12T09:00:00.123Z", "_source": "weather.example"}
