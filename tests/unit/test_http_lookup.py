"""Asking a third party that is slow, down, redirecting, huge or wrong, and one whose name leads to where it must not."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.adapters.http_lookup import HttpLookup, is_public
from app.errors import LookupFailed
from tests.unit.party import third_party

ANSWER = {"main": {"temp": 7.5}, "weather": [{"main": "Rain"}]}


class Names:
    """Resolves every name to the next of some addresses, and remembers how often it was asked."""

    def __init__(self, *addresses: list[str]) -> None:
        self._addresses = list(addresses)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self._addresses.pop(0) if len(self._addresses) > 1 else self._addresses[0]


def asked(path: str, names: Any = None, *, host: str = "party.example", hosts: tuple[str, ...] = ("party.example",), anywhere: bool = True, seconds: float = 2.0, **headers: str) -> Any:
    """(what came of it, the third party)"""

    async def story() -> Any:
        async with third_party() as party:
            lookup = HttpLookup(hosts, names or Names(["127.0.0.1"]), (lambda _: True) if anywhere else is_public)
            try:
                return await lookup.ask(party.url(path, host), headers, seconds), party
            except LookupFailed as error:
                return error, party
            finally:
                await lookup.close()

    return asyncio.run(story())


def test_a_good_answer_is_read():
    found, party = asked("/good?city=Berlin", authorization="Bearer k")

    assert (found, party.asked) == (ANSWER, ["/good?city=Berlin"])
    assert "authorization: bearer k" in party.heads[0].lower()
    assert f"host: party.example:{party.port}" in party.heads[0].lower()


def test_who_is_not_known_there_is_no_failure():
    assert asked("/none")[0] is None


@pytest.mark.parametrize("path,code", [
    ("/slow", "timeout"), ("/drip", "timeout"), ("/error", "status"), ("/redirect", "redirect"), ("/huge", "too_large"), ("/endless-head", "unreachable"), ("/html", "not_json"),
    ("/deep", "not_json"), ("/bytes", "not_json"), ("/no-http", "unreachable"), ("/cut", "unreachable"), ("/nothing", "unreachable"),
])
def test_every_other_answer_is_a_failure_with_its_name(path, code):
    found, party = asked(path, seconds=0.4 if code == "timeout" else 5.0)

    assert (found.code, party.asked) == (code, [path])


def test_a_third_party_that_is_down_is_unreachable():
    async def story() -> LookupFailed:
        async with third_party() as party:
            pass
        lookup = HttpLookup(["party.example"], Names(["127.0.0.1"]), lambda _: True)
        with pytest.raises(LookupFailed) as caught:
            await lookup.ask(party.url("/good"), {}, 2.0)
        await lookup.close()
        return caught.value

    assert asyncio.run(story()).code == "unreachable"


@pytest.mark.parametrize("hosts", [(), ("other.example",), ("example",), ("party.example.evil.example",), ("party.example:1",)])
def test_a_host_that_is_not_listed_is_not_even_resolved(hosts):
    names = Names(["127.0.0.1"])

    found, party = asked("/good", names, hosts=hosts)

    assert (found.code, names.asked, party.connections) == ("not_listed", [], 0)


@pytest.mark.parametrize("addresses", [
    ["127.0.0.1"], ["10.0.0.1"], ["172.16.0.1"], ["192.168.1.1"], ["169.254.169.254"], ["100.64.0.1"], ["0.0.0.0"], ["224.0.0.1"], ["255.255.255.255"], ["198.18.0.1"], ["::1"], ["::"],
    ["fe80::1%eth0"], ["fd00::1"], ["::ffff:127.0.0.1"], ["::ffff:10.0.0.1"], ["64:ff9b::7f00:1"], ["64:ff9b:1::7f00:1"], ["2002:7f00:1::"], ["2001:0:53aa:64c:0:0:80ff:fffe"], ["ff02::1"],
    ["93.184.215.14", "127.0.0.1"], ["127.0.0.1", "93.184.215.14"],
])
def test_a_name_with_any_private_address_is_not_connected_to(addresses):
    found, party = asked("/good", Names(addresses), anywhere=False)

    assert (found.code, party.connections) == ("private", 0)


def test_a_host_that_is_written_as_a_private_address_is_none_either():
    async def story() -> str:
        async with third_party() as party:
            lookup = HttpLookup(["127.0.0.1"])
            with pytest.raises(LookupFailed) as caught:
                await lookup.ask(party.url("/good", "127.0.0.1"), {}, 2.0)
            await lookup.close()
            return caught.value.code

    assert asyncio.run(story()) == "private"


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_the_internet_s_own_addresses_are_public(address):
    assert is_public(ip_address(address))


def test_a_name_is_resolved_once_a_connection_and_connected_to_as_it_was_looked_at():
    names = Names(["127.0.0.1"], ["127.0.0.99"])

    found, party = asked("/good", names)

    assert (found, names.asked, party.connections) == (ANSWER, ["party.example"], 1)


@pytest.mark.parametrize("addresses", [[], ["nonsense"]])
def test_a_name_without_an_address_is_unresolved(addresses):
    assert asked("/good", Names(addresses))[0].code == "unresolved"


def test_the_next_address_is_tried_where_the_first_does_not_listen():
    assert asked("/good", Names(["127.0.0.77", "127.0.0.1"]))[0] == ANSWER


def test_a_failure_says_nothing_of_whom_it_was_about():
    found, _ = asked("/error?email=jane%40shop.example")

    assert ("jane" in str(found), "jane" in repr(found.__cause__)) == (False, False)


# -- TLS ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate() -> Path:
    """A key and a certificate of `party.example`, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "party.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("party.example")]), critical=False).sign(key, hashes.SHA256())
    )
    path = Path(tempfile.mkdtemp(prefix="inlay-")) / "party.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize("host,trusted,found", [("party.example", True, ANSWER), ("party.example", False, "unreachable"), ("other.example", True, "unreachable")])
def test_a_certificate_is_checked_against_the_name_and_not_against_the_address(certificate, host, trusted, found):
    async def story() -> Any:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate)
        trust = ssl.create_default_context(cafile=str(certificate)) if trusted else None
        async with third_party(server) as party:
            lookup = HttpLookup([host], Names(["127.0.0.1"]), lambda _: True, trust)
            try:
                return await lookup.ask(party.url("/good", host, "https"), {}, 2.0)
            except LookupFailed as error:
                return error.code
            finally:
                await lookup.close()

    assert asyncio.run(story()) == found
