"""Server-side request forgery: addresses that lead to where only this machine gets. Connections are real, and counted
where they arrive; a client that is not careful arrives each time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest

from core.outgoing import OutgoingError, TargetRefusedError, call
from tests.core.outgoing.conftest import Allowing
from tests.core.outgoing.network import PUBLIC, Names, Router, listening

SECONDS = 3.0


@dataclass(frozen=True)
class Forgery:
    """`{port}`: of the listener. `names`: what they lead to, one answer after the other."""

    url: str
    names: dict[str, Sequence[Sequence[str]]] = field(default_factory=dict)


def _to(*addresses: str) -> Forgery:
    return Forgery("https://partner.example:{port}/", {"partner.example": [addresses]})


SPELLINGS = [
    Forgery(f"https://{host}:{{port}}/")
    for host in (
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "0.0.0.0",
        "2130706433",  # decimal
        "017700000001",  # octal
        "0x7f000001",  # hexadecimal
        "0x7F.0x0.0x0.0x1",
        "0177.0.0.1",
        "0177.0x0.0.01",
        "127.1",  # short forms
        "127.0.1",
        "0x7f.1",
        "127.0.00000000.1",
        "127。0。0。1",  # IDNA's other dots (RFC 3490, 3.1)
        "127｡0｡0｡1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[0000::1]",
        "[::]",
        "[::ffff:127.0.0.1]",  # mapped
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",  # compatible
        "[64:ff9b::7f00:1]",  # NAT64
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",  # 6to4
        "[2001:0:7f00:1::]",  # Teredo
        "[fe80::1]",
        "[fd00:ec2::254]",  # metadata
        "[ff02::1]",
    )
] + [
    Forgery("http://127.0.0.1:{port}/"),
    Forgery("HTTP://127.0.0.1:{port}/"),
    Forgery("https://partner.example@127.0.0.1:{port}/"),
    Forgery("https://user:password@127.0.0.1:{port}/"),
    Forgery("https://127.0.0.1:{port}/#@partner.example/"),
    Forgery("https://127.0.0.1:{port}?@partner.example/"),
]

NETWORKS = [
    _to(address)
    for address in (
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",  # metadata
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::ffff:169.254.169.254",
        "fc00::1",
        "fec0::1",
        "2001:db8::1",
        "3fff::1",
        "2002:a9fe:a9fe::1",
        "64:ff9b::a9fe:a9fe",
    )
] + [
    Forgery("https://localhost:{port}/", {"localhost": [["127.0.0.1"]]}),
    Forgery("https://mairie.localhost:{port}/", {"mairie.localhost": [["::1"]]}),
    Forgery("http://partner.example:{port}/", {"partner.example": [["127.0.0.1"]]}),
]

REBINDINGS = [
    Forgery("https://partner.example:{port}/", {"partner.example": answers})
    for answers in (
        # One answer to whoever looks, another to whoever connects.
        [[PUBLIC], ["127.0.0.1"]],
        [[PUBLIC], ["::1"]],
        [[PUBLIC], ["169.254.169.254"]],
        # Both in one answer: who takes the next address where the first is not there gets to the second.
        [[PUBLIC, "127.0.0.1"]],
        [[PUBLIC, "10.0.0.1", PUBLIC]],
    )
]

FORGERIES = SPELLINGS + NETWORKS + REBINDINGS
REDIRECTS = (301, 302, 303, 307, 308)


def test_there_are_sixty() -> None:
    assert len({forgery.url + str(forgery.names) for forgery in FORGERIES}) >= 60


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: f"{forgery.url} {forgery.names or ''}")
async def test_no_forgery_connects(forgery: Forgery, names: Names, router: Router) -> None:
    _teach(names, forgery)
    async with listening() as listener:
        with pytest.raises(OutgoingError):
            await call("POST", forgery.url.format(port=listener.port), content=b"{}", seconds=SECONDS)
    assert listener.connections == 0
    assert set(router.destinations) <= {PUBLIC}
    assert len(names.asked) <= 1


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: f"{forgery.url} {forgery.names or ''}")
async def test_a_careless_client_connects(forgery: Forgery, names: Names, router: Router) -> None:
    """The test above sees what it is about: looking at the first answer for the name, and calling the name."""
    _teach(names, forgery)
    async with listening() as listener:
        await _call_carelessly(forgery.url.format(port=listener.port), names)
    assert listener.connections == 1


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "2130706433"])
async def test_redirects_lead_nowhere(status: int, host: str, allow: Allowing, router: Router) -> None:
    async with listening() as inside:
        location = f"http://{host}:{inside.port}/"
        answer = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
        async with listening(answer) as outside:
            allow(f"127.0.0.1:{outside.port}")
            url = f"http://127.0.0.1:{outside.port}/"
            assert (await call("POST", url, content=b"{}", seconds=SECONDS)).status == status
            assert (outside.connections, inside.connections) == (1, 0)

            async with httpx.AsyncClient(follow_redirects=True) as careless:
                await careless.post(url)
            assert inside.connections == 1


async def test_what_is_refused_says_why(names: Names) -> None:
    names.set("partner.example", ["10.0.0.1"])
    for url, expected in (
        ("https://partner.example/", "private or reserved network"),
        ("https://10.0.0.1/", "private or reserved network"),
        ("https://127.1/", "full name"),
        ("https://localhost/", "full name"),
        ("http://partner.example/", "https://"),
        ("file:///etc/passwd", "https://"),
        ("gopher://partner.example/", "https://"),
        ("//partner.example/", "https://"),
        ("https://u:p@partner.example/", "username"),
        ("https://partner.example:25/", "port"),
        ("https://partner.example:0/", "port"),
        ("https://partner.example:99999/", "port"),
        ("https://partner.example\\@10.0.0.1/", "no address"),
        ("https://partner.example/\r\nHost: other", "no address"),
        ("https://part ner.example/", "no address"),
        ("https://" + "a" * 2_000 + ".example/", "no address"),
        ("https://", "full name"),
        ("", "https://"),
    ):
        with pytest.raises(TargetRefusedError) as raised:
            await call("GET", url, seconds=SECONDS)
        assert expected in raised.value.text.en, url
        assert raised.value.text.fr != raised.value.text.en


async def test_the_environment_sends_nothing_through_a_proxy(
    allow: Allowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with listening() as proxy, listening() as partner:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        allow(f"127.0.0.1:{partner.port}")
        assert (await call("GET", f"http://127.0.0.1:{partner.port}/", seconds=SECONDS)).status == 204
    assert (proxy.connections, partner.connections) == (0, 1)


def _teach(names: Names, forgery: Forgery) -> None:
    for name, answers in forgery.names.items():
        names.set(name, *answers)


async def _call_carelessly(url: str, names: Names) -> None:
    parts = urlsplit(url)
    names.getaddrinfo(parts.hostname, parts.port)
    for *_, (address, port, *_) in names.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM):
        try:
            reader, writer = await asyncio.open_connection(address, port)
        except ConnectionRefusedError:
            continue
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.read()
        writer.close()
        return
