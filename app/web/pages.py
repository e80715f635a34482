"""What web pages load and send: `/v1/inlay.js`, the pixel, and events under a public key that is bound to origins."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from app.domain.event import Refused
from app.domain.json import Json
from app.errors import Forbidden, InlayError, RequestInvalid, Unauthorised
from app.formats.page import on_our_clock, page_events, pixel_event
from app.domain.receipt import Receipt, receipt_json
from app.ingest import Ingest
from app.security.client_address import client_address, networks
from app.security.web_keys import SCOPE, loopback_origin, proves
from app.web.asgi import JSON, PRIVATE, Headers, Reply, Scope, header
from app.web.auth import key_of
from app.web.bodies import as_object, read_any
from app.web.consents import asks_for_privacy
from app.web.errors import answer
from app.web.parts import Parts
from app.web.rates import Rates

MAX_BYTES = 64 << 10
"""What a browser sends at most once its page is left."""
PERSON_RATE, PERSON_BURST = 5.0, 300.0
"""Events a second, and at once, of one anonymous id: an offline queue and then some."""
KEY_BURST_SECONDS = 10
_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_PIXEL: Headers = [(b"content-type", b"image/gif"), (b"cache-control", b"no-store, private"), (b"cross-origin-resource-policy", b"cross-origin")]
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Caller:
    """The page that asks. `name` is what its share is counted by; without a `secret` it can prove nobody."""

    name: str
    secret: str


class Pages:
    def __init__(self, parts: Parts, ingest: Ingest) -> None:
        self._parts = parts
        self._ingest = ingest
        per_second = parts.settings.page_events_per_second
        self._of_keys = Rates(per_second, per_second * KEY_BURST_SECONDS)
        self._proxies = networks(parts.settings.trusted_proxies)
        self._of_people = Rates(PERSON_RATE, PERSON_BURST)
        self._script = (files("app.web") / "assets" / "inlay.js").read_bytes()
        self._zipped = gzip.compress(self._script, 9, mtime=0)
        self._tag = sha256(self._script).hexdigest()[:16].encode()

    async def script(self, scope: Scope, receive: Any) -> Reply:
        """The script, for an hour; any page may load it."""
        zipped = b"gzip" in (header(scope, b"accept-encoding") or b"")
        tag = b'"' + self._tag + (b'-gzip"' if zipped else b'"')
        headers: Headers = [
            (b"content-type", b"text/javascript; charset=utf-8"), (b"cache-control", b"public, max-age=3600"), (b"etag", tag), (b"vary", b"Accept-Encoding"),
            (b"access-control-allow-origin", b"*"), (b"cross-origin-resource-policy", b"cross-origin"), (b"x-content-type-options", b"nosniff"),
        ]
        if tag in (header(scope, b"if-none-match") or b""):
            return Reply(304, b"", headers)
        return Reply(200, self._zipped, [*headers, (b"content-encoding", b"gzip")]) if zipped else Reply(200, self._script, headers)

    # -- events ----------------------------------------------------------------------------------------------------

    def asks(self, scope: Scope) -> bool:
        """Whether it is a page that sends these events: it names a web key, or is one of this machine in development mode."""
        if "key" in _query(scope):
            return True
        keys = self._parts.keys
        if keys.development:
            return _elsewhere(scope) and loopback_origin(_origin(scope))
        entry = keys.find(_key(scope))
        return entry is not None and entry.allows(SCOPE) and bool(entry.origins)

    async def take(self, scope: Scope, receive: Any) -> Reply:
        """As `POST /v1/events`, for pages; every refusal is counted by its reason, and readable to a page that is let in."""
        shared: Headers = []
        try:
            caller = self._caller(scope, _origin(scope))
            shared = _cors(_origin(scope))
            receipt = await self._taken(scope, receive, caller)
        except InlayError as error:
            self._parts.telemetry.page_call("events", error.code)
            status, body, headers = answer(error)
            return Reply(status, body, [pair for pair in headers if pair[0] != b"www-authenticate"] + shared, "refused" if status < 500 else "error")
        return Reply(202 if receipt.spooled else 200, _encode(receipt_json(receipt)), [JSON, PRIVATE, *shared])

    async def preflight(self, scope: Scope, receive: Any) -> Reply:
        """What a browser asks before a page of another origin may send."""
        keys, origin = self._parts.keys, _origin(scope)
        named = keys.find(_key(scope))
        known = loopback_origin(origin) if keys.development else origin in (named.origins if named is not None else keys.origins())
        if not known or not header(scope, b"access-control-request-method"):
            return Reply(403, b"", [(b"vary", b"Origin")], "refused")
        allowed = [(b"access-control-allow-methods", b"POST"), (b"access-control-allow-headers", b"content-type, authorization"), (b"access-control-max-age", b"7200")]
        return Reply(204, b"", [*_cors(origin), *allowed])

    async def _taken(self, scope: Scope, receive: Any, caller: Caller) -> Receipt:
        parts = self._parts
        parts.admit()
        body = as_object(await read_any(receive, scope, MAX_BYTES))
        raws: Json = body["batch"] if "batch" in body else [body]
        if not isinstance(raws, list):
            raise RequestInvalid("batch: a list of events", problems=(("batch", "not a list"),))
        own, events = page_events(raws, partial(proves, caller.secret))
        now = parts.clock()
        self._share(caller, own, len(events), now)
        if asks_for_privacy(scope):
            parts.telemetry.page_call("events", "privacy")
            await self._ingest.opt_out(events, now)
            return Receipt(rejected=[Refused(index, "consent", "the browser asks not to be tracked (Global Privacy Control)") for index in range(len(raws))])
        receipt = await self._ingest.take([self._seen_from(scope, each) for each in on_our_clock(events, body.get("sentAt"), now)], now)
        self._count("events", receipt)
        return receipt

    def _seen_from(self, scope: Scope, event: dict[str, Json]) -> dict[str, Json]:
        """The event with what its connection tells, where enrichment wants to know it: it takes the address out again."""
        wanted = set(self._parts.snapshot.definitions.enrich.local.values()) if self._parts.snapshot is not None else set[str]()
        if not wanted:
            return event
        context = event.get("context")
        seen: dict[str, Json] = dict(context) if isinstance(context, dict) else {}
        if "ip" in wanted:
            peer = (scope.get("client") or ("",))[0]
            seen["ip"] = client_address(peer, (header(scope, b"x-forwarded-for") or b"").decode("latin-1"), self._proxies)
        if "user_agent" in wanted:
            seen["userAgent"] = (header(scope, b"user-agent") or b"").decode("latin-1")
        return {**event, "context": seen}

    # -- the pixel -------------------------------------------------------------------------------------------------

    async def pixel(self, scope: Scope, receive: Any) -> Reply:
        """Always the picture: what is wrong with the call is counted, and shown to nobody."""
        try:
            await self._seen(scope)
        except InlayError as error:
            self._parts.telemetry.page_call("pixel", error.code)
        except Exception as error:  # noqa: BLE001 (a picture never fails)
            self._parts.telemetry.failure(error)
        return Reply(200, _GIF, _PIXEL)

    async def picture(self, scope: Scope, receive: Any) -> Reply:
        """The answer to a HEAD, which is no view."""
        return Reply(200, _GIF, _PIXEL)

    async def _seen(self, scope: Scope) -> None:
        parts, referrer = self._parts, (header(scope, b"referer") or b"").decode("latin-1")
        caller = self._caller(scope, _origin_in(referrer), required=False)
        parts.admit()
        if asks_for_privacy(scope):
            parts.telemetry.page_call("pixel", "privacy")
            return
        event = pixel_event(_query(scope), referrer, partial(proves, caller.secret))
        now = parts.clock()
        self._share(caller, str(event.get("anonymousId") or event.get("userId")), 1, now)
        self._count("pixel", await self._ingest.take([self._seen_from(scope, event) if "anonymousId" in event else event], now))

    # -- who asks --------------------------------------------------------------------------------------------------

    def _caller(self, scope: Scope, origin: str, *, required: bool = True) -> Caller:
        """The page's key, where the page is one of its origins. A picture's page is not always told: then it is not looked at."""
        keys, given = self._parts.keys, _key(scope)
        if keys.development and not given and (not origin or loopback_origin(origin)):
            keys.authorise({**scope, "method": "GET"}, SCOPE)
            return Caller("", "")
        entry = keys.find(given)
        if entry is None or not entry.allows(SCOPE) or not entry.origins:
            raise Unauthorised("no such web key: `inlay keys create --scope web --origin https://shop.example` makes one", code="wrong_key")
        if origin not in entry.origins and (origin or required):
            raise Forbidden("this key is not for pages of this origin", code="wrong_origin")
        return Caller(entry.id, entry.secret)

    def _share(self, caller: Caller, own: str, number: int, now: int) -> None:
        self._of_people.take(f"{caller.name}:{own}", number, now)
        self._of_keys.take(caller.name, number, now)

    def _count(self, call: str, receipt: Receipt) -> None:
        self._parts.telemetry.page_call(call, "taken")
        self._parts.telemetry.receipt(receipt)


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"))) if scope["query_string"] else {}


def _key(scope: Scope) -> str:
    """In the query, since a beacon has no headers; or in the Authorization header."""
    return _query(scope).get("key") or key_of(header(scope, b"authorization"))


def _origin(scope: Scope) -> str:
    return (header(scope, b"origin") or b"").decode("latin-1")


def _origin_in(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _elsewhere(scope: Scope) -> bool:
    """Whether a page of another origin asks, as browsers say."""
    return (header(scope, b"sec-fetch-site") or b"") not in (b"", b"same-origin", b"none")


def _cors(origin: str) -> Headers:
    """A beacon comes with credentials, whether its page wants that or not, so that they must be allowed; none are looked at."""
    return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"access-control-allow-credentials", b"true"), (b"vary", b"Origin")]
