"""Whose address a request came from."""

from __future__ import annotations

import pytest

from app.security.client_address import client_address, networks

PROXIES = networks(["10.0.0.0/8", "fd00::/8", "127.0.0.1"])


@pytest.mark.parametrize("peer,forwarded,address", [
    ("192.0.2.7", "", "192.0.2.7"), ("192.0.2.7", "198.51.100.9", "192.0.2.7"), ("10.1.2.3", "198.51.100.9", "198.51.100.9"), ("10.1.2.3", "6.6.6.6, 198.51.100.9, 10.9.9.9", "198.51.100.9"),
    ("fd00::1", "2001:db8::7", "2001:db8::7"), ("10.1.2.3", "", ""), ("10.1.2.3", "unknown", ""), ("10.1.2.3", "198.51.100.9, nonsense", ""), ("10.1.2.3", "10.2.3.4", ""), ("", "", ""),
    ("127.0.0.1", " 198.51.100.9 ", "198.51.100.9"),
])
def test_it_is_the_nearest_that_is_no_proxy_of_ours(peer, forwarded, address):
    assert client_address(peer, forwarded, PROXIES) == address


def test_what_is_no_network_is_refused():
    with pytest.raises(ValueError):
        networks(["10.0.0.0/99"])
