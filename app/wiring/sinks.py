"""What writes to streams that others read."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Generator
from contextlib import contextmanager

from app.adapters.breaker import Breaker
from app.adapters.redis_cluster import link_to
from app.adapters.redis_link import Link
from app.adapters.redis_outgoing import OUTGOING, outgoing_stream
from app.adapters.redis_sink import RedisSink
from app.adapters.redis_source import shards
from app.errors import SettingsInvalid
from app.ports import EventSink
from app.settings import Settings, kafka_settings

_ADDRESS = re.compile(r"(redis|kafka):([^\s/]+)(?:/([1-9]\d{0,3}))?")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def build_sink(settings: Settings, link: Link, address: str) -> EventSink:
    """What writes to the stream of an address: `redis:NAME`, `redis:NAME/SHARDS`, `kafka:TOPIC`, or a plain name for a stream
    under Inlay's own keys, which erasure reaches. `SettingsInvalid` where it is none of these, or Kafka is not set up. `link`
    leads to the store's Redis, where the streams are unless `INLAY_STREAM_URL` says otherwise."""
    if _NAME.fullmatch(address):
        return RedisSink(link, [outgoing_stream(address)], settings.write_timeout_ms / 1000, listed_in=OUTGOING)
    found = _ADDRESS.fullmatch(address)
    if found is None or (found[1] == "kafka" and found[3]):
        raise SettingsInvalid(f"{address!r} is no stream: NAME, redis:NAME, redis:NAME/SHARDS or kafka:TOPIC")
    kind, name, number = found.groups()
    if kind == "redis":
        streams = link_to(settings.stream_url, Breaker(time.monotonic), read_seconds=2.0) if settings.stream_url else link
        return RedisSink(streams, shards(name, int(number or 1)), settings.write_timeout_ms / 1000)
    with extra("kafka"):
        from app.adapters.kafka_sink import KafkaSink
    return KafkaSink(kafka_settings(os.environ), name)


@contextmanager
def extra(name: str) -> Generator[None]:
    """What is imported inside comes with an extra of that name."""
    try:
        yield
    except ImportError as error:
        raise SettingsInvalid(f"{name} needs the extra: pip install 'inlay[{name}]'") from error
