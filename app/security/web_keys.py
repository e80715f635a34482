"""Public web keys: what a page may be known by, and the proof of who a user is that only the shop's server can make."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from urllib.parse import urlsplit

from app.errors import RequestInvalid

SCOPE = "web"
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def new_web_key() -> str:
    return "inlay_web_" + secrets.token_urlsafe(24)


def new_secret() -> str:
    """What the shop's server proves user ids with."""
    return "inlay_proof_" + secrets.token_urlsafe(32)


def proof(secret: str, user: str) -> str:
    """HMAC-SHA256 of the user id, in lower-case hex."""
    return hmac.new(secret.encode(), user.encode("utf-8", "surrogatepass"), sha256).hexdigest()


def proves(secret: str, user: str, given: object) -> bool:
    """Whether the proof is that of this user; it takes as long to say no as to say yes. Without a secret nothing is proven."""
    if not isinstance(given, str) or not secret:
        return False
    return hmac.compare_digest(proof(secret, user).encode(), given.encode("utf-8", "surrogatepass"))


def origin_of(text: str) -> str:
    """An origin as browsers write it: `https://shop.example`; http for loopback alone. `RequestInvalid` for anything else."""
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    plain = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    if not plain or not host or "*" in host or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise RequestInvalid(f"origin: {text!r} is none; one is https://shop.example, or http://localhost:3000 to try things")
    name = f"[{host}]" if ":" in host else host.encode("idna").decode()
    return f"{parts.scheme}://{name}" + (f":{port}" if port and port != _DEFAULT_PORTS[parts.scheme] else "")


def is_loopback(host: str) -> bool:
    return host in _LOOPBACK


def loopback_origin(origin: str) -> bool:
    """Whether a page of this machine asks."""
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
