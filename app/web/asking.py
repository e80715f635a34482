"""What the URL of a content call asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from app.content.question import Question
from app.content.snapshot import Snapshot
from app.domain.identity import Identifiers, fits_send, looks_like_email
from app.errors import NotFound, RequestInvalid


def question(placement: str, query: bytes, snapshot: Snapshot, identifiers: Identifiers, *, emails: bool) -> Question:
    """An id or a send that cannot be used is no error here: the answer is a fallback, and says nothing of it back.

    So is an e-mail address anywhere in what is read, unless user ids are addresses (`emails`), and a person or a send
    that is named twice, differently. What is not read is ignored. `NotFound` for an unknown mail.
    """
    q = Question((placement,))
    context: dict[str, Any] = {}
    for name, value in _pairs(query):
        if name == "profile":
            if value:
                _take_person(q, value, identifiers, emails=emails)
        elif name.startswith("ctx."):
            context[name[4:]] = value
            q.unusable |= looks_like_email(value) and not emails
        elif not value:
            continue
        elif name == "send":
            q.unusable |= not fits_send(value) or q.send not in (None, value) or (looks_like_email(value) and not emails)
            q.send = value
        elif name == "mail":
            q.mail = _mail(value, snapshot)
        elif name == "content" and value in ("html", "text"):
            q.surface = value
    q.context = context
    if q.unusable:
        q.identity = q.send = None
    return q


def _pairs(query: bytes) -> list[tuple[str, str]]:
    text = query.decode("utf-8", "replace")
    if "%" in text or "+" in text:
        return parse_qsl(text, keep_blank_values=True)
    found: list[tuple[str, str]] = []
    for part in text.split("&"):
        name, _, value = part.partition("=")
        found.append((name, value))
    return found


def _take_person(q: Question, value: str, identifiers: Identifiers, *, emails: bool) -> None:
    try:
        identity = identifiers.parse(value)
    except RequestInvalid:
        q.unusable = True
        return
    address = identity.kind == "email" or looks_like_email(value)
    q.unusable |= (address and not emails) or q.identity not in (None, identity)
    q.identity = identity


def _mail(name: str, snapshot: Snapshot) -> str:
    if name not in snapshot.definitions.mails:
        raise NotFound(f"no mail {name[:80]!r}; there are: {', '.join(snapshot.definitions.mails)}", code="unknown_mail")
    return name
