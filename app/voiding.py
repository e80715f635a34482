"""Taking a send back: its decision is as if it never was, and what it used up is there for others again.

In this order, so that a crash in between gives nothing away twice and loses nothing: what is held comes into doubt, the
record goes, then what is held goes back. Left in doubt, it is looked at an hour later by whether there is a record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.domain.caps import Hold
from app.domain.decision import decode_record
from app.domain.profile import Profile
from app.domain.whole import Whole, overruled
from app.errors import Conflict, NotFound, StoreUnavailable
from app.ports import ProfileStore, Sends, Stocks
from app.reserving import Reserving

ARRIVED = (
    "email_delivered", "email_opened", "email_opened_by_machine", "email_clicked", "email_clicked_by_machine", "email_complained",
    "email_unsubscribed",
)
"""Events after which a mail cannot be taken back."""
ATTEMPTS = 8
NOT_RECORDED = "no such decision is recorded: only decisions for a send are, for 35 days"


class Voiding:
    """`withdrawn` is told of each decision that was taken back: (profile, send, record)."""

    def __init__(self, store: ProfileStore, sends: Sends, stocks: Stocks, reserving: Reserving, withdrawn: Callable[[str, str, bytes], Awaitable[None]]) -> None:
        self._withdrawn = withdrawn
        self._store = store
        self._sends = sends
        self._stocks = stocks
        self._reserving = reserving

    async def void(self, key: str, send: str, id: str, now: int) -> None:
        """`NotFound` where nothing is recorded, `Conflict` after a known delivery, open or click; the decision stands then."""
        for _ in range(ATTEMPTS):
            profile = await self._store.read(key, send)
            if profile.record is None:
                raise NotFound(NOT_RECORDED, code="not_recorded")
            if (known := arrived(profile, send)) is not None:
                raise Conflict(f"{known} is known of this send: what was sent cannot be taken back", code="sent")
            held = held_by(profile.record)
            await self._stocks.doubt(held, id, now)
            done = await self._sends.void(profile.key or key, send, profile.record)
            if done:
                await self._stocks.drop(held)
                self._reserving.freed(held)
                await self._withdrawn(profile.key or key, send, profile.record)
                return
            await self._settle(key, send, held)
        raise StoreUnavailable("this decision keeps changing", code="busy")

    async def _settle(self, key: str, send: str, held: list[Hold]) -> None:
        """The record was another by then: what it still shows is kept, the rest is one doubt less."""
        record = await self._store.decision(key, send)
        still = held_by(record) if record else []
        await self._stocks.keep([each for each in held if each in still])
        await self._stocks.drop([each for each in held if each not in still])


def held_by(record: bytes) -> list[Hold]:
    """Everything that a recorded decision holds, each once."""
    return list(dict.fromkeys(Hold(*each) for choice in decode_record(record).choices.values() for each in choice.held))


def arrived(profile: Profile, send: str) -> str | None:
    """The name of an event which tells that the send reached its recipient."""
    history = profile.history
    for name in ARRIVED:
        number = history.names.types.get(name)
        if number is not None and any(history.properties(i).get("send") == send for i in history.positions(number, 0, len(history))):
            return name
    return None


class Overruling:
    """Of two decisions for one send, of people who became one, the earlier stands: what the other holds goes back, unless
    the send is known to have arrived."""

    def __init__(self, store: ProfileStore, stocks: Stocks) -> None:
        self._store = store
        self._stocks = stocks

    async def __call__(self, key: str, whole: Whole) -> None:
        rows = [(send, held) for send, record in overruled(whole) if (held := held_by(record))]
        if not rows:
            return
        profile = await self._store.read(key)
        held = [each for send, held in rows if arrived(profile, send) is None for each in held]
        await self._stocks.doubt(held, "", 0)
        await self._stocks.drop(held)
