"""A query for items that comes with a request is read like one in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from content_shop import write_shop

from app.content.load import load
from app.content.queries import read_items_query
from app.domain import conditions as c
from app.errors import RequestInvalid


def test_a_query_reads_what_the_content_declares(tmp_path: Path) -> None:
    body = {
        "filter": {"all": [{"field": "item.price", "lte": {"field": "feature.spend_90d"}}, {"consent": "marketing"}, {"segment": "shoe_browsers"}]},
        "rank": "model.click", "limit": 3, "at_least": 0, "exclude": {"bought": "30d"},
    }
    query = read_items_query(body, load(write_shop(tmp_path)))
    assert (query.limit, query.at_least, query.exclude_bought) == (3, 0, 30 * 86_400_000)
    assert query.rank == c.Name(c.Ref(("model", "click")))


MISTAKES = [
    ({"limt": 3}, "limt", 'unknown key "limt"; did you mean "limit"?'),
    ({"filter": {"segment": "nobody"}}, "filter.segment", 'no segment "nobody"'),
    ({"filter": {"field": "feature.spend_90d", "gte": "x"}}, "filter.gte", "never compares with text"),
    ({"filter": {"consent": "nothing"}}, "filter.consent", 'no declared consent "nothing"'),
    ({"rank": "model.nope"}, "rank", 'no model "nope"'),
    ({"limit": 10**30}, "", "is too large a number"),
    ([], "", "is a list"),
]


@pytest.mark.parametrize(("body", "key", "message"), MISTAKES, ids=[row[2] for row in MISTAKES])
def test_a_mistake_in_a_query_is_refused_with_its_key(tmp_path: Path, body: object, key: str, message: str) -> None:
    with pytest.raises(RequestInvalid) as caught:
        read_items_query(body, load(write_shop(tmp_path)))
    assert any(at.startswith(key) and message in text for at, text in caught.value.problems), caught.value.problems
