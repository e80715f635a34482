"""Whether an acknowledgement holds: under kills of every process, and under power cuts."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import suppress
from random import Random

from bench.fsyncs import cut, sizes, traced
from bench.machine import ROOT, command_line, descendants
from bench.registry import Measured, figure
from bench.servers import Inlay, scratch
from bench.stage import doing, tell
from bench.witness import Witness

KILLS, CUTS = 100, 20
LEAST_ACKNOWLEDGED = 20
"""Events that must be acknowledged between two kills: a server that stays down would lose nothing either."""


@figure("kills_lost_events", "events", at_most=0, title="acknowledged events that are lost, or there twice, after 100 kills of server, worker and Redis")
def kills_lost_events() -> Measured:
    with doing(f"{KILLS} kills"):
        return told(*kills(KILLS))


@figure("power_cuts_lost_events", "events", at_most=0, title="acknowledged events that are lost, or there twice, after 20 cuts of all files to their last fsync")
def power_cuts_lost_events() -> Measured:
    with doing(f"{CUTS} power cuts"):
        return told(*power_cuts(CUTS))


def told(lost: int, doubled: int, notes: dict[str, str]) -> Measured:
    tell(", ".join(f"{value} {name}" for name, value in notes.items()) + f"; {lost} lost, {doubled} twice")
    return Measured(lost + doubled, notes)


def kills(number: int, seed: int = 1) -> tuple[int, int, dict[str, str]]:
    """(lost, there twice, notes): a worker, Redis or the whole server is killed at random moments under acknowledged writes."""
    draw, killed = Random(seed), dict.fromkeys(("worker", "redis", "server"), 0)
    with scratch() as folder, Inlay(ROOT, folder / "data") as server, Witness(server) as witness:
        for _ in range(number):
            whom = draw.choice(("worker", "worker", "redis", "redis", "server"))
            _acknowledging(witness)
            time.sleep(draw.random() * 0.3)
            _kill(server, whom)
            killed[whom] += 1
        _acknowledging(witness)
        witness.stop()
        witness.wait_until_drained()
        lost, doubled = witness.lost_and_doubled()
    return lost, doubled, {"events acknowledged": f"{witness.total:,}", "of them spooled answers": f"{witness.answers[202]:,}", **{f"kills of {name}": str(n) for name, n in killed.items()}}


def _acknowledging(witness: Witness, seconds: float = 60) -> None:
    """Until writes go through again, and the worker and Redis can be found."""
    start, deadline = witness.total, time.monotonic() + seconds
    while witness.total < start + LEAST_ACKNOWLEDGED:
        if time.monotonic() > deadline:
            raise RuntimeError(f"nothing was acknowledged for {seconds:g} s; answers so far: {dict(witness.answers)}")
        time.sleep(0.02)


def _kill(server: Inlay, whom: str) -> None:
    if whom == "server":
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        _start_again(server)
        return
    with suppress(OSError, StopIteration, ValueError):
        os.kill(server.worker if whom == "worker" else redis_pid(server), signal.SIGKILL)


def _start_again(server: Inlay, under: tuple[str, ...] = ()) -> None:
    """The workers of a killed parent hold the port for another moment."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        _until_silent(server)
        server.start(pin=False, under=under)
        if server.answers(30):
            return
    raise RuntimeError("the server does not start again")


def _until_silent(server: Inlay) -> None:
    with suppress(OSError):
        while True:
            socket.create_connection(("127.0.0.1", server.port), 5).close()
            time.sleep(0.05)


def redis_pid(server: Inlay) -> int:
    return int((server.data / "redis" / "redis.pid").read_text())


# -- power cuts ----------------------------------------------------------------------------------------------------------


def power_cuts(number: int, seed: int = 1) -> tuple[int, int, dict[str, str]]:
    """(lost, there twice, notes): the machine loses its power under acknowledged writes; in every other round Redis hangs just
    then, so that the spool is being written."""
    draw, gone, spooled = Random(seed), 0, 0
    acknowledged: dict[str, set[int]] = {}
    with scratch() as folder:
        server = Inlay(ROOT, folder / "data")
        for round in range(number):
            before = sizes(server.data)
            log = folder / f"strace{round}"
            _start_again(server, traced(log))
            with Witness(server) as witness:
                _acknowledging(witness)
                if round % 2:
                    os.kill(redis_pid(server), signal.SIGSTOP)
                    _acknowledging(witness)
                time.sleep(draw.random())
                _cut_power(server)
            gone += cut(log, server.data, before, (".aof", ".spool"))
            log.unlink()
            acknowledged |= witness.acknowledged
            spooled += witness.answers[202]
        with server:
            judge = Witness(server, acknowledged=acknowledged)
            judge.wait_until_drained()
            lost, doubled = judge.lost_and_doubled()
    return lost, doubled, {"events acknowledged": f"{judge.total:,}", "of them spooled answers": f"{spooled:,}", "bytes that no fsync covered": f"{gone:,}", "power cuts": str(number)}


def _cut_power(server: Inlay) -> None:
    """Everything ends at once, and nothing gets to tidy up. The processes are stopped first, so that none sees another go; then
    comes the tracer, which at times waits for ever where its processes are killed: each line that it saw is in its log by then."""
    pids: set[int] = set()
    while new := _all_of(server) - pids:
        _signal(new, signal.SIGSTOP)
        pids |= new
    _signal(pids, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(command_line(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise TimeoutError("processes are left 30 s after they were killed")
        time.sleep(0.01)
    server.kill()


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _all_of(server: Inlay) -> set[int]:
    """The living processes of the server, the tracer aside: it must write down what it saw."""
    return {pid for pid in descendants(server.pid) if (command := command_line(pid).split(b"\0")[0]) and b"strace" not in command}
