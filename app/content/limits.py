"""Caps, cool-downs and inventory at work: which offers may not be shown just now, and what has to be held for a choice.

Compiled once per version of the rules. A placement whose offers are not limited has no entry here and costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from app.content.windows import Edges, edges, span
from app.domain.caps import CODES, COUNT, UNCOUNTED, Ask, Cap, Cooldown, Counting, Guard, Inventory
from app.domain.decision import offers_sent
from app.domain.definitions import Definitions, Offer
from app.domain.request import Request

Shown = Mapping[str, str]
"""placement -> offer"""
OPENED, CLICKED = "email_opened", "email_clicked"
REACTIONS: dict[Counting, tuple[str, ...]] = {"exposure": (OPENED, CLICKED), "click": (CLICKED,)}
"""What a person does who was exposed, or clicked: who clicks has opened."""
_OUTCOMES = {"bought": "order_completed", "complained": "email_complained", "unsubscribed": "email_unsubscribed"}


@dataclass(frozen=True, slots=True, eq=False)
class Limit:
    """A cap with all that it counts: these `offers` (empty: any) in this `placement` (empty: anywhere)."""

    cap: Cap
    subject: str
    placement: str
    offers: tuple[str, ...]
    edges: Edges

    @property
    def stock(self) -> str:
        return f"{COUNT}{self.subject}:{self.cap.counting}"

    def guard(self, r: Request) -> Guard:
        return Guard(self.cap.most, self.edges(r)[0], self.placement, self.offers)

    def shows(self, shown: Shown) -> bool:
        """Whether a send with these choices counts, whenever it was."""
        return Guard(1, -1, self.placement, self.offers).counts(0, shown)

    def reached(self, r: Request) -> bool:
        """Whether the person had all of it in other sends; once for a send, its other placements are free."""
        guard = self.guard(r)
        if guard.counts(r.now, _own(r)):
            return False
        others = ((send, at, shown) for send, (at, shown) in sent(r).items() if send != r.send)
        if self.cap.counting == "send":
            return sum(guard.counts(at, shown) for _, at, shown in others) >= guard.most
        reacted = reactions(r, self.cap.counting)
        return sum(guard.counts(reacted.get(send, -1), shown) for send, _, shown in others) >= guard.most


@dataclass(frozen=True, slots=True)
class OfferLimits:
    """What limits one offer in one placement."""

    per_profile: tuple[Limit, ...] = ()
    in_total: tuple[Limit, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()
    inventory: Inventory | None = None


UNLIMITED = OfferLimits()


class Limited:
    """The limits of one placement's offers."""

    def __init__(self, offers: Mapping[str, OfferLimits]) -> None:
        self.offers = offers

    def refusal(self, r: Request, offer: str) -> str:
        """`caps` or `stock` where the offer may not be shown; empty where it may."""
        limits = self.offers.get(offer)
        if limits is None:
            return ""
        if r.refused is UNCOUNTED:
            return "caps"
        if any(limit.reached(r) for limit in limits.per_profile) or any(cools(r, each, offer) for each in limits.cooldowns):
            return "caps"
        if any(used_up(r, limit.stock) for limit in limits.in_total):
            return "caps"
        return "stock" if limits.inventory is not None and not limits.inventory.codeless and used_up(r, stock_of(limits.inventory, offer)) else ""

    def allowed(self, r: Request, offers: Sequence[Offer], order: Iterable[int], refused: dict[int, str]) -> Iterator[int]:
        """Those of `order` that may be shown; why the others may not is noted in `refused`."""
        for i in order:
            if by := self.refusal(r, offers[i].id):
                refused[i] = by
            else:
                yield i


class Limits:
    """Those of one version of the rules."""

    def __init__(self, definitions: Definitions) -> None:
        self._timezone = ZoneInfo(definitions.timezone)
        named = {id: self._named(id, cap, definitions) for id, cap in definitions.caps.items()}
        self._by_placement = {id: Limited(found) for id in definitions.placements if (found := self._placement(id, definitions, named))}
        self.pools: dict[str, int] = {}
        """pool -> how many codes are left when somebody should know"""
        self.stocks: set[str] = set()
        """all that decisions hold something of"""
        self._reacting: dict[str, Limit] = {}
        for limited in self._by_placement.values():
            for offer, each in limited.offers.items():
                self._note(offer, each)

    def _note(self, offer: str, limits: OfferLimits) -> None:
        self.stocks |= {limit.stock for limit in limits.in_total if limit.cap.counting == "send"}
        if limits.inventory is not None:
            self.stocks.add(stock_of(limits.inventory, offer))
        if limits.inventory is not None and limits.inventory.pool:
            pool = limits.inventory.pool
            self.pools[pool] = max(self.pools.get(pool, 0), limits.inventory.low)
        for limit in limits.in_total:
            if limit.cap.counting != "send":
                self._reacting[limit.stock] = limit

    def __bool__(self) -> bool:
        return bool(self._by_placement)

    @property
    def reacting(self) -> Collection[Limit]:
        """The caps in total over what people do, one of each stock."""
        return self._reacting.values()

    def _placement(self, id: str, definitions: Definitions, named: Mapping[str, Limit]) -> dict[str, OfferLimits]:
        here = [Limit(cap, f"placement:{id}", id, (), edges(cap.window, self._timezone)) for cap in definitions.placements[id].caps]
        found: dict[str, OfferLimits] = {}
        for offer in definitions.offers.values():
            if id not in offer.placements:
                continue
            own = [Limit(cap, f"offer:{offer.id}", "", (offer.id,), edges(cap.window, self._timezone)) for cap in offer.caps]
            over = [limit for limit in named.values() if not limit.offers or offer.id in limit.offers]
            limits = _sorted(offer, [*own, *here, *over])
            if limits != UNLIMITED:
                found[offer.id] = limits
        return found

    def _named(self, id: str, cap: Cap, definitions: Definitions) -> Limit:
        offers = tuple(offer.id for offer in definitions.offers.values() if counted(cap, offer)) if cap.of else ()
        return Limit(cap, f"cap:{id}", "", offers or ("",) if cap.of else (), edges(cap.window, self._timezone))

    # -- for a request -------------------------------------------------------------------------------------------------

    def at(self, placement: str) -> Limited | None:
        """None where no offer of the placement is limited."""
        return self._by_placement.get(placement)

    def look_back(self, placements: Iterable[str]) -> bool:
        """Whether what a person was sent has to be read to choose for one of these placements."""
        return any(placement in self._by_placement for placement in placements)

    def guards(self, r: Request, shown: Shown) -> tuple[Guard, ...]:
        """What must hold when these choices are recorded."""
        limits = {
            id(limit): limit for placement, offer in shown.items() for limit in self._of(placement, offer).per_profile
            if limit.cap.counting == "send" and not limit.guard(r).counts(r.now, _own(r))
        }
        return tuple(limit.guard(r) for limit in limits.values())

    def asks(self, r: Request, holder: str, who: str, shown: Shown) -> list[tuple[str, Ask]]:
        """(offer, what it needs) of these choices; of one stock no more than once where it counts decisions."""
        found: dict[tuple[str, str], tuple[str, Ask]] = {}
        for placement, offer in shown.items():
            limits = self._of(placement, offer)
            for stock, bounded in _by_stock(limits.in_total).items():
                bounds = tuple((limit.cap.most, limit.edges(r)[0]) for limit in bounded)
                found[stock, holder] = offer, Ask(stock, holder, who, bounds, bounded[0].cap.counting != "send", _oldest(r, bounded))
            if (inventory := limits.inventory) is not None:
                stock, mine = stock_of(inventory, offer), f"{holder} {offer}"
                if inventory.quantity:
                    found[stock, mine] = offer, Ask(stock, mine, who, ((inventory.quantity, -1),))
                elif not used_up(r, stock):
                    found[stock, mine] = offer, Ask(stock, mine, who)
        return list(found.values())

    def _of(self, placement: str, offer: str) -> OfferLimits:
        limited = self._by_placement.get(placement)
        return limited.offers.get(offer, UNLIMITED) if limited is not None else UNLIMITED


def counted(cap: Cap, offer: Offer) -> bool:
    """Whether the offer has the attributes that a cap is about."""
    return all(any(offer.attributes.get(name) == value and type(offer.attributes.get(name)) is type(value) for value in values) for name, values in cap.of)


def stock_of(inventory: Inventory, offer: str) -> str:
    return f"{CODES}{inventory.pool}" if inventory.pool else f"{COUNT}quantity:{offer}"


def used_up(r: Request, stock: str) -> bool:
    """Nothing can be held of it: it gave nothing to this request, or what is chosen will not be recorded."""
    return r.refused is None or stock in r.refused


def _sorted(offer: Offer, limits: Sequence[Limit]) -> OfferLimits:
    return OfferLimits(
        tuple(limit for limit in limits if limit.cap.per == "profile"), tuple(limit for limit in limits if limit.cap.per == "total"),
        offer.cooldown, offer.inventory,
    )


def _by_stock(limits: Iterable[Limit]) -> dict[str, list[Limit]]:
    found: dict[str, list[Limit]] = {}
    for limit in limits:
        found.setdefault(limit.stock, []).append(limit)
    return found


def _oldest(r: Request, limits: Sequence[Limit]) -> int:
    """Up to when what was counted matters to none of them."""
    spans = [span(limit.cap.window) for limit in limits]
    return 0 if any(each is None for each in spans) else max(r.now - max(each for each in spans if each is not None), 0)


# -- what a person was sent, and what came of it -----------------------------------------------------------------------


def sent(r: Request) -> Mapping[str, tuple[int, dict[str, str]]]:
    """send -> (decided when, placement -> offer), of all sends that are kept."""
    found = r.memo.get("sent")
    if found is None:
        found = r.memo["sent"] = {send: offers_sent(record) for send, record in r.profile.sends.items()}
    return found


def _own(r: Request) -> dict[str, str]:
    """What this very send shows already."""
    return offers_sent(r.profile.record)[1] if r.profile.record else {}


def reactions(r: Request, counting: Counting) -> Mapping[str, int]:
    """send -> when the person first opened it, or clicked in it."""
    key = ("reactions", counting)
    known: dict[str, int] | None = r.memo.get(key)
    if known is not None:
        return known
    found: dict[str, int] = {}
    for event in REACTIONS[counting]:
        for i, at in zip(*r.held(event), strict=True):
            send = r.history.properties(i).get("send")
            if isinstance(send, str):
                found[send] = min(at, found.get(send, at))
    r.memo[key] = found
    return found


def cools(r: Request, cooldown: Cooldown, offer: str) -> bool:
    """Whether something came of the offer's sends that keeps it away just now."""
    shown = sorted((at, send) for send, (at, offers) in sent(r).items() if offer in offers.values() and send != r.send)
    if not shown:
        return False
    after = r.now - cooldown.milliseconds
    if cooldown.after == "ignored":
        newest = shown[-cooldown.times :]
        clicked = reactions(r, "click")
        return len(newest) == cooldown.times and newest[-1][0] > after and not any(send in clicked for _, send in newest)
    if cooldown.after == "clicked":
        clicked = reactions(r, "click")
        return any(clicked.get(send, -1) > after for _, send in shown)
    return bool(r.instants(_OUTCOMES[cooldown.after], max(after, shown[0][0] - 1)))
