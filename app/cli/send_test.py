"""`inlay send-test TEMPLATE.html`: a whole mail for one person, made by a running server and handed to an SMTP server."""

from __future__ import annotations

import argparse
import json
import os
import smtplib
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from app.errors import InlayError

SECONDS = 20


class NotSent(InlayError):
    """The mail could not be made, or nobody took it."""

    code = "not_sent"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("html", type=Path, metavar="TEMPLATE.html", help='HTML with <div data-content="placement"></div>')
    parser.add_argument("--text", type=Path, metavar="FILE", help="the text part, with lines [[placement]] (made of the HTML)")
    parser.add_argument("--amp", type=Path, metavar="FILE", help="the AMP part")
    parser.add_argument("--to", required=True, help="who gets it")
    parser.add_argument("--from", dest="sender", required=True, help="whom it is from")
    parser.add_argument("--subject", default="Test", help="(Test)")
    parser.add_argument("--profile", help="as whom the content is decided")
    parser.add_argument("--mail", help="decide all placements of this mail together")
    parser.add_argument("--send", help="names the send; without it nothing is recorded")
    parser.add_argument("--smtp", default="127.0.0.1:25", metavar="HOST:PORT", help="the SMTP server (127.0.0.1:25)")
    parser.add_argument("--starttls", action="store_true", help="encrypt, and refuse a server that cannot")
    parser.add_argument("--user", help="log in; the password is read from INLAY_SMTP_PASSWORD")
    parser.add_argument("--server", default="http://127.0.0.1:8000", help="the running Inlay (http://127.0.0.1:8000); its key is read from INLAY_KEY")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    made = _made(arguments)
    _handed(arguments, made["message"].encode("ascii", "replace"))
    for warning in made["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    print(f"sent to {arguments.to}: {', '.join(made['parts'])}; decision {made['decision_id']}")
    return 0


def _made(arguments: argparse.Namespace) -> dict[str, Any]:
    template = {name: _read(path) for name in ("html", "text", "amp") if (path := getattr(arguments, name)) is not None}
    body = {"template": template, "from": arguments.sender, "to": arguments.to, "subject": arguments.subject, "profile": arguments.profile, "mail": arguments.mail, "send": arguments.send}
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if (key := os.environ.get("INLAY_KEY")) else {})
    request = urllib.request.Request(f"{arguments.server.rstrip('/')}/v1/messages/render", json.dumps({name: value for name, value in body.items() if value is not None}).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise NotSent(f"the server answers {error.code}: {json.loads(error.read() or b'{}').get('error', {}).get('message', '')}") from error
    except (OSError, ValueError) as error:
        raise NotSent(f"{arguments.server} does not answer: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotSent(f"{path}: {'is not UTF-8' if isinstance(error, UnicodeDecodeError) else error.strerror}") from error


def _handed(arguments: argparse.Namespace, message: bytes) -> None:
    host, _, port = arguments.smtp.rpartition(":")
    try:
        with smtplib.SMTP(host or arguments.smtp, int(port) if host else 25, timeout=SECONDS) as smtp:
            if arguments.starttls:
                smtp.starttls()
            if arguments.user:
                smtp.login(arguments.user, os.environ.get("INLAY_SMTP_PASSWORD", ""))
            smtp.sendmail(arguments.sender, [arguments.to], message)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotSent(f"{arguments.smtp} did not take it: {error}") from error
