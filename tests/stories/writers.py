"""Those who send events until every one is acknowledged, and the kills that they have to live with."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from random import Random

from tests.stories.server import Server

BATCH, PEOPLE = 20, 100


class Writer(threading.Thread):
    """Sends batches one after the other, each again and again until it is acknowledged. `acknowledged` holds the numbers
    of a person's events; `again` is how many batches were sent more than once."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(daemon=True)
        self._server = server
        self.who = name
        self.stop = threading.Event()
        self.acknowledged: defaultdict[str, list[int]] = defaultdict(list)
        self.again = 0

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            people = [f"{self.who}-{(number + i) % PEOPLE}" for i in range(BATCH)]
            self._deliver([
                {"type": "track", "userId": person, "event": "Written", "messageId": f"{self.who}-{number + i}", "properties": {"n": number + i}}
                for i, person in enumerate(people)
            ])
            for i, person in enumerate(people):
                self.acknowledged[person].append(number + i)
            number += BATCH

    def _deliver(self, events: list[dict[str, object]]) -> None:
        deadline = time.monotonic() + 60
        while not self._taken(events):
            self.again += 1
            assert time.monotonic() < deadline, "no acknowledgement within a minute"
            time.sleep(0.02)

    def _taken(self, events: list[dict[str, object]]) -> bool:
        try:
            answer = self._server.post("/v1/events", {"batch": events}, patience=5)
        except OSError:
            return False
        return answer.status == 200 and answer.json["accepted"] + answer.json["duplicates"] == len(events)


def start(server: Server, count: int) -> list[Writer]:
    writers = [Writer(server, f"w{number}") for number in range(count)]
    for writer in writers:
        writer.start()
    return writers


def end(writers: list[Writer]) -> dict[str, list[int]]:
    """Once the last batch of each is acknowledged: the numbers of every person's events, in ascending order."""
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join(90)
        assert not writer.is_alive()
    return {person: numbers for writer in writers for person, numbers in writer.acknowledged.items()}


def kill_in_turn(server: Server, victims: list[str], draw: Random) -> None:
    """SIGKILL processes of the server, with pauses; a killed parent is started again, everything else it has to mend itself."""
    for victim in victims:
        time.sleep(draw.uniform(0.3, 1.5))
        assert server.process is not None
        match victim:
            case "redis":
                _kill(server.redis_pid)
            case "worker":
                _kill(server.worker_pid)
            case _:
                server.process.kill()
                server.process.wait()
                server.start()
    time.sleep(1.0)


def _kill(found: Callable[[], int]) -> None:
    """The process that is found, once there is one: the server may just be replacing the one that was killed before."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(found(), signal.SIGKILL)
            return
        except (OSError, IndexError):
            time.sleep(0.02)
    raise AssertionError("there is nothing to kill")
