"""The compiled rules say what a naive interpreter of the same rules says."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from app.content.choosing import ranked
from app.content.program import Program
from app.domain import conditions as c
from app.domain.definitions import Definitions, Feature, Offer, Placement, Segment, Shown
from app.domain.event import ID_BYTES, Event
from app.domain.history import History
from app.domain.profile import Profile
from app.domain.request import Request
from tests.histories import any_form
from tests.oracle import Oracle

NOW = 1_760_000_000_000
HOUR = 3_600_000
EVENTS = ("product_viewed", "order_completed", "email_opened", "identify")
WORDS = ("shoes", "hats", "cameras", "5", "", "mon")
VALUES = (*WORDS, 1, 5, 2.5, 0, True, False, None, ["shoes", 5, True], [], {"lat": 1.0})
EDGES = (0, 1, 999, HOUR, 24 * HOUR, 48 * HOUR, 7 * 24 * HOUR)


def value(rng: random.Random):
    return rng.choice(VALUES)


def properties(rng: random.Random) -> dict:
    found = {name: value(rng) for name in rng.sample(("category", "price", "brand", "city"), rng.randrange(4))}
    if rng.random() < 0.5:
        found["products"] = [
            {name: value(rng) for name in rng.sample(("category", "price"), rng.randrange(3))} for _ in range(rng.randrange(3))
        ]
    return found


def events(rng: random.Random) -> list[Event]:
    return [
        Event(rng.choice(EVENTS), NOW - rng.choice((rng.choice(EDGES), rng.randrange(-HOUR, 10 * 24 * HOUR))),
              rng.randbytes(ID_BYTES), properties(rng))
        for _ in range(rng.randrange(12))
    ]


def operator_test(rng: random.Random, refs: bool = True) -> c.Test:
    operator = rng.choice(("eq", "ne", "gt", "gte", "lt", "lte", "in", "not_in", "contains", "not_contains", "starts_with",
                           "ends_with", "matches", "exists", "between", "before", "after"))
    if operator in ("in", "not_in"):
        return c.Test(operator, tuple(rng.choice(WORDS + (1, 5, True)) for _ in range(rng.randrange(1, 4))))
    if operator == "exists":
        return c.Test(operator, rng.random() < 0.5)
    if operator == "matches":
        return c.Test(operator, rng.choice(("^s", "a", "[0-9]+", "s$")))
    if operator == "between":
        return c.Test(operator, rng.choice(((1, 5), ("a", "s"), (2, 2.5))))
    if operator in ("before", "after"):
        return c.Test(operator, c.Instant(NOW - rng.choice(EDGES)))
    if refs and rng.random() < 0.2:
        return c.Test(operator, c.Ref(rng.choice((("profile", "city"), ("feature", "last_category"), ("context", "stock")))))
    return c.Test(operator, rng.choice(WORDS + (1, 5, 2.5, True)))


def where(rng: random.Random, refs: bool = True) -> tuple[c.Where, ...]:
    paths = (("_hour",), ("_weekday",), ("category",), ("price",), ("brand",), ("products", "category"), ("products", "price"), ("products",))
    simple = rng.random() < 0.5
    return tuple(
        c.Where(rng.choice(paths), c.Test("eq", rng.choice(WORDS + (5, True))) if simple else operator_test(rng, refs))
        for _ in range(rng.choice((0, 1, 1, 2)))
    )


def window(rng: random.Random) -> c.Window:
    return rng.choice((
        c.Ever(), c.Within(rng.choice(EDGES[1:])), c.Within(rng.choice(EDGES[1:])), c.Since(c.Instant(NOW - rng.choice(EDGES))),
        c.SinceLast(rng.choice(EVENTS)), c.Between(c.Instant(NOW - 48 * HOUR), c.Instant(NOW - rng.choice(EDGES))),
        c.Calendar(rng.choice(("day", "week", "month"))),
    ))


def count(rng: random.Random) -> tuple[c.Test, ...]:
    return rng.choice(((c.Test("gte", 1),), (c.Test("gte", 1),), (c.Test("gte", 2),), (c.Test("eq", 0),), (c.Test("lt", 2),),
                       (c.Test("gte", 1), c.Test("lte", 2)), (c.Test("between", (1, 2)),)))


def condition(rng: random.Random, depth: int = 2) -> c.Condition:
    roll = rng.random()
    if depth and roll < 0.3:
        children = tuple(condition(rng, depth - 1) for _ in range(rng.randrange(1, 4)))
        return rng.choice((c.All(children), c.Any(children), c.Not(children[0])))
    if roll < 0.65:
        return c.Did(rng.choice(EVENTS), where(rng), window(rng), count(rng), rng.random() < 0.3)
    if roll < 0.9:
        names = (("profile", "city"), ("profile", "tags"), ("profile", "vip"), ("context", "stock"), ("feature", "last_category"),
                 ("feature", "spend"), ("feature", "first_at"), ("model", "m"), ("profile", "address", "city"))
        return c.Field(c.Ref(rng.choice(names)), tuple(operator_test(rng) for _ in range(rng.choice((1, 1, 2)))))
    return rng.choice((
        c.InSegment("browsers"), c.Consented("marketing"), c.Changed("city", window(rng)),
        c.LocalTime(rng.choice((0, 540, 1300)), rng.choice((300, 1080, 1440)), frozenset(rng.sample(range(7), rng.randrange(4)))),
    ))


def features(rng: random.Random) -> dict[str, Feature]:
    def one(id: str, kind: str, path: tuple[str, ...] = ()) -> Feature:
        return Feature(id, kind, rng.choice(EVENTS), path, where(rng, refs=False) if rng.random() < 0.4 else (), window(rng))

    expression = c.Arithmetic(rng.choice("+-*/"), c.Name(c.Ref(("feature", "spend"))), c.Call("max", (c.Number(1), c.Name(c.Ref(("profile", "age"))))))
    found = [
        one("last_category", "last", rng.choice((("category",), ("products", "category")))),
        one("spend", "sum", rng.choice((("price",), ("products", "price")))), one("first_at", "first_at"), one("n", "count"),
        one("last_at", "last_at"), one("days", "days"), one("since", "seconds_since"), one("brands", "distinct", ("brand",)),
        one("avg", "avg", ("price",)), one("low", "min", ("products", "price")), one("high", "max", ("price",)),
        one("first", "first", ("category",)), one("day", "last", ("_weekday",)), one("hours", "distinct", ("_hour",)), Feature("ratio", "expr", expression=expression),
    ]
    return {each.id: each for each in found}


def definitions(rng: random.Random, conditions: list[c.Condition]) -> Definitions:
    return Definitions(
        "v", timezone=rng.choice(("UTC", "Europe/Berlin", "America/New_York")), features=features(rng),
        segments={"browsers": Segment("browsers", c.Did("product_viewed", (), window(rng))),
                  **{f"s{i}": Segment(f"s{i}", each) for i, each in enumerate(conditions)}},
    )


def person(rng: random.Random) -> tuple[dict, dict, dict, dict]:
    traits = {name: value(rng) for name in rng.sample(("city", "tags", "vip", "age"), rng.randrange(5))}
    if rng.random() < 0.5:
        traits["address"] = {"city": value(rng)}
    return traits, {"marketing": rng.random() < 0.5}, {"stock": value(rng)}, {"m": rng.random()}


def disagreements(seed: int, programs: int, people: int, conditions: int) -> list[str]:
    """What compiled and interpreted rules say differently, over programs x people x conditions."""
    rng, wrong = random.Random(seed), []
    for _ in range(programs):
        d = definitions(rng, [condition(rng) for _ in range(conditions)])
        program = Program(d)
        for _ in range(people):
            happened, (traits, consents, context, scores) = events(rng), person(rng)
            profile = Profile("u:1", any_form(rng, happened), traits, consents)
            r = Request(NOW, profile, context)
            r.given_scores = scores
            oracle = Oracle(d, NOW, happened, traits, consents, context, scores)
            wrong += [f"feature {id}: {got!r} is not {want!r} ({feature}, {happened})" for id, feature in d.features.items()
                      if (got := program.features[id](r)) != (want := oracle.feature(feature))]
            wrong += [f"segment {segment} {happened} {traits} {context}" for id, segment in d.segments.items()
                      if program.segments[id](r) != oracle.holds(segment.condition)]
    return wrong


@pytest.mark.parametrize("seed", range(4))
def test_compiled_rules_equal_the_naive_interpreter_on_25_000_conditions_and_profiles_each(seed):
    assert disagreements(seed, programs=25, people=25, conditions=40) == []


@pytest.mark.parametrize("age,inside", [(0, True), (1, True), (48 * HOUR - 1, True), (48 * HOUR, False), (-1, False)])
def test_a_window_is_half_open_to_the_millisecond(age, inside):
    program = Program(definitions(random.Random(1), [c.Did("product_viewed", (), c.Within(48 * HOUR))]))
    history = History.of([Event("product_viewed", NOW - age, b"123456")])

    assert program.segments["s0"](Request(NOW, Profile("u:1", history))) is inside


def offers(rng: random.Random, n: int) -> dict[str, Offer]:
    def one(i: int) -> Offer:
        groups = {name: condition(rng) if rng.random() < 0.6 else None for name in ("applicability", "suitability", "suppress")}
        asks = rng.choice((
            c.Field(c.Ref(("profile", "city")), (c.Test("eq", rng.choice(WORDS)),)),
            c.Did("product_viewed", (c.Where(("category",), c.Test("eq", rng.choice(WORDS))),), window(rng)),
            c.InSegment("browsers"), condition(rng),
        ))
        eligibility = c.All((asks, condition(rng))) if rng.random() < 0.7 else asks
        start = c.Instant(NOW - HOUR) if rng.random() < 0.2 else None
        return Offer(f"o{i}", ("hero",), Shown("b"), eligibility=eligibility, valid_from=start,
                     valid_to=c.Instant(NOW + rng.choice((0, 1))) if rng.random() < 0.2 else None, **groups)

    return {f"o{i}": one(i) for i in range(n)}


@pytest.mark.parametrize("number", [1, 5, 60, 200])
@pytest.mark.parametrize("seed", range(6))
def test_judging_leaves_exactly_the_offers_that_the_interpreter_leaves(number, seed):
    rng = random.Random(seed)
    d = definitions(rng, [])
    d = Definitions("v", d.timezone, features=d.features, segments=d.segments, offers=offers(rng, number),
                    placements={"hero": Placement("hero", (Shown("b"),))})
    happened, (traits, consents, context, scores) = events(rng), person(rng)
    r = Request(NOW, Profile("u:1", any_form(rng, happened), traits, consents), context)
    r.given_scores = scores
    oracle = Oracle(d, NOW, happened, traits, consents, context, scores)

    judgement = Program(d).judgements["hero"]

    codes, live = judgement.judge(r)

    expected = [i for i, offer in enumerate(d.offers.values()) if removed_by(oracle, offer) is None]
    groups = [None if gone is None else gone.by for gone in (judgement.removals[code] for code in codes)]
    assert sorted(live) == expected
    assert groups == [removed_by(oracle, offer) for offer in d.offers.values()]


def removed_by(oracle: Oracle, offer: Offer) -> str | None:
    if (offer.valid_from or 0) > NOW or (offer.valid_to is not None and offer.valid_to <= NOW):
        return "valid"
    wanted = ("eligibility", "applicability", "suitability")
    gone = [name for name in wanted if (group := getattr(offer, name)) is not None and not oracle.holds(group)]
    if gone:
        return gone[0]
    return "suppress" if offer.suppress is not None and oracle.holds(offer.suppress) else None


@pytest.mark.parametrize("number", [1, 5, 60])
@pytest.mark.parametrize("seed", range(6))
def test_judging_one_by_one_gives_the_offers_that_judging_all_leaves_best_first(number, seed):
    rng = random.Random(seed)
    d = definitions(rng, [])
    found = {id: replace(offer, priority=rng.randrange(3), value=rng.randrange(2)) for id, offer in offers(rng, number).items()}
    judgement = Program(replace(d, offers=found, placements={"hero": Placement("hero", (Shown("b"),))})).judgements["hero"]
    happened, (traits, consents, context, scores) = events(rng), person(rng)
    r = Request(NOW, Profile("u:1", any_form(rng, happened), traits, consents), context)
    r.given_scores = scores

    one_by_one = list(judgement.first(r))

    assert one_by_one == list(ranked({}, r, judgement, judgement.judge(r)[1])[1])
