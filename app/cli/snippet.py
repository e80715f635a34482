"""`inlay snippet SENDER PLACEMENT`: what to paste into a sender's template."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.content.load import inspect
from app.content.values import meant
from app.formats.snippets import CALLS, SENDERS, snippet
from app.settings import load_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sender", metavar="SENDER", help=f"one of {', '.join(SENDERS)}")
    parser.add_argument("placement", metavar="PLACEMENT", help="a placement of the rules")
    parser.add_argument("--mail", metavar="MAIL", default="", help="decide all placements of this mail together")
    parser.add_argument("--surface", choices=("html", "txt", "amp"), default="html", help="the part of the mail it is pasted into (html)")
    parser.add_argument("--url", metavar="URL", help="the server's address (INLAY_PUBLIC_URL)")
    parser.add_argument("--content", type=Path, metavar="DIR", help="the folder with rules/ and blocks/ (.)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0, or 2 for a sender, placement or mail that there is not."""
    settings = load_settings(content=arguments.content)
    wrong = _wrong(arguments, settings.content)
    if wrong:
        print(f"inlay: {wrong}", file=sys.stderr)
        return 2
    if arguments.sender not in CALLS:
        print(f"{arguments.sender} makes no call as it sends: `inlay export decisions --for {arguments.sender}` decides ahead, for its merge fields.")
        return 0
    base = (arguments.url or settings.public_url or "https://inlay.example").rstrip("/")
    print(snippet(arguments.sender, arguments.placement, base, mail=arguments.mail, surface=arguments.surface), end="")
    if sys.stdout.isatty() or sys.stderr.isatty():
        print("", file=sys.stderr)
    for line in (CALLS[arguments.sender].title, *CALLS[arguments.sender].about):
        print(f"- {line}", file=sys.stderr)
    return 0


def _wrong(arguments: argparse.Namespace, content: Path) -> str:
    if arguments.sender not in SENDERS:
        return f"no sender {arguments.sender[:40]!r}; {meant(arguments.sender, SENDERS) or 'there are ' + ', '.join(SENDERS)}"
    definitions, _ = inspect(content)
    if definitions is None:
        return ""
    for name, known, what in ((arguments.placement, definitions.placements, "placement"), (arguments.mail, definitions.mails, "mail")):
        if name and name not in known:
            return f"no {what} {name[:60]!r}; there are {', '.join(known) or 'none'}"
    return ""
