"""Every mistake in the user's content is named with its file, line, key and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import CARD, MODEL, RULES, write_shop

from app.content.load import inspect, load
from app.domain.bounds import Bounds
from app.errors import ContentInvalid

OFFER = "    eligibility: {segment: shoe_browsers}\n"


def eligibility(condition: str) -> str:
    return RULES.replace(OFFER, f"    eligibility: {condition}\n")


def features(line: str) -> str:
    return RULES.replace("segments:\n", f"  extra: {line}\nsegments:\n")


def found(folder: Path) -> list[str]:
    return [str(problem) for problem in inspect(folder)[1]]


CONDITIONS = [
    ("{field: profile.country, equals: DE}", "", 'unknown key "equals"'),
    ("{field: profile.country, start_with: DE}", ".start_with", 'unknown key "start_with"; did you mean "starts_with"?'),
    ("{field: profile.country}", "", "has no operator; one of eq, ne"),
    ("{field: country, eq: DE}", ".field", "'country' is no rooted name; begin with profile, feature, model, context, table, such as profile.x"),
    ("{field: profil.country, eq: DE}", ".field", '"profil" cannot be read here; did you mean "profile"?'),
    ("{field: feature.spend_9d, gte: 1}", ".field", 'no feature "spend_9d"; did you mean "spend_90d"?'),
    ("{field: feature.spend_90d.x, gte: 1}", ".field", "'feature.spend_90d.x' has a part too many; a feature is one value: feature.spend_90d"),
    ("{field: model.nope, gte: 1}", ".field", 'no model "nope"'),
    ("{field: model.click, gte: 1}", ".field", "the model click scores items, not people"),
    ("{field: context.stok, gte: 1}", ".field", 'no context "stok"; did you mean "stock"?'),
    ("{field: item.price, gte: 1}", ".field", '"item" cannot be read here'),
    ("{field: table.discounts.percent, gte: 1}", ".field", 'no table "discounts"; declare it under tables:'),
    ("{field: profile.country, in: DE}", ".in", "is text; a list [...] belongs here"),
    ("{field: profile.country, in: []}", ".in", "needs a list of values; such as [DE, AT]"),
    ("{field: profile.country, eq: null}", ".eq", "needs one value"),
    ("{field: profile.country, exists: yes}", ".exists", "is 'yes'; true or false"),
    ("{field: profile.age, between: [1]}", ".between", "needs two values of one kind"),
    ("{field: profile.age, between: [1, x]}", ".between", "needs two values of one kind"),
    ("{field: profile.born, before: soon}", ".before", "'soon' is no date; 2026-10-01 or 2026-10-01T09:00:00Z"),
    ("{field: profile.born, before: 2026-13-01}", ".before", "'2026-13-01' is no date"),
    ("{field: profile.age, between: [5, 1]}", ".between", "ends before it begins; the smaller value first; both ends are included"),
    ("{field: profile.born, between: [2026-10-02, 2026-10-01]}", ".between", "ends before it begins"),
    ("{field: [profile.age], eq: 1}", ".field", "a list is no rooted name"),
    ("{field: profile.age, exists: {field: profile.x}}", ".exists", "is {'field': 'profile.x'}; true or false"),
    ("{field: profile.name, starts_with: {field: feature.spend_90d}}", ".starts_with", "never holds: feature.spend_90d is a number; starts_with takes text"),
    ("{field: profile.born, before: {field: context.stock}}", ".before", "never holds: context.stock is a number; before takes an instant or text"),
    ("{field: profile.name, in: {field: context.device}}", ".in", "never holds: context.device is text; in takes a list"),
    ("{field: profile.place, within_km: {lat: 91, lon: 1, km: 1}}", ".within_km.lat", "is 91; a number from -90 to 90 belongs here"),
    ("{field: profile.place, within_km: {lat: 1, lon: 1, km: -1}}", ".within_km.km", "is -1; a number from 0 to 20100 belongs here"),
    ("{field: profile.name, matches: '(a'}", ".matches", "is no RE2 pattern: missing ): (a"),
    ("{field: profile.name, matches: '(?=a)'}", ".matches", "RE2 knows no look-around"),
    ("{field: profile.name, matches: {field: profile.x}}", ".matches", "needs one value"),
    ("{field: profile.name, starts_with: 1}", ".starts_with", "needs text, not 1; put quotes around it"),
    ("{field: profile.member, gt: true}", ".gt", "true and false have no order; use eq"),
    ("{field: profile.place, within_km: {lat: 1, lon: 2}}", ".within_km", "km is missing"),
    ("{field: feature.spend_90d, gte: '10'}", ".gte", "feature.spend_90d is a number and never compares with text"),
    ("{field: feature.spend_90d, contains: a}", ".contains", "does not apply to feature.spend_90d, a number"),
    ("{field: feature.first_order_at, gte: 2026-10-01}", ".gte", "use before, after or between with dates"),
    ("{field: context.device, eq: 5}", ".eq", "context.device is text and never compares with a number; put quotes around it"),
    ("{field: context.member, gte: true}", ".gte", "true and false have no order"),
    ("{field: context.stock, gt: {field: context.device}}", ".gt", "context.stock is a number and never compares with text"),
    ("{did: product_viewed, witin: 2h}", ".witin", 'unknown key "witin"; did you mean "within"?'),
    ("{did: product_viewed, within: 48}", ".within", "48 is no duration; a number with a unit: ms s m h d w, such as 48h"),
    ("{did: product_viewed, within: 0h}", ".within", "'0h' lasts no time"),
    ("{did: product_viewed, within: 1h, calendar: day}", "", "has within and calendar; one window"),
    ("{did: product_viewed, calendar: year}", ".calendar", 'no calendar period "year"'),
    ("{did: product_viewed, since: {first: x}}", ".since.first", 'unknown key "first"'),
    ("{did: product_viewed, between: [2026-10-02, 2026-10-01]}", ".between", "ends before it begins"),
    ("{did: product_viewed, count: {gte: 1001}}", ".count", "1001 events can never be counted; at most 1000 are kept of a type"),
    ("{did: product_viewed, count: {gt: 1000}}", ".count", "1001 events can never be counted"),
    ("{did: product_viewed, count: {between: [3, 1]}}", ".count.between", "ends before it begins"),
    ("{did: product_viewed, where: {products: {category: shoes}}}", ".where.products", "has no operator; a value, a list of values, or {gte: 2}; what lies inside is products.category"),
    ("{did: product_viewed, where: {_weekday: monday}}", ".where._weekday", 'no day "monday"; did you mean "mon"?'),
    ("{did: product_viewed, where: {_hour: '9'}}", ".where._hour", "is compared with text; an hour is a number from 0 to 23"),
    ("{changed: profile.email}", ".changed", "profile.email is personal and never enters a history"),
    ("{did: product_viewed, count: 1.5}", ".count", "is a number; a mapping (key: value) belongs here"),
    ("{did: product_viewed, count: {}}", ".count", "has no operator"),
    ("{did: product_viewed, count: {gte: many}}", ".count", "'many' is no count; a whole number, or {gte: 2}"),
    ("{did: product_viewed, between: [2026-10-02]}", ".between", "needs two dates; [2026-10-01, 2026-11-01]"),
    ("{did: product_viewed, where: [shoes]}", ".where", "is a list; a mapping (key: value) belongs here"),
    ("{did: product_viewed, where: {a..b: 1}}", ".where.a..b", "is no dotted path"),
    ("{did: product_viewed, where: {a: {}}}", ".where.a", "has no operator"),
    ("{did: product_viewed, where: {a: {gtee: 1}}}", ".where.a.gtee", 'unknown key "gtee"; did you mean "gte"?'),
    ("{did: ''}", ".did", "'' is no event; such as order_completed"),
    ("{did: a, did_not: b}", "", "mixes did, did_not; one of them at a time"),
    ("{changed: country}", ".changed", "'country' is no rooted name"),
    ("{changed: profile.address.city}", ".changed", "profile.address.city lies inside a trait; a whole trait, such as profile.address"),
    ("{segment: shoe_browser}", ".segment", 'no segment "shoe_browser"; did you mean "shoe_browsers"?'),
    ("{consent: markting}", ".consent", 'no declared consent "markting"; did you mean "marketing"?'),
    ("{variant: hero.a}", ".variant", 'no variant of an experiment "hero.a"'),
    ("{local_time: {from: '25:00'}}", ".local_time.from", "'25:00' is no time of day"),
    ("{local_time: {from: '09:00', to: '09:00'}}", ".local_time", "holds at no time"),
    ("{local_time: {}}", ".local_time", "holds at any time"),
    ("{local_time: {days: [monday]}}", ".local_time.days[0]", 'no day "monday"; did you mean "mon"?'),
    ("{all: []}", "", "all of nothing; name at least one condition"),
    ("[{did: a}]", "", "is no condition; write all: [...] or any: [...] around a list"),
    ("{alll: [{did: a}]}", "", 'unknown condition "alll"; did you mean "all"?'),
    ("yes", "", "is no condition; such as"),
]


@pytest.mark.parametrize(("condition", "key", "message"), CONDITIONS, ids=[row[0] for row in CONDITIONS])
def test_a_mistake_in_a_condition_is_named_where_it_stands(tmp_path: Path, condition: str, key: str, message: str) -> None:
    problems = found(write_shop(tmp_path, eligibility(condition)))
    assert any(text.startswith(f"rules/shop.yaml:18 offers.shoes_15.eligibility{key}") and message in text for text in problems), problems


RULE_FILES = [
    (RULES.replace("version: 1", "version: 2"), "rules/shop.yaml:1 version: is 2; this server reads version 1"),
    (RULES.replace("Europe/Berlin", "Europe/Bärlin"), "rules/shop.yaml:2 timezone: no time zone 'Europe/Bärlin'; did you mean \"Europe/Berlin\"?"),
    (RULES.replace("Europe/Berlin", "mars"), "rules/shop.yaml:2 timezone: no time zone 'mars'; such as Europe/Berlin"),
    (RULES.replace("version: 1", "version: true"), "rules/shop.yaml:1 version: is True; this server reads version 1"),
    (RULES.replace("version: 1", "version: 1.0"), "rules/shop.yaml:1 version: is 1.0; this server reads version 1"),
    (RULES.replace("stock: number", "stock: int"), 'rules/shop.yaml:3 context.stock: no type "int"'),
    (RULES.replace("[decide]", "[decides]"), 'rules/shop.yaml:4 consents.marketing.gates[0]: no gate "decides"; did you mean "decide"?'),
    (RULES + "offrs: {}\n", 'rules/shop.yaml:21 offrs: unknown key "offrs"; did you mean "offers"?'),
    (RULES + "experiments: {e: {variants: {a: 0.5, b: 0.4}}}\n", "rules/shop.yaml:21 experiments.e.variants: weights sum to 0.9; they have to sum to 1"),
    (RULES + "experiments: {e: {variants: {a: 1}}}\n", "rules/shop.yaml:21 experiments.e.variants: has 1 variant; at least two, such as {a: 0.5, b: 0.5}"),
    (RULES + "experiments: {e: {variants: {a: 0.5, b: 0.5}, namespace: {name: n, from: 0.5, to: 1.5}}}\n", "rules/shop.yaml:21 experiments.e.namespace.to: is 1.5; a share from 0 to 1"),
    (RULES + "experiments: {e: {variants: {a: 0.5, b: 0.5}, unit: person}}\n", 'rules/shop.yaml:21 experiments.e.unit: no unit "person"; known: profile, account, send'),
    (RULES + "experiments: {e: {variants: {a: 0.5, b: 0.5}, hash: 3}}\n", "rules/shop.yaml:21 experiments.e.hash: is 3; 1 or 2"),
    (RULES + "experiments: {e: {variants: {a: 0.5, b: 0.5}, when: {variant: e.a}}}\n", "rules/shop.yaml:21 experiments.e.when.variant: a variant is no property of a person; ask for it in an offer"),
    (RULES + "holdouts: {u: {percent: 120}}\n", "rules/shop.yaml:21 holdouts.u.percent: is 120; from 0 to 100"),
    (RULES + "holdouts: {u: {percent: 5, control: shoes_51}}\n", 'rules/shop.yaml:21 holdouts.u.control: no offer "shoes_51"; did you mean "shoes_15"?'),
    (RULES.replace("{segment: shoe_browsers}", "{variant: e.c}") + "experiments: {e: {variants: {a: 0.5, b: 0.5}}}\n", 'rules/shop.yaml:18 offers.shoes_15.eligibility.variant: no variant of an experiment "e.c"; did you mean "e.b"?'),
    (RULES + "    caps: {}\n", "rules/shop.yaml:21 offers.shoes_15.caps: is a mapping; a list [...] belongs here"),
    (RULES + "version: 1\n", "rules/shop.yaml:21 version: stands here twice; first in line 1"),
    (RULES + "  'a b': {placements: [hero], block: plain}\n", "rules/shop.yaml:21 offers.a b: is no usable id; letters, digits, _ and -, at most 64"),
    (RULES + "    valid: {from: 2026-10-02, to: 2026-10-02}\n", "rules/shop.yaml:21 offers.shoes_15.valid: ends before it begins"),
    (RULES + "    priority: high\n", "rules/shop.yaml:21 offers.shoes_15.priority: "),
    (RULES + "    description: 5\n", "rules/shop.yaml:21 offers.shoes_15.description: is a number; text belongs here"),
    (RULES + "    items: {from: []}\n", "rules/shop.yaml:21 offers.shoes_15.items.from: names no item"),
    (RULES + "    items: {from: [a, b, a]}\n", 'rules/shop.yaml:21 offers.shoes_15.items.from[2]: warning: "a" stands here twice'),
    (RULES + "    items: {from: [a, b], at_least: 3}\n", "rules/shop.yaml:21 offers.shoes_15.items.from: names 2 items, and at_least is 3"),
    (RULES + "    items: {exclude: {shown: 60d}}\n", "rules/shop.yaml:21 offers.shoes_15.items.exclude.shown: warning: reaches further back than decisions are kept; at most 35d"),
    (RULES + "    attributes: {value: 5}\n", "rules/shop.yaml:21 offers.shoes_15.attributes.value: cannot name an attribute; a key of the offer itself"),
    (RULES + "    attributes: {a.b: 5}\n", "rules/shop.yaml:21 offers.shoes_15.attributes.a.b: cannot name an attribute; letters, digits and _"),
    (RULES.replace("{placements: [hero]}", "{placements: []}"), "rules/shop.yaml:14 mails.newsletter.placements: names no placement"),
    (RULES.replace("{placements: [hero]}", "{placements: [hero, hero]}"), 'rules/shop.yaml:14 mails.newsletter.placements[1]: warning: "hero" stands here twice'),
    (RULES.replace("{block: plain}}", "{block: plain}, rank: offer.value * context.device}"),
     "rules/shop.yaml:12 placements.hero.rank: context.device is text, not a number; an expression knows numbers alone"),
    (RULES + "    items: {limit: 0}\n", "rules/shop.yaml:21 offers.shoes_15.items.limit: is 0; a whole number from 1 to 100 belongs here"),
    (RULES + "    items: {from: related}\n", 'rules/shop.yaml:21 offers.shoes_15.items.from: no source "related"; catalogue, a list of item ids'),
    (RULES + "    items: {filter: {field: model.click, gte: 0.5}}\n", "rules/shop.yaml:21 offers.shoes_15.items.filter.field: the model click scores items, not people"),
    (RULES + "    suitability: {field: model.click, gte: 0.5}\n",
     "rules/shop.yaml:21 offers.shoes_15.suitability.field: the model click scores items, not people; it may stand in the rank: of items alone"),
    (RULES.replace("{block: plain}}", "{block: plain}, rank: model.click}"), "rules/shop.yaml:12 placements.hero.rank: the model click scores items, not people"),
    (RULES.replace("block: card", "block: crad"), 'rules/shop.yaml:19 offers.shoes_15.block: no block "crad"; did you mean "card"?'),
    (RULES.replace("    block: card\n", ""), "rules/shop.yaml:17 offers.shoes_15: block is missing"),
    (RULES.replace("headline:", "headlin:"), 'rules/shop.yaml:20 offers.shoes_15.vars.headlin: the block card declares no such variable; did you mean "headline"?'),
    (RULES.replace("headline:", "headlin:"), "rules/shop.yaml:17 offers.shoes_15.vars: headline missing; the block card gives no default"),
    (RULES.replace('"15 % off"', "[15]"), "rules/shop.yaml:20 offers.shoes_15.vars.headline: needs one value"),
    (RULES.replace('off"}', 'off", percent: five}'), "rules/shop.yaml:20 offers.shoes_15.vars.percent: is 'five'; a number variable takes a number"),
    (RULES.replace('off"}', 'off", percent: {field: context.device}}'),
     "rules/shop.yaml:20 offers.shoes_15.vars.percent: context.device is text; the block declares percent as a number"),
    (RULES.replace("placements: [hero]\n    elig", "placements: [heroo]\n    elig"), 'rules/shop.yaml:17 offers.shoes_15.placements[0]: no placement "heroo"; did you mean "hero"?'),
    (RULES.replace("{placements: [hero]}", "{placements: hero}"), "rules/shop.yaml:14 mails.newsletter.placements: is text; a list [...] belongs here"),
    (RULES.replace("{fallback: {block: plain}}", "{}"), "rules/shop.yaml:12 placements.hero: fallback is missing"),
    (RULES.replace("{fallback: {block: plain}}", "{fallback: []}"), "rules/shop.yaml:12 placements.hero.fallback: is empty; name at least one block"),
    (RULES.replace("{block: plain}}", "{block: plain}, rank: model.buy *}"), "rules/shop.yaml:12 placements.hero.rank: expected a name or a number, not 'the end'"),
    (RULES.replace("{block: plain}}", "{block: plain}, rank: __import__(os)}"), "rules/shop.yaml:12 placements.hero.rank: '__import__' is no rooted name such as feature.x"),
    (RULES.replace("{block: plain}}", "{block: plain}, deadline: 150}"), "rules/shop.yaml:12 placements.hero.deadline: 150 is no duration"),
    (RULES.replace("{block: plain}}", "{block: card, vars: {headline: {field: profile.name}}}}"),
     "rules/shop.yaml:12 placements.hero.fallback.vars.headline: may be missing at the request; give headline a default in the block"),
    (RULES.replace("{block: plain}}", "{block: plain}, rank: offer.valu}"), 'rules/shop.yaml:12 placements.hero.rank: no offer attribute "valu"; did you mean "value"?'),
    (RULES + "    attributes: {margin: [1]}\n", "rules/shop.yaml:21 offers.shoes_15.attributes.margin: needs one value; text, a number, true or false"),
    (features("{summ: order_completed.total}"), 'rules/shop.yaml:9 features.extra: has no kind; did you mean "sum"?'),
    (features("{sum: order_completed}"), "rules/shop.yaml:9 features.extra.sum: 'order_completed' does not fit; sum: event.property"),
    (features("{count: order_completed.total}"), "rules/shop.yaml:9 features.extra.count: 'order_completed.total' does not fit; count: event"),
    (features("{expr: feature.extra + 1}"), "rules/shop.yaml:9 features.extra: refers to itself, directly or round about"),
    (features("{expr: 1e999 * 2}"), "rules/shop.yaml:9 features.extra.expr: 1e999 is too large a number"),
    (features("{expr: feature.first_order_at + 1}"), "rules/shop.yaml:9 features.extra.expr: feature.first_order_at is an instant, not a number"),
    (features("{expr: feature.spend_90d $ 2}"), "rules/shop.yaml:9 features.extra.expr: cannot read '$ 2'"),
    (features("{expr: " + " + ".join(["1"] * 101) + "}"), "rules/shop.yaml:9 features.extra.expr: more than 200 parts"),
    (features("{expr: 1 2}"), "rules/shop.yaml:9 features.extra.expr: did not expect '2'"),
    (features("{expr: " + "(" * 40 + "1" + ")" * 40 + "}"), "rules/shop.yaml:9 features.extra.expr: nested too deeply"),
    (features("{expr: 'abs(1, 2)'}"), "rules/shop.yaml:9 features.extra.expr: abs takes 1 argument"),
    (features("{expr: (1}"), "rules/shop.yaml:9 features.extra.expr: a ) is missing"),
    (RULES + "    value: 1e300\n", "rules/shop.yaml:21 offers.shoes_15.value: is too large a number"),
    (RULES + "    items: {from: {related_to: {last: order_completed}}}\n",
     "rules/shop.yaml:21 offers.shoes_15.items.from.related_to.last: needs an event and a property; order_completed.products.product_id"),
    (RULES + "tests: [{name: a, given: {events: [{event: x}]}, expect: {}}]\n", "rules/shop.yaml:21 tests[0].given.events[0]: says not when"),
    (RULES + "tests: [{name: a, given: {events: [{event: x, ago: 2h, at: 2026-10-01}]}, expect: {}}]\n",
     "rules/shop.yaml:21 tests[0].given.events[0]: has both ago and at"),
    (features("{expr: log()}"), "rules/shop.yaml:9 features.extra.expr: expected a name or a number"),
    (features("{count: a, count: b}"), "rules/shop.yaml:9 count: stands here twice; first in line 9"),
    (RULES.replace("{did: product_viewed, where: {category: shoes}, within: 48h}", "{not: {segment: shoe_browsers}}"),
     "rules/shop.yaml:10 segments.shoe_browsers: refers to itself, directly or round about"),
    (RULES + "models: {bye: {card: models/bye.yaml}}\n", 'rules/shop.yaml:21 models.bye: no card models/bye.yaml; did you mean "buy"?'),
    (RULES + "models: {buy: {card: models/bye.yaml}}\n", "rules/shop.yaml:21 models.buy.card: is 'models/bye.yaml'; the card of buy is models/buy.yaml"),
    (RULES + "tests: [{name: a, expect: {heros: {}}}]\n", 'rules/shop.yaml:21 tests[0].expect.heros: unknown key "heros"; did you mean "hero"?'),
    (RULES + "tests: [{name: a, expect: {hero: {offer: shoes}}}]\n", 'rules/shop.yaml:21 tests[0].expect.hero.offer: no offer "shoes"'),
    (RULES + "tests: [{name: a, given: {context: {stok: 1}}, expect: {}}]\n", 'rules/shop.yaml:21 tests[0].given.context.stok: unknown key "stok"; did you mean "stock"?'),
    (RULES + "tests: [{name: a, given: {events: [{event: x, ago: 2}]}, expect: {}}]\n", "rules/shop.yaml:21 tests[0].given.events[0].ago: 2 is no duration"),
    (RULES + "tests: [{expect: {}}]\n", "rules/shop.yaml:21 tests[0]: name is missing"),
    (RULES + "a: &x 1\n", "rules/shop.yaml:21 yaml: aliases and anchors are not available; write the value out"),
    (RULES + "a: !!python/name:os 1\n", "rules/shop.yaml:21 yaml: tags such as tag:yaml.org,2002:python/name:os are not available"),
    (RULES + "---\na: 1\n", "rules/shop.yaml:21 yaml: a second document; one document a file"),
    (RULES + "\tx: 1\n", "rules/shop.yaml:21 yaml: "),
    (RULES + "a: " + "[" * 40, "rules/shop.yaml:21 yaml: deeper than 32 levels"),
    ("- version: 1\n", "rules/shop.yaml:1 file: is a list; a mapping (key: value) belongs here"),
]


@pytest.mark.parametrize(("rules", "line"), RULE_FILES, ids=[row[1] for row in RULE_FILES])
def test_a_mistake_in_a_rules_file_is_named_where_it_stands(tmp_path: Path, rules: str, line: str) -> None:
    problems = found(write_shop(tmp_path, rules))
    assert any(text.startswith(line) for text in problems), problems


FILES = [
    ({"blocks/card/block.yaml": ""}, "blocks/card/block.yaml:1 file: description is missing"),
    ({"blocks/card/block.yaml": CARD + "  when: {type: time}\n"}, 'blocks/card/block.yaml:6 variables.when.type: no type "time"'),
    ({"blocks/card/block.yaml": CARD + "  n: {type: number, default: five}\n"}, "blocks/card/block.yaml:6 variables.n.default: is 'five'; a number variable takes a number"),
    ({"blocks/card/block.yaml": CARD + "  when: {type: date, default: soon}\n"}, "blocks/card/block.yaml:6 variables.when.default: is 'soon'; a date variable takes a date such as"),
    ({"blocks/card/block.yaml": CARD + "  to: {type: url, default: 'javascript:alert(1)'}\n"},
     "blocks/card/block.yaml:6 variables.to.default: is 'javascript:alert(1)'; a url variable takes an http, https or mailto address"),
    ({"blocks/card/block.yaml": CARD + "sample: {percent: five}\n"}, "blocks/card/block.yaml:6 sample.percent: is 'five'; a number variable takes a number"),
    ({"blocks/card/block.yaml": CARD + "sample: {profile: Anna}\n"}, "blocks/card/block.yaml:6 sample.profile: is text; a mapping (key: value) belongs here"),
    ({"blocks/card/block.yaml": CARD + "  _x: {type: string}\n"}, "blocks/card/block.yaml:6 variables._x: cannot be read by a template"),
    ({"blocks/card/block.yaml": CARD + "  in: {type: string}\n"}, "blocks/card/block.yaml:6 variables.in: cannot be read by a template"),
    ({"blocks/card/block.yaml": CARD + "  'a b': {type: string}\n"}, "blocks/card/block.yaml:6 variables.a b: cannot be read by a template"),
    ({"blocks/card/block.yaml": CARD + "  items: {type: string}\n"}, "blocks/card/block.yaml:6 variables.items: cannot be read by a template"),
    ({"blocks/card/block.yaml": CARD + "sample: {headlin: x}\n"}, 'blocks/card/block.yaml:6 sample.headlin: unknown key "headlin"; did you mean "headline"?'),
    ({"blocks/bare/html.j2": "<p>"}, "blocks/bare/block.yaml:1 blocks.bare: is missing; a block has block.yaml and html.j2"),
    ({"blocks/bare/block.yaml": "description: x"}, "blocks/bare/html.j2:1 blocks.bare: is missing; every block has html.j2"),
    ({"blocks/card/htm.j2": "<p>"}, 'blocks/card/htm.j2:1 blocks.card: warning: is no surface; did you mean "html.j2"?'),
    ({"blocks/card/text.j2": "x" * 300_000}, "blocks/card/text.j2:1 blocks.card: is 300,000 bytes long; at most 262,144"),
    ({"models/buy.yaml": ""}, "models/buy.yaml:1 file: inputs is missing"),
    ({"models/buy.yaml": "inputs: []\n"}, "models/buy.yaml:1 file: fallback is missing"),
    ({"models/buy.yaml": MODEL + "file: ../buy.onnx\n"}, "models/buy.yaml:1 file: no file models/../buy.onnx"),
    ({"models/buy.yaml": MODEL + "sha256: '00'\n"}, "models/buy.yaml:1 sha256: models/buy.onnx is another file than the card describes"),
    ({"models/buy.yaml": MODEL.replace("spend_90d", "spend")}, 'models/buy.yaml:1 inputs[0].name: no feature "spend"; did you mean "spend_90d"?'),
    ({"models/buy.yaml": MODEL.replace("default: 0", "default: [1]")}, "models/buy.yaml:1 inputs[0].default: [1] is no float"),
    ({"models/buy.yaml": MODEL + "golden: [{inputs: [1, 2], output: 0.5}]\n"}, "models/buy.yaml:3 golden[0].inputs: has 2 values; the card has 1 inputs"),
    ({"models/buy.yaml": MODEL + "golden: [{inputs: [[1]], output: 0.5}]\n"}, "models/buy.yaml:3 golden[0].inputs: holds something that is no number and no text"),
    ({"models/buy.yaml": MODEL + "output: {index: -1}\n"}, "models/buy.yaml:3 output.index: is -1; a whole number from 0 to 10000 belongs here"),
    ({"models/buy.yaml": MODEL + "output: {range: [0.2, 1]}\n"}, "models/buy.yaml:2 fallback: warning: lies outside of output.range; a score that the model could give"),
    ({"models/buy.yaml": MODEL + "output: {range: [1, 0]}\n"}, "models/buy.yaml:3 output.range: needs two numbers; [low, high]"),
    ({"rules/more.yaml": "timezone: UTC\n"}, "rules/shop.yaml:2 timezone: is 'Europe/Berlin'; rules/more.yaml:1 says UTC"),
    ({"models/buy.v2.yaml": MODEL}, "models/buy.v2.yaml:1 models.buy.v2: is no usable id; letters, digits, _ and -, at most 64"),
    ({"blocks/a b/block.yaml": "description: x", "blocks/a b/html.j2": "<p>x</p>"}, "blocks/a b/block.yaml:1 blocks.a b: is no usable id"),
    ({"rules/more.yaml": "segments: {shoe_browsers: {did: a}}\n"}, "rules/shop.yaml:10 segments.shoe_browsers: is declared twice; first at rules/more.yaml:1"),
]


@pytest.mark.parametrize(("files", "line"), FILES, ids=[row[1] for row in FILES])
def test_a_mistake_in_a_block_or_model_is_named_where_it_stands(tmp_path: Path, files: dict[str, str], line: str) -> None:
    problems = found(write_shop(tmp_path, more=files))
    assert any(text.startswith(line) for text in problems), problems


def test_the_shop_itself_has_no_problem(tmp_path: Path) -> None:
    assert found(write_shop(tmp_path)) == []


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    rules = RULES.replace("block: card", "block: crad").replace("version: 1", "version: 2").replace("48h", "48")
    assert [problem.line for problem in inspect(write_shop(tmp_path, rules))[1]] == [1, 10, 19]


def test_a_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    (folder / "rules" / "more.yaml").write_bytes(b"version: 1\ntimezone: \xff\n")
    assert found(folder) == ["rules/more.yaml:2 file: is not UTF-8"]


def test_a_template_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    (folder / "blocks" / "card" / "text.j2").write_bytes(b"\xff")
    assert found(folder) == ["blocks/card/text.j2:1 blocks.card: is not UTF-8"]


def test_what_lies_beside_the_folders_of_blocks_is_left_alone(tmp_path: Path) -> None:
    assert found(write_shop(tmp_path, more={"blocks/README.yaml": "about: blocks\n"})) == []


def test_an_output_of_a_model_may_be_named_by_a_key(tmp_path: Path) -> None:
    assert found(write_shop(tmp_path, more={"models/buy.yaml": MODEL + "output: {index: 'yes'}\n"})) == []


def test_an_address_may_default_to_none(tmp_path: Path) -> None:
    assert found(write_shop(tmp_path, more={"blocks/card/block.yaml": CARD + "  to: {type: url, default: ''}\n"})) == []


def test_a_folder_without_rules_has_no_content(tmp_path: Path) -> None:
    folder = write_shop(tmp_path)
    (folder / "rules" / "shop.yaml").unlink()
    assert "rules:1 content: no *.yaml in rules/" in found(folder)


UNREADABLE = "/proc/self/mem"
"""Opens and gives nothing but an error, whoever reads."""


@pytest.mark.parametrize("name", ["rules/more.yaml", "blocks/card/text.j2"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    folder = write_shop(tmp_path)
    (folder / name).symlink_to(UNREADABLE)
    assert any(text.endswith("file: cannot be read: Input/output error") for text in found(folder))


def test_content_with_a_mistake_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ContentInvalid):
        load(write_shop(tmp_path, "version: 2\n"))


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "rules/more.yaml:1 file: is 5,000,000 bytes long; at most 4,194,304" in found(write_shop(tmp_path, more={"rules/more.yaml": "#" * 5_000_000}))


def test_a_feature_that_counts_is_never_above_the_bound(tmp_path: Path) -> None:
    rules = features("{count: product_viewed}").replace("{segment: shoe_browsers}", "{field: feature.extra, gte: 1001}")
    assert found(write_shop(tmp_path, rules)) == [
        "rules/shop.yaml:19 offers.shoes_15.eligibility.gte: 1001 events can never be counted; at most 1000 are kept of a type",
    ]


def test_a_window_beyond_the_age_bound_is_refused(tmp_path: Path) -> None:
    problems = inspect(write_shop(tmp_path), Bounds(age=30 * 86_400_000))[1]
    assert [str(problem) for problem in problems] == ["rules/shop.yaml:6 features.spend_90d.within: reaches further back than events are kept; at most 30d"]


def test_a_cycle_through_a_model_is_refused(tmp_path: Path) -> None:
    rules = RULES.replace("spend_90d: {sum: order_completed.total, within: 90d}", "spend_90d: {expr: model.buy * 2}")
    assert found(write_shop(tmp_path, rules)) == ["rules/shop.yaml:6 features.spend_90d: refers to itself, directly or round about"]


NEGATIONS = [
    "{not: {field: profile.country, eq: DE}}",
    "{not: {any: [{field: profile.country, eq: DE}, {did: order_completed}]}}",
    "{all: [{did: order_completed}, {not: {field: feature.last_category, eq: shoes}}]}",
]


@pytest.mark.parametrize("condition", NEGATIONS)
def test_a_negation_that_admits_the_unknown_is_a_warning(tmp_path: Path, condition: str) -> None:
    definitions, problems = inspect(write_shop(tmp_path, eligibility(condition)))
    assert definitions is not None
    assert [(problem.warning, problem.line) for problem in problems] == [(True, 18)]
    assert "is not known" in problems[0].message


HARMLESS = [
    "{all: [{field: profile.country, exists: true}, {not: {field: profile.country, eq: DE}}]}",
    "{field: profile.country, ne: DE}",
    "{not: {field: feature.spend_90d, gte: 5}}",
    "{not: {field: profile.country, exists: true}}",
    "{not: {did: order_completed}}",
]


@pytest.mark.parametrize("condition", HARMLESS)
def test_other_negations_pass_without_a_warning(tmp_path: Path, condition: str) -> None:
    assert found(write_shop(tmp_path, eligibility(condition))) == []


def test_a_placement_that_no_offer_is_for_is_a_warning(tmp_path: Path) -> None:
    rules = RULES.replace("mails:", "  grid: {fallback: {block: plain}}\nmails:")
    assert found(write_shop(tmp_path, rules)) == ["rules/shop.yaml:13 placements.grid: warning: no offer is for it: it always falls back"]


def test_an_attribute_that_any_offer_has_can_rank(tmp_path: Path) -> None:
    rules = RULES.replace("{block: plain}}", "{block: plain}, rank: offer.margin * 2}") + "    attributes: {margin: 0.4}\n"
    assert found(write_shop(tmp_path, rules)) == []
