"""The map of an import: every mistake is named with its line, its key and what would be right."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.cli.import_map import read_map, usual_map
from app.errors import ContentInvalid
from app.formats.row_conditions import ColumnTest, Combined
from app.formats.rows import EventNamed, RowMap

COLUMNS = ("Invoice", "Code", "Number", "Customer", "Date")
GOOD = "event: order\nprofile: Customer\ntimestamp: Date\n"


def refused(tmp_path: Path, text: str, kind: str = "events") -> list[str]:
    """What is said of a map, a problem each."""
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(ContentInvalid) as caught:
        read_map(path, kind, COLUMNS, complete=True)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.found]


def understood(tmp_path: Path, text: str, kind: str = "events", *, complete: bool = True) -> RowMap:
    (tmp_path / "m.yaml").write_text(text)
    return read_map(tmp_path / "m.yaml", kind, COLUMNS, complete=complete)


@pytest.mark.parametrize("text,said", [
    ("evnt: order\nprofile: Customer\ntimestamp: Date\n", ["1 evnt: unknown key \"evnt\"; did you mean \"event\"?", "1 file: event is missing"]),
    ("event: order\nprofile: Custmer\ntimestamp: Date\n", ["2 profile: the file has no column \"Custmer\"; did you mean \"Customer\"?"]),
    ("event: order\nprofile: [a]\ntimestamp: Date\n", ["2 profile: is a list; text belongs here; put quotes around it"]),
    ("event: order\nprofile: {column: Customer, kind: e_mail}\ntimestamp: Date\n", ["2 profile.kind: no kind of id \"e_mail\"; did you mean \"email\"?"]),
    ("event: order\nprofile: Customer\ntimestamp: {column: Date, format: \"%Q\"}\n", ["3 timestamp.format: '%Q' is no format; such as %d/%m/%Y %H:%M"]),
    ("event: order\nprofile: Customer\ntimestamp: {column: Date, format: iso}\n", ["3 timestamp.format: 'iso' is no format; such as %d/%m/%Y %H:%M"]),
    (GOOD + "timezone: Europe/Lodnon\n", ["4 timezone: no time zone \"Europe/Lodnon\"; such as Europe/London"]),
    (GOOD + "group_by: Invoic\n", ["4 group_by: the file has no column \"Invoic\"; did you mean \"Invoice\"?"]),
    (GOOD + "message_id: 7\n", ["4 message_id: is a number; text belongs here; put quotes around it"]),
    (GOOD + "properties: [Code]\n", ["4 properties: is a list; a mapping (key: value) belongs here"]),
    (GOOD + "properties: {quantity: Numbre}\n", ["4 properties.quantity: the file has no column \"Numbre\"; did you mean \"Number\"?"]),
    (GOOD + "decimal: x\n", ["4 decimal: no decimal mark \"x\"; known: ., ,"]),
    ("event: []\nprofile: Customer\ntimestamp: Date\n", ["1 event: names nothing; such as [{when: {Column: value}, is: order_returned}, {is: order_completed}]"]),
    ("event: [{when: {Code: x}}]\nprofile: Customer\ntimestamp: Date\n", ["1 event[0]: is is missing"]),
    ("event: \"!!\"\nprofile: Customer\ntimestamp: Date\n", ["1 event: '!!' is no event and no column; such as order_completed"]),
    (GOOD + "reject: {when: {Code: x}, reason: y}\n", ["4 reject: is a mapping; a list [...] belongs here"]),
    (GOOD + "reject: [{reason: y}]\n", ["4 reject[0]: when is missing"]),
    (GOOD + "reject: [{when: {}, reason: y}]\n", ["4 reject[0].when: says nothing; such as {CustomerID: {exists: false}}"]),
    (GOOD + "reject: [{when: {Code: {exists: no}}, reason: y}]\n", ["4 reject[0].when.Code: exists: true or false belongs here"]),
    (GOOD + "reject: [{when: {Code: {in: x}}, reason: y}]\n", ["4 reject[0].when.Code: in: a list [...] belongs here"]),
    (GOOD + "reject: [{when: {Code: {in: [[x]]}}, reason: y}]\n", ["4 reject[0].when.Code: in: a list [...] belongs here"]),
    (GOOD + "reject: [{when: {Code: {eq: [x]}}, reason: y}]\n", ["4 reject[0].when.Code: eq: text or a number belongs here"]),
    (GOOD + "reject: [{when: {Code: {begins: x}}, reason: y}]\n", ["4 reject[0].when.Code: no operator \"begins\"; known: eq, ne, gt, gte, lt, lte, in, not_in, contains, not_contains, starts_with, ends_with, matches, exists"]),
    (GOOD + "reject: [{when: {field: Code}, reason: y}]\n", ["4 reject[0].when: tests nothing; an operator belongs here: eq, ne, gt, gte, lt, lte, in, not_in, contains, not_contains, starts_with, ends_with, matches, exists"]),
    ("", ["1 file: is empty; a map has the keys event, group_by, profile, timestamp, timezone, message_id, properties, decimal, reject"]),
    ("- a\n", ["1 file: is a list; a mapping (key: value) belongs here"]),
])
def test_a_wrong_map_is_refused_with_line_key_and_hint(tmp_path, text, said):
    assert refused(tmp_path, text) == said


def test_a_pattern_that_is_none_is_refused(tmp_path):
    assert refused(tmp_path, GOOD + "reject: [{when: {Code: {matches: \"(\"}}, reason: y}]\n")[0].startswith("4 reject[0].when.Code: no regular expression: ")


def test_all_mistakes_are_named_at_once(tmp_path):
    assert len(refused(tmp_path, "event: order\nprofile: A\ntimestamp: B\ngroup_by: C\n")) == 3


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ContentInvalid) as caught:
        read_map(tmp_path / "none.yaml", "events", COLUMNS, complete=True)

    assert (caught.value.found[0].message, caught.value.message) == ("cannot be read: No such file or directory", f"1 problem in {tmp_path}/none.yaml")


@pytest.mark.parametrize("kind,key", [("items", "profile"), ("profiles", "group_by"), ("profiles", "event")])
def test_a_key_that_means_nothing_for_this_kind_is_refused(tmp_path, kind, key):
    assert any(f'unknown key "{key}"' in problem for problem in refused(tmp_path, f"{key}: Customer\n", kind))


def test_columns_of_objects_are_not_known_before(tmp_path):
    assert understood(tmp_path, "event: order\nprofile: a.b\ntimestamp: t\n", complete=False).profile == "a.b"


def test_a_map_says_which_column_is_what(tmp_path):
    text = """
event: [{when: {Invoice: {starts_with: C}}, is: order_returned}, {is: Code}]
profile: {column: Customer, kind: email}
timestamp: {column: Date, format: "%d.%m.%Y"}
timezone: Europe/London
message_id: Number
group_by: Invoice
properties: {code: Code}
decimal: ","
reject: [{when: {any: [{Number: 7}, {not: {field: Code, eq: a}}]}, reason: r}]
"""

    assert understood(tmp_path, text) == RowMap(
        (EventNamed(ColumnTest("Invoice", "starts_with", "C"), "order_returned"), EventNamed(None, "Code", column=True)), "Customer", "Date", "email", "%d.%m.%Y",
        ZoneInfo("Europe/London"), "Number", "Invoice", {"code": "Code"}, ",",
        ((Combined("any", (ColumnTest("Number", "eq", 7), Combined("not", (ColumnTest("Code", "eq", "a"),)))), "r"),),
    )


def test_without_a_map_columns_are_called_what_they_are():
    assert usual_map(Path("f.csv"), "events", ("event", "profile", "timestamp", "message_id")) == RowMap((EventNamed(None, "event", column=True),), "profile", "timestamp", message_id="message_id")
    assert usual_map(Path("f.csv"), "profiles", ("id", "plan")) == RowMap(profile="id")


@pytest.mark.parametrize("kind,missing", [("events", "event, profile, timestamp"), ("profiles", "id")])
def test_without_a_map_a_file_with_other_columns_is_refused(kind, missing):
    with pytest.raises(ContentInvalid) as caught:
        usual_map(Path("f.csv"), kind, COLUMNS)

    assert str(caught.value.found[0]) == f"f.csv:1 columns: no column {missing}; a map (--map M.yaml) says which column is what; the file has Invoice, Code, Number, Customer, Date"
