"""The load generator's own judgement: what it counts as a whole, right answer."""

from __future__ import annotations

import pytest
from bench.load import COUNTER, Checker, Load, percentile, requests_of

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"


def checker(holds: bytes = b"card", times: int = 2) -> Checker:
    return Checker(Load(0, (b"",), holds, times))


def test_an_answer_is_whole_with_its_last_byte_and_not_before():
    check = checker()
    assert [check.whole((HEAD + b"card card")[:size]) for size in (10, len(HEAD), len(HEAD) + 8, len(HEAD) + 9)] == [False, False, False, True]
    assert check.wrong == 0


@pytest.mark.parametrize("answer", [
    HEAD.replace(b"200 OK", b"404 No") + b"card card",
    HEAD + b"card     ",
    HEAD.replace(b"\r\n\r\n", b"\r\nx-inlay-degraded: store\r\n\r\n") + b"card card",
    HEAD + b"card card and more",
    b"HTTP/1.1 200 OK\r\n\r\n",
])
def test_a_wrong_answer_is_counted_and_shown(answer: bytes):
    check = checker()
    check.whole(answer)
    assert check.wrong == 1
    assert check.example.startswith("HTTP/1.1")


def test_requests_are_drawn_from_all_and_their_counters_never_repeat():
    following = requests_of(Load(0, tuple(b"%d " % i + COUNTER for i in range(10)), first=5))
    drawn = [following() or b"" for _ in range(200)]
    assert {request.split()[0] for request in drawn} == {b"%d" % i for i in range(10)}
    assert [request.split()[1] for request in drawn] == [b"%012d" % i for i in range(5, 205)]


def test_requests_sent_once_end_with_the_last():
    following = requests_of(Load(0, (b"a", b"b"), once=True))
    assert [following() for _ in range(3)] == [b"a", b"b", None]


def test_a_percentile_is_one_of_the_values():
    assert percentile([float(i) for i in range(1, 101)], 0.99) == 100.0
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) == 0.0
