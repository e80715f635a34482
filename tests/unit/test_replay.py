"""Logged decisions through other rules."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from app.adapters.file_log import FileLog
from app.content.load import load
from app.content.snapshot import Snapshot
from app.domain.bandits import Posterior, Tally
from app.domain.logged import DECISION, OUTCOME, VERSION, Outcome, frame
from app.errors import LogUnusable
from app.journal.packed import pack
from app.reports.replay import Replay, replay
from app.reports.replay_page import as_json, page
from app.reports.worth import certain, valued
from app.wiring.content import open_to_replay
from tests.content.content_shop import write_shop
from tests.fakes import FixedModels
from tests.unit.test_logbook import MORE, NOW, RULES, decide

DAYS_7 = 7 * 86_400_000


def opened(folder: Path) -> Snapshot:
    definitions = load(folder)
    return Snapshot(definitions, FixedModels(definitions.models))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty decisions of the rules, half of them clicked on, packed."""
    home = tmp_path_factory.mktemp("log")
    content = write_shop(home / "content-of", RULES, more=MORE)
    snapshot = opened(content)

    made = [decide(snapshot, who=f"person{n}", views=n % 4) for n in range(40)]

    async def story() -> None:
        file = FileLog(home, 1 << 30, lambda *_: None, lambda: (snapshot.version, content), list)
        file.start()
        for n, (record, history) in enumerate(made):
            file.put(frame(DECISION, record), history.names)
            if n % 2:
                file.put(frame(OUTCOME, Outcome(VERSION, record.id, record.who, NOW + 60_000, "email_clicked")))
        await file.stop()

    asyncio.run(story())
    pack(home, NOW, keep_days=400)
    return home


def replayed(log: Path, tmp_path: Path, rules: str) -> Replay:
    return replay(log, write_shop(tmp_path / "new", rules, more=MORE), opened, reward="email_clicked", within_ms=DAYS_7, processes=1)


def test_the_same_rules_change_nothing_for_anybody(log: Path, tmp_path: Path) -> None:
    found = replayed(log, tmp_path, RULES)

    assert (found.decisions, found.changes, found.troubles) == (40, [], [])
    assert found.worth is not None
    assert (found.worth.agree, found.worth.gain.value, found.worth.ips.value) == (1.0, 0.0, 0.5)


def test_who_gets_something_else_is_told_with_the_part_of_the_rules_that_made_it(log: Path, tmp_path: Path) -> None:
    found = replayed(log, tmp_path, RULES.replace("count: {gte: 2}", "count: {gte: 3}"))

    assert [(each.placement, each.old, each.new, each.decisions) for each in found.changes][0] == ("hero", "shoes", "hats", 10)
    assert found.changes[0].why.startswith("eligibility: needs the number of product_viewed in the last 48 hours is at least 3 (rules/shop.yaml:")


def test_no_gain_is_claimed_where_the_log_never_showed_what_would_be_shown(log: Path, tmp_path: Path) -> None:
    found = replayed(log, tmp_path, RULES.replace("count: {gte: 2}", "count: {gte: 3}"))

    assert found.worth is not None
    assert found.worth.finding.startswith("Nothing sure can be said of email_clicked")


def test_a_placement_that_is_no_more_would_be_blank(log: Path, tmp_path: Path) -> None:
    rules = RULES.replace("  side: {fallback: {block: plain}}\n", "").replace("[hero, side]", "[hero]").replace("placements: [side]", "placements: [hero]")

    found = replayed(log, tmp_path, rules)

    assert {each.placement: each.gone for each in found.placements} == {"hero": 0, "side": 40}


def test_a_damaged_file_is_named_and_the_rest_goes_on(log: Path, tmp_path: Path) -> None:
    copy = tmp_path / "log"
    for name in ("content", "names", "date=2026-09-21"):
        shutil.copytree(log / name, copy / name)
    good = next(copy.glob("date=*/decisions-*.parquet"))
    good.with_name("decisions-0.parquet").write_bytes(good.read_bytes()[:500])

    found = replayed(copy, tmp_path, RULES)

    assert found.decisions == 40
    assert found.troubles[0].startswith("date=2026-09-21/decisions-0.parquet: cannot be read, and was passed over")


def test_an_empty_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(LogUnusable, match="holds no decisions"):
        replayed(tmp_path, tmp_path, RULES)


def test_the_page_and_the_json_tell_the_same(log: Path, tmp_path: Path) -> None:
    found = replayed(log, tmp_path, RULES.replace("count: {gte: 2}", "count: {gte: 3}"))

    assert "20 of 80 placements would show something else (25.0 %)" in page(found)
    assert as_json(found)["changes"][0]["new"] == "hats"


def test_a_policy_that_is_no_better_is_not_said_to_be() -> None:
    draw = np.random.default_rng(1)
    old = draw.choice(["a", "b"], 4_000)
    new = draw.choice(["a", "b"], 4_000)
    earned = (draw.random(4_000) < 0.2).astype(np.float64)

    found = valued("email_clicked", [str(n) for n in range(4_000)], list(old), certain(list(new)), np.full(4_000, 0.5), np.zeros((4_000, 0)), earned)

    assert found.finding.startswith("No difference in email_clicked is shown")


def test_a_policy_that_is_better_is_said_to_be() -> None:
    draw = np.random.default_rng(2)
    old = draw.choice(["a", "b"], 4_000)
    earned = (draw.random(4_000) < np.where(old == "a", 0.4, 0.1)).astype(np.float64)

    found = valued("email_clicked", [str(n) for n in range(4_000)], list(old), certain(["a"] * 4_000), np.full(4_000, 0.5), np.zeros((4_000, 0)), earned)

    assert found.robust.covers(0.4)
    assert found.finding.startswith("More email_clicked than the log's policy")


def test_what_was_packed_while_a_server_still_writes_to_it_counts_once(tmp_path: Path) -> None:
    content = write_shop(tmp_path / "content-of", RULES, more=MORE)
    snapshot = opened(content)
    record, history = decide(snapshot, views=2)

    async def story() -> Replay:
        file = FileLog(tmp_path / "log", 1 << 30, lambda *_: None, lambda: (snapshot.version, content), list)
        file.put(frame(DECISION, record), history.names)
        file.put(frame(OUTCOME, Outcome(VERSION, record.id, record.who, NOW + 60_000, "email_clicked")))
        await file.flush()
        pack(tmp_path / "log", NOW, keep_days=400, every=True)
        found = replayed(tmp_path / "log", tmp_path, RULES)
        await file.stop()
        return found

    found = asyncio.run(story())

    assert (found.decisions, len(list(tmp_path.glob("log/date=*/*.parquet")))) == (1, 2)


def test_a_model_whose_file_is_gone_is_named_and_the_rest_goes_on(log: Path, tmp_path: Path) -> None:
    content = write_shop(tmp_path / "new", RULES, more=MORE)
    (content / "models" / "buy.onnx").unlink()

    found = replay(log, content, open_to_replay, reward="email_clicked", within_ms=DAYS_7, processes=1)

    assert found.decisions == 40
    assert found.troubles[0].startswith("model buy:")


# -- bandits -----------------------------------------------------------------------------------------------------------

CLICKS = RULES.replace("rank: model.buy * offer.value + feature.views", "rank: {bandit: clicks}") + "bandits: {clicks: {reward: {event: email_clicked, within: 3d}, ARMS}}\n"
LEARNT = CLICKS.replace("ARMS", "floor: 0.0")
RAISED = CLICKS.replace("ARMS", "arms: {hats: {floor: 0.5}}")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred decisions of a bandit that holds shoes for far better than hats; all who got hats clicked."""
    home = tmp_path_factory.mktemp("drawn")
    content = write_shop(home / "content-of", LEARNT, more=MORE)
    definitions = load(content)
    known = Posterior(3, {"shoes": Tally(60, 60, 30.0), "hats": Tally(60, 60, 25.0)})
    snapshot = Snapshot(definitions, FixedModels(definitions.models), {definitions.bandits["clicks"].state: known})
    made = [decide(snapshot, who=f"person{n}", mail=None) for n in range(200)]

    async def story() -> None:
        file = FileLog(home, 1 << 30, lambda *_: None, lambda: (snapshot.version, content), list)
        for record, history in made:
            file.put(frame(DECISION, record), history.names)
            if record.fates["hero"].offer == "hats":
                file.put(frame(OUTCOME, Outcome(VERSION, record.id, record.who, NOW + 60_000, "email_clicked")))
        await file.stop()

    asyncio.run(story())
    pack(home, NOW, keep_days=400)
    return home


def test_a_bandit_that_did_not_change_would_show_the_same(drawn: Path, tmp_path: Path) -> None:
    found = replayed(drawn, tmp_path, LEARNT)

    assert [each.changed for each in found.placements] == [0]
    assert found.worth is not None and found.worth.finding == "The same email_clicked: both show the same to everybody"


def test_what_a_changed_bandit_would_earn_is_worked_out_of_its_new_shares(drawn: Path, tmp_path: Path) -> None:
    found = replayed(drawn, tmp_path, RAISED)

    assert found.worth is not None
    assert found.worth.logged.value < 0.35
    assert found.worth.snips.covers(0.5)
    assert found.worth.robust.covers(0.5)
    assert found.worth.finding.startswith("More email_clicked than the log's policy")


def test_a_bandit_in_the_place_of_a_rank_is_weighed_by_its_shares(log: Path, tmp_path: Path) -> None:
    found = replayed(log, tmp_path, LEARNT)

    assert found.worth is not None
    assert 0 < found.worth.ips.mean_weight < 1
