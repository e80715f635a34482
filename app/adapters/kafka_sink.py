"""Messages into a Kafka topic, a person's always into the same partition."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from app.domain.message import Outgoing
from app.errors import SinkRefused, SinkUnavailable, SettingsInvalid

OURS: dict[str, Any] = {"enable.idempotence": True, "acks": "all"}
POLL_SECONDS = 0.1
SECONDS = 10.0


class KafkaSink:
    """`EventSink`. A message that librdkafka has to repeat is written once; one that is sent again after a crash comes twice,
    under the same header `id`."""

    def __init__(self, config: Mapping[str, Any], topic: str) -> None:
        """`config` goes to librdkafka as it is; `SettingsInvalid` where it does not take it."""
        self._topic = topic
        limits = {"delivery.timeout.ms": int(SECONDS * 1000), "logger": logging.getLogger("inlay.kafka")}
        try:
            self._producer = Producer({**limits, **config, **OURS})
        except (KafkaException, ValueError) as error:
            raise SettingsInvalid(f"INLAY_KAFKA_*: {error}") from error
        self._polling: asyncio.Task[None] | None = None
        self._waiting = 0

    async def send(self, message: Outgoing) -> None:
        loop = asyncio.get_running_loop()
        told: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, _: Message) -> None:
            loop.call_soon_threadsafe(_settle, told, error)

        headers: dict[str, str | bytes | None] = {**message.headers, "id": message.id}
        try:
            self._producer.produce(self._topic, message.body, message.key, headers=headers, on_delivery=delivered)
        except BufferError as error:
            raise SinkUnavailable(f"the topic {self._topic}: too much is on its way to Kafka") from error
        except KafkaException as error:
            raise _meaning(self._topic, error) from error
        self._waiting += 1
        if self._polling is None:
            self._polling = loop.create_task(self._poll())
        try:
            await told
        except KafkaException as error:
            raise _meaning(self._topic, error) from error
        finally:
            self._waiting -= 1

    async def _poll(self) -> None:
        """While something is on its way, hear what became of it."""
        while self._waiting:
            await asyncio.to_thread(self._producer.poll, POLL_SECONDS)
        self._polling = None

    async def close(self) -> None:
        await asyncio.to_thread(self._producer.flush, SECONDS)


def _settle(told: asyncio.Future[None], error: KafkaError | None) -> None:
    if told.done():
        return
    if error is None:
        told.set_result(None)
    else:
        told.set_exception(KafkaException(error))


def _meaning(topic: str, error: KafkaException) -> SinkRefused | SinkUnavailable:
    code = error.args[0].code()
    refused = code in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.INVALID_MSG)
    return (SinkRefused if refused else SinkUnavailable)(f"the topic {topic}: {error.args[0].str()}")
