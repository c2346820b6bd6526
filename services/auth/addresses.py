"""The address that a request came from."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from aiohttp import web

UNKNOWN = "unknown"
_V6_PREFIX = 64  # what one household or server gets (RFC 6177): its addresses count as one

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Addresses:
    """Believes X-Forwarded-For as far as it was written by proxies that are trusted."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = [ipaddress.ip_network(network) for network in trusted_proxies]

    def of(self, request: web.Request) -> str:
        """The nearest address that is not a trusted proxy's; of an IPv6 address the /64."""
        hops = [
            hop.strip()
            for header in request.headers.getall("X-Forwarded-For", [])
            for hop in header.split(",")
        ]
        return self.nearest(hops, request.remote or "")

    def nearest(self, forwarded_for: list[str], peer: str) -> str:
        """As :meth:`of`, from the header's items, oldest first, and the socket's peer."""
        found = UNKNOWN
        for text in (peer, *reversed(forwarded_for)):
            address = _parse(text)
            if address is None:
                break  # written by a client: what is left of it is worth nothing
            found = _shown(address)
            if not any(address in network for network in self._trusted):
                break
        return found


def _parse(text: str) -> _Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _shown(address: _Address) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _V6_PREFIX), strict=False))
    return str(address)
