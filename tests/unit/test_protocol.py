"""Callers that send too much of a head, or never the end of it."""

from __future__ import annotations

import asyncio
import json
from ast import literal_eval
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from app.web.asgi import JSON, Reply
from app.web.protocol import Short, close_slow, content_protocol, heads_read

HEAD = b"GET /v1/placements/hero.html HTTP/1.1\r\nHost: x\r\n"
PATH = "/v1/questions"


async def content(_: Any) -> Reply:
    return Reply(200, b"{}", [JSON])


async def asked(scope: Any, body: bytes) -> Reply:
    """What the answering side was told of a question that came whole."""
    return Reply(200, repr((scope["method"], scope["path"], scope["headers"], body)).encode(), [JSON])


def takes_all(target: bytes, lines: bytes) -> None:
    """There is room for everybody."""


async def rest(_: Any, receive: Any, send: Any) -> None:
    """An application that tells how long the body was."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def told(sent: bytes, *, sweep: float | None = None, leaving: bool = False) -> bytes:
    """All that a connection answers to what was sent, until it is closed by the other side."""
    config, state = Config(app=rest, log_config=None, interface="asgi3"), ServerState()
    made = content_protocol(content, takes_all, {PATH: asked})
    if leaving:
        made.leave()
    server = await asyncio.get_running_loop().create_server(lambda: made(config, state, {}), "127.0.0.1", 0)
    sweeping = asyncio.create_task(close_slow(state.connections, sweep)) if sweep is not None else None
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(sent)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()
        server.close()
        if sweeping is not None:
            sweeping.cancel()


@pytest.mark.parametrize("sent", [b"", b"GET", HEAD, HEAD + b"X-Slow: a"])
def test_a_head_that_never_ends_is_not_waited_for(sent):
    assert asyncio.run(told(sent, sweep=0.1)) == b""


@pytest.mark.parametrize("sent", [
    b"GET /v1/placements/hero.html?profile=" + b"x" * 2_000_000, HEAD + b"X-Big: " + b"a" * 2_000_000, HEAD + b"".join(b"X-%d: a\r\n" % number for number in range(100_000)),
])
def test_a_head_that_is_too_large_is_refused_in_the_one_shape(sent):
    answer, _, body = asyncio.run(told(sent)).partition(b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == "head_too_large"


@pytest.mark.parametrize("sent", [
    b"NONSENSE\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n", b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", HEAD + b"Content-Length: -1\r\n\r\n", HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
])
def test_what_is_no_http_is_refused_in_the_one_shape(sent):
    answer, _, body = asyncio.run(told(sent)).partition(b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error"]["code"] == "unparsable"


def test_a_large_body_is_no_head():
    body = b"x" * 1_000_000
    answer = asyncio.run(told(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body))

    assert b"\r\n1000000\r\n" in answer


def test_a_large_head_within_the_limit_is_answered():
    assert asyncio.run(told(HEAD + b"X-Big: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def seen(scope: Any) -> Reply:
    """What the answering side was told of a request."""
    return Reply(200, repr((scope["path"], scope["query_string"], scope["headers"])).encode(), [JSON])


async def answers(sent: list[bytes], idle_seconds: int = 5, short: Short = takes_all) -> list[bytes]:
    """The answer to each request of one connection that is kept alive, then what comes until the other side closes it."""
    config, state = Config(app=rest, log_config=None, interface="asgi3", timeout_keep_alive=idle_seconds), ServerState()
    made = content_protocol(seen, short, {PATH: asked})
    server = await asyncio.get_running_loop().create_server(lambda: made(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    found: list[bytes] = []
    try:
        async with asyncio.timeout(10):
            for each in sent:
                writer.write(each)
                head = await reader.readuntil(b"\r\n\r\n")
                found.append(await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])))
            return [*found, await reader.read()]
    finally:
        writer.close()
        server.close()


WANTED = b"GET /v1/placements/a%20b.html?profile=u1&x=%2F HTTP/1.1\r\n"


@pytest.mark.parametrize("lines", [
    b"Host: x\r\nAuthorization:  Bearer k \r\n", b"Host: x\r\nConnection: keep-alive\r\n", b"host: x\r\nContent-Length: 0\r\n", b"X-Odd!: \xc3\xa9\r\nHost:x\r\n",
])
def test_a_plain_request_and_one_by_the_book_tell_the_same(lines):
    whole, *_ = asyncio.run(answers([WANTED + lines + b"\r\n"], 1))
    parted, *_ = asyncio.run(answers([WANTED + lines + b"Upgrade-Insecure-Requests: 1\r\nExpect: nothing\r\n\r\n"], 1))

    (*target, headers), (*again, others) = literal_eval(whole.decode()), literal_eval(parted.decode())
    assert target == again == ["/v1/placements/a b.html", b"profile=u1&x=%2F"]
    assert [(name, value.strip()) for name, value in others[:-2]] == headers


def test_requests_of_either_way_may_follow_one_another():
    plain, chunked = WANTED + b"Host: x\r\n\r\n", WANTED + b"Host: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"

    *found, rest_of_it = asyncio.run(answers([plain, chunked, chunked, plain], 1))

    assert [len(literal_eval(each.decode())[2]) for each in found] == [1, 2, 2, 1]
    assert rest_of_it == b""


def test_two_requests_in_one_packet_are_both_answered():
    plain = WANTED + b"Host: x\r\n\r\n"
    closing = WANTED + b"Host: x\r\nConnection: close\r\n\r\n"

    assert asyncio.run(told(plain + closing)).count(b"HTTP/1.1 200 ") == 2


def turns_all_away(target: bytes, lines: bytes) -> bytes:
    """There is no room for anybody."""
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(target), target)


def test_who_is_turned_away_gets_the_answer_that_is_ready_and_may_ask_again():
    plain = WANTED + b"Host: x\r\n\r\n"

    *found, rest_of_it = asyncio.run(answers([plain, plain], 1, turns_all_away))

    assert found == [b"/v1/placements/a%20b.html?profile=u1&x=%2F"] * 2
    assert rest_of_it == b""


def question(body: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join((b"POST /v1/questions HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body), *lines, b"", body))


def test_a_question_that_came_whole_is_answered_at_once_and_the_next_one_too():
    *found, _ = asyncio.run(answers([question(b"{1}"), question(b"{22}", b"Connection: keep-alive")], 1))

    assert [literal_eval(each.decode())[3] for each in found] == [b"{1}", b"{22}"]
    assert literal_eval(found[0].decode())[:3] == ("POST", "/v1/questions", [(b"host", b"x"), (b"content-length", b"3")])


@pytest.mark.parametrize("sent", [
    question(b"{22}", b"Connection: close"), question(b"{22}", b"Expect: nothing", b"Connection: close"), question(b"{22}", b"X-Odd!: a", b"Connection: close"),
    b"POST /v1/questions HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{22}\r\n0\r\n\r\n",
    b"POST /v1/questions/more HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n\r\n{22}", b"POST /v1/questions?x=1 HTTP/1.1\r\nConnection: close\r\nContent-Length: 4\r\n\r\n{22}",
])
def test_a_question_that_says_more_of_itself_goes_by_the_book(sent):
    answer = asyncio.run(told(sent))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\n4\r\n" in answer or answer.endswith(b"\r\n\r\n4")


def test_of_two_questions_in_one_packet_none_is_lost_and_none_taken_for_a_body():
    answer = asyncio.run(told(question(b"{1}") + question(b"{22}", b"Connection: close")))

    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert answer.index(b"\r\n3\r\n") < answer.index(b"\r\n4\r\n")


@pytest.mark.parametrize("lines", [b"Content-Length: 4\r\nContent-Length: 4", b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"Content-Length: +4"])
def test_a_body_whose_length_is_told_in_two_ways_is_no_http(lines):
    answer = asyncio.run(told(b"POST /v1/questions HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n\r\n{22}"))

    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("sent", [WANTED + b"Host: x\r\n\r\n", HEAD + b"Expect: nothing\r\n\r\n", question(b"{1}"), b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_one_who_asks_a_server_that_leaves_is_answered_and_told_to_ask_no_more(sent):
    answer = asyncio.run(told(sent, leaving=True))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"connection: close\r\n") == 1


async def just_come(patience: float, then: bytes) -> tuple[bool, bytes]:
    """Whether a server that leaves still waits for one who has come and not asked after a while, and the answer if it asks then."""
    config, state = Config(app=rest, log_config=None, interface="asgi3"), ServerState()
    made = content_protocol(content, takes_all, {})
    server = await asyncio.get_running_loop().create_server(lambda: made(config, state, {}), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    while not state.connections:
        await asyncio.sleep(0)
    made.leave()
    hearing = asyncio.create_task(heads_read(state.connections, patience))
    await asyncio.sleep(0.1)
    waits = not hearing.done()
    writer.write(then)
    answer = await reader.read(15)
    await asyncio.wait_for(hearing, 5)
    writer.close()
    server.close()
    return waits, answer


def test_a_server_that_leaves_hears_out_who_has_just_come():
    assert asyncio.run(just_come(30, HEAD + b"\r\n")) == (True, b"HTTP/1.1 200 OK")


def test_it_does_not_wait_for_ever_for_one_who_does_not_ask():
    assert asyncio.run(just_come(0.02, HEAD + b"\r\n"))[0] is False
