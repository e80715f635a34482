"""What the invented shop gives to the page: its people, its pictures, the frame of its mails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any


def plain_frame() -> str:
    """The frame of a mail where the sender's own is not known."""
    return (files("app.studio") / "assets" / "mail.html").read_text()


@dataclass(frozen=True, slots=True)
class Demo:
    """`people` are `{id, name, about}`; `pictures` is a folder to serve, None where there is none."""

    people: tuple[dict[str, Any], ...] = ()
    pictures: str | None = None
    frame: str = ""


def announce(data: Path, demo: Demo) -> None:
    """Leave it in the data folder, where the workers find it."""
    data.mkdir(parents=True, exist_ok=True)
    row = {"people": demo.people, "pictures": demo.pictures, "frame": demo.frame}
    (data / "demo.json").write_text(json.dumps(row))


def announced(data: Path) -> Demo:
    """What was left there; nobody where nothing was."""
    listed = data / "demo.json"
    if not listed.exists():
        return Demo()
    row = json.loads(listed.read_text())
    return Demo(tuple(row["people"]), row["pictures"], row["frame"])
