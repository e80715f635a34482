"""Bandits as users write them, and as they choose."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from content_shop import write_shop

from app.catalogue.replica import Replica
from app.content.cases import run_cases
from app.content.choosing import Taken, choose
from app.content.load import inspect, load
from app.content.snapshot import Snapshot
from app.domain.bandits import Posterior, Tally, features_of
from app.domain.decision import Choice, decode_record, encode_record
from app.domain.profile import Profile
from app.domain.request import Request
from tests.fakes import FixedModels

NOW = 1_790_000_000_000
RULES = """\
version: 1
features: {spend: {sum: order_completed.total}}
segments: {loyal: {did: order_completed}}
placements:
  hero: {fallback: {block: plain}, rank: {bandit: clicks}}
offers:
  a: {placements: [hero], block: plain}
  b: {placements: [hero], block: plain}
  c: {placements: [hero], block: plain, eligibility: {field: profile.tier, eq: gold}}
"""
CLICKS = "bandits:\n  clicks: {reward: {event: Email Clicked, within: 3d}}\n"
LEARNT = {"clicks": Posterior(7, {"a": Tally(900, 900, 90.0), "b": Tally(900, 900, 60.0), "c": Tally(900, 900, 300.0)})}


def snapshot(folder: Path, bandits: str = CLICKS, rules: str = RULES, learnt: dict[str, Posterior] | None = None) -> Snapshot:
    write_shop(folder, rules + bandits)
    for path in (folder / "models").iterdir():
        path.unlink()
    return Snapshot(load(folder), FixedModels({}), learnt)


def shown(content: Snapshot, person: int, *, send: str = "news", tier: str = "", taken: Taken | None = None, reasons: bool = True) -> Choice:
    r = Request(NOW, Profile(f"u:{person}", traits={"tier": tier}, known=True), None, None, content.trials.assign, send)
    return choose(content, r, "hero", None, taken or Taken(), None, reasons=reasons)[0]


def counted(choices: list[Choice]) -> dict[str | None, float]:
    return {offer: number / len(choices) for offer, number in Counter(each.offer for each in choices).items()}


def test_with_nothing_learnt_offers_are_shown_evenly(tmp_path: Path) -> None:
    content = snapshot(tmp_path)
    assert counted([shown(content, i) for i in range(2_000)]) == pytest.approx({"a": 0.5, "b": 0.5}, abs=0.03)


def test_what_earned_more_is_shown_as_often_as_its_propensity_says(tmp_path: Path) -> None:
    content = snapshot(tmp_path, learnt={"clicks": Posterior(1, {"a": Tally(100, 100, 10.0), "b": Tally(100, 100, 7.0)})})
    choices = [shown(content, i) for i in range(2_000)]
    propensities = {each.offer: each.drawn.propensity for each in choices if each.drawn is not None}
    assert counted(choices) == pytest.approx(propensities, abs=0.03)
    assert sum(propensities.values()) == pytest.approx(1)
    assert 0.7 < propensities["a"] < 0.85


def test_only_those_that_are_left_are_drawn_from(tmp_path: Path) -> None:
    content = snapshot(tmp_path, learnt=LEARNT)
    assert {shown(content, i).offer for i in range(50)} == {"a"}
    assert {shown(content, i, tier="gold").offer for i in range(50)} == {"c"}


def test_the_same_person_and_send_get_the_same_in_another_process(tmp_path: Path) -> None:
    one, other = snapshot(tmp_path / "a"), snapshot(tmp_path / "b")
    records = [[encode_record(NOW, None, "v", {"hero": shown(content, i)}) for i in range(200)] for content in (one, other)]
    assert records[0] == records[1]


def test_asking_for_reasons_changes_nothing(tmp_path: Path) -> None:
    content = snapshot(tmp_path)
    assert [shown(content, i, reasons=False) for i in range(50)] == [shown(content, i) for i in range(50)]


def test_another_send_is_another_draw(tmp_path: Path) -> None:
    content = snapshot(tmp_path)
    assert {shown(content, 1, send=f"s{i}").offer for i in range(30)} == {"a", "b"}


def test_the_record_keeps_how_it_was_drawn(tmp_path: Path) -> None:
    choice = shown(snapshot(tmp_path, learnt=LEARNT), 1, tier="gold")
    kept = decode_record(encode_record(NOW, None, "v", {"hero": choice})).choices["hero"]
    assert kept.drawn == choice.drawn
    assert choice.drawn is not None
    assert (choice.drawn.bandit, choice.drawn.version, choice.drawn.propensity) == ("clicks", 7, 1.0)


def test_without_a_send_the_likeliest_is_shown_and_nothing_is_to_be_learnt(tmp_path: Path) -> None:
    content = snapshot(tmp_path, learnt={"clicks": Posterior(1, {"b": Tally(10, 10, 3.0), "a": Tally(10, 10, 1.0)})})
    choices = [shown(content, i, send="") for i in range(20)]
    assert {(each.offer, each.drawn) for each in choices} == {("b", None)}


def test_what_the_mail_shows_already_is_not_drawn_again(tmp_path: Path) -> None:
    content = snapshot(tmp_path, learnt=LEARNT)
    choice = shown(content, 1, taken=Taken({"a"}))
    assert choice.offer == "b"
    assert choice.drawn is not None
    assert choice.drawn.propensity == 1.0


def test_priority_comes_before_what_was_learnt(tmp_path: Path) -> None:
    content = snapshot(tmp_path, rules=RULES.replace("b: {", "b: {priority: 5, "), learnt=LEARNT)
    assert {shown(content, i).offer for i in range(30)} == {"b"}


def test_an_offer_that_cannot_be_shown_leaves_the_draw_to_the_others(tmp_path: Path) -> None:
    rules = RULES.replace("a: {placements: [hero], block: plain}", "a: {placements: [hero], block: plain, items: {from: [gone], at_least: 1}}")
    content = snapshot(tmp_path, rules=rules, learnt=LEARNT)
    r = Request(NOW, Profile("u:1", known=True), None, None, content.trials.assign, "news")
    choice, verdict = choose(content, r, "hero", Replica(), Taken(), None, reasons=True)
    assert (choice.offer, choice.drawn and choice.drawn.propensity) == ("b", 1.0)
    assert [(each.offer, each.outcome, each.by) for each in verdict.candidates()] == [("a", "removed", "items"), ("b", "chosen", ""), ("c", "removed", "eligibility")]


def test_candidates_tell_their_shares(tmp_path: Path) -> None:
    content = snapshot(tmp_path)
    r = Request(NOW, Profile("u:1", known=True), None, None, content.trials.assign, "news")
    _, verdict = choose(content, r, "hero", None, Taken(), None, reasons=True)
    assert [(each.offer, each.score) for each in verdict.candidates()] == [("a", 0.5), ("b", 0.5), ("c", None)]


def test_floors_and_ceilings_bound_what_each_gets(tmp_path: Path) -> None:
    bounds = "bandits:\n  clicks: {reward: {event: email_clicked, within: 3d}, floor: 0.1, arms: {a: {ceiling: 0.6}}}\n"
    content = snapshot(tmp_path, bounds, learnt=LEARNT)
    assert {each.offer: each.drawn.propensity for i in range(200) if (each := shown(content, i)).drawn is not None} == {"a": 0.6, "b": 0.4}


def test_until_it_is_warm_an_offer_gets_an_even_share(tmp_path: Path) -> None:
    warm = CLICKS.replace("within: 3d}", "within: 3d}, warm_up: 1000")
    known = {"clicks": Posterior(7, {"a": Tally(1000, 900, 90.0), "b": Tally(999, 900, 9.0)})}
    content = snapshot(tmp_path, warm, learnt=known)
    assert {each.drawn.propensity for i in range(100) if (each := shown(content, i)).drawn is not None} == {0.5}


def test_a_bandit_with_features_draws_by_the_person(tmp_path: Path) -> None:
    linear = "bandits:\n  clicks:\n    reward: {event: email_clicked, within: 3d}\n    features: {gold: {field: profile.tier, eq: gold}, spend: feature.spend / 100}\n"
    rules = RULES.replace("eligibility: {field: profile.tier, eq: gold}", "eligibility: {field: profile.tier, eq: none}")
    content = snapshot(tmp_path, linear, rules)
    state = content.definitions.bandits["clicks"].state
    gold = (400.0, 200.0, 0.0, 200.0, 0.0, 0.0)
    known = {state: Posterior(3, {"a": Tally(400, 400, 40, gold, (40.0, 38.0, 0.0)), "b": Tally(400, 400, 40, gold, (40.0, 2.0, 0.0))})}
    content = snapshot(tmp_path / "learnt", linear, rules, known)
    choice = shown(content, 1, tier="gold")
    assert {shown(content, i, tier="gold").offer for i in range(30)} == {"a"}
    assert {shown(content, i).offer for i in range(30)} == {"b"}
    assert choice.drawn is not None
    assert features_of(choice.drawn.features) == (1.0, 1.0, 0.0)


def test_who_is_in_a_holdout_meets_no_bandit(tmp_path: Path) -> None:
    content = snapshot(tmp_path, CLICKS + "holdouts: {all: {percent: 100, control: b}}\n", learnt=LEARNT)
    assert {(each.offer, each.reason, each.drawn) for each in (shown(content, i) for i in range(20))} == {("b", "holdout", None)}


@pytest.mark.parametrize("bandits, key, message", [
    ("clicks: {}", "bandits.clicks", "reward is missing"),
    ("clicks: {reward: {event: email_clicked}}", "bandits.clicks.reward", "within is missing"),
    ("clicks: {reward: {event: email_clicked, within: 31d}}", "bandits.clicks.reward.within", "longer than decisions are kept"),
    ("clicks: {reward: {event: order_completed, within: 3d, value: total}}", "bandits.clicks.reward", "value and most go together"),
    ("clicks: {reward: {event: order_completed, within: 3d, value: total, most: 0}}", "bandits.clicks.reward.most", "is 0"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, prior: {alpha: 0}}", "bandits.clicks.prior.alpha", "is 0"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, prior: {mean: 1}}", "bandits.clicks.prior.mean", 'unknown key "mean"'),
    ("clicks: {reward: {event: email_clicked, within: 3d}, features: {x: 1}, prior: {noise: 0}}", "bandits.clicks.prior.noise", "is 0"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, features: {x: 1}, prior: {alpha: 1}}", "bandits.clicks.prior.alpha", 'unknown key "alpha"'),
    ("clicks: {reward: {event: email_clicked, within: 3d}, features: {}}", "bandits.clicks.features", "names 0 features"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, features: {x: feature.nope}}", "bandits.clicks.features.x", 'no feature "nope"'),
    ("clicks: {reward: {event: email_clicked, within: 3d}, floor: 0.6}", "bandits.clicks", "floors of the 3 offers for hero sum to 1.8"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, ceiling: 0.2}", "bandits.clicks", "ceilings of the 3 offers for hero sum to 0.6"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, ceiling: 0}", "bandits.clicks.ceiling", "is 0"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, floor: 0.3, ceiling: 0.2}", "bandits.clicks", "floor of 0.3 above its ceiling"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, floor: 2}", "bandits.clicks.floor", "is 2"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, arms: {d: {}}}", "bandits.clicks.arms", 'no offer "d"'),
    ("clicks: {reward: {event: email_clicked, within: 3d}, every: 10ms}", "bandits.clicks.every", "is too often"),
    ("clicks: {reward: {event: email_clicked, within: 3d}, warm_up: -1}", "bandits.clicks.warm_up", "is -1"),
    ("other: {reward: {event: email_clicked, within: 3d}}", "placements.hero.rank.bandit", 'no bandit "clicks"'),
])
def test_a_mistake_is_told_where_it_is(tmp_path: Path, bandits: str, key: str, message: str) -> None:
    _, problems = inspect(write_shop(tmp_path, f"{RULES}bandits:\n  {bandits}\n"))
    assert [problem.key for problem in problems if message in problem.message] == [key]


def test_an_arm_that_is_an_offer_of_another_placement_is_told(tmp_path: Path) -> None:
    rules = RULES.replace("placements:\n", "placements:\n  foot: {fallback: {block: plain}}\n", 1) + "  d: {placements: [foot], block: plain}\n"
    _, problems = inspect(write_shop(tmp_path, rules + CLICKS.replace("3d}", "3d}, arms: {d: {floor: 0.1}}")))
    assert [str(problem) for problem in problems if "is no arm" in problem.message] == ["rules/shop.yaml:13 bandits.clicks.arms.d: is no arm: the offer is not for hero; arms are a, b, c"]


def test_a_bandit_that_ranks_nothing_or_has_nothing_to_choose_is_warned_of(tmp_path: Path) -> None:
    rules = RULES.split("  b: {")[0] + CLICKS + "  idle: {reward: {event: email_clicked, within: 3d}}\n"
    _, problems = inspect(write_shop(tmp_path, rules))
    assert [problem.key for problem in problems if problem.warning] == ["bandits.clicks", "bandits.idle"]


def test_a_test_can_say_how_a_draw_falls(tmp_path: Path) -> None:
    case = "tests:\n  - {name: drawn, given: {bandits: {clicks: %s}}, expect: {hero: {offer: %s}}}\n"
    assert [run_cases(snapshot(tmp_path / offer, CLICKS + case % (offer, offer), learnt=LEARNT), NOW) for offer in ("a", "b")] == [[], []]
    assert [problem.message for problem in run_cases(snapshot(tmp_path / "c", CLICKS + case % ("c", "c")), NOW)] == ["'drawn': hero.offer: expected 'c', got 'a'"]
