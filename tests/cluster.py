"""A Redis Cluster of its own on loopback: three masters, three replicas."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from random import SystemRandom
from typing import Any

import redis

from tests.conftest import redis_binary

SLOTS = 16_384
BUS = 10_000
"""What a node adds to its port for the others."""
OPTIONS = {
    "cluster-enabled": "yes", "cluster-node-timeout": "1000", "cluster-replica-validity-factor": "0", "cluster-require-full-coverage": "no", "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1", "appendonly": "yes", "appendfsync": "everysec", "save": "", "bind": "127.0.0.1", "loglevel": "warning",
}


class Cluster:
    """`url` is what a server is given. Nodes are numbered, the masters first."""

    def __init__(self, masters: int = 3) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="inlay-cluster-"))
        self.ports = free_ports(2 * masters)
        self.processes = [self._start(port) for port in self.ports]
        self._nodes = [redis.Redis(port=port) for port in self.ports]
        for node in self._nodes:
            until(node.ping)
        self._join(masters)
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports[:2])

    def _start(self, port: int) -> subprocess.Popen[bytes]:
        folder = self._folder / str(port)
        folder.mkdir()
        options = [word for name, value in OPTIONS.items() for word in (f"--{name}", value)]
        command = [redis_binary(), "--port", str(port), "--dir", str(folder), *options]
        return subprocess.Popen(command, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL)

    def _join(self, masters: int) -> None:
        for number, node in enumerate(self._nodes[:masters]):
            node.execute_command("CLUSTER ADDSLOTS", *range(SLOTS * number // masters, SLOTS * (number + 1) // masters))
            node.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for port in self.ports[1:]:
            self._nodes[0].execute_command("CLUSTER MEET", "127.0.0.1", port)
        for number, replica in enumerate(self._nodes[masters:]):
            master = self._nodes[number].execute_command("CLUSTER MYID").decode()
            until(lambda replica=replica, master=master: replica.execute_command("CLUSTER REPLICATE", master))
        for node in self._nodes:
            until(lambda node=node: knows(node, len(self.ports)))

    def move(self, slot: int, source: int, target: int) -> None:
        """Give one slot, with its keys, to another master, as a resharding does."""
        ids = [node.execute_command("CLUSTER MYID").decode() for node in (self._nodes[source], self._nodes[target])]
        self.begin_move(slot, source, target)
        while keys := self._nodes[source].execute_command("CLUSTER GETKEYSINSLOT", slot, 100):
            self._nodes[source].execute_command("MIGRATE", "127.0.0.1", self.ports[target], "", 0, 5000, "KEYS", *keys)
        for node in (target, source):
            self._nodes[node].execute_command("CLUSTER SETSLOT", slot, "NODE", ids[1])

    def begin_move(self, slot: int, source: int, target: int) -> None:
        """From here on the source sends those who ask for a key that it lacks to the target (ASK)."""
        ids = [node.execute_command("CLUSTER MYID").decode() for node in (self._nodes[source], self._nodes[target])]
        self._nodes[target].execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[0])
        self._nodes[source].execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[1])

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)


def knows(node: Any, number: int) -> bool:
    rows = node.execute_command("CLUSTER NODES")
    info = node.execute_command("CLUSTER INFO")
    return len(rows) == number and "cluster_state:ok" in str(info).replace("'", "").replace(": ", ":") and not any("fail" in str(row) for row in rows)


def free_ports(number: int) -> list[int]:
    """Ports that are free together with those of their bus."""
    draw, found = SystemRandom(), set[int]()
    while len(found) < number:
        port = draw.randrange(15_000, 30_000)
        if all(_is_free(each) for each in (port, port + BUS)):
            found.add(port)
    return sorted(found)


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def until(holds: Any, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError("the cluster did not come about in time")
        time.sleep(0.05)
