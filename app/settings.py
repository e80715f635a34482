"""The server's settings, from flags and `INLAY_*`; read once, then passed down."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.domain.bounds import Bounds
from app.errors import SettingsInvalid
from app.security.client_address import networks
from app.security.senders import SCHEMES, SES, check_keys

Keys = Annotated[tuple[str, ...], NoDecode]
"""Comma-separated; any one counts, so that a new one can be added before the old one goes."""

WEBHOOK_FIELDS = {source: f"webhook_{source}_keys" for source in SCHEMES} | {SES: "webhook_ses_topics"}
SECRET = frozenset({"secret", "identity_secret", "admin_key", "lookup_secrets", *WEBHOOK_FIELDS.values()})
"""Whose values are never told."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Frozen. Every field is `INLAY_<NAME>`; a secret's value never appears in a message."""

    model_config = SettingsConfigDict(env_prefix="INLAY_", frozen=True, extra="ignore")

    content: Path = Field(Path("."), description="the folder that holds rules/, blocks/ and models/")
    data: Path = Field(Path("./data"), description="where Inlay keeps its own files")
    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="the port to listen on; 0 takes a free one")
    workers: int = Field(1, ge=1, le=64, description="processes that answer requests")
    redis_url: str = Field("", description="a Redis to use instead of the embedded one")
    stream_url: str = Field("", description="the Redis that holds the streams, where it is another than the store's", repr=False)
    public_url: str = Field("", description="the https address that recipients reach")
    amp_senders: Annotated[tuple[str, ...], NoDecode] = Field((), description="addresses or @domain, comma-separated, whose AMP mails are answered")
    durability: Literal["durable", "fast"] = Field("durable", description="durable: fsynced before the answer; fast: every second")
    secret: str = Field("", description="kid:base64url(32 bytes), comma-separated, newest first; generated where absent", repr=False)
    admin_key: str = Field("", description="an API key with every scope", repr=False)
    max_inflight: int = Field(256, ge=1, description="requests in flight in a worker beyond which fallbacks are served")
    page_events_per_second: int = Field(500, ge=1, description="events that a worker takes of one web key")
    email_in_url: Literal["refuse", "allow"] = Field("refuse", description="allow: user ids are e-mail addresses")
    read_timeout_ms: int = Field(50, ge=1, description="the limit of a read from Redis")
    write_timeout_ms: int = Field(1000, ge=1, description="the limit of a write to Redis")
    deadline_esp_ms: int = Field(800, ge=1, description="the limit of a content answer")
    deadline_amp_ms: int = Field(300, ge=1, description="the limit of an AMP list")
    identity_secret: str = Field("", description="base64url(32 bytes) that identifiers are hashed with; by default the oldest of INLAY_SECRET", repr=False)
    max_identities: int = Field(500, ge=1, description="identifiers of one person, and people of one identifier, beyond which nothing more is linked")
    history_per_type: int = Field(1000, ge=1, le=10_000, description="events kept per profile and type")
    history_days: int = Field(0, ge=0, description="age in days beyond which events are dropped; 0: none")
    webhook_sendgrid_keys: Keys = Field((), description="the verification keys of SendGrid's Event Webhook, comma-separated", repr=False)
    webhook_postmark_keys: Keys = Field((), description="user:password or token that Postmark sends, comma-separated", repr=False)
    webhook_brevo_keys: Keys = Field((), description="user:password or token that Brevo sends, comma-separated", repr=False)
    webhook_mailgun_keys: Keys = Field((), description="Mailgun's webhook signing keys, comma-separated", repr=False)
    webhook_sparkpost_keys: Keys = Field((), description="user:password or token that SparkPost sends, comma-separated", repr=False)
    webhook_mailjet_keys: Keys = Field((), description="user:password that Mailjet sends, comma-separated", repr=False)
    webhook_mailersend_keys: Keys = Field((), description="signing secrets of MailerSend's webhooks, comma-separated", repr=False)
    webhook_resend_keys: Keys = Field((), description="signing secrets of Resend's webhooks, comma-separated", repr=False)
    webhook_standard_keys: Keys = Field((), description="signing secrets of Standard Webhooks, comma-separated", repr=False)
    webhook_ses_topics: Keys = Field((), description="ARNs of the SNS topics that SES reports to, comma-separated")
    spool_mb: int = Field(256, ge=1, description="the disk that events may take while Redis is away")
    log: Literal["on", "off"] = Field("on", description="off: no decision log, and nobody can say afterwards why a decision fell so")
    log_folder: str = Field("", description="where the decision log lies; empty: log/ in the data folder")
    log_stream_mb: int = Field(1024, ge=1, description="the disk that the log's stream may take until it is packed")
    log_pack: Literal["daily", "off"] = Field("daily", description="off: the log becomes Parquet only by inlay log pack")
    log_days: int = Field(400, ge=1, description="age in days beyond which the packed log is dropped")
    dead_letters_mb: int = Field(64, ge=1, description="the room that refused events may take in Redis")
    geo_database: str = Field("", description="a MaxMind City database, for geography from IP addresses")
    lookup_hosts: Keys = Field((), description="hosts that look-ups may ask, comma-separated")
    lookup_secrets: str = Field("", description="NAME:value, comma-separated, for the headers of look-ups", repr=False)
    trusted_proxies: Keys = Field((), description="addresses or networks whose X-Forwarded-For is believed, comma-separated")
    private_webhooks: Literal["refuse", "allow"] = Field("refuse", description="allow: triggers may call addresses that are not public")
    demo: bool = Field(False, description="load the invented shop")
    reload: bool = Field(False, description="restart workers when the code changes")

    @field_validator("amp_senders", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator(*WEBHOOK_FIELDS.values(), "lookup_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _keys(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator(*WEBHOOK_FIELDS.values())
    @classmethod
    def _usable(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        check_keys(next(source for source, name in WEBHOOK_FIELDS.items() if name == info.field_name), value)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        networks(value)
        return value

    @field_validator("lookup_secrets")
    @classmethod
    def _named(cls, value: str) -> str:
        parse_named(value)
        return value

    @field_validator("secret")
    @classmethod
    def _readable(cls, value: str) -> str:
        parse_secret(value)
        return value

    @property
    def webhook_keys(self) -> dict[str, tuple[str, ...]]:
        """The keys of each source of webhooks; SES has topics instead."""
        return {source: getattr(self, name) for source, name in WEBHOOK_FIELDS.items()}

    @field_validator("identity_secret")
    @classmethod
    def _a_key(cls, value: str) -> str:
        if value:
            parse_secret(f"i:{value}")
        return value

    @property
    def identity_key(self) -> bytes:
        """What identifiers are hashed with. It must stay the same: set it before the oldest secret is rotated out."""
        keys = parse_secret(f"i:{self.identity_secret}" if self.identity_secret else self.secret)
        return keys[-1][1] if keys else b""

    @property
    def reachable(self) -> bool:
        """Whether others than this machine can call."""
        return self.host not in LOOPBACK

    @property
    def bounds(self) -> Bounds:
        """How much of a history there is to look at."""
        return Bounds(self.history_per_type, self.history_days * 86_400_000)

    @property
    def log_home(self) -> Path:
        """The folder of the decision log."""
        return Path(self.log_folder) if self.log_folder else self.data / "log"

    @property
    def recipients_url(self) -> str:
        """What tokens' addresses are built on."""
        return self.public_url or f"https://localhost:{self.port}"


def parse_secret(text: str) -> list[tuple[str, bytes]]:
    """(kid, key) pairs, newest first."""
    found: list[tuple[str, bytes]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        kid, _, encoded = part.partition(":")
        try:
            key = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (ValueError, binascii.Error) as error:
            raise ValueError("a secret is kid:base64url(32 bytes)") from error
        if len(key) != 32 or not kid.isalnum():
            raise ValueError("a secret is kid:base64url(32 bytes), the kid of letters and digits")
        found.append((kid, key))
    return found


def parse_named(text: str) -> dict[str, str]:
    """name -> secret."""
    rows = [part.partition(":") for part in filter(None, (part.strip() for part in text.split(",")))]
    if any(not name.isidentifier() or not value for name, _, value in rows):
        raise ValueError("secrets are NAME:value, comma-separated, the name of letters, digits and _")
    return {name: value for name, _, value in rows}


KAFKA = "INLAY_KAFKA_"


def kafka_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """What librdkafka is told: `INLAY_KAFKA_BOOTSTRAP_SERVERS` is its `bootstrap.servers`, and so on."""
    found = {name.removeprefix(KAFKA).lower().replace("_", "."): value for name, value in environment.items() if name.startswith(KAFKA)}
    if "bootstrap.servers" not in found:
        raise SettingsInvalid(f"{KAFKA}BOOTSTRAP_SERVERS: host:port of a broker, or several, comma-separated")
    return found


def load_settings(**given: Any) -> Settings:
    """Settings from flags (None means not given) and the environment; `SettingsInvalid` names what is wrong."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        lines = [
            f"INLAY_{str(problem['loc'][0]).upper()}: {problem['msg']}"
            + ("" if problem["loc"][0] in SECRET else f" (it is {problem['input']!r})")
            for problem in error.errors()
        ]
        raise SettingsInvalid("; ".join(lines)) from error
