"""Whose address it is, as far as an address tells."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

UNKNOWN = "unknown"
"""Who comes without an address is counted with all others who do: a missing address opens nothing."""

SUBSCRIBER_PREFIX = 64
"""Bits of IPv6 that one subscriber holds at least (RFC 6177, RFC 7934): whoever has one address has all below it."""


def network(address: str | None) -> str:
    """An IPv4 address as it is, the /64 of an IPv6 address; IPv4 in IPv6 (RFC 4291, 2.5.5.2) is IPv4."""
    if not address:
        return UNKNOWN
    try:
        parsed = ip_address(address)
    except ValueError:  # The path of a socket, or what a test client calls itself.
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    prefix = int(parsed) >> (128 - SUBSCRIBER_PREFIX) << (128 - SUBSCRIBER_PREFIX)
    return f"{IPv6Address(prefix)}/{SUBSCRIBER_PREFIX}"
