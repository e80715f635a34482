"""`inlay export decisions --for SENDER`: decisions taken ahead for a list, as the fields that a sender merges."""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from app.errors import InlayError
from app.formats.snippets import EXPORTED

CHUNK = 500
MAILCHIMP_TAG, MAILCHIMP_TEXT = 10, 255
"""Characters of a merge tag, and bytes of a text field."""
ITEM_FIELDS = ("name", "price", "url", "image")
Row = Mapping[str, str]


class ExportFailed(InlayError):
    """The server did not decide, or the list cannot be read."""

    code = "export"


def add(parser: argparse.ArgumentParser) -> None:
    """What `inlay export decisions` takes with `--for`; FILE is then what is read."""
    parser.add_argument("--for", dest="sender", choices=EXPORTED, help="decide ahead for the people in FILE, a CSV with the columns email and profile (an id; email:ADDRESS where it is left out), as this sender merges it")
    parser.add_argument("--mail", help="the mail whose placements are decided")
    parser.add_argument("--placement", action="append", default=[], help="a placement, instead of a mail; may be repeated")
    parser.add_argument("--send", help="names the send, so that the decision is recorded")
    parser.add_argument("--items", type=int, default=3, help="items of each placement (3)")
    parser.add_argument("--server", default="http://127.0.0.1:8000", help="the running server (http://127.0.0.1:8000); its key is read from INLAY_KEY")


def run(arguments: argparse.Namespace) -> int:
    rows = _people(arguments.file)
    decided = [(row, decision) for chunk in _chunks(rows) for row, decision in zip(chunk, _decide(arguments, chunk), strict=True)]
    WRITERS[arguments.sender]([row["email"] for row, _ in decided], [fields_of(each, arguments.items) for _, each in decided], sys.stdout)
    print(f"{len(decided):,} people", file=sys.stderr)
    if undecided := [each["error"] for _, each in decided if "error" in each]:
        print(f"{len(undecided):,} of them with empty fields: {undecided[0]['message']}", file=sys.stderr)
    return 0


def _people(path: Path) -> list[Row]:
    """The rows with an address, their columns in small letters; how many have none is told."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", restval="")
            names = list(reader.fieldnames or ())
            rows: list[Row] = [{name.lower(): value for name, value in row.items()} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ExportFailed(f"{path}: {'is not UTF-8' if isinstance(error, UnicodeDecodeError) else error}") from error
    if "email" not in map(str.lower, names):
        raise ExportFailed(f"{path}: no column email; there are {', '.join(names) or 'none'}")
    found = [row for row in rows if row["email"].strip()]
    if len(found) < len(rows):
        print(f"{path}: left out for want of an address: {len(rows) - len(found):,}", file=sys.stderr)
    return found


def _chunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while chunk := list(islice(left, CHUNK)):
        yield chunk


def _decide(arguments: argparse.Namespace, rows: Sequence[Row]) -> list[Mapping[str, Any]]:
    body: dict[str, Any] = {"recipients": [{"profile": row.get("profile") or f"email:{row['email']}"} for row in rows], "surface": "html"}
    body |= {"mail": arguments.mail} if arguments.mail else {}
    body |= {"placements": arguments.placement} if arguments.placement else {}
    body |= {"send": arguments.send} if arguments.send else {}
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if (key := os.environ.get("INLAY_KEY")) else {})
    request = urllib.request.Request(f"{arguments.server.rstrip('/')}/v1/decisions/batch", json.dumps(body).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]
    except urllib.error.HTTPError as error:
        raise ExportFailed(f"the server answers {error.code}: {error.read()[:400].decode(errors='replace')}") from error
    except OSError as error:
        raise ExportFailed(f"{arguments.server} does not answer: {error}") from error


def fields_of(decision: Mapping[str, Any], items: int) -> dict[str, str]:
    """`hero_headline`, `grid_item1_name`, `hero_html` ... of one person; an id that could not be used has none."""
    found: dict[str, str] = {}
    for placement, shown in decision.get("placements", {}).items():
        found[f"{placement}_offer"] = shown["offer"] or ""
        found |= {f"{placement}_{name}": _text(value) for name, value in shown["vars"].items()}
        for i, item in enumerate(shown["items"][:items], 1):
            found |= {f"{placement}_item{i}_{name}": _text(item[name]) for name in ITEM_FIELDS if name in item}
        found[f"{placement}_html"] = shown.get("content") or ""
    return found


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _names(rows: Iterable[Mapping[str, str]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _mailchimp(emails: Sequence[str], rows: Sequence[Mapping[str, str]], out: TextIO) -> None:
    """Merge tags of ten characters, told on standard error; what does not fit into 255 bytes, HTML for one, is left out."""
    names = [name for name in _names(rows) if all(len(row.get(name, "").encode()) <= MAILCHIMP_TEXT for row in rows)]
    tags = _tags(names)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["Email Address", *tags.values()])
    writer.writerows([email, *(row.get(name, "") for name in names)] for email, row in zip(emails, rows, strict=True))
    for name, tag in tags.items():
        print(f"*|{tag}|*  {name}", file=sys.stderr)


def _tags(names: Sequence[str]) -> dict[str, str]:
    """Names -> unique tags of at most ten capital letters and digits."""
    found: dict[str, str] = {}
    for name in names:
        placement, _, rest = name.partition("_")
        tag = re.sub(r"[^A-Z0-9_]", "", f"{placement[:4]}_{rest.replace('item', 'I').replace('_', '')}".upper())[:MAILCHIMP_TAG]
        number = 1
        while tag in found.values():
            number += 1
            tag = tag[: MAILCHIMP_TAG - len(str(number))] + str(number)
        found[name] = tag
    return found


def _hubspot(emails: Sequence[str], rows: Sequence[Mapping[str, str]], out: TextIO) -> None:
    """Contact properties, named `inlay_...`; multi-line text holds HTML too."""
    names = _names(rows)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["email", *(f"inlay_{re.sub(r'[^a-z0-9_]', '_', name.lower())}"[:100] for name in names)])
    writer.writerows([email, *(row.get(name, "") for name in names)] for email, row in zip(emails, rows, strict=True))


def _listmonk(emails: Sequence[str], rows: Sequence[Mapping[str, str]], out: TextIO) -> None:
    """Subscribers with JSON attributes, as its importer takes them."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["email", "name", "attributes"])
    writer.writerows([email, email.partition("@")[0], json.dumps({f"inlay_{name.replace('-', '_')}": value for name, value in row.items()}, ensure_ascii=False)] for email, row in zip(emails, rows, strict=True))


WRITERS = {"mailchimp": _mailchimp, "hubspot": _hubspot, "listmonk": _listmonk}
