"""Whose address it is, as far as an address tells."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address

UNKNOWN = "unknown"
"""Who comes without an address is counted with all others who do: a missing address opens nothing."""

SUBSCRIBER_PREFIX = 64
"""Bits of IPv6 that one subscriber holds at least (RFC 6177, RFC 7934): whoever has one address has all below it."""

SITE_PREFIX = 48
"""Bits that providers hand out at most to one customer (RFC 6177): those of a hosting provider get 65,536 networks."""

_WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\](:\d{1,5})?|(?P<four>[0-9.]+):\d{1,5}")
"""As some proxies write addresses (RFC 7239, 6): another port is no other caller."""


def network(address: str | None) -> str:
    """An IPv4 address as it is, the /64 of an IPv6 address; IPv4 in IPv6 (RFC 4291, 2.5.5.2) is IPv4.

    What is no address is UNKNOWN, whatever it is: a header that a proxy lets through makes nobody a new caller.
    """
    parsed = _parsed(address)
    if parsed is None:
        return UNKNOWN
    return _prefix(parsed, SUBSCRIBER_PREFIX) if isinstance(parsed, IPv6Address) else parsed


def site(address: str | None) -> str | None:
    """The /48 of an IPv6 address; None for any other."""
    parsed = _parsed(address)
    return _prefix(parsed, SITE_PREFIX) if isinstance(parsed, IPv6Address) else None


def _parsed(address: str | None) -> str | IPv6Address | None:
    """An IPv6 address, or an IPv4 address as text."""
    if not address:
        return None
    with_port = _WITH_PORT.fullmatch(address)
    try:
        parsed = ip_address((with_port["six"] or with_port["four"]) if with_port else address)
    except ValueError:
        return None
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return parsed if parsed.ipv4_mapped is None else str(parsed.ipv4_mapped)


def _prefix(address: IPv6Address, bits: int) -> str:
    kept = int(address) >> (128 - bits) << (128 - bits)
    return f"{IPv6Address(kept)}/{bits}"
