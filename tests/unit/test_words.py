"""Rules in plain English."""

from __future__ import annotations

import pytest

from app.domain import conditions as c
from app.domain.definitions import Feature, Segment
from app.content.words import condition_words, duration, feature_words, happened, held_words, missing_words, value_words

HOUR, DAY = 3_600_000, 86_400_000
SHOES = (c.Where(("category",), c.Test("eq", "shoes")),)
TIER = c.Field(c.Ref(("profile", "tier")), (c.Test("in", ("gold", "silver")),))
SCORE = c.Field(c.Ref(("model", "buy")), (c.Test("gte", 0.05),))


@pytest.mark.parametrize("condition,words", [
    (TIER, "profile.tier is one of gold, silver"),
    (c.Field(c.Ref(("context", "stock")), (c.Test("exists", False),)), "context.stock is not known"),
    (c.Field(c.Ref(("feature", "spend")), (c.Test("gt", 10), c.Test("lte", 99.5))), "feature.spend is above 10 and is at most 99.5"),
    (c.Field(c.Ref(("profile", "age")), (c.Test("between", (18, 30)),)), "profile.age is between 18 and 30"),
    (c.Field(c.Ref(("profile", "home")), (c.Test("within_km", (52.5, 13.4, 5.0)),)), "profile.home is within 5 km of 52.5, 13.4"),
    (c.Did("product_viewed", SHOES, c.Within(48 * HOUR)), "product_viewed where category is shoes in the last 48 hours"),
    (c.Did("order_completed", window=c.Within(7 * DAY), negated=True), "no order_completed in the last 7 days"),
    (c.Did("order_completed", count=(c.Test("gte", 3),)), "the number of order_completed is at least 3"),
    (c.Did("order_completed", window=c.SinceLast("email_sent")), "order_completed since the last email_sent"),
    (c.Did("order_completed", window=c.Between(c.Instant(0), c.Instant(DAY))), "order_completed from 1 Jan 1970 to 2 Jan 1970"),
    (c.Did("order_completed", window=c.Calendar("week")), "order_completed this week"),
    (c.Did("order_completed", window=c.Since(c.Instant(0))), "order_completed since 1 Jan 1970"),
    (c.Changed("city", c.Within(24 * HOUR)), "profile.city changed in the last 24 hours"),
    (c.InSegment("loyal"), "in loyal"),
    (c.Consented("marketing"), "consent to marketing"),
    (c.LocalTime(540, 1080, frozenset({0, 1})), "local time from 09:00 to 18:00 on Mon, Tue"),
    (c.All((TIER, c.Any((c.InSegment("a"), c.InSegment("b"))))), "profile.tier is one of gold, silver and (in a or in b)"),
    (c.Not(c.InSegment("a")), "not (in a)"),
])
def test_a_condition_says_what_has_to_hold(condition, words):
    assert condition_words(condition) == words


@pytest.mark.parametrize("condition,value,words", [
    (TIER, "gold", "profile.tier is gold"),
    (SCORE, 0.8712, "model.buy is 0.871, at least 0.05"),
    (c.InSegment("loyal"), None, "buys again and again"),
    (c.Consented("marketing"), None, "consented to marketing"),
    (c.Did("order_completed"), None, "order_completed"),
])
def test_what_holds_is_told_with_the_values_of_the_person(condition, value, words):
    assert held_words(condition, lambda ref: value, {"loyal": Segment("loyal", c.InSegment("x"), "buys again and again")}) == words


@pytest.mark.parametrize("condition,value,words", [
    (TIER, None, "profile.tier is unknown, not one of gold, silver"),
    (SCORE, 0.01, "model.buy is 0.01, not at least 0.05"),
    (c.InSegment("loyal"), None, "not in loyal"),
    (c.Consented("marketing"), None, "marketing consent denied"),
    (c.Consented("profiling"), None, "no profiling consent on record"),
    (c.Did("product_viewed", SHOES), None, "no product_viewed where category is shoes"),
    (c.Did("order_completed", negated=True), None, "order_completed"),
    (c.Did("order_completed", count=(c.Test("gte", 3),)), None, "not: the number of order_completed is at least 3"),
    (c.Changed("city", c.Ever()), None, "not: profile.city changed"),
])
def test_what_does_not_hold_is_told_with_what_is_missing(condition, value, words):
    assert missing_words(condition, lambda ref: value, {"marketing": False}) == words


@pytest.mark.parametrize("milliseconds,words", [
    (48 * HOUR, "48 hours"), (3 * DAY, "3 days"), (14 * DAY, "2 weeks"), (90 * 60_000, "90 minutes"), (HOUR, "1 hour"), (1500, "1500 milliseconds"),
])
def test_a_duration_is_told_in_the_unit_that_people_use(milliseconds, words):
    assert duration(milliseconds) == words


@pytest.mark.parametrize("value,words", [
    (None, "unknown"), (True, "true"), (1234.5, "1,234.5"), (3.0, "3"), (c.Instant(0), "1 Jan 1970"), (["a", "b"], "a, b"), (tuple("abcdef"), "a, b, c, d and 2 more"),
])
def test_a_value_is_told_as_people_write_it(value, words):
    assert value_words(value) == words


@pytest.mark.parametrize("feature,words", [
    (Feature("f", "count", "product_viewed", where=SHOES, window=c.Within(48 * HOUR)), "number of product_viewed where category is shoes in the last 48 hours"),
    (Feature("f", "sum", "order_completed", ("total",)), "sum of order_completed.total"),
    (Feature("f", "last_at", "order_completed"), "when order_completed came last"),
    (Feature("f", "expr", expression=c.Number(1)), "worked out of other features"),
])
def test_a_feature_says_what_it_looks_at(feature, words):
    assert feature_words(feature) == words


@pytest.mark.parametrize("event,properties,words", [
    ("product_viewed", {"product_id": "fjell"}, "viewed Fjell shoe"),
    ("order_completed", {"products": [{"product_id": "fjell"}, {"product_id": "ull"}]}, "bought Fjell shoe and 1 more"),
    ("email_opened", {}, "opened a mail"),
    ("trial_started", {"name": "Plus"}, "trial started Plus"),
    ("page_viewed", {"title": ["odd"], "product_id": 7}, "visited"),
])
def test_what_somebody_did_is_told_in_a_few_words(event, properties, words):
    assert happened(event, properties, lambda id: {"fjell": "Fjell shoe"}.get(id, "")) == words
