"""How each source of webhooks proves that it is the sender, by the name in its address."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from app.security.signatures import MailerSend, Mailgun, SendGrid, SharedSecret, StandardWebhooks, Verifier
from app.security.sns import TOPIC, Sns

if TYPE_CHECKING:
    from app.ports import Fetch

SCHEMES: dict[str, Callable[[Sequence[str]], Verifier]] = {
    "sendgrid": SendGrid, "postmark": SharedSecret, "brevo": SharedSecret, "mailgun": Mailgun, "sparkpost": SharedSecret, "mailjet": SharedSecret,
    "mailersend": MailerSend, "resend": StandardWebhooks, "standard": StandardWebhooks,
}
SES = "ses"
"""Proves itself by Amazon's certificate; instead of keys there are topics."""


def verifiers(keys: Mapping[str, Sequence[str]], fetch: Fetch) -> dict[str, Verifier]:
    """Of the sources that have keys. `ValueError` where one cannot be used."""
    found = {source: scheme(keys[source]) for source, scheme in SCHEMES.items() if keys.get(source)}
    return found | {SES: Sns(keys[SES], fetch)} if keys.get(SES) else found


def check_keys(source: str, keys: Sequence[str]) -> None:
    """`ValueError` where these are no keys of that source; the message does not tell them."""
    if source == SES:
        if any(TOPIC.fullmatch(key) is None for key in keys):
            raise ValueError("a topic is arn:aws:sns:REGION:ACCOUNT:NAME")
        return
    try:
        SCHEMES[source](keys)
    except ValueError:
        raise ValueError(f"no such key as {source} shows; see docs/webhooks.md") from None
