"""The load generator: keep-alive HTTP/1.1 over plain sockets and epoll, in a process of its own on a core of its own.

Every answer is checked: status, length, the text that must be in it, and that it is not a degraded one. It costs about
10 µs a request, a tenth of the no-op that it measures. `python -m bench.load` reads a pickled `Load` from standard
input and prints a `Run` as JSON; `drive()` is the caller's side.
"""

from __future__ import annotations

import json
import pickle
import random
import select
import socket
import subprocess
import sys
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter

from bench.machine import LOAD_CORE, cpu_seconds, pinned

COUNTER = b"@@@@@@@@@@@@"
"""A request that holds this gets a number of the same width in its place: `Load.first`, and one more for each request."""
READ = 1 << 18


@dataclass(frozen=True, slots=True)
class Load:
    """What to send. `rate` 0 is a closed loop (as fast as answers come); otherwise requests a second, open loop with
    Poisson arrivals, latency counted from the instant at which a request was due. `once` sends each request one time,
    in order, and ends with the last. `pid` is the server's first process: the CPU time of all its processes is told."""

    port: int
    requests: tuple[bytes, ...]
    holds: bytes = b""
    times: int = 1
    seconds: float = 2.0
    warm_seconds: float = 0.3
    connections: int = 16
    rate: float = 0.0
    once: bool = False
    first: int = 0
    seed: int = 1
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a load: answers, the seconds that they took, the server's CPU seconds, latency percentiles in ms, and
    what was wrong."""

    answers: int
    seconds: float
    cpu_seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int
    example: str

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    @property
    def cpu_us(self) -> float:
        """Of an answer; unlike `per_second` it is about the same on a busy machine."""
        return self.cpu_seconds / self.answers * 1e6


class BadAnswers(Exception):
    """A run with a wrong answer is no measurement."""


def drive(load: Load) -> Run:
    """Run the load in a process of its own; raises `BadAnswers` where any answer was wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=pickle.dumps(load), stdout=subprocess.PIPE, timeout=load.seconds + 120, check=True,
    )
    run = Run(**json.loads(done.stdout))
    if run.wrong:
        raise BadAnswers(f"{run.wrong} of {run.answers} answers were wrong, such as: {run.example}")
    return run


# -- the process that sends ---------------------------------------------------------------------------------------------


class Connection:
    """One keep-alive connection with at most one request under way, begun at `begun`."""

    __slots__ = ("begun", "buffer", "fd", "recv", "sendall", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.socket.fileno()
        self.recv, self.sendall = self.socket.recv, self.socket.sendall
        self.buffer = b""
        self.begun = 0.0


class Checker:
    """Judges whole answers; keeps count of the wrong ones and the first of them."""

    def __init__(self, load: Load) -> None:
        self.holds, self.times = load.holds, load.times
        self.wrong, self.example = 0, ""

    def whole(self, data: bytes) -> bool:
        """Whether `data` is a whole answer; it is judged once it is."""
        head = data.find(b"\r\n\r\n")
        if head < 0:
            return False
        at = data.find(b"content-length: ", 0, head)
        length = int(data[at + 16 : data.find(b"\r", at + 16)]) if at >= 0 else -1
        if len(data) < head + 4 + length:
            return False
        fits = length >= 0 and len(data) == head + 4 + length
        held = not self.holds or data.count(self.holds, head) == self.times
        if not (fits and held and data.startswith(b"HTTP/1.1 200")) or data.find(b"x-inlay-degraded", 0, head) >= 0:
            self.wrong += 1
            self.example = self.example or data[:400].decode("latin-1")
        return True


def requests_of(load: Load) -> Callable[[], bytes | None]:
    """Gives the next request's bytes: drawn uniformly, or each once in order, then None."""
    counter = iter(range(load.first, 1 << 62))
    split = [request.split(COUNTER) for request in load.requests]
    ready = [None if len(parts) > 1 else parts[0] for parts in split]
    order = iter(range(len(split))) if load.once else None
    draw, count = random.Random(load.seed).random, len(split)

    def following() -> bytes | None:
        at = int(draw() * count) if order is None else next(order, None)
        if at is None:
            return None
        request = ready[at]
        return request if request is not None else (b"%012d" % next(counter)).join(split[at])

    return following


def closed(load: Load, connections: list[Connection], checker: Checker, following: Callable[[], bytes | None], seconds: float) -> tuple[array[float], float]:
    """Each connection sends as soon as its answer is whole: (latencies, seconds)."""
    poll, by_fd = select.epoll(), {each.fd: each for each in connections}
    latencies: array[float] = array("d")
    whole, note, sending = checker.whole, latencies.append, len(connections)
    begun = perf_counter()
    for each in connections:
        poll.register(each.fd, select.EPOLLIN)
        sending -= not _send(each, following(), perf_counter())
    now = begun
    end = begun + seconds
    while sending:
        for fd, _ in poll.poll(10.0) or _silence():
            each = by_fd[fd]
            data = each.recv(READ)
            if not data:
                raise BadAnswers("the server closed a connection")
            if each.buffer:
                data = each.buffer + data
            if not whole(data):
                each.buffer = data
                continue
            each.buffer = b""
            now = perf_counter()
            note(now - each.begun)
            if now >= end or not _send(each, following(), now):
                sending -= 1
    poll.close()
    return latencies, now - begun


def open_loop(load: Load, connections: list[Connection], checker: Checker, following: Callable[[], bytes | None], seconds: float) -> tuple[array[float], float]:
    """Requests become due whether or not answers come; those that find no connection wait, and that counts."""
    poll, by_fd = select.epoll(), {each.fd: each for each in connections}
    for each in connections:
        poll.register(each.fd, select.EPOLLIN)
    latencies: array[float] = array("d")
    draw = random.Random(load.seed + 1).expovariate
    idle, waiting = deque(connections), deque[float]()
    begun = perf_counter()
    due, end = begun + draw(load.rate), begun + seconds
    while due < end or len(idle) < len(connections):
        now = perf_counter()
        while due <= now and due < end:
            waiting.append(due)
            due += draw(load.rate)
        while waiting and idle:
            _send(idle.popleft(), following(), waiting.popleft())
        for fd, _ in poll.poll(0):
            each = by_fd[fd]
            data = each.buffer + each.recv(READ)
            if not checker.whole(data):
                each.buffer = data
                continue
            each.buffer = b""
            latencies.append(perf_counter() - each.begun)
            idle.append(each)
    poll.close()
    return latencies, perf_counter() - begun


def _send(each: Connection, request: bytes | None, begun: float) -> bool:
    if request is None:
        return False
    each.begun = begun
    each.sendall(request)
    return True


def _silence() -> list[tuple[int, int]]:
    raise BadAnswers("no answer in 10 seconds")


def percentile(sorted_values: list[float], share: float) -> float:
    """The nearest-rank percentile of values in ascending order; 0 of none."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))] if sorted_values else 0.0


def perform(load: Load) -> Run:
    connections = [Connection(load.port) for _ in range(load.connections)]
    following, checker = requests_of(load), Checker(load)
    story = open_loop if load.rate else closed
    if load.warm_seconds:
        story(load, connections, checker, following, load.warm_seconds)
    before = cpu_seconds(load.pid)
    latencies, seconds = story(load, connections, checker, following, load.seconds)
    used = cpu_seconds(load.pid) - before
    found = sorted(latencies)
    return Run(len(found), seconds, used, percentile(found, 0.5) * 1e3, percentile(found, 0.99) * 1e3, checker.wrong, checker.example)


if __name__ == "__main__":
    pinned(LOAD_CORE)
    json.dump(asdict(perform(pickle.load(sys.stdin.buffer))), sys.stdout)  # noqa: S301 (the parent's own bytes)
