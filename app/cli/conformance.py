"""`inlay conformance SENDER`: a sender's behaviour, and its burst of calls, played against a server that you name."""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from app.reports.conformance import SENDERS, Outcome, Run, played

MOST = 200_000
LATE_SECONDS = 0.5
"""From which on it is said that the calls were behind their time."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sender", choices=SENDERS, metavar="SENDER", help=f"one of {', '.join(SENDERS)}")
    parser.add_argument("--server", required=True, help="the server's address: yours, since it gets all of the load")
    parser.add_argument("--placement", required=True, help="what is asked for")
    parser.add_argument("--mail", default="", help="decide all placements of this mail together")
    parser.add_argument("--people", type=Path, metavar="FILE", help="ids, one a line (recipient-1, recipient-2, ...)")
    parser.add_argument("--recipients", type=int, default=1_000, help="how many (1000)")
    parser.add_argument("--rate", type=float, default=100.0, help="recipients a second, whether or not answers come (100)")
    parser.add_argument("--connections", type=int, default=256, help="at once, at most (256)")
    parser.add_argument("--send", default="", help="names the send (one of its own)")
    parser.add_argument("--amp-sender", default="", metavar="ADDRESS", help="who the mail is from: one that INLAY_AMP_SENDERS of the server lists; gmail needs it")
    parser.add_argument("--forms", action="store_true", help="of gmail, with --people: post the forms of their mails too, which are answers of these people")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where every recipient would have received valid content."""
    number = min(arguments.recipients, MOST)
    try:
        people = _people(arguments.people)[:number] if arguments.people else [f"recipient-{i}" for i in range(1, number + 1)]
    except (OSError, UnicodeDecodeError) as error:
        return _refused(f"--people {arguments.people}: {error.strerror if isinstance(error, OSError) else 'no UTF-8'}")
    if not people:
        return _refused("there is nobody to play: --people names no ids" if arguments.people else "--recipients must be 1 or more")
    if not _address(arguments.server):
        return _refused(f"--server {arguments.server} is no address such as http://127.0.0.1:8000")
    asked = Run(arguments.server.rstrip("/"), arguments.placement, people, arguments.send or f"conformance-{time.time_ns() // 1_000_000}", max(0.1, arguments.rate), arguments.mail,
                os.environ.get("INLAY_KEY", ""), max(1, min(arguments.connections, 2_000)), arguments.amp_sender, forms=arguments.forms or arguments.people is None)
    sender = SENDERS[arguments.sender]
    if sender.opens and not arguments.amp_sender:
        return _refused("--amp-sender is missing: Gmail says with every call who the mail is from")
    return told(sender.title, played(sender, asked))


def _refused(why: str) -> int:
    print(f"inlay: {why}", file=sys.stderr)
    return 2


def _address(server: str) -> bool:
    """Whether a server can be called by it."""
    try:
        parts = urlsplit(server)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and parts.path in ("", "/")
    except ValueError:
        return False


def _people(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row[0] for row in csv.reader(file) if row and row[0]]


def told(title: str, outcome: Outcome) -> int:
    console, lost = Console(highlight=False), sum(outcome.invalid.values())
    console.print(f"[bold]{title}[/bold]", soft_wrap=True)
    console.print(f"{outcome.recipients:>9,} recipients, {outcome.calls:,} calls in {outcome.seconds:.1f} s")
    console.print(f"{outcome.recipients - lost:>9,} would have received valid content")
    for why, number in outcome.invalid.most_common():
        console.print(f"{number:>9,} [red]would not[/red]: {escape(why)}", soft_wrap=True)
    console.print(f"{outcome.shed:>9,} got a fallback because of the load, {outcome.mixed:,} of them in some parts of the mail only")
    console.print(f"{outcome.percentile(0.5):>9,.0f} ms in the middle, {outcome.percentile(0.99):,.0f} ms at the 99th percentile, {max(outcome.times, default=0):,.0f} ms at most")
    console.print("          answers: " + ", ".join(f"{number:,} x {status or 'none'}" for status, number in sorted(outcome.statuses.items())))
    if outcome.late > LATE_SECONDS:
        console.print(f"[yellow]this machine could not call as fast as asked[/yellow]: recipients were up to {outcome.late:,.1f} s late, so the load was less; ask for a lower --rate", soft_wrap=True)
    if outcome.halts:
        console.print("[red]the sender would have halted all calls to this host for a minute[/red]")
    return 1 if lost or outcome.halts else 0
