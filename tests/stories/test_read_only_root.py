"""The server needs nothing to write but its data folder and a temporary one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.server import SHOP, Server

READ_ONLY = """
mount --make-rprivate / && mount --bind "$DATA" "$DATA" && mount --bind "$TMPDIR" "$TMPDIR" || exit 77
awk '{print $5}' /proc/self/mountinfo | while read -r place; do
  case "$place" in "$DATA"|"$TMPDIR"|/proc*|/dev*|/sys*) ;; *) mount -o remount,ro,bind "$place" 2>/dev/null;; esac
done
touch "$0" 2>/dev/null && exit 77
exec "$@"
"""
"""A mount namespace in which only $DATA and $TMPDIR can be written; 77 where this machine allows none."""


def test_a_read_only_root_file_system_is_enough(tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "tmp").mkdir()
    shutil.copytree(SHOP, tmp_path / "content")
    command = ["unshare", "--mount", "bash", "-c", READ_ONLY, str(tmp_path / "probe"), sys.executable, "-m", "app", "serve"]
    environment = {**os.environ, "DATA": str(tmp_path / "data"), "TMPDIR": str(tmp_path / "tmp"), "INLAY_DATA": str(tmp_path / "data"),
                   "INLAY_CONTENT": str(tmp_path / "content"), "INLAY_PORT": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        port = re.search(r"http://localhost:(\d+)/", said(running))
        if port is None and not os.environ.get("CI"):
            pytest.skip("this machine allows no mount namespace")
        assert port is not None, running.stderr.read() if running.stderr else ""
        server = Server(tmp_path / "content", tmp_path / "data", int(port[1]))
        taken = server.post("/v1/events", {"type": "track", "userId": "u1", "event": "Seen"}).json
        shown = server.get("/v1/placements/hero.html?profile=u1").status
    finally:
        running.send_signal(signal.SIGTERM)
        code = running.wait(20)

    assert (taken["accepted"], shown, code) == (1, 200, 0)


def said(process: subprocess.Popen[str]) -> str:
    """What it prints up to the line that says how to stop it, or to its end."""
    assert process.stdout is not None
    return "".join(iter(lambda: "" if (line := process.stdout.readline()) and "stop with" in line else line, ""))  # pyright: ignore[reportOptionalMemberAccess]
