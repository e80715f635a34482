"""Decision tables: read from CSV, looked up as a naive reading of the rows would, and looked through by `inlay check`."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from content_shop import RULES, write_shop

from app.content.cells import cell
from app.content.check import check
from app.content.coverage import flaws
from app.content.load import inspect, load
from app.content.program import Program
from app.domain.conditions import Instant, Ref
from app.domain.definitions import Definitions
from app.domain.event import Event
from app.domain.dictionary import Dictionary
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request
from app.domain.tables import Input, Output, Row, Table
from app.domain.traits import Trait
from tests.oracle import Oracle

UTC = ZoneInfo("UTC")
NOW = 1_790_000_000_000
CARD = "tables:\n  discounts: {file: discounts.csv, inputs: [profile.tier, feature.spend_90d], outputs: [percent], hit: first}\n"
GRID = "tier,spend_90d,percent\ngold,>= 100,20\ngold,,15\nsilver,100..<500,10\n,,0\n"
DOCS = (Path(__file__).parents[2] / "docs/tables.md").read_text(encoding="utf-8")


def shop(folder: Path, grid: str = GRID, card: str = CARD, rules: str = RULES) -> Path:
    return write_shop(folder, rules + card, more={"rules/discounts.csv": grid})


def told(folder: Path) -> list[str]:
    return [str(problem) for problem in inspect(folder)[1]]


def checked(folder: Path) -> list[str]:
    return [str(problem) for problem in check(folder, NOW)]


def hit(folder: Path, traits: dict[str, Any], context: dict[str, Any] | None = None, *, spent: float | None = None) -> dict[str, Any]:
    events = [] if spent is None else [Event("order_completed", NOW - 1000, b"event1", {"total": spent})]
    program = Program(load(folder))
    return dict(program.tables["discounts"](Request(NOW, Profile("u:1", History.of(events, Dictionary(growing=True)), traits), context or {})))


# -- reading and looking up ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("tier", "spent", "percent"), [("gold", 100, 20), ("gold", 99.5, 15), ("silver", 100, 10), ("silver", 500, 0), (None, None, 0), (5, 100, 0)])
def test_the_first_row_that_fits_gives_the_outputs(tmp_path: Path, tier: Any, spent: float | None, percent: int) -> None:
    assert hit(shop(tmp_path), {"tier": tier}, spent=spent) == {"percent": percent}


def test_where_no_row_fits_everything_is_missing(tmp_path: Path) -> None:
    assert hit(shop(tmp_path, GRID.replace(",,0\n", "")), {"tier": "bronze"}) == {}



def test_collect_gathers_the_outputs_of_all_rows_that_fit(tmp_path: Path) -> None:
    card = CARD.replace("first", "collect").replace("[percent]", "[percent, {name: total, gather: sum}, {name: least, gather: min}, {name: most, gather: max}, {name: rows, gather: count}]")
    grid = "tier,spend_90d,percent,total,least,most,rows\ngold,,5,5,5,5,1\n,,,2,2,2,1\nsilver,,7,7,7,7,1\n"
    folder = shop(tmp_path, grid, card)

    assert hit(folder, {"tier": "gold"}) == {"percent": [5], "total": 7, "least": 2, "most": 5, "rows": 2}
    assert hit(folder, {}) == {"total": 2, "least": 2, "most": 2, "rows": 1}


@pytest.mark.parametrize(("delimiter", "start"), [(",", ""), (";", "\ufeff"), ("\t", "")])
def test_files_of_any_spreadsheet_are_read(tmp_path: Path, delimiter: str, start: str) -> None:
    folder = shop(tmp_path, start + GRID.replace(",", delimiter).replace("\n", "\r\n") + "\r\n")

    assert told(folder) == []
    assert hit(folder, {"tier": "gold"}) == {"percent": 15}


def test_columns_stand_in_any_order_beside_remarks(tmp_path: Path) -> None:
    folder = shop(tmp_path, '# why,percent,feature.spend_90d,profile.tier\nloyal,20,,"gold\n"\n')

    assert told(folder) == []
    assert hit(folder, {"tier": "gold"}) == {"percent": 20}


def test_the_line_of_a_row_is_told_though_cells_go_over_lines(tmp_path: Path) -> None:
    folder = shop(tmp_path, 'tier,spend_90d,percent\n"gold,\nsilver",,5\n\nbronze,9..1,5\n')

    assert told(folder) == ["rules/discounts.csv:5 tables.discounts: feature.spend_90d: '9..1' holds nothing; the smaller value first; both ends are included, with ..< the last one is not"]


def test_texts_of_digits_are_texts_where_the_rules_say_so(tmp_path: Path) -> None:
    card = CARD.replace("profile.tier", "{name: profile.postcode, type: string}")
    folder = shop(tmp_path, "postcode,spend_90d,percent\n0049,,5\n,,1\n", card)

    assert hit(folder, {"postcode": "0049"}) == {"percent": 5}
    assert hit(folder, {"postcode": 49}) == {"percent": 1}


def test_a_trait_says_what_its_cells_are(tmp_path: Path) -> None:
    card = CARD.replace("profile.tier", "profile.postcode") + "traits: {postcode: {kind: postcode}}\n"

    assert hit(shop(tmp_path, "postcode,spend_90d,percent\n80331,,5\n,,1\n", card), {"postcode": "80331"}) == {"percent": 5}


def test_texts_and_instants_are_compared_with_dates(tmp_path: Path) -> None:
    card = CARD.replace("[profile.tier, feature.spend_90d]", "[profile.since, feature.first_order_at]")
    folder = shop(tmp_path, "since,first_order_at,percent\n2026-01-01..<2027-01-01,,5\n,>= 2026-01-01,3\n", card)

    assert told(folder) == []
    assert hit(folder, {"since": "2026-05-01"}) == {"percent": 5}
    assert hit(folder, {"since": "2027-01-01"}, spent=1) == {"percent": 3}
    assert hit(folder, {"since": "long ago"}) == {}


def test_mixed_results_are_texts_as_they_are_written(tmp_path: Path) -> None:
    assert hit(shop(tmp_path, "tier,spend_90d,percent\ngold,,007\n,,none\n"), {"tier": "gold"}) == {"percent": "007"}


def test_outputs_are_read_in_conditions_vars_and_expressions(tmp_path: Path) -> None:
    rules = RULES.replace("{segment: shoe_browsers}", "{field: table.discounts.percent, gte: 10}").replace('vars: {headline: "15 % off"}', 'vars: {headline: "15 % off", percent: {field: table.discounts.percent}}')
    rules = rules.replace("{fallback: {block: plain}}", "{fallback: {block: plain}, rank: table.discounts.percent * offer.value}").replace("marketing: {gates: [decide]}", "")
    tests = "tests:\n  - {name: gold, given: {profile: {tier: gold}}, expect: {hero: {offer: shoes_15}}}\n  - {name: others, given: {}, expect: {hero: {offer: null, removed: {shoes_15: eligibility}}}}\n"

    assert checked(shop(tmp_path, GRID, CARD + tests, rules)) == []


def test_a_table_may_ask_another(tmp_path: Path) -> None:
    more = "  words: {file: words.csv, inputs: [table.discounts.percent], outputs: [said]}\n"
    write_shop(tmp_path, RULES + CARD + more, more={"rules/discounts.csv": GRID, "rules/words.csv": "percent,said\n>= 15,much\n,little\n"})

    assert told(tmp_path) == []
    assert dict(Program(load(tmp_path)).tables["words"](Request(NOW, Profile("u:1", traits={"tier": "gold"})))) == {"said": "much"}


def test_tables_that_ask_each_other_are_refused(tmp_path: Path) -> None:
    more = "  words: {file: words.csv, inputs: [table.discounts.percent], outputs: [said]}\n"
    card = CARD.replace("feature.spend_90d", "table.words.said") + more
    write_shop(tmp_path, RULES + card, more={"rules/discounts.csv": GRID.replace("spend_90d", "said").replace(">= 100", "x").replace("100..<500", "y"), "rules/words.csv": "percent,said\n>= 15,much\n,little\n"})

    assert [each.split(": ")[1] for each in told(tmp_path)] == ["refers to itself, directly or round about"] * 2


def test_features_that_a_table_reads_are_told_with_the_decision(tmp_path: Path) -> None:
    from app.content.snapshot import Snapshot
    from tests.fakes import FixedModels

    rules = RULES.replace("{segment: shoe_browsers}", "{field: table.discounts.percent, gte: 10}")
    folder = shop(tmp_path, rules=rules)
    for path in (folder / "models").iterdir():
        path.unlink()

    assert Snapshot(load(folder), FixedModels({})).features_of(("hero",)) == ["spend_90d"]


def test_the_example_of_the_page_is_read_without_a_problem(tmp_path: Path) -> None:
    rules, grid = re.search(r"```yaml\n(.*?)```", DOCS, re.DOTALL), re.search(r"```csv\n(.*?)```", DOCS, re.DOTALL)
    assert rules is not None
    assert grid is not None
    block = "description: A headline\nvariables:\n  headline: {type: string}\n  text: {type: string, default: x}\n  percent: {type: number, default: 5}\n"
    write_shop(tmp_path, rules[1], more={"rules/discounts.csv": grid[1], "blocks/card/block.yaml": block, "blocks/card/html.j2": "<p>{{ headline }} {{ text }} {{ percent }}</p>"})

    assert checked(tmp_path) == []


# -- mistakes --------------------------------------------------------------------------------------------------------

HEAD = "tier,spend_90d,percent\n"
WRONG = [
    (HEAD + "gold,much,5\n", "rules/discounts.csv:2 tables.discounts: feature.spend_90d: 'much' is not a number; such as 12.5"),
    (HEAD + "gold,true,5\n", "'True' is not a number"),
    (HEAD + "gold,\"4,5\",5\n", "feature.spend_90d: '4,5' may be one number or several; decimals take a point: 4.5; a list takes a space after the comma: 4, 5"),
    (HEAD + "gold,..,5\n", "is a range without an end; leave the cell empty for any value"),
    (HEAD + "gold,1..1,5\nx,5..<5,5\n", "rules/discounts.csv:3 tables.discounts: feature.spend_90d: '5..<5' holds nothing"),
    (HEAD + "\"gold, ,x\",,5\n", "profile.tier: has a gap in its list; such as DE, AT"),
    (HEAD + "\"gold,\",,5\n", "has a gap in its list"),
    (HEAD + "[],,5\n", "is an empty list"),
    (HEAD + "> true,,5\n", "true and false have no order"),
    (HEAD + "a..5,,5\n", "'a..5' is no range of one kind"),
    (HEAD + "\"\"\"a, b\"\" c\",,5\n", "cannot read '\"a, b\" c'"),
    (HEAD + "gold,1e99,5\n", "1e99 is too large a number"),
    (HEAD + "gold,5\n", "rules/discounts.csv:2 tables.discounts: has 2 cells, the header 3"),
    (HEAD + "gold,\"5,5\n", "cannot be read: unexpected end of data"),
    (HEAD, "rules/discounts.csv:1 tables.discounts: has a header and no row"),
    ("\n", "rules/discounts.csv:1 tables.discounts: is empty"),
    ("tier,spend,percent\ngold,,5\n", "has no column feature.spend_90d; known: spend"),
    ("tier,spend,percent\ngold,,5\n", "has a column 'spend' that the card does not name"),
    ("tier,tier,spend_90d,percent\ngold,,,5\n", "has two columns tier"),
    (HEAD + "gold,,\n", 'warning: no row gives percent; fill its column'),
]


@pytest.mark.parametrize(("grid", "message"), WRONG)
def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, grid: str, message: str) -> None:
    assert any(message in each for each in told(shop(tmp_path, grid))), told(tmp_path)


CARDS = [
    ("file: discount.csv", "rules/shop.yaml:22 tables.discounts.file: no file rules/discount.csv; did you mean \"discounts.csv\"?"),
    ("file: ../x.csv", "no file rules/../x.csv"),
    ("file: /etc/passwd", "no file rules//etc/passwd"),
    ("hit: any", 'no hit policy "any"; known: first, unique, collect'),
    ("outputs: [{name: percent, type: nummer}]", 'no type "nummer"; did you mean "number"?'),
    ("outputs: [{name: percent, gather: sum}]", "is for tables that collect; hit: collect"),
    ("outputs: []", "names no output"),
    ("outputs: [the share]", "'the share' cannot name an output"),
    ("inputs: []", "names no input"),
    ("inputs: [profile.tier, feature.spend_9d]", 'no feature "spend_9d"; did you mean "spend_90d"?'),
    ("inputs: [profile.tier, item.price]", '"item" cannot be read here'),
    ("inputs: [profile.tier, feature.spend_90d, profile.tier]", "profile.tier stands here twice"),
    ("extra: 1", 'unknown key "extra"'),
]


@pytest.mark.parametrize(("part", "message"), CARDS)
def test_a_mistake_in_the_card_is_told(tmp_path: Path, part: str, message: str) -> None:
    key = part.split(":")[0]
    card = re.sub(rf"{key}: (\[[^]]*\]|[\w.]+)", lambda _: part, CARD) if f"{key}:" in CARD else CARD.replace("hit:", f"{part}, hit:")

    assert any(message in each for each in told(shop(tmp_path, card=card))), told(tmp_path)


@pytest.mark.parametrize(("name", "message"), [
    ("table.discount.percent", 'no table "discount"; did you mean "discounts"?'),
    ("table.discounts.percents", 'the table discounts has no output "percents"; did you mean "percent"?'),
    ("table.discounts", 'the table discounts has no output ""'),
])
def test_a_reference_to_no_output_is_told(tmp_path: Path, name: str, message: str) -> None:
    rules = RULES.replace("{segment: shoe_browsers}", f"{{field: {name}, gte: 10}}")

    assert any(message in each for each in told(shop(tmp_path, rules=rules)))


def test_a_comparison_that_an_output_can_never_meet_is_told(tmp_path: Path) -> None:
    rules = RULES.replace("{segment: shoe_browsers}", "{field: table.discounts.percent, eq: much}")

    assert any("table.discounts.percent is a number and never compares with text" in each for each in told(shop(tmp_path, rules=rules)))


def test_a_file_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    (folder / "rules/discounts.csv").write_bytes(GRID.replace("gold", "größe").encode("cp1252"))

    assert any("rules/discounts.csv:2 tables.discounts: is not UTF-8" in each for each in told(folder))


def test_of_many_mistakes_in_one_file_the_first_are_told(tmp_path: Path) -> None:
    assert len(told(shop(tmp_path, HEAD + "gold,much,5\n" * 500))) == 20


# -- the whole table -------------------------------------------------------------------------------------------------

TRAITS = "traits: {tier: {kind: text, values: [gold, silver]}}\n"
NEVER = "rules/discounts.csv:{line} tables.discounts: warning: is never hit: {why}"
WHOLE = [
    ("first", "gold,,1\ngold,>= 5,2\n,,3\n", ["rules/discounts.csv:3 tables.discounts: warning: is never hit: line 2 takes all that fits it; put the special row before the general one"]),
    ("first", "gold,< 5,1\ngold,>= 3,2\ngold,1..9,3\n,,3\n", ["rules/discounts.csv:4 tables.discounts: warning: is never hit: the rows before it take all that fits it; leave the row out"]),
    ("first", "gold,,1\nsilver,< 5,2\nsilver,>= 5,4\n", []),
    ("first", "gold,,1\nsilver,< 5,2\n", ["no row is for profile.tier = silver, feature.spend_90d >= 5"]),
    ("first", "gold,,1\nsilver,\"< 5, > 7\",2\n", ["no row is for profile.tier = silver, feature.spend_90d >= 5 and <= 7"]),
    ("first", "gold,,1\n", ["no row asks for feature.spend_90d; leave the input out", "no row is for profile.tier = silver"]),
    ("unique", "gold,,1\nsilver,..5,2\nsilver,5..,3\n", ["rules/discounts.csv:4 tables.discounts: overlaps with line 3: some fit both; hit: first takes the upper one"]),
    ("unique", "gold,,1\nsilver,..<5,2\nsilver,5..,3\n", []),
    ("unique", "gold,,1\n!= gold,,3\n", ["no row asks for feature.spend_90d"]),
    ("collect", "gold,,1\ngold,>= 5,2\n", []),
]


@pytest.mark.parametrize(("policy", "rows", "wanted"), WHOLE)
def test_the_check_finds_rows_never_hit_overlaps_and_gaps(tmp_path: Path, policy: str, rows: str, wanted: list[str]) -> None:
    found = checked(shop(tmp_path, HEAD + rows, CARD.replace("first", policy) + TRAITS))

    assert len(found) == len(wanted), found
    assert all(message in problem for message, problem in zip(sorted(wanted), sorted(found), strict=True)), found


def test_counts_are_whole_and_never_below_zero(tmp_path: Path) -> None:
    rules = RULES.replace("  last_category:", "  orders: {count: order_completed}\n  last_category:")
    card = CARD.replace("profile.tier, feature.spend_90d", "feature.orders")

    assert checked(shop(tmp_path, "orders,percent\n0,1\n1..3,2\n>= 4,3\n", card, rules)) == []


# -- what it must agree with -----------------------------------------------------------------------------------------

CELLS = ("", "", "gold", "silver, bronze", "!= gold", "5", "1..5", "1..<5", "> 2", "<= 2.5", "..3, 7..", "!= 5", "true", "a..m", "2026-01-01..", "5, gold", '"5"', "x | 2")
ASKED = ("gold", "silver", "b", "x", "5", "2026-05-01", "2025-05-01", 5, 5.0, 2, 2.5, 1, 0, 3, 7, 100, True, False, None, ["gold"], Instant(NOW))


def made(rng: random.Random) -> Table:
    inputs = tuple(Input(Ref(("profile", name))) for name in ("a", "b", "c"))
    rows = tuple(Row(tuple(cell(rng.choice(CELLS), None, UTC) for _ in inputs), {"n": i}) for i in range(rng.randrange(1, 12)))
    return Table("t", inputs, (Output("n", "number"),), rng.choice(("first", "unique", "collect")), rows)


@pytest.mark.parametrize("seed", range(60))
def test_a_compiled_table_says_what_its_rows_say_one_by_one(seed: int) -> None:
    rng = random.Random(seed)
    definitions = Definitions("v", tables={"t": made(rng)})
    program = Program(definitions)
    people = [{name: rng.choice(ASKED) for name in "abc"} for _ in range(60)]

    found = [program.tables["t"](Request(NOW, Profile("u:1", traits=traits))).get("n") for traits in people]

    assert found == [Oracle(definitions, NOW, [], traits, {}, {}, {}).ref(Ref(("table", "t", "n"))) for traits in people]


VALUES = ("p", "q", "r")
SMALL = ("", "", "p", "q, r", "!= p", "r")
STEPS = ("", "1", "0..1", ">= 2", "< 2", "1, 3", "> 3")


def small(rng: random.Random, hit: Any) -> Definitions:
    """A table over few values, so that all of them can be tried."""
    inputs = (Input(Ref(("profile", "a")), "string"), Input(Ref(("profile", "b")), "string"), Input(Ref(("feature", "n")), "number"))
    rows = [tuple(cell(rng.choice(SMALL if each.kind == "string" else STEPS), each.kind, UTC) for each in inputs) for _ in range(rng.randrange(1, 9))]
    grid = Table("t", inputs, (Output("n", "number"),), hit, tuple(Row(cells, {"n": i}) for i, cells in enumerate(rows)))
    from app.domain.definitions import Feature

    return Definitions("v", tables={"t": grid}, features={"n": Feature("n", "count", "e")}, traits={name: Trait(name, "text", values=VALUES) for name in "ab"})


def rows_by_hand(grid: Table) -> list[list[int]]:
    """The rows that fit, for each combination of values."""
    return [
        [i for i, row in enumerate(grid.rows) if all(not spans or any(span.holds(value) for span in spans) for spans, value in zip(row.cells, (a, b, n), strict=True))]
        for a in VALUES for b in VALUES for n in range(6)
    ]


@pytest.mark.parametrize("seed", range(150))
def test_rows_said_to_be_never_hit_are_exactly_those(seed: int) -> None:
    definitions = small(random.Random(seed), "first")
    grid = definitions.tables["t"]
    seen = {fits[0] for fits in rows_by_hand(grid) if fits}

    assert sum("never hit" in problem.message for problem in flaws(definitions)) == len(grid.rows) - len(seen)


@pytest.mark.parametrize("seed", range(150))
def test_gaps_are_told_exactly_where_there_are_any(seed: int) -> None:
    definitions = small(random.Random(seed), "unique")

    assert any("no row is for" in problem.message for problem in flaws(definitions)) == any(not fits for fits in rows_by_hand(definitions.tables["t"]))


@pytest.mark.parametrize("seed", range(150))
def test_overlaps_are_told_exactly_where_there_are_any(seed: int) -> None:
    definitions = small(random.Random(seed), "unique")

    assert any("overlaps" in problem.message for problem in flaws(definitions)) == any(len(fits) > 1 for fits in rows_by_hand(definitions.tables["t"]))
