from __future__ import annotations

import pytest

from core.networks import network_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.2.254"),
        ("192.0.2.1", "::ffff:192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:ffff:a:b:c:d"),
        ("fe80::1%eth0", "fe80::2"),
    ],
)
def test_addresses_of_one_network(one: str, other: str) -> None:
    assert network_of(one) == network_of(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.3.1"),
        ("2001:db8:1::1", "2001:db8:2::1"),
        ("0.0.0.1", "::1"),
        ("10.0.0.1", "::a00"),
    ],
)
def test_addresses_of_different_networks(one: str, other: str) -> None:
    assert network_of(one) != network_of(other)


@pytest.mark.parametrize("address", [None, "", "testclient", "192.0.2.300"])
def test_what_is_no_address_has_none(address: str | None) -> None:
    assert network_of(address) is None
