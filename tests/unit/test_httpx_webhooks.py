"""Calling webhooks: no address that is not public, no redirect, no call without a key."""

from __future__ import annotations

import asyncio

import pytest

from app.adapters.httpx_webhooks import HttpxWebhooks, _public
from app.domain.triggers import Webhook
from app.domain.message import Outgoing
from app.errors import SinkUnavailable
from app.security.outgoing import keys_of, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def refused(url: str, environment: dict[str, str] | None = None) -> str:
    calls = HttpxWebhooks({"INLAY_ESP_SECRET": SECRET} if environment is None else environment, lambda: 0, private=False)
    with pytest.raises(SinkUnavailable) as error:
        asyncio.run(calls.sink(Webhook("esp", url, "INLAY_ESP_SECRET", 500)).send(Outgoing("id", "u:anna", b"{}")))
    return error.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0", "[fd00::1]", "[64:ff9b::7f00:1]"])
def test_an_address_that_is_not_public_is_not_called(host: str) -> None:
    assert refused(f"https://{host}/in") == "esp is at no public address; INLAY_PRIVATE_WEBHOOKS=allow lets it be called"


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert _public(address)


@pytest.mark.parametrize("environment", [{}, {"INLAY_ESP_SECRET": ""}, {"INLAY_ESP_SECRET": "whsec_short"}, {"INLAY_ESP_SECRET": "whsec_%%"}])
def test_nothing_is_sent_without_a_usable_key_and_the_key_is_not_told(environment: dict[str, str]) -> None:
    said = refused("https://hooks.example/in", environment)

    assert said.startswith("INLAY_ESP_SECRET: ")
    assert "short" not in said


def test_the_signature_is_that_of_the_published_example() -> None:
    headers = signed(keys_of(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_key_is_replaced_both_sign() -> None:
    headers = signed(keys_of(f"{SECRET},whsec_{'a' * 32}"), "id", 1, b"{}")

    assert len(headers["webhook-signature"].split(" ")) == 2
