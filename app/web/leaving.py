"""`/u/{token}` and `/p/{token}`: one-click unsubscription (RFC 8058), and what a person wants to hear of, purpose by purpose.

A GET never acts: scanners follow links. A POST to `/u/` acts whatever its body says, without cookies, redirects or keys, as often as
it comes; taking back works for ever, giving only while the token lives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from app.consents import Consents
from app.content.question import Question
from app.content.snapshot import Snapshot
from app.domain.consent import Answer
from app.domain.definitions import Consent
from app.errors import MethodNotAllowed, NotFound
from app.security.tokens import Claims, Expired, Tokens
from app.web.asgi import Reply, Scope
from app.web.clicks import token_of
from app.web.forms import read_form
from app.web.inbox_events import InboxEvents
from app.web.parts import Parts, current
from app.web.sheet import HEADERS, sheet
from app.web.urls import address

SOURCE = {"u": "unsubscribe link", "p": "preference page"}
LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "leave": "Unsubscribe", "ask": "Shall we stop writing to you?", "yes": "Unsubscribe", "rather": "Choose what you hear of instead", "left": "You are unsubscribed",
        "done": "We will not write to you about this any more.", "prefs": "What you hear of", "save": "Save", "all": "Unsubscribe from everything", "saved": "Saved.",
        "gone": "This link cannot be used", "gone_text": "It may be incomplete. Please open the mail again, or write to its sender.", "back": "Change what you hear of",
        "expired": "This link is old: it can only unsubscribe you.",
    },
    "de": {
        "leave": "Abmelden", "ask": "Sollen wir Ihnen nicht mehr schreiben?", "yes": "Abmelden", "rather": "Lieber auswählen, wovon Sie hören", "left": "Sie sind abgemeldet",
        "done": "Wir schreiben Ihnen davon nicht mehr.", "prefs": "Wovon Sie hören möchten", "save": "Speichern", "all": "Von allem abmelden", "saved": "Gespeichert.",
        "gone": "Dieser Link lässt sich nicht verwenden", "gone_text": "Vielleicht ist er unvollständig. Bitte öffnen Sie die Mail noch einmal oder schreiben Sie dem Absender.",
        "back": "Auswahl ändern", "expired": "Dieser Link ist alt: Sie können sich nur noch abmelden.",
    },
    "fr": {
        "leave": "Se désabonner", "ask": "Souhaitez-vous ne plus recevoir nos messages ?", "yes": "Se désabonner", "rather": "Choisir plutôt ce que vous recevez", "left": "Vous êtes désabonné",
        "done": "Nous ne vous écrirons plus à ce sujet.", "prefs": "Ce que vous recevez", "save": "Enregistrer", "all": "Se désabonner de tout", "saved": "Enregistré.",
        "gone": "Ce lien ne peut pas être utilisé", "gone_text": "Il est peut-être incomplet. Rouvrez le message ou écrivez à son expéditeur.", "back": "Modifier vos choix",
        "expired": "Ce lien est ancien : il permet seulement de vous désabonner.",
    },
}


class Leaving:
    """`/u/{token}`."""

    def __init__(self, parts: Parts, consents: Consents, events: InboxEvents, public_url: str) -> None:
        self._parts, self._consents, self._events, self._public_url = parts, consents, events, public_url.rstrip("/")

    async def __call__(self, scope: Scope, receive: Any) -> Reply:
        claims, snapshot = _claims(self._parts, scope, "u"), current(self._parts)
        words, language = words_of(snapshot)
        if claims is None or not snapshot.definitions.inbox.leaving.purposes:
            return _gone(words, language)
        title = snapshot.definitions.inbox.leaving.title
        if scope["method"] in ("GET", "HEAD"):
            sender = f'<p class="muted">{escape(title)}</p>' if title else ""
            body = f'{sender}<p>{words["ask"]}</p><form method="post">{_button(words["yes"])}</form>{self._rather(claims, words["rather"])}'
            return Reply(200, sheet(words["leave"], body, language), HEADERS)
        if scope["method"] != "POST":
            raise MethodNotAllowed("this address takes GET and POST", allow="GET, HEAD, POST")
        now = self._parts.instant()
        await deny(self._consents, self._events, claims, snapshot.definitions.inbox.leaving.purposes, "u", now)
        return Reply(200, sheet(words["left"], f'<p>{words["done"]}</p>{self._rather(claims, words["back"])}', language), HEADERS)

    def _rather(self, claims: Claims, word: str) -> str:
        """The way to the page of preferences, while the token lives."""
        if isinstance(claims, Expired):
            return ""
        ttl = max(0, claims.expires - self._parts.clock())
        token = self._parts.tokens.mint("p", claims.placement, claims.profile, claims.send, claims.mail, self._parts.clock(), ttl)
        return f'<p class="muted" style="margin:16px 0 0"><a href="{escape(self._public_url)}/p/{token}">{word}</a></p>'


class Preferences:
    """`/p/{token}`."""

    def __init__(self, parts: Parts, consents: Consents, events: InboxEvents) -> None:
        self._parts, self._consents, self._events = parts, consents, events

    async def __call__(self, scope: Scope, receive: Any) -> Reply:
        claims, snapshot = _claims(self._parts, scope, "p"), current(self._parts)
        words, language = words_of(snapshot)
        offered = list(snapshot.definitions.consents.values())
        if claims is None or not offered:
            return _gone(words, language)
        if scope["method"] in ("GET", "HEAD"):
            return Reply(200, await self._page(claims, offered, words, language), HEADERS)
        if scope["method"] != "POST":
            raise MethodNotAllowed("this address takes GET and POST", allow="GET, HEAD, POST")
        return await self._save(scope, receive, claims, offered, words, language)

    async def _save(self, scope: Scope, receive: Any, claims: Claims, offered: Sequence[Consent], words: Mapping[str, str], language: str) -> Reply:
        """A body that is none of the page's forms answers for nothing; the page is shown as things stand."""
        form, now = await read_form(receive, scope), self._parts.instant()
        if not form.keys() & {"save", "all", "purpose"}:
            return Reply(200, await self._page(claims, offered, words, language), HEADERS)
        ticked = set(form.get("purpose", [])) if "all" not in form and not isinstance(claims, Expired) else set[str]()
        have = await self._granted(claims)
        changed = [Answer(now, each.purpose, each.purpose in ticked, SOURCE["p"]) for each in offered if have.get(each.purpose) is not (each.purpose in ticked)]
        if changed:
            await _note(self._consents, claims, changed, now)
        if taken := [each.purpose for each in changed if not each.granted]:
            await self._events.file("email_unsubscribed", claims, f"p {now}", now, {"purposes": taken})
        return Reply(200, await self._page(claims, offered, words, language, said=words["saved"]), HEADERS)

    async def _page(self, claims: Claims, offered: Sequence[Consent], words: Mapping[str, str], language: str, said: str = "") -> bytes:
        """The form as things stand, or, with an old token, no more than a way out."""
        everything = f'<form method="post"><input type="hidden" name="all" value="1">{_button(words["all"], quiet=True)}</form>'
        told = f'<p class="good" role="status"><b>{said}</b></p>' if said else ""
        if isinstance(claims, Expired):
            return sheet(words["prefs"], f'{told}<p class="muted">{words["expired"]}</p>{everything}', language)
        have = await self._granted(claims)
        rows = "".join(_row(each, granted=have.get(each.purpose) is True) for each in offered)
        return sheet(words["prefs"], f'{told}<form method="post"><input type="hidden" name="save" value="1"><fieldset>{rows}</fieldset>{_button(words["save"])}</form>{everything}', language)

    async def _granted(self, claims: Claims) -> Mapping[str, bool]:
        return (await self._parts.store.read(claims.profile)).consents if claims.profile else {}


def _row(consent: Consent, *, granted: bool) -> str:
    about = f'<span class="muted">{escape(consent.description)}</span>' if consent.description else ""
    title = escape(consent.title or consent.purpose.replace("_", " ").capitalize())
    return f'<label><input type="checkbox" name="purpose" value="{escape(consent.purpose)}"{" checked" if granted else ""}><span><b>{title}</b>{about}</span></label>'


def _button(word: str, *, quiet: bool = False) -> str:
    return f'<button{" class=quiet" if quiet else ""}>{escape(word)}</button>'


def _gone(words: Mapping[str, str], language: str) -> Reply:
    return Reply(404, sheet(words["gone"], f'<p class="muted">{words["gone_text"]}</p>', language), HEADERS, "refused")


def words_of(snapshot: Snapshot) -> tuple[Mapping[str, str], str]:
    """The words of the pages, and the language that they are in."""
    asked = snapshot.definitions.inbox.leaving.language
    known = asked.partition("-")[0]
    return (LANGUAGES[known], asked) if known in LANGUAGES else (LANGUAGES["en"], "en")


def _claims(parts: Parts, scope: Scope, surface: str) -> Claims | None:
    """Those of a token that names somebody."""
    claims = parts.tokens.read(token_of(scope, surface), surface, parts.clock())
    return claims if claims is not None and claims.profile else None


async def deny(consents: Consents, events: InboxEvents, claims: Claims, purposes: Sequence[str], surface: str, now: int) -> None:
    """These purposes are taken back, and the event says so; of somebody erased nothing is kept, which is as good."""
    await _note(consents, claims, [Answer(now, purpose, False, SOURCE[surface]) for purpose in purposes], now)
    await events.file("email_unsubscribed", claims, f"{surface} {now // 1000}", now, {"purposes": list(purposes)})


async def _note(consents: Consents, claims: Claims, answers: Sequence[Answer], now: int) -> None:
    try:
        await consents.answer(claims.profile, answers, now)
    except NotFound:
        return


def leaving_headers(tokens: Tokens, public_url: str, snapshot: Snapshot, q: Question, now: int) -> dict[str, str]:
    """`List-Unsubscribe` and `List-Unsubscribe-Post` for a person's mail; empty where `inbox: unsubscribe` says nothing, or nobody is
    known by name."""
    leaving = snapshot.definitions.inbox.leaving
    if not leaving.purposes or q.identity is None:
        return {}
    ways = [f"<{address(tokens, public_url, 'u', '', q, now)}>"] + ([f"<mailto:{leaving.mailto}>"] if leaving.mailto else [])
    return {"List-Unsubscribe": ", ".join(ways), "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
