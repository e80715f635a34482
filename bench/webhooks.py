"""Real webhook payloads of three ESPs through the running server: how many give the event that is expected of them."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from app.domain.literals import parse_instant
from app.wiring import hashed_id
from bench.machine import ROOT
from bench.registry import figure
from bench.servers import Inlay, scratch
from bench.stage import tell

CASES = ROOT.parent / "shared" / "data" / "esp-webhooks" / "cases.json"
NAMES: dict[str, tuple[str, ...]] = {
    "queued": ("email_sent",), "sent": ("email_sent",), "delivered": ("email_delivered",), "deferred": ("email_deferred",), "bounced": ("email_bounced",),
    "rejected": ("email_dropped",), "failed": ("email_failed",), "opened": ("email_opened", "email_opened_by_machine"), "clicked": ("email_clicked", "email_clicked_by_machine"),
    "complained": ("email_complained",), "unsubscribed": ("email_unsubscribed",), "subscribed": ("email_subscribed",),
}
"""What the cases call an event -> what Inlay may call it: the cases do not tell machines from people."""

PROPERTIES = {
    "message_id": "message_id", "reject_reason": "reason", "description": "description", "mta_response": "response", "user_agent": "user_agent",
    "click_url": "url", "tags": "tags", "metadata": "metadata",
}
KEY = generate_private_key(SECP256R1())
SECRETS = {"INLAY_WEBHOOK_POSTMARK_KEYS": "postmark:secret", "INLAY_WEBHOOK_BREVO_KEYS": "token", "INLAY_EMAIL_IN_URL": "allow"}


@figure("webhook_cases_passed", "cases", at_least=34, title="of 34 real ESP webhooks those that give the expected event, through the running server")
def webhook_cases_passed() -> int:
    cases = json.loads(CASES.read_text())
    with scratch() as folder:
        _content(folder / "content")
        public = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        with Inlay(folder / "content", folder / "data", **SECRETS, INLAY_WEBHOOK_SENDGRID_KEYS=public) as server:
            found = [_differs(server, case) for case in cases]
    for case, why in zip(cases, found, strict=True):
        if why:
            tell(f"{case['esp']} {case['expected']['event_type']}: {why}")
    return sum(not why for why in found)


def _differs(server: Inlay, case: Mapping[str, Any]) -> str:
    """In what the server's event is not the expected one; empty where it is."""
    expected, recipient = case["expected"], _recipient(case)
    before = {each["id"] for each in _events(server, recipient)}
    status, answer = _send(server, case["esp"], json.dumps(case["payload"]).encode())
    if status != case["status"]:
        return f"answered {status} {answer}"
    if not recipient:
        said = json.dumps(answer["rejected"])
        return "" if "no_identity" in said and NAMES[expected["event_type"]][0] in said and expected["message_id"] in said else said
    fresh = [each for each in _events(server, recipient) if each["id"] not in before]
    return _compared(case, fresh[0]) if len(fresh) == 1 else f"{len(fresh)} events of {recipient}: {answer}"


def _recipient(case: Mapping[str, Any]) -> str:
    """Of one case, which names nobody, it is empty: such an event can be told, and filed nowhere."""
    row = case["payload"][0] if isinstance(case["payload"], list) else case["payload"]
    return case["expected"].get("recipient") or next((row[key] for key in ("Recipient", "Email", "email") if key in row), "")


def _compared(case: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    expected, properties = case["expected"], event["properties"]
    wrong = [
        f"{theirs} is {properties.get(ours)!r}, not {expected[theirs]!r}" for theirs, ours in PROPERTIES.items()
        if theirs in expected and (properties.get(ours) or None) != (expected[theirs] or None)
    ]
    if event["event"] not in NAMES[expected["event_type"]]:
        wrong.append(f"it is called {event['event']}")
    if "timestamp" in expected and not _same_instant(expected["timestamp"], event["timestamp"], json.dumps(case["payload"])):
        wrong.append(f"its time is {event['timestamp']}, not {expected['timestamp']}")
    if expected.get("event_id"):
        name = event["event"].removesuffix("_by_machine")
        row = case["payload"][0] if isinstance(case["payload"], list) else case["payload"]
        if event["id"] != hashed_id(f"webhook {case['esp']} {row.get('event') or row.get('RecordType')} {name} {expected['event_id']}").hex():
            wrong.append("its id is not made of the ESP's")
    return "; ".join(wrong)


def _same_instant(expected: str, kept: str, payload: str) -> bool:
    """To the millisecond. Where the payload tells a local time with its offset, the case holds that time as if it were UTC."""
    offset = re.search(r"\d:\d\d\.\d+([+-])(\d\d):(\d\d)", payload)
    shift = (int(offset[2]) * 60 + int(offset[3])) * (-60_000 if offset[1] == "-" else 60_000) if offset else 0
    theirs, ours = parse_instant(expected), parse_instant(kept)
    return theirs is not None and ours is not None and abs(theirs - shift - ours) <= 1


def _events(server: Inlay, recipient: str) -> list[dict[str, Any]]:
    status, body = server.get(f"/v1/profiles/{quote(f'email:{recipient}', safe='')}/events?limit=1000") if recipient else (404, b"")
    return json.loads(body)["events"] if status == 200 else []


def _send(server: Inlay, source: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/v1/webhooks/{source}", body, _proof(source, body), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def _proof(source: str, body: bytes) -> dict[str, str]:
    if source == "brevo":
        return {"Authorization": "Bearer token"}
    if source == "postmark":
        return {"Authorization": "Basic " + base64.b64encode(b"postmark:secret").decode()}
    at = str(int(time.time()))
    signature = base64.b64encode(KEY.sign(at.encode() + body, ECDSA(SHA256()))).decode()
    return {"X-Twilio-Email-Event-Webhook-Signature": signature, "X-Twilio-Email-Event-Webhook-Timestamp": at}


def _content(folder: Path) -> None:
    """The least that a server serves."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "rules.yaml").write_text("version: 1\nplacements: {hero: {fallback: {block: plain}}}\n")
    (folder / "blocks" / "plain").mkdir(parents=True)
    (folder / "blocks" / "plain" / "block.yaml").write_text("description: a line of text\n")
    (folder / "blocks" / "plain" / "html.j2").write_text("<p>See what is new</p>\n")
