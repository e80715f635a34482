"""`inlay qa`: some people, some instants, every placement of a mail, looked at before the send; one page with all of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from app.content.gettext_files import FOLDER, translations
from app.errors import InlayError
from app.reports.qa import Cell, addresses, cell_of, differences, findings, interests, minor, outside, page, untranslated
from app.settings import load_settings

SECONDS = 20


class QaFailed(InlayError):
    """The server did not decide."""

    code = "qa"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("people", nargs="+", metavar="PROFILE", help="as whom to look; an empty text is somebody unknown")
    parser.add_argument("--mail", help="the mail whose placements are looked at")
    parser.add_argument("--placement", action="append", default=[], help="a placement, instead of a mail; may be repeated")
    parser.add_argument("--at", action="append", default=[], metavar="INSTANT", help="as of this instant; may be repeated (now)")
    parser.add_argument("--language", action="append", default=[], metavar="LOCALE", help="in this language, as context.language; may be repeated: the others are compared with the first")
    parser.add_argument("--out", type=Path, default=Path("qa.html"), help="the page (qa.html)")
    parser.add_argument("--approved", type=Path, metavar="FILE", help="what was approved last; what differs is told")
    parser.add_argument("--approve", action="store_true", help="write what is seen now to --approved")
    parser.add_argument("--links", action="store_true", help="ask every address that is linked to whether it is there")
    parser.add_argument("--content", type=Path, metavar="DIR", help="the folder whose catalogues say what is rightly the same in two languages (.)")
    parser.add_argument("--server", default="http://127.0.0.1:8000", help="the running server (http://127.0.0.1:8000); its key is read from INLAY_KEY")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 where nothing is to be looked at but fallbacks and items that are new to somebody, 1 where something is."""
    cells = [cell for at in arguments.at or [""] for who in arguments.people for language in arguments.language or [""] for cell in _cells(arguments, who, at, language)]
    unreachable = _unreachable(addresses(cells)) if arguments.links else {}
    alike, known = untranslated(cells, _alike(load_settings(content=arguments.content).content / "blocks")), {who: _interests(arguments.server, who) for who in arguments.people if who}
    wrong = {cell.key: [*findings(cell, unreachable), *alike.get(cell.key, ()), *outside(cell, known.get(cell.person, ()))] for cell in cells}
    approved = _approved(arguments.approved)
    changed = differences(cells, approved) if approved else {}
    arguments.out.write_text(page(f"Before the send: {arguments.mail or ', '.join(arguments.placement)}", cells, {key: each for key, each in wrong.items() if each}, changed), encoding="utf-8")
    for key, reasons in wrong.items():
        for why in reasons:
            print(f"{key}: {why}")
    for key, why in changed.items():
        print(f"{key} {why}")
    if arguments.approve and arguments.approved:
        arguments.approved.write_text(json.dumps({cell.key: cell.mark for cell in cells}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(cells)} renderings in {arguments.out}")
    return 1 if changed or any(not minor(why) for reasons in wrong.values() for why in reasons) else 0


def _approved(path: Path | None) -> Mapping[str, Any]:
    """What was approved last; nothing where nothing was."""
    if path is None or not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise QaFailed(f"{path}: cannot be read as what was approved: {error}") from error
    if not isinstance(found, dict):
        raise QaFailed(f"{path}: is not what was approved: no object")
    return cast("dict[str, Any]", found)


def _alike(blocks: Path) -> dict[str, list[str]]:
    """language -> the texts that its catalogues translate by themselves, as OK by OK. A catalogue that cannot be read says nothing: `inlay check` tells of it."""
    spoken = translations(blocks, sorted((blocks / FOLDER).rglob("*.po")), [])
    return {each.language: [text for text, forms in each.messages.items() if text in forms] for each in spoken}


def _cells(arguments: argparse.Namespace, who: str, at: str, language: str) -> list[Cell]:
    body: dict[str, Any] = ({"profile": who} if who else {}) | ({"mail": arguments.mail} if arguments.mail else {}) | ({"placements": arguments.placement} if arguments.placement else {}) | ({"at": at} if at else {}) | ({"context": {"language": language}} if language else {})
    html, text = (_decided(arguments.server, {**body, "surface": surface})["placements"] for surface in ("html", "text"))
    amp = _amp(arguments.server, body, html)
    return [cell_of(who or "unknown", at, id, shown, text[id].get("content") or "", language, amp.get(id, "")) for id, shown in html.items()]


def _amp(server: str, body: Mapping[str, Any], html: Mapping[str, Any]) -> dict[str, str]:
    """The AMP markup of the placements that have it. Where one has none the others are asked
    for apart, and told where the same is chosen for them."""
    try:
        shown = _asked(server, "/v1/decisions", {**body, "surface": "amp"})["placements"]
        return {id: each.get("content") or "" for id, each in shown.items() if each["offer"] == html[id]["offer"]}
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise _refused(error) from error
    if len(html) < 2:
        return {}
    rest = {name: value for name, value in body.items() if name != "mail"}
    apart = {id: _amp(server, {**rest, "placements": [id]}, {id: shown}).get(id, "") for id, shown in html.items()}
    return {id: content for id, content in apart.items() if content}


def _interests(server: str, who: str) -> frozenset[str]:
    """What is known of the person's interests; nothing of somebody unknown, or where the key may not read people."""
    path = f"/v1/profiles/{quote(who, safe='')}"
    try:
        return interests(_asked(server, path)["traits"], _asked(server, f"{path}/events")["events"])
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403, 404):
            raise QaFailed(f"the server answers {error.code} to {path}") from error
        if error.code != 404:
            print(f"{who}: the key has no scope profiles, so interests are not looked at", file=sys.stderr)
        return frozenset()


def _decided(server: str, body: Mapping[str, Any]) -> Any:
    try:
        return _asked(server, "/v1/decisions", body)
    except urllib.error.HTTPError as error:
        raise _refused(error) from error


def _refused(error: urllib.error.HTTPError) -> QaFailed:
    return QaFailed(f"the server answers {error.code}: {error.read()[:400].decode(errors='replace')}")


def _asked(server: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {key}"} if (key := os.environ.get("INLAY_KEY")) else {})
    request = urllib.request.Request(f"{server.rstrip('/')}{path}", None if body is None else json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        raise QaFailed(f"{server} does not answer: {error}") from error


def _unreachable(found: Sequence[str]) -> dict[str, str]:
    """Why an address is not there."""
    wrong: dict[str, str] = {}
    for address in found:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, method="HEAD", headers={"user-agent": "Inlay"}), timeout=5):
                pass
        except urllib.error.HTTPError as error:
            if error.code not in (403, 405):
                wrong[address] = f"answers {error.code}"
        except (OSError, ValueError) as error:
            wrong[address] = f"cannot be reached: {type(error).__name__}"
    return wrong
