"""`inlay serve`: start the server and stay until told to stop."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from app.demo import demo
from app.security.redaction import Redaction
from app.settings import LOOPBACK, Settings, load_settings
from app.studio.demo import announce
from app.supervise.parent import Parent
from app.telemetry import log, set_up_logs

SENDERS = ("@nordlys.example",)
"""Whose AMP mails the demo answers, where nobody is listed."""
LOADING_SECONDS = 40
"""Longer than the loader of the demo itself takes at most."""
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 (it is asked for, not listened on)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (8000)")
    parser.add_argument("--workers", type=int, help="processes that answer (1)")
    parser.add_argument("--content", type=Path, metavar="DIR", help="the folder with rules/, blocks/, models/ (.)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="where Inlay keeps its own files (./data)")
    parser.add_argument("--redis-url", metavar="URL", help="a Redis to use instead of the embedded one")
    parser.add_argument("--reload", action="store_const", const=True, help="restart workers when the code changes")
    parser.add_argument("--demo", action="store_const", const=True, help="load the invented shop")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    given = {name: value for name, value in vars(arguments).items() if name not in ("command", "run")}
    settings = load_settings(**given)
    console, begun = Console(highlight=False), time.monotonic()

    if settings.demo:
        announce(settings.data, demo())
        settings = settings.model_copy(update={"amp_senders": settings.amp_senders or SENDERS})

    def ready(running: Settings, embedded: bool) -> None:
        seconds = time.monotonic() - begun
        if running.demo:
            load_demo(running)
        banner(console, running, seconds, embedded=embedded)

    set_up_logs(Redaction())
    return Parent(settings, ready, teller(console)).run()


def teller(console: Console) -> Callable[[str], None]:
    """What happens while the server runs: a line for who watches a terminal, else a line of the log."""
    if not console.is_terminal:
        return log.info
    return lambda text: console.print(f"[dim]inlay:[/dim] {escape(text)}")


def load_demo(settings: Settings) -> None:
    """Fill the running server with the invented shop, through its own API; where that does not come about it serves without."""
    try:
        subprocess.run([sys.executable, "-m", "app.demo", address_of(settings)], timeout=LOADING_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        print(f"inlay: the demo was not loaded: it took more than {LOADING_SECONDS} s", file=sys.stderr)


def address_of(settings: Settings) -> str:
    """Where a browser on this machine finds the server."""
    host = "localhost" if settings.host in LOOPBACK | EVERYWHERE else f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def banner(console: Console, settings: Settings, seconds: float, *, embedded: bool) -> None:
    address = address_of(settings)
    console.print(f"\n  [bold blue]Inlay[/bold blue] is ready in {seconds:.1f} s\n")
    rows = [
        ("open", f"{address}/"), ("API docs", f"{address}/docs"), ("content", str(settings.content.resolve())),
        ("store", f"embedded Redis, {settings.durability}, in {settings.data}" if embedded else "your Redis"),
    ]
    if not settings.public_url:
        rows.append(("note", "INLAY_PUBLIC_URL is not set: addresses in AMP mails point to localhost"))
    for name, value in rows:
        console.print(f"  [dim]{name:>9}[/dim]  {value}", soft_wrap=True)
    console.print("\n  [dim]stop with Ctrl-C[/dim]\n")
