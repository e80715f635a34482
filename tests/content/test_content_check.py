"""`inlay check`: one problem a line, all of them at once, and an exit code that a build can use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from content_shop import RULES, write_shop

from app.cli import main
from app.content.check import check

NOW = 1_790_000_000_000


def shop(folder: Path, rules: str = RULES, more: dict[str, str] | None = None) -> Path:
    """The shop without its models, which are no real networks."""
    write_shop(folder, rules, more=more)
    for path in (folder / "models").iterdir():
        path.unlink()
    return folder


def test_content_without_a_mistake_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--content", str(shop(tmp_path))]) == 0
    assert capsys.readouterr().out.splitlines() == [f"0 problems, 0 warnings in {tmp_path}"]


def test_each_problem_is_one_line_with_file_line_and_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = RULES.replace("block: card", "block: crad").replace("48h", "48")
    assert main(["check", "--content", str(shop(tmp_path, rules))]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "rules/shop.yaml:10 segments.shoe_browsers.within: 48 is no duration; a number with a unit: ms s m h d w, such as 48h",
        'rules/shop.yaml:19 offers.shoes_15.block: no block "crad"; did you mean "card"?',
        f"2 problems, 0 warnings in {tmp_path}",
    ]


def test_warnings_alone_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = RULES.replace("mails:", "  grid: {fallback: {block: plain}}\nmails:")
    assert main(["check", "--content", str(shop(tmp_path, rules))]) == 0
    assert "placements.grid: warning: no offer is for it" in capsys.readouterr().out


def test_json_lists_the_problems_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", "--content", str(shop(tmp_path, RULES.replace("block: card", "block: crad")))]) == 1
    assert json.loads(capsys.readouterr().out) == [{
        "file": "rules/shop.yaml", "line": 19, "key": "offers.shoes_15.block", "message": 'no block "crad"', "hint": 'did you mean "card"?',
        "level": "error",
    }]


def test_a_folder_without_rules_is_one_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--content", str(tmp_path)]) == 1
    assert capsys.readouterr().out.startswith("rules:1 content: no folder rules/ in")


def test_templates_are_tried_even_where_the_rules_are_wrong(tmp_path: Path) -> None:
    folder = shop(tmp_path, RULES.replace("block: card", "block: crad"), {"blocks/card/html.j2": "<p>\n{{ nobody }}</p>"})
    assert [problem.file for problem in check(folder, NOW)] == ["blocks/card/html.j2", "rules/shop.yaml"]


def test_a_last_fallback_that_shows_nothing_is_a_problem(tmp_path: Path) -> None:
    folder = shop(tmp_path, more={"blocks/plain/html.j2": "<p>{% if profile.name is defined %}Hello{% endif %}</p>"})
    assert any(problem.key == "placements.hero.fallback" and "blank" in problem.message for problem in check(folder, NOW))


CASE = """\
tests:
  - name: a browser of shoes sees the offer
    at: 2026-10-12T09:00:00Z
    given: {consents: {marketing: granted}, events: [{event: Product Viewed, ago: 2h, properties: {category: shoes}}]}
    expect: {hero: {offer: shoes_15}}
"""


def test_a_test_in_the_files_that_holds_passes(tmp_path: Path) -> None:
    assert check(shop(tmp_path, RULES + CASE), NOW) == []


def test_a_test_in_the_files_that_fails_says_what_it_got(tmp_path: Path) -> None:
    found = check(shop(tmp_path, RULES + CASE.replace("ago: 2h", "ago: 48h")), NOW)
    assert [(problem.line, problem.message) for problem in found] == [
        (22, "'a browser of shoes sees the offer': hero.offer: expected 'shoes_15', got None"),
    ]


GATED = CASE.replace("given: {consents: {marketing: granted}", "given: {profile: {tier: gold}, consents: {marketing: denied}")


def test_a_test_in_the_files_knows_nothing_of_a_person_without_the_consent_that_gates_decisions(tmp_path: Path) -> None:
    folder = shop(tmp_path, RULES + GATED.replace("{offer: shoes_15}", "{offer: null, removed: {shoes_15: eligibility}}"))
    assert check(folder, NOW) == []


IMPOSSIBLE = [
    ("at: 1960-01-01", "events: []", "at: lies outside of 1970 to 2100"),
    ("at: 2026-10-12", "events: [{event: x, ago: 999999w}]", "given.events[0]: lies outside of 1970 to 2100"),
    ("at: 2026-10-12", "events: [{event: x, at: 2100-01-02}]", "given.events[0]: lies outside of 1970 to 2100"),
    ("at: 2026-10-12", f"events: [{{event: x, ago: 1h, properties: {{a: {'x' * 40_000}}}}}]", "given.events[0]: has more than 32,768 bytes of properties"),
    ("at: 2026-10-12", "items: [{id: a}, {id: a}]", "given.items[1]: a second 'a'"),
    ("at: 2026-10-12", "items: [{id: a, price: '5'}]", "given.items[0]: the item cannot be taken: price must be a number, 0 or more"),
]


@pytest.mark.parametrize(("at", "given", "message"), IMPOSSIBLE, ids=[row[2] for row in IMPOSSIBLE])
def test_what_no_server_would_take_is_refused_in_a_test_too(tmp_path: Path, at: str, given: str, message: str) -> None:
    rules = RULES + f"tests: [{{name: a, {at}, given: {{{given}}}, expect: {{hero: {{}}}}}}]\n"
    assert [str(problem) for problem in check(shop(tmp_path, rules), NOW)] == [f"rules/shop.yaml:21 tests: 'a': {message}"]


def test_a_sample_of_a_person_and_a_request_is_what_the_block_is_tried_with(tmp_path: Path) -> None:
    sample = "description: x\nsample: {profile: {name: Anna}, context: {stock: 5}}\n"
    folder = shop(tmp_path, more={"blocks/hello/block.yaml": sample, "blocks/hello/html.j2": "<p>{{ profile.name }}: {{ context.stock }}</p>"})
    assert check(folder, NOW) == []


GREETING = {"blocks/hello/block.yaml": "description: x\nsample: {profile: {name: Anna}}\n", "blocks/hello/html.j2": "<p>{% if profile.name is defined %}Hello{% endif %}</p>"}


def test_a_fallback_before_the_last_that_would_come_out_blank_is_a_problem(tmp_path: Path) -> None:
    rules = RULES.replace("{fallback: {block: plain}}", "{fallback: [{block: hello}, {block: plain}]}")
    found = check(shop(tmp_path, rules, GREETING), NOW)
    assert {(problem.key, problem.line, problem.warning) for problem in found} == {("placements.hero.fallback[0]", 12, False)}


def test_an_offer_that_would_come_out_blank_is_a_warning(tmp_path: Path) -> None:
    rules = RULES + "  greeting: {placements: [hero], block: hello}\n"
    found = check(shop(tmp_path, rules, GREETING), NOW)
    assert {(problem.key, problem.line, problem.warning) for problem in found} == {("offers.greeting", 21, True)}


def test_a_fallback_that_fails_to_render_gives_way_to_the_next(tmp_path: Path) -> None:
    rules = RULES.replace("{fallback: {block: plain}}", "{fallback: [{block: hello}, {block: plain}]}")
    more = {**GREETING, "blocks/hello/html.j2": "<p>{{ profile.name }}</p>"}
    assert check(shop(tmp_path, rules, more), NOW) == []


def test_a_grid_with_its_items_is_not_taken_for_blank(tmp_path: Path) -> None:
    rules = RULES.replace("{fallback: {block: plain}}", "{fallback: [{block: grid, items: {from: catalogue, at_least: 2}}, {block: plain}]}")
    more = {"blocks/grid/block.yaml": "description: x\nitem_fields: [name]\n", "blocks/grid/html.j2": "{% for item in items %}<p>{{ item.name }}</p>{% endfor %}"}
    assert check(shop(tmp_path, rules, more), NOW) == []


def test_the_age_beyond_which_events_are_dropped_bounds_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INLAY_HISTORY_DAYS", "30")
    assert main(["check", "--content", str(shop(tmp_path))]) == 1
    assert "rules/shop.yaml:6 features.spend_90d.within: reaches further back than events are kept; at most 30d" in capsys.readouterr().out


def test_each_test_has_a_catalogue_of_its_own(tmp_path: Path) -> None:
    rules = RULES.replace("{fallback: {block: plain}}", "{fallback: [{block: grid, items: {from: catalogue}}, {block: plain}]}") + """tests:
  - {name: a shoe, given: {items: [{id: shoe, name: Shoe}]}, expect: {hero: {items: [shoe]}}}
  - {name: a hat, given: {items: [{id: hat, name: Hat}]}, expect: {hero: {items: [hat]}}}
"""
    more = {"blocks/grid/block.yaml": "description: x\nitem_fields: [name]\n", "blocks/grid/html.j2": "{% for item in items %}<p>{{ item.name }}</p>{% endfor %}"}
    assert check(shop(tmp_path, rules, more), NOW) == []


def test_a_sample_that_is_not_enough_to_render_its_block_is_a_problem(tmp_path: Path) -> None:
    folder = shop(tmp_path, more={"blocks/hello/block.yaml": "description: x\n", "blocks/hello/html.j2": "<p>Hello {{ profile.name }}</p>"})
    assert [(problem.key, problem.hint) for problem in check(folder, NOW)][:1] == [("blocks.hello", "the sample in block.yaml must be enough to render it")]


def test_a_last_fallback_that_needs_somebody_is_a_problem(tmp_path: Path) -> None:
    more = {"blocks/plain/block.yaml": "description: x\nsample: {profile: {name: Anna}}\n", "blocks/plain/html.j2": "<p>Hello {{ profile.name }}</p>"}
    found = check(shop(tmp_path, more=more), NOW)
    assert any(problem.key == "placements.hero.fallback" and "cannot be shown on html when nothing is known" in problem.message for problem in found)


def test_a_block_that_gmail_would_clip_is_a_warning(tmp_path: Path) -> None:
    found = check(shop(tmp_path, more={"blocks/plain/html.j2": f"<p>{'x' * 110_000}</p>"}), NOW)
    assert {(problem.key, problem.warning) for problem in found} == {("blocks.plain", True)}
    assert "Gmail clips a mail at 102 KB" in found[0].message


def test_a_test_that_names_no_score_of_a_model_gets_its_fallback(tmp_path: Path) -> None:
    rules = RULES + "    items: {rank: model.click, limit: 1}\ntests: [{name: a, at: 2026-10-12, given: {items: [{id: a, price: 5}]}, expect: {hero: {offer: null}}}]\n"
    folder = write_shop(tmp_path, rules)
    assert [problem for problem in check(folder, NOW) if problem.key == "tests"] == []
