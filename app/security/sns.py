"""Amazon SNS: which messages are Amazon's and of our topics. Signature versions 1 (SHA-1) and 2 (SHA-256)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec

from app.domain.literals import parse_instant
from app.security.signatures import Headers, Proof, check_time, decoded, forged, once

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from app.ports import Fetch

_HOST = r"https://sns\.(?P<region>[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d)\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE = re.compile(_HOST + r"/SimpleNotificationService-[0-9A-Za-z]{8,64}\.pem")
_SUBSCRIBE = re.compile(_HOST + r"/\?[\x21-\x7e]{1,2000}")
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]{4,30}):\d{12}:[\w.-]{1,256}")
TOLERANCE_SECONDS = 3_600
"""SNS tries again for an hour, and signs the time of the first attempt."""

NOTIFICATION, CONFIRMATION, UNSUBSCRIBED = "Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"
MOST_CERTIFICATES = 50


class Message(msgspec.Struct, frozen=True):
    """The envelope. What is signed are these fields as text, in the order of their names."""

    Type: str
    MessageId: str
    TopicArn: str
    Message: str
    Timestamp: str
    SignatureVersion: str
    Signature: str
    SigningCertURL: str
    Subject: str | None = None
    SubscribeURL: str | None = None
    Token: str | None = None

    @property
    def signed(self) -> bytes:
        names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
        if self.Type != NOTIFICATION:
            names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        pairs = ((name, getattr(self, name)) for name in names)
        return "".join(f"{name}\n{value}\n" for name, value in pairs if value is not None).encode()


_read = msgspec.json.Decoder(Message).decode


class Sns:
    """Only messages of `topics` count: anybody can have a topic of their own, and Amazon signs for all of them.

    `fetch` is only ever asked for addresses of Amazon's, and for a certificate once.
    """

    def __init__(self, topics: Sequence[str], fetch: Fetch) -> None:
        self._topics = frozenset(topics)
        self._fetch = fetch
        self._certificates: dict[str, Certificate] = {}

    def before(self, headers: Headers, now: int) -> None:
        if headers.get("x-amz-sns-topic-arn", next(iter(self._topics), "")) not in self._topics:
            raise forged("this topic is not ours")

    async def verify(self, headers: Headers, body: bytes, now: int) -> Proof:
        message = read_message(body)
        if message.TopicArn not in self._topics:
            raise forged("this topic is not ours")
        self._check_time(message, now)
        await self._check_signature(message, now)
        return Proof(once(message.MessageId.encode(), body), 2 * TOLERANCE_SECONDS)

    async def confirm(self, body: bytes) -> bool:
        """Answer a request to confirm a subscription, which must have been verified; False where it is none."""
        message = read_message(body)
        if message.Type != CONFIRMATION:
            return False
        url = message.SubscribeURL or ""
        region = _region(message.TopicArn)
        if (found := _SUBSCRIBE.fullmatch(url)) is None or found["region"] != region or not _confirms(url, message.TopicArn):
            raise forged("the address to confirm at is not Amazon's")
        await self._fetch(url)
        return True

    def _check_time(self, message: Message, now: int) -> None:
        at = parse_instant(message.Timestamp)
        check_time(str((at if at is not None else -1) // 1000), now, TOLERANCE_SECONDS)

    async def _check_signature(self, message: Message, now: int) -> None:
        from cryptography.exceptions import InvalidSignature  # large, and few servers are told by SNS
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
        from cryptography.hazmat.primitives.hashes import SHA1, SHA256

        hashes = {"1": SHA1(), "2": SHA256()}  # noqa: S303 (version 1 is what SNS signs unless a topic asks for 2)
        if message.SignatureVersion not in hashes or message.Type not in (NOTIFICATION, CONFIRMATION, UNSUBSCRIBED):
            raise forged("neither signature version 1 nor 2, or no known type")
        certificate = await self._certificate(message)
        key = certificate.public_key()
        today = datetime.fromtimestamp(now / 1000, UTC)
        if not isinstance(key, RSAPublicKey) or not certificate.not_valid_before_utc <= today <= certificate.not_valid_after_utc:
            raise forged("the certificate is not valid")
        try:
            key.verify(decoded(message.Signature), message.signed, PKCS1v15(), hashes[message.SignatureVersion])
        except InvalidSignature as error:
            raise forged() from error

    async def _certificate(self, message: Message) -> Certificate:
        from cryptography.x509 import load_pem_x509_certificate

        url = message.SigningCertURL
        if (found := _CERTIFICATE.fullmatch(url)) is None or found["region"] != _region(message.TopicArn):
            raise forged("the certificate's address is not Amazon's")
        if url not in self._certificates:
            pem = await self._fetch(url)
            try:
                certificate = load_pem_x509_certificate(pem)
            except ValueError as error:
                raise forged("the certificate cannot be read") from error
            if len(self._certificates) >= MOST_CERTIFICATES:
                self._certificates.clear()
            self._certificates[url] = certificate
        return self._certificates[url]


def read_message(body: bytes) -> Message:
    try:
        return _read(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise forged("this is no message of SNS") from error


def _region(topic: str) -> str:
    found = TOPIC.fullmatch(topic)
    return found["region"] if found is not None else ""


def _confirms(url: str, topic: str) -> bool:
    asked = parse_qs(urlsplit(url).query)
    return asked.get("Action") == ["ConfirmSubscription"] and asked.get("TopicArn") == [topic]
