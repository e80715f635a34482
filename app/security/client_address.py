"""Whose address a request came from, where proxies stand before the server."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """`ValueError` for what is neither an address nor a network."""
    return tuple(ip_network(text, strict=False) for text in texts)


def client_address(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """The nearest address that is no trusted proxy's: `peer` itself, or what a trusted one says in X-Forwarded-For, read from
    its end, since anybody may write its beginning. Empty where nothing readable is left."""
    for text in (peer, *reversed(forwarded.split(","))):
        try:
            address = ip_address(text.strip())
        except ValueError:
            return ""
        if not any(address in network for network in trusted):
            return str(address)
    return ""
