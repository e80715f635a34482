"""Whole-mail arbitration: what is promised of the mail as a whole, and what the trace says of what was removed."""

from __future__ import annotations

import asyncio
import random
from itertools import count, product
from pathlib import Path

import msgspec
import pytest
from content_shop import write_shop

from app.catalogue.replica import Replica
from app.content.check import check
from app.content.load import inspect, load
from app.content.logbook import Logbook
from app.content.question import Answer, Question
from app.content.reenact import Stage
from app.content.snapshot import Snapshot
from app.decide import Decider
from app.domain.arbitration import Arbitration, Option, Stand, arranged
from app.domain.event import Identity
from app.domain.history import NO_HISTORY
from app.domain.logged import Logged, encode_logged, merged
from app.domain.trace import candidates_of
from app.security.pseudonyms import Pseudonyms
from tests.fakes import FixedModels, MemoryLog, MemoryStore

NOW = 1_790_000_000_000
HEAD = """\
version: 1
features: {spend_90d: {sum: order_completed.total, within: 90d}}
placements:
  hero: {fallback: {block: plain}}
  grid: {fallback: {block: plain}}
  strip: {fallback: {block: plain}}
mails:
  newsletter: {placements: [hero, grid, strip]ARBITRATION}
offers:
"""


def rules(arbitration: str, *offers: str) -> str:
    """Offers as `id: category value placements`."""
    rows = [HEAD.replace("ARBITRATION", f", arbitration: {{{arbitration}}}" if arbitration else "")]
    for each in offers:
        id, category, value, *placements = each.split()
        rows.append(f"  {id}: {{placements: [{', '.join(placements) or 'hero, grid, strip'}], value: {value}, attributes: {{category: {category}}}, block: card, vars: {{headline: x}}}}\n")
    return "".join(rows)


def test_case(expected: str) -> str:
    return f"tests: [{{name: a mail, mail: newsletter, given: {{}}, expect: {expected}}}]\n"


test_case.__test__ = False  # type: ignore[attr-defined]  # a part of rules, not a test


def told(folder: Path, text: str) -> list[str]:
    return [str(problem) for problem in check(write_shop(folder, text), NOW)]


FOUR = ("sale_a sale 9", "sale_b sale 8", "news news 7", "help service 1")
MAILS = [
    ("", FOUR, "{hero: {offer: sale_a}, grid: {offer: sale_b}, strip: {offer: news}}"),
    ("at_most: {sale: 1}", FOUR, "{hero: {offer: sale_a}, grid: {offer: news, removed: {sale_a: duplicate, sale_b: quota}}, strip: {offer: help, removed: {sale_b: quota, news: duplicate}}}"),
    ("at_most: {sale: 0.4}", FOUR, "{hero: {offer: sale_a}, grid: {offer: news}, strip: {offer: help}}"),
    ("at_most: {sale: 0}", FOUR, "{hero: {offer: news, removed: {sale_a: quota}}, grid: {offer: help}, strip: {offer: null}}"),
    ("at_least: {service: 1}", FOUR, "{hero: {offer: sale_a}, grid: {offer: sale_b}, strip: {offer: help, removed: {news: share}}}"),
    ("at_least: {service: 0.3}", FOUR, "{strip: {offer: help}}"),
    ("at_least: {service: 2}", FOUR, "{strip: {offer: help}}"),
    ("pins: {hero: help}", FOUR, "{hero: {offer: help, removed: {sale_a: duplicate, news: pin}}, grid: {offer: sale_a}, strip: {offer: sale_b}}"),
    ("diversity: 0.6", FOUR, "{hero: {offer: sale_a}, grid: {offer: news, removed: {sale_b: diversity}}, strip: {offer: help}}"),
    ("diversity: 0.1", FOUR, "{hero: {offer: sale_a}, grid: {offer: sale_b}, strip: {offer: news}}"),
    ("by: category", ("both a 9 hero grid", "second b 5 hero", "last c 1 strip"), "{hero: {offer: second, removed: {both: duplicate}}, grid: {offer: both}, strip: {offer: last}}"),
]


@pytest.mark.parametrize(("arbitration", "offers", "expected"), MAILS)
def test_a_mail_is_chosen_as_a_whole(tmp_path: Path, arbitration: str, offers: tuple[str, ...], expected: str) -> None:
    assert [each for each in told(tmp_path, rules(arbitration, *offers) + test_case(expected)) if "never wins" not in each] == []


WRONG = [
    ("by: colour", '.by: no attribute of an offer "colour"'),
    ("at_most: {sale: -1}", ".at_most.sale: is -1; a number of placements, or below 1 a share of them"),
    ("at_most: {sale: 1.5}", ".at_most.sale: is 1.5"),
    ("at_least: {sale: 4}", ".at_least: wants 4 placements, and the mail has 3"),
    ("at_least: {sale: 2}, at_most: {sale: 1}", ".at_least.sale: wants 2, and at_most allows 1"),
    ("pins: {hero: sale_x}", '.pins.hero: no offer "sale_x"; did you mean "sale_b"?'),
    ("pins: {her: sale_a}", 'unknown key "her"; did you mean "hero"?'),
    ("pins: {grid: only}", ".pins.grid: only is not for grid"),
    ("pins: {hero: sale_a, grid: sale_a}", ".pins.grid: sale_a is pinned twice"),
    ("diversity: 2", ".diversity: is 2; from 0, by rank alone, to 1"),
    ("not_again: 0", ".not_again: is 0; a whole number from 1 to 100"),
    ("alike: [size]", 'no attribute of an offer "size"'),
    ("at_mots: {}", 'unknown key "at_mots"; did you mean "at_most"?'),
]


@pytest.mark.parametrize(("arbitration", "message"), WRONG)
def test_a_mistake_in_arbitration_is_told(tmp_path: Path, arbitration: str, message: str) -> None:
    found = [str(each) for each in inspect(write_shop(tmp_path, rules(arbitration, *FOUR, "only news 1 hero")))[1]]

    assert any("rules/shop.yaml:8 mails.newsletter.arbitration" in each and message in each for each in found), found


def answer(snapshot: Snapshot, store: MemoryStore, send: str, at: int = NOW, log: MemoryLog | None = None) -> Answer:
    numbers = count(1)
    logbook = None if log is None else Logbook(log, Pseudonyms(b"k" * 32))
    decider = Decider(store, Replica(), lambda key, send: f"{key}/{send}", lambda: f"random{next(numbers)}", logbook)
    question = Question(("hero",), Identity("user_id", "kari"), send, "newsletter")
    return asyncio.run(decider.decide_all(snapshot, [question], at, 5.0))[0]


def offers_of(found: Answer) -> dict[str, str | None]:
    return {id: choice.offer for id, choice in found.decision.choices.items()}


def test_offers_of_the_last_sends_are_not_shown_again(tmp_path: Path) -> None:
    snapshot = Snapshot(load(write_shop(tmp_path, rules("not_again: 1", *FOUR))), FixedModels({}))
    store = MemoryStore()

    first, second, third = (offers_of(answer(snapshot, store, f"s{i}", NOW + i)) for i in range(3))

    assert first == third == {"hero": "sale_a", "grid": "sale_b", "strip": "news"}
    assert second == {"hero": "help", "grid": None, "strip": None}


def test_a_later_call_of_the_send_sees_the_same_mail(tmp_path: Path) -> None:
    snapshot = Snapshot(load(write_shop(tmp_path, rules("at_most: {sale: 1}, not_again: 3", *FOUR))), FixedModels({}))
    store = MemoryStore()

    first = answer(snapshot, store, "s1")
    again = answer(snapshot, store, "s1", NOW + 5)

    assert again.decision.replayed
    assert offers_of(again) == offers_of(first) == {"hero": "sale_a", "grid": "news", "strip": "help"}


def test_the_log_says_what_arbitration_removed(tmp_path: Path) -> None:
    snapshot, log = Snapshot(load(write_shop(tmp_path, rules("at_most: {sale: 1}", *FOUR))), FixedModels({})), MemoryLog()
    answer(snapshot, MemoryStore(), "s1", log=log)

    candidates = {id: list(candidates_of(fate, snapshot.table()[id])) for id, (_, fate) in merged(log.decisions).items()}

    assert {each.offer: (each.outcome, each.by) for each in candidates["grid"]} == {
        "sale_a": ("removed", "duplicate"), "sale_b": ("removed", "quota"), "news": ("chosen", ""), "help": ("outranked", ""),
    }


@pytest.mark.parametrize("arbitration", ["at_most: {sale: 1}", "not_again: 1", "diversity: 0.6", "pins: {hero: help}", "at_least: {service: 1}"])
def test_a_mail_made_again_of_its_record_is_the_same_to_the_byte(tmp_path: Path, arbitration: str) -> None:
    snapshot, log, store = Snapshot(load(write_shop(tmp_path, rules(arbitration, *FOUR, "tie_a a 1", "tie_b b 1"))), FixedModels({})), MemoryLog(), MemoryStore()
    answer(snapshot, store, "s1", log=log)
    record = encode_logged(answer_of(snapshot, store, log))

    again = Stage(snapshot, scored=True).again(log.decisions[-1], NO_HISTORY, Replica()).record(snapshot, log.decisions[-1])

    assert encode_logged(again) == record


def answer_of(snapshot: Snapshot, store: MemoryStore, log: MemoryLog) -> Logged:
    """The record of the second send, without what the clock says of it."""
    answer(snapshot, store, "s2", NOW + 1, log=log)
    log.decisions[-1] = msgspec.structs.replace(log.decisions[-1], micros=0)
    return log.decisions[-1]


def mail(rng: random.Random) -> tuple[Arbitration, list[Stand]]:
    options = [Option(f"o{i}", rng.choice("abc"), (rng.choice("abc"), rng.choice("xy"))) for i in range(6)]
    stands = [Stand(f"p{i}", tuple(rng.sample(options, rng.randrange(5)))) for i in range(3)]
    return Arbitration(at_most={"a": rng.choice((1, 2))}, at_least={"b": 1}, diversity=rng.choice((0.0, 0.3, 0.8)), alike=("c", "x")), stands


def worth(rules: Arbitration, stands: list[Stand], chosen: tuple[Option | None, ...]) -> tuple[float, ...] | None:
    """(minimum shares met, worth) of a mail, by the definition; None where it may not be."""
    present = [each for each in chosen if each is not None]
    if len({each.offer for each in present}) < len(present) or sum(each.category == "a" for each in present) > rules.at_most["a"]:
        return None
    total, before = 0.0, list[Option]()
    for stand, option in zip(stands, chosen, strict=True):
        if option is not None:
            total += (1 - rules.diversity) / (1 + stand.options.index(option)) - rules.diversity * max((option.likeness(each) for each in before), default=0)
            before.append(option)
    return any(each.category == "b" for each in present), round(total, 9)


@pytest.mark.parametrize("seed", range(100))
def test_no_other_mail_is_worth_more(seed: int) -> None:
    made, stands = mail(random.Random(seed))
    best = max(found for chosen in product(*((*stand.options, None) for stand in stands)) if (found := worth(made, stands, chosen)) is not None)

    assert worth(made, stands, tuple(arranged(made, stands))) == best
