"""The invented shop, Nordlys."""

from __future__ import annotations

from pathlib import Path

from app.demo.people import PEOPLE
from app.studio.demo import Demo

HERE = Path(__file__).parent


def demo() -> Demo:
    """What the page shows of it."""
    people = tuple({"id": person.id, "name": person.name, "about": person.about} for person in PEOPLE)
    return Demo(people, str(HERE / "pictures"), (HERE / "mail.html").read_text())
