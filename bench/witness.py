"""Writers that note what a server acknowledged, and the question afterwards: is all of it there, once?"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import uuid4

from bench.servers import Inlay

EVENTS_PER_PERSON = 400
"""Fewer than are kept of one type, so that nothing is trimmed."""
BATCH = 10
PAUSE_SECONDS = 0.02


@dataclass
class Witness:
    """A context manager: its writers send batches, one after the other, each until it is acknowledged, as an honest sender does."""

    server: Inlay
    writers: int = 4
    acknowledged: dict[str, set[int]] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Witness:
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(self.writers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """What is not acknowledged by now is given up; it may be there or not."""
        self._ending.set()
        for thread in self._threads:
            thread.join(30)

    def _write(self) -> None:
        who, number = uuid4().hex, 0
        while not self._ending.is_set():
            numbers = list(range(number, number + BATCH))
            if self._sent(who, numbers):
                with self._lock:
                    self.acknowledged.setdefault(who, set()).update(numbers)
                number += BATCH
            if number >= EVENTS_PER_PERSON:
                who, number = uuid4().hex, 0
            time.sleep(PAUSE_SECONDS)

    def _sent(self, who: str, numbers: list[int]) -> bool:
        rows = [{"type": "track", "userId": who, "event": "Witnessed", "messageId": f"{who}-{n}", "properties": {"n": n}} for n in numbers]
        body = json.dumps({"batch": rows})
        while not self._ending.is_set():
            status, answer = self._post(body)
            self.answers[status] += 1
            if status in (200, 202) and not answer["rejected"]:
                return True
            time.sleep(0.05)
        return False

    def _post(self, body: str) -> tuple[int, dict[str, object]]:
        """Status 0 where there was no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)
        try:
            connection.request("POST", "/v1/events", body, {"Authorization": f"Bearer {self.server.key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()

    # -- afterwards --------------------------------------------------------------------------------------------------

    def wait_until_drained(self, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while b"\ninlay_spool_bytes 0.0\n" not in self._metrics() or b'"store":"up"' not in self.server.get("/readyz")[1]:
            if time.monotonic() > deadline:
                raise RuntimeError("the spool was not drained in time")
            time.sleep(0.2)

    def _metrics(self) -> bytes:
        time.sleep(1.2)  # a scrape adds up what each worker wrote within the last second
        return self.server.get("/metrics")[1]

    def lost_and_doubled(self) -> tuple[int, int]:
        """Of the acknowledged events, how many are not there, and how many are there more than once."""
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(self._judged, list(self.acknowledged)))
        return sum(lost for lost, _ in found), sum(doubled for _, doubled in found)

    def _judged(self, who: str) -> tuple[int, int]:
        status, body = self.server.get(f"/v1/profiles/{who}/events?limit=1000")
        kept = Counter(event["properties"]["n"] for event in json.loads(body)["events"]) if status == 200 else Counter[int]()
        return sum(n not in kept for n in self.acknowledged[who]), sum(number > 1 for number in kept.values())

    @property
    def total(self) -> int:
        return sum(map(len, self.acknowledged.values()))
