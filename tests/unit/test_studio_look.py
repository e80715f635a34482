"""The page's looks, as far as its sources tell: contrast of the tokens, nothing from elsewhere, nothing parsed as markup."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import product

import pytest

ASSETS = {file.name: file.read_text() for file in (files("app.studio") / "assets").iterdir()}
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", ASSETS["base.css"])
}
SVG = "http://www.w3.org/2000/svg"
TEXTS = ("ink", "muted", "accent", "good", "warn", "bad")
GROUNDS = ("page", "surface")


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_formula_gives_the_known_extremes():
    assert (contrast("#000000", "#ffffff"), contrast("#777777", "#777777")) == (21.0, 1.0)


def test_the_tokens_are_those_of_the_look():
    assert TOKENS == {
        "ink": ("#14181f", "#e8ebf0"), "muted": ("#5b6573", "#9aa4b2"), "page": ("#f6f7f9", "#0f1216"), "surface": ("#ffffff", "#171b21"),
        "line": ("#e3e7ec", "#2a3038"), "accent": ("#2f5bea", "#7d9bff"), "accent-ink": ("#ffffff", "#0f1216"),
        "good": ("#1b7f4b", "#4cc38a"), "warn": ("#9a6700", "#e2b341"), "bad": ("#b42318", "#ff8a80"),
    }


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text,ground", [*product(TEXTS, GROUNDS), ("accent-ink", "accent")])
def test_every_text_stands_out_from_every_ground_by_4_5_to_1(text, ground, scheme):
    assert contrast(TOKENS[text][scheme], TOKENS[ground][scheme]) >= 4.5


@pytest.mark.parametrize("name", [name for name in ASSETS if name.endswith(".css")])
def test_no_style_uses_a_colour_that_is_no_token(name):
    rest = re.sub(r"--[a-z-]+: light-dark\([^)]*\)", "", ASSETS[name])

    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?![^{]*\{)|rgba?\(|hsla?\(", rest) == []


@pytest.mark.parametrize("name", ASSETS)
def test_no_asset_is_longer_than_300_lines_or_names_another_host(name):
    addresses = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", ASSETS[name].replace(SVG, ""))

    assert (ASSETS[name].count("\n") <= 300, addresses) == (True, [])


@pytest.mark.parametrize("name", [name for name in ASSETS if name.endswith(".js")])
def test_no_script_can_turn_data_into_markup(name):
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|eval\(|new Function|createContextualFragment|DOMParser", ASSETS[name]) == []


def test_the_page_holds_no_script_or_style_of_its_own():
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", ASSETS["page.html"]) == []
