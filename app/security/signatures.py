"""Whether a webhook is its sender's: signatures over the raw body and shared secrets, one class per scheme.

Of several keys any one counts, so that a new one can be added before the old one goes. `Unauthorised` with the code
`forged` or `stale` says no more than that to the caller.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import msgspec

from app.errors import Unauthorised

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE_SECONDS = 300
"""How far a signed time may lie from the clock, both ways."""

DAY = 86_400
Headers = Mapping[str, str]
"""By lower-cased name; of several with one name the first."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What must not be taken a second time, and for how many seconds that has to be remembered; empty where the sender
    proves itself by a secret, and nothing tells one request from its repetition."""

    once: bytes = b""
    seconds: int = 0


class Verifier(Protocol):
    def before(self, headers: Headers, now: int) -> None:
        """`Unauthorised` for what cannot be right whatever the body is, so that no body is read for it."""
        ...

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        """`Unauthorised` unless the sender is who it says."""
        ...


def forged(why: str = "the signature or secret is not right") -> Unauthorised:
    return Unauthorised(why, code="forged")


def check_time(seconds: str, now: int, tolerance: int = TOLERANCE_SECONDS) -> None:
    """A signed time, in seconds since 1970, must be close to the clock."""
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12):
        raise forged("the signed time is missing or no number of seconds")
    if abs(int(seconds) * 1000 - now) > tolerance * 1000:
        raise Unauthorised(f"signed more than {tolerance:,} seconds ago, or ahead of the clock", code="stale")


def once(*parts: bytes) -> bytes:
    """One digest for all that a signature covers; a signature itself can have several spellings."""
    return sha256(b"\0".join(parts)).digest()


class SharedSecret:
    """HTTP Basic (`user:password`, or the password under any user name) or a Bearer token: Postmark, Brevo, SparkPost, Mailjet."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    def before(self, headers: Headers, now: int) -> None:
        given = [sha256(each.encode()).digest() for each in _secrets(headers.get("authorization", ""))]
        if not any(hmac.compare_digest(known, each) for known in self._digests for each in given):
            raise forged()

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        return Proof()


def _secrets(authorization: str) -> list[str]:
    kind, _, rest = authorization.partition(" ")
    if kind.lower() == "bearer":
        return [rest.strip()]
    if kind.lower() != "basic":
        return []
    try:
        pair = base64.b64decode(rest, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    user, _, password = pair.partition(":")
    return [pair, password or user]


class SendGrid:
    """ECDSA over P-256 of timestamp and body; keys are the base64 DER that SendGrid shows as verification key."""

    SIGNATURE, TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [ecdsa_key(key) for key in keys]

    def before(self, headers: Headers, now: int) -> None:
        check_time(headers.get(self.TIMESTAMP, ""), now)
        if self.SIGNATURE not in headers:
            raise forged("there is no signature")

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        signed = headers.get(self.TIMESTAMP, "").encode() + body
        signature = decoded(headers.get(self.SIGNATURE, ""))
        if not any(_holds(key, signature, signed) for key in self._keys):
            raise forged()
        return Proof(once(signed), 2 * TOLERANCE_SECONDS)


def _holds(key: EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


class StandardWebhooks:
    """HMAC-SHA256 (`v1`, keys `whsec_…`) or Ed25519 (`v1a`, keys `whpk_…`) of id, timestamp and body. Resend, which signs by
    Svix, names the headers `svix-`."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._secrets = [standard_key(key) for key in keys if not key.startswith("whpk_")]
        self._public = [_ed25519_key(key) for key in keys if key.startswith("whpk_")]

    def before(self, headers: Headers, now: int) -> None:
        id, at, signatures = _standard(headers)
        check_time(at, now)
        if not id or not signatures:
            raise forged("webhook-id or webhook-signature is missing")

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        id, at, signatures = _standard(headers)
        signed = b".".join((id.encode(), at.encode(), body))
        ours = [base64.b64encode(hmac.digest(key, signed, sha256)) for key in self._secrets]
        given = [each.partition(",")[::2] for each in signatures.split(" ")[:20]]
        shared = [hmac.compare_digest(known, each.encode()) for version, each in given if version == "v1" for known in ours]
        public = [_holds_ed25519(key, decoded(each), signed) for version, each in given if version == "v1a" for key in self._public]
        if not any((*shared, *public)):
            raise forged()
        return Proof(once(signed), 2 * TOLERANCE_SECONDS)


def _standard(headers: Headers) -> tuple[str, str, str]:
    prefix = "webhook" if "webhook-id" in headers else "svix"
    return headers.get(f"{prefix}-id", ""), headers.get(f"{prefix}-timestamp", ""), headers.get(f"{prefix}-signature", "")


def _holds_ed25519(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


class MailerSend:
    """HMAC-SHA256 of the body, in hex. No time is signed, so a body is remembered for a day; after that the ids of its
    events still keep it from counting twice."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def before(self, headers: Headers, now: int) -> None:
        if not headers.get("signature"):
            raise forged("there is no signature")

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        given = headers.get("signature", "").strip().lower().encode()
        if not any(hmac.compare_digest(hmac.digest(key, body, sha256).hex().encode(), given) for key in self._keys):
            raise forged()
        return Proof(once(body), DAY)


class _MailgunSignature(msgspec.Struct):
    timestamp: str = ""
    token: str = ""
    signature: str = ""


class _MailgunEnvelope(msgspec.Struct):
    signature: _MailgunSignature


class Mailgun:
    """HMAC-SHA256 of timestamp and token, which stand in the body. The events are not signed, so a token counts once."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]
        self._read = msgspec.json.Decoder(_MailgunEnvelope).decode

    def before(self, headers: Headers, now: int) -> None:
        """Everything stands in the body."""

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        try:
            given = self._read(body).signature
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise forged("there is no signature in the body") from error
        signed = (given.timestamp + given.token).encode()
        if not given.token or not any(hmac.compare_digest(hmac.digest(key, signed, sha256).hex().encode(), given.signature.lower().encode()) for key in self._keys):
            raise forged()
        check_time(given.timestamp, now)
        return Proof(once(given.token.encode()), 2 * TOLERANCE_SECONDS)


# -- keys as an operator writes them -----------------------------------------------------------------------------------


def ecdsa_key(text: str) -> EllipticCurvePublicKey:
    """`ValueError` where it is no public key on a curve, in base64 of DER."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(base64.b64decode(text, validate=True))
    if not isinstance(key, EllipticCurvePublicKey):
        raise ValueError("it is no elliptic-curve key")
    return key


def _ed25519_key(text: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(standard_key(text))


def standard_key(text: str) -> bytes:
    """The bytes of `whsec_…` or `whpk_…`; `ValueError` where they are no base64, or too few."""
    found = base64.b64decode(text.removeprefix("whsec_").removeprefix("whpk_"), validate=True)
    if len(found) < 16 or (text.startswith("whpk_") and len(found) != 32):
        raise ValueError("it is too short")
    return found


def decoded(text: str) -> bytes:
    """Base64 of a signature; empty where it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
