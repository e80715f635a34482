"""ESPs as a test plays them: bodies signed as each of them signs, with keys of their own."""

from __future__ import annotations

import base64
import hmac
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

CURVE, OTHER_CURVE = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
ED25519 = Ed25519PrivateKey.generate()
SECRET, OTHER_SECRET = b"the secret of a sender", b"the next secret of it"
WHSEC, OTHER_WHSEC = ("whsec_" + base64.b64encode(secret).decode() for secret in (SECRET, OTHER_SECRET))
WHPK = "whpk_" + base64.b64encode(ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
TOPIC = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
RSA = rsa.generate_private_key(65537, 2048)


def now() -> int:
    return int(time.time())


def public(key: EllipticCurvePrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def sendgrid(body: bytes, at: int, key: EllipticCurvePrivateKey = CURVE) -> dict[str, str]:
    signature = base64.b64encode(key.sign(str(at).encode() + body, ECDSA(SHA256()))).decode()
    return {"x-twilio-email-event-webhook-signature": signature, "x-twilio-email-event-webhook-timestamp": str(at)}


def standard(body: bytes, at: int, secret: bytes = SECRET, *, id: str = "msg_1", prefix: str = "webhook") -> dict[str, str]:
    signed = f"{id}.{at}.".encode() + body
    signature = "v1," + base64.b64encode(hmac.digest(secret, signed, sha256)).decode()
    return {f"{prefix}-id": id, f"{prefix}-timestamp": str(at), f"{prefix}-signature": signature}


def standard_by_public_key(body: bytes, at: int) -> dict[str, str]:
    signature = "v1a," + base64.b64encode(ED25519.sign(f"msg_1.{at}.".encode() + body)).decode()
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": f"v1,bm9uc2Vuc2U= {signature}"}


def mailersend(body: bytes, secret: bytes = SECRET) -> dict[str, str]:
    return {"signature": hmac.digest(secret, body, sha256).hex()}


def mailgun(event: dict[str, Any], at: int, secret: bytes = SECRET, token: str = "") -> bytes:
    token = token or uuid.uuid4().hex
    signature = hmac.digest(secret, f"{at}{token}".encode(), sha256).hex()
    return json.dumps({"signature": {"timestamp": str(at), "token": token, "signature": signature}, "event-data": event}).encode()


def basic(pair: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def certificate(key: rsa.RSAPrivateKey = RSA, *, days: int = 30) -> bytes:
    """A certificate of one's own, which ends in so many days."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    today = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    return made.not_valid_before(today - timedelta(days=60)).not_valid_after(today + timedelta(days=days)).sign(key, SHA256()).public_bytes(Encoding.PEM)


def sns(message: Any, *, version: str = "1", **fields: str) -> dict[str, str]:
    """An envelope of SNS around a message; its fields may be changed before it is signed."""
    row = {
        "Type": "Notification", "MessageId": uuid.uuid4().hex, "TopicArn": TOPIC, "Message": json.dumps(message),
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"), "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL, **fields,
    }
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if row["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{row[name]}\n" for name in names if name in row).encode()
    row["Signature"] = base64.b64encode(RSA.sign(signed, PKCS1v15(), SHA1() if version == "1" else SHA256())).decode()
    return row


def confirmation(**fields: str) -> dict[str, str]:
    url = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t1"
    return sns("confirm", **{"Type": "SubscriptionConfirmation", "SubscribeURL": url, "Token": "t1", **fields})


class Fetched:
    """`Fetch` that knows one certificate, and remembers what it was asked for."""

    def __init__(self, pem: bytes = b"") -> None:
        self.pem = pem or certificate()
        self.asked: list[str] = []

    async def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        return self.pem
