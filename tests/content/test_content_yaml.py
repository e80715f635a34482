"""What a value in a YAML file means: the core schema of YAML 1.2, its booleans narrowed to `true` and `false`."""

from __future__ import annotations

from typing import Any

import pytest

from app.content.source import parse_yaml
from app.errors import Problem


def read(data: str | bytes) -> tuple[Any, list[str]]:
    problems: list[Problem] = []
    node = parse_yaml(data if isinstance(data, bytes) else data.encode(), "x.yaml", problems)
    return None if node is None else node.plain(), [str(problem) for problem in problems]


SCALARS = [
    ("true", True), ("false", False), *((word, word) for word in ("True", "FALSE", "on", "off", "yes", "no", "NO", "y", "n")),
    ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ('""', ""), ("'null'", "null"), ("!!str 5", "5"),
    ("5", 5), ("+5", 5), ("-5", -5), ("007", 7), ("0o17", 15), ("0x1F", 31), ("-0x1F", "-0x1F"), ("0o8", "0o8"), ("0b1", "0b1"), ("1_000", "1_000"),
    ("5.", 5.0), (".5", 0.5), ("-1.5e3", -1500.0), ("1.2.3", "1.2.3"), ("12:30:00", "12:30:00"),
    ("2026-10-01", "2026-10-01"), ("2026-10-01T09:00:00Z", "2026-10-01T09:00:00Z"), ("<<", "<<"), ("9223372036854775807", 2**63 - 1),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_plain_value_is_read_by_the_narrowed_core_schema(text: str, value: Any) -> None:
    assert read(f"a: {text}\n") == ({"a": value}, [])


def test_keys_are_text_whatever_they_look_like() -> None:
    assert read("on: 1\nno: 2\n5: 3\nnull: 4\n1.5: 5\n") == ({"on": 1, "no": 2, "5": 3, "null": 4, "1.5": 5}, [])


REFUSED = [
    ("a: &x 1\nb: *x", ["x.yaml:1 yaml: aliases and anchors are not available; write the value out", "x.yaml:2 yaml: aliases and anchors are not available; write the value out"]),
    ("a: !x 1\nb: !!int 2", ["x.yaml:1 yaml: tags such as !x are not available", "x.yaml:2 yaml: tags such as tag:yaml.org,2002:int are not available"]),
    ("a: .inf\nb: -.Inf\nc: .NaN", [f"x.yaml:{n} yaml: {word} is no finite number; put quotes around what is text" for n, word in enumerate((".inf", "-.Inf", ".NaN"), 1)]),
    ("a: 1e400\nb: 9223372036854775808", ["x.yaml:1 yaml: 1e400 is too large a number; put quotes around what is text",
                                        "x.yaml:2 yaml: 9223372036854775808 is too large a number; put quotes around what is text"]),
    ("a: " + "9" * 5000, ["x.yaml:1 yaml: " + "9" * 40 + " is too large a number; put quotes around what is text"]),
    ("a: 1\nb: 2\na: 3", ["x.yaml:3 a: stands here twice; first in line 1"]),
    ("? [a]\n: 1", ["x.yaml:1 yaml: a key that is no text"]),
    ("a: 1\n---\nb: 2", ["x.yaml:2 yaml: a second document; one document a file"]),
    ("a: 1\nb: 2\nc: \x01", ["x.yaml:3 yaml: unacceptable character #x0001: control characters are not allowed"]),
]


@pytest.mark.parametrize(("text", "problems"), REFUSED, ids=[text[:20] for text, _ in REFUSED])
def test_what_is_not_read_is_named_with_its_line_and_the_rest_is_read(text: str, problems: list[str]) -> None:
    assert read(text)[1] == problems


FORMS = [
    b"\xef\xbb\xbfa: 1\nb: 2\n", b"a: 1\r\nb: 2\r\n", b"a: 1\rb: 2\r", b"---\na: 1\nb: 2\n...\n", b"%YAML 1.2\n---\n{a: 1, b: 2}", b"%YAML 1.1\n---\na: 1\nb: 2",
]


@pytest.mark.parametrize("data", FORMS)
def test_byte_order_marks_line_ends_and_document_marks_make_no_difference(data: bytes) -> None:
    assert read(data) == ({"a": 1, "b": 2}, [])


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing yet\n", b"---\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_no_problem(data: bytes) -> None:
    assert read(data) == (None, [])


def test_a_file_in_another_encoding_is_named_with_its_line() -> None:
    assert read("a: 1\nb: é\n".encode("latin-1")) == (None, ["x.yaml:2 file: is not UTF-8"])


BOMBS = [b"[" * 10**6, b"{a: " * 10**6, b"- " * 10**6]


@pytest.mark.parametrize("data", BOMBS, ids=["brackets", "braces", "dashes"])
def test_a_bomb_of_brackets_is_refused_at_the_depth_of_32(data: bytes) -> None:
    assert read(data) == (None, ["x.yaml:1 yaml: deeper than 32 levels"])


def test_32_levels_are_read() -> None:
    assert read("[" * 32 + "]" * 32)[1] == []


def test_a_file_of_too_many_values_is_refused() -> None:
    assert read("a: [" + "1," * 300_000 + "]") == (None, ["x.yaml:1 yaml: more than 300,000 values; several files are one namespace"])
