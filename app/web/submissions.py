"""`POST /amp/{token}/submit`: what a form in an AMP mail sends, as an event and, where the form says so, an answer about consent.

The answer is JSON whatever happens: 200 shows the form's `submit-success`, 4xx its `submit-error`.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from app.consents import Consents
from app.domain.consent import Answer
from app.domain.event import PERSONAL
from app.domain.inbox import Form
from app.errors import InlayError, NotFound, RequestInvalid, TooLarge, Unparsable
from app.security.tokens import Claims, Expired
from app.web.asgi import JSON, PRIVATE, Headers, Reply, Scope
from app.web.errors import body_of, status_of
from app.web.forms import read_form
from app.web.inbox_events import InboxEvents
from app.web.parts import Parts, current

_encode = msgspec.json.Encoder().encode
LONGEST_VALUE = 2_000
NAME = "form"
"""The hidden field that says which form it is."""
ANY = Form("", "amp_form_submitted")
"""What a form is taken for where the rules declare none."""


class Submissions:
    """For senders that were let in, and a token that was read."""

    def __init__(self, parts: Parts, consents: Consents, events: InboxEvents) -> None:
        self._parts, self._consents, self._events = parts, consents, events

    async def take(self, scope: Scope, receive: Any, claims: Claims, cors: Headers) -> Reply:
        headers = [JSON, PRIVATE, *cors]
        try:
            return Reply(200, _encode(await self._taken(scope, receive, claims)), headers)
        except (RequestInvalid, Unparsable, TooLarge, NotFound) as error:
            told = body_of(error.code, error.message, error.problems)
            wrong = [{"name": name, "message": message} for name, message in error.problems]
            return Reply(status_of(error), _encode({**told, "message": error.message, "verifyErrors": wrong}), headers, "refused")
        except InlayError as error:
            return Reply(503, _encode({**body_of(error.code, "try again in a moment"), "message": "Please try again in a moment."}), [*headers, (b"retry-after", b"1")], "error")

    async def _taken(self, scope: Scope, receive: Any, claims: Claims) -> dict[str, Any]:
        self._parts.admit()
        fields = {name: values[0] if len(values) == 1 else values for name, values in (await read_form(receive, scope)).items()}
        if isinstance(claims, Expired):
            raise RequestInvalid("This mail is too old to be answered.")
        if not claims.profile:
            raise RequestInvalid("This mail is not addressed to anybody by name.")
        form = self._form(fields.pop(NAME, ""))
        kept = _checked(form, fields)
        now = self._parts.clock()
        if form.grants or form.denies:
            asked = [*((each, True) for each in form.grants), *((each, False) for each in form.denies)]
            answers = [Answer(now, purpose, granted, f"form {form.id}") for purpose, granted in asked]
            await self._answer(claims, answers, now)
        once = blake2b(_encode([form.id, kept]), digest_size=12).hexdigest()
        await self._events.file(form.event, claims, f"{once} {now // 60_000}", now, {**kept, **({"form": form.id} if form.id else {})})
        return {"message": form.message, "form": form.id, "items": [kept]}

    def _form(self, name: Any) -> Form:
        forms = current(self._parts).definitions.inbox.forms
        if not forms and not name:
            return ANY
        found = forms.get(name) if isinstance(name, str) else None
        if found is None:
            raise RequestInvalid(f"{NAME}: none of {', '.join(forms) or 'those under inbox: forms'}", problems=((NAME, "unknown form"),))
        return found

    async def _answer(self, claims: Claims, answers: list[Answer], now: int) -> None:
        try:
            await self._consents.answer(claims.profile, answers, now)
        except NotFound:  # somebody erased: nothing is kept of them, which is as good
            return


def _checked(form: Form, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of the fields: those that are declared, without what is personal where none are."""
    missing = [name for name in form.required if not fields.get(name)]
    long = [name for name, value in fields.items() if len(str(value)) > LONGEST_VALUE]
    if missing or long:
        raise RequestInvalid("Please look at what is marked.", problems=(*((name, "is missing") for name in missing), *((name, f"is longer than {LONGEST_VALUE:,} characters") for name in long)))
    if form.fields:
        return {name: fields[name] for name in form.fields if name in fields}
    return {name: value for name, value in fields.items() if name and name.lower() not in PERSONAL and not name.startswith("__amp")}
