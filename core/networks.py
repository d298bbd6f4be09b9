"""Which network an address belongs to: what stays the same while a person's address does not quite."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address

IPV4_BITS = 24
IPV6_BITS = 48


def network_of(address: str | None) -> str | None:
    """The first 24 bits of an IPv4 address, 48 of an IPv6 one, as text; None where there is no address.

    IPv4 written as IPv6 (`::ffff:192.0.2.1`, RFC 4291, 2.5.5.2) is IPv4.
    """
    if not address:
        return None
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    mapped = None if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped
    known = mapped or parsed
    kept = IPV4_BITS if known.version == 4 else IPV6_BITS
    return f"{known.version}:{int(known) >> (known.max_prefixlen - kept):x}"
