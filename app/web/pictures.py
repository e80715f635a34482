"""`GET /i/{token}.png|gif`: the picture of what a placement shows, as it is true when the mail is opened.

Always 200 and a picture: whatever else is kept by proxies, some for a month. What fetches ahead gets the neutral variant, which
is right whenever it is looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from app.content.blocks import Block
from app.content.question import Question
from app.content.snapshot import Snapshot
from app.domain.conditions import Instant
from app.domain.decision import Choice
from app.domain.event import Identity
from app.domain.machines import fetched_ahead
from app.domain.pictures import LIVE, PictureSpec
from app.domain.request import Request
from app.errors import RenderFailed
from app.security.tokens import Claims, Expired
from app.web.album import Album
from app.web.asgi import Headers, Reply, Scope
from app.web.clicks import PIXEL, opened, token_of, watched
from app.web.hot import count
from app.web.inbox_events import InboxEvents, agent_of, purpose_of
from app.web.parts import Parts

if TYPE_CHECKING:
    from app.images.card import Card
    from app.images.countdown import Countdown

TYPES = {"png": b"image/png", "gif": b"image/gif"}
NEUTRAL = {
    "gif": PIXEL,
    "png": bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c636060606000000005000105feb1ef0000000049454e44ae426082"),
}
"""A transparent point: what is shown where nothing is known, not even which block it is."""
FRESH: Headers = [(b"cache-control", b"no-store, no-cache, must-revalidate, max-age=0, private"), (b"expires", b"0"), (b"pragma", b"no-cache"), (b"x-content-type-options", b"nosniff")]


class Pictures:
    def __init__(self, parts: Parts, events: InboxEvents, album: Album) -> None:
        self._parts = parts
        self._events = events
        self._album = album
        self._drawers: tuple[Snapshot | None, dict[str, Countdown | Card]] = (None, {})

    async def __call__(self, scope: Scope, receive: object) -> Reply:
        token, _, extension = token_of(scope, "i").rpartition(".")
        extension = extension if extension in TYPES else "png"
        parts, now = self._parts, self._parts.clock()
        claims = parts.tokens.read(token, "i", now)
        snapshot = parts.snapshot
        body, outcome = b"", "refused" if claims is None else "degraded"
        if claims is not None and snapshot is not None and parts.inflight <= parts.settings.max_inflight and claims.placement in snapshot.fallbacks:
            machine = fetched_ahead(agent_of(scope), purpose_of(scope), now - claims.minted)
            try:
                body = await self._picture(snapshot, claims, extension, now, neutral=bool(machine))
                outcome = "ok" if body else outcome
            except Exception as error:  # noqa: BLE001 (a picture never fails)
                parts.telemetry.failure(error)
            if scope["method"] == "GET" and not isinstance(claims, Expired) and watched(snapshot, claims.placement):
                await opened(self._events, claims, scope, now)
        return Reply(200, body or NEUTRAL[extension], [(b"content-type", TYPES[extension]), *FRESH], outcome)

    async def _picture(self, snapshot: Snapshot, claims: Claims, extension: str, now: int, *, neutral: bool) -> bytes:
        """The picture of what the person sees now; empty where the block has none."""
        choice, r = await self._chosen(snapshot, claims, now)
        block = snapshot.blocks.get(choice.block)
        if block is None or block.picture is None:
            return b""
        try:
            texts = block.picture_texts(choice.vars, choice.items, r.traits, r.context, Instant(now))
        except RenderFailed as error:
            self._parts.telemetry.failure(error)
            return b""
        spec, drawer = block.picture, self._drawer(snapshot, block)
        return await self._drawn(snapshot, spec, drawer, {name: "" if neutral and name in LIVE else text for name, text in texts.items()}, extension, now, neutral=neutral)

    async def _chosen(self, snapshot: Snapshot, claims: Claims, now: int) -> tuple[Choice, Request]:
        """As the stored decision says, looked at again; of an old token what anybody gets."""
        named = claims.profile and not isinstance(claims, Expired)
        mail = claims.mail if claims.mail in snapshot.definitions.mails else None
        q = Question((claims.placement,), Identity.from_key(claims.profile) if named else None, claims.send or None if named else None, mail, at_open=True)
        answer = await self._parts.decider.decide(snapshot, q, now, snapshot.deadline((claims.placement,), self._parts.settings.deadline_amp_ms))
        count(self._parts, answer)
        return answer.decision.choices[claims.placement], answer.request

    def _drawer(self, snapshot: Snapshot, block: Block) -> Countdown | Card:
        """What draws this block's pictures, made once per content."""
        from app.images.card import Card
        from app.images.countdown import Countdown

        if self._drawers[0] is not snapshot:
            self._drawers = snapshot, {}
        assert block.picture is not None
        found = self._drawers[1].get(block.id)
        if found is None:
            found = self._drawers[1][block.id] = Countdown(block.picture) if block.picture.kind == "countdown" else Card(block.picture)
        return found

    async def _drawn(self, snapshot: Snapshot, spec: PictureSpec, drawer: Countdown | Card, texts: Mapping[str, str], extension: str, now: int, *, neutral: bool) -> bytes:
        from app.images.canvas import rgb
        from app.images.card import Card

        if not isinstance(drawer, Card):
            return _counted(drawer, texts, extension, neutral=neutral)
        state = self._parts.content_state
        folder = Path(state.path) / "pictures" if state is not None else Path("pictures")
        picture = await self._album.get(texts.get("picture", ""), drawer.picture_size(), rgb(spec.colours["page"]), folder, snapshot.definitions.inbox.pictures, now)
        return await asyncio.to_thread(drawer.drawn, texts, picture, extension)


def _counted(drawer: Countdown, texts: Mapping[str, str], extension: str, *, neutral: bool) -> bytes:
    seconds = int(texts["until"] or 0)
    if extension == "png":
        out = BytesIO()
        (drawer.first(seconds) if seconds and not neutral else drawer.said(texts["neutral"] if neutral else texts["over"] or "0")).save(out, "PNG")
        return out.getvalue()
    return drawer.still(texts["neutral"]) if neutral else drawer.drawn(seconds, texts["over"])
