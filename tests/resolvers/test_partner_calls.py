"""Partners that are slow, down or out of their mind: 3 seconds and a PartnerError, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.errors import PartnerError
from core.selection import Selection
from core.settings import Settings, get_settings
from models.database import close, fetch_one, initialise, transaction
from models.partner_links import PartnerLink, PartnerRevocation
from resolvers import catalogue
from resolvers.catalogue import PartnerSystemEntry
from resolvers.partner_calls import (
    AT_ONCE,
    TOTAL_SECONDS,
    LinkEndedError,
    ask_for_link,
    end_link,
    look_at_link,
)
from resolvers.partner_links import PartnerCredentials, WantedLink, link_partner
from tests.factories import make_citizen, make_partner_system
from tests.partner import (
    SLUG,
    Misbehaviour,
    answers,
    endlessly,
    hangs,
    misbehaving,
    new_secret,
    point_to,
    resets,
    says,
)

PASSWORD = "Secret-au-jardin-42"
GRACE_SECONDS = 1.5
"""What a busy machine of the tests may add."""

GRANTED = '{"token": "abc", "label": "Famille DURAND", "expiresAt": null}'
HEAD = "HTTP/1.1 200 OK\nContent-Type: application/json\n"
LONG = "x" * 20_000
GROWING = json.dumps({"token": "abc", "label": "\u0958" * 150})
"""Written as Unicode wants it (NFC), that character is two."""

OUT_OF_TIME: dict[str, Misbehaviour] = {
    "hangs": hangs,
    "trickles its head": endlessly("HTTP/1.1 200 OK\nX: ", "y", 0.1),
    "trickles its body": endlessly(f"{HEAD}Content-Length: 10000\n\n", " ", 0.1),
    "promises more than it says": endlessly(f"{HEAD}Content-Length: 1000000\n\n{{", "", 0.1),
}
OUT_OF_ITS_MIND: dict[str, Misbehaviour] = {
    "resets": resets,
    "hangs up": answers(""),
    "hangs up in its head": answers("HTTP/1.1 200"),
    "hangs up in its body": answers(f"{HEAD}Content-Length: 100\n\n{{"),
    "speaks no HTTP": answers("220 mail.example ESMTP\n"),
    "never ends its head": endlessly("HTTP/1.1 200 OK\n", f"X-A: {'y' * 1000}\n"),
    "never ends its body": endlessly(f"{HEAD}Transfer-Encoding: chunked\n\n", f"3E8\n{'y' * 1000}\n"),
    "says too much": says("200 OK", GRANTED[:-1] + f', "more": "{LONG}"}}'),
    "500": says("500 Internal Server Error", GRANTED),
    "503": says("503 Service Unavailable", "", "Retry-After: 1"),
    "404": says("404 Not Found", '{"error": "WRONG_CREDENTIALS"}'),
    "401": says("401 Unauthorized", "{}"),
    "409": says("409 Conflict", '{"error": "ENDED"}'),
    "204": says("204 No Content", ""),
    "100 alone": answers("HTTP/1.1 100 Continue\n\n"),
    "a page": says("200 OK", "<html>Bonjour</html>", "Content-Type: text/html"),
    "nothing": says("200 OK", ""),
    "null": says("200 OK", "null"),
    "a list": says("200 OK", f"[{GRANTED}]"),
    "deep": says("200 OK", "[" * 8_000),
    "no JSON": says("200 OK", GRANTED[:-1]),
    "no token": says("200 OK", '{"label": "Famille DURAND"}'),
    "an empty token": says("200 OK", '{"token": "", "label": "Famille DURAND"}'),
    "a token with a line end": says("200 OK", '{"token": "a\\nb", "label": "Famille DURAND"}'),
    "a long token": says("200 OK", f'{{"token": "{LONG[:2001]}", "label": "Famille DURAND"}}'),
    "no label": says("200 OK", '{"token": "abc"}'),
    "a blank label": says("200 OK", '{"token": "abc", "label": " "}'),
    "a label that turns": says("200 OK", '{"token": "abc", "label": "\\u202eDNARUD"}'),
    "a label with NUL": says("200 OK", '{"token": "abc", "label": "a\\u0000b"}'),
    "half a character": says("200 OK", '{"token": "abc", "label": "\\ud800"}'),
    "a long label": says("200 OK", f'{{"token": "abc", "label": "{LONG[:201]}"}}'),
    "a label that grows": says("200 OK", GROWING),
    "no instant": says("200 OK", '{"token": "abc", "label": "D", "expiresAt": "tomorrow"}'),
    "an instant of nowhere": says(
        "200 OK", '{"token": "abc", "label": "D", "expiresAt": "2099-01-01T00:00:00"}'
    ),
    "403 of a proxy": says("403 Forbidden", "<html>Forbidden</html>"),
    "403 for no reason": says("403 Forbidden", "{}"),
}


@pytest_asyncio.fixture
async def system(database: Settings) -> PartnerSystemEntry:
    await make_partner_system()
    return (await catalogue.refresh()).offered_partners()[0]


@pytest.fixture
def pointed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """From now on the partner is at this address."""
    return lambda address: point_to(monkeypatch, address, new_secret())


async def ask(system: PartnerSystemEntry) -> Any:
    return await ask_for_link(system, uuid4(), subject="s", code="1", password=PASSWORD)


async def unreachable(asked: Awaitable[Any]) -> float:
    """Fails where that is not what the answer comes to; how many seconds it took."""
    started_at = time.monotonic()
    with pytest.raises(PartnerError) as raised:
        await asked
    assert raised.value.code == "PARTNER_UNREACHABLE"
    assert (
        raised.value.text.fr
        == "Espace Famille ne répond pas pour le moment. Réessayez dans quelques minutes."
    )
    assert raised.value.text.en == "Espace Famille does not answer at the moment. Try again in a few minutes."
    return time.monotonic() - started_at


async def test_out_of_time(system: PartnerSystemEntry, pointed: Callable[[str], None]) -> None:
    """Partners of each kind, at once."""
    async with AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(misbehaving(behave)) for behave in OUT_OF_TIME.values()]
        slugs = [f"partner-{number}" for number in range(len(addresses))]
        # The settings write pairs with `=`, and so go on where the first address ends.
        pointed(
            ",".join(
                [addresses[0], *(f"{slug}={address}" for slug, address in zip(slugs, addresses, strict=True))]
            )
        )
        taken = await asyncio.gather(
            *(unreachable(look_at_link(replace(system, slug=slug), uuid4(), "t")) for slug in slugs),
            unreachable(ask(system)),
            unreachable(end_link(system, uuid4())),
        )
    assert all(TOTAL_SECONDS - 0.5 < seconds < TOTAL_SECONDS + GRACE_SECONDS for seconds in taken), taken


async def test_out_of_its_mind(system: PartnerSystemEntry, pointed: Callable[[str], None]) -> None:
    for name, behave in OUT_OF_ITS_MIND.items():
        async with misbehaving(behave) as address:
            pointed(address)
            assert await unreachable(ask(system)) < TOTAL_SECONDS + GRACE_SECONDS, name
            if name != "204":
                await unreachable(end_link(system, uuid4()))


@pytest.mark.parametrize(
    "behave",
    [
        says("200 OK", "{}"),
        says("410 Gone", "{}"),
        says("410 Gone", '{"state": "ACTIVE"}'),
        says("410 Gone", "<html>Gone</html>"),
        says("404 Not Found", '{"state": "REVOKED"}'),
        says("401 Unauthorized", '{"state": "REVOKED"}'),
    ],
)
async def test_a_link_ends_by_the_one_answer_that_says_so(
    system: PartnerSystemEntry, pointed: Callable[[str], None], behave: Misbehaviour
) -> None:
    """A proxy that is wrongly set ends nobody's link."""
    async with misbehaving(behave) as address:
        pointed(address)
        await unreachable(look_at_link(system, uuid4(), "t"))
    async with misbehaving(says("410 Gone", '{"state": "EXPIRED", "since": "yesterday"}')) as address:
        pointed(address)
        with pytest.raises(LinkEndedError) as raised:
            await look_at_link(system, uuid4(), "t")
    assert raised.value.state == "EXPIRED"


async def test_what_is_refused(system: PartnerSystemEntry, pointed: Callable[[str], None]) -> None:
    for status, body, headers, told in (
        ("403 Forbidden", '{"error": "WRONG_CREDENTIALS"}', (), "does not know this code or password"),
        ("403 Forbidden", '{"error": "ACCOUNT_CLOSED"}', (), "refuses this link"),
        ("429 Too Many Requests", "", ("Retry-After: 61",), "in 2 minute(s)"),
        ("429 Too Many Requests", "", ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT",), "in 1 minute(s)"),
        ("429 Too Many Requests", "", (f"Retry-After: {'9' * 40}",), "in 1440 minute(s)"),
    ):
        async with misbehaving(says(status, body, *headers)) as address:
            pointed(address)
            with pytest.raises(PartnerError) as raised:
                await ask(system)
        assert raised.value.code == "PARTNER_REFUSED"
        assert told in raised.value.text.en


async def test_a_redirect_is_not_followed(system: PartnerSystemEntry, pointed: Callable[[str], None]) -> None:
    """Least of all with a password in hand."""
    visited: list[bytes] = []

    async def tempt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visited.append(await reader.read(10))

    async with misbehaving(tempt) as elsewhere:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            async with misbehaving(says(status, "", f"Location: {elsewhere}/links")) as address:
                pointed(address)
                await unreachable(ask(system))
    assert visited == []


async def test_without_tls_only_where_an_operator_allows_it(
    system: PartnerSystemEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    visited: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visited.append(b"")

    async with misbehaving(listen) as address:
        point_to(monkeypatch, address, new_secret(), allowed="another.example")
        await unreachable(ask(system))
    assert visited == []


async def test_nothing_is_said_to_who_cannot_prove_the_name(
    system: PartnerSystemEntry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A certificate that nobody vouches for: neither the secret nor the password leave."""
    async with _tls_server(tmp_path) as (address, heard):
        point_to(monkeypatch, address, new_secret())
        await unreachable(ask(system))
    assert heard == []


async def test_without_a_secret_nobody_is_asked(
    system: PartnerSystemEntry, pointed: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pointed("http://127.0.0.1:1")
    monkeypatch.delenv("ESPACE_PARTNER_SECRETS")
    get_settings.cache_clear()
    await unreachable(ask(system))
    wanted = WantedLink(SLUG, PartnerCredentials("1", PASSWORD))
    await unreachable(link_partner(await make_citizen(), wanted=wanted, selection=Selection.of("id")))
    assert await PartnerRevocation.all().count() == 0


async def test_a_connection_to_the_database_in_hand_is_a_defect(
    system: PartnerSystemEntry, pointed: Callable[[str], None]
) -> None:
    pointed("http://127.0.0.1:1")
    with pytest.raises(RuntimeError, match="connection to the database"):
        async with transaction():
            await ask(system)


async def test_while_it_hangs_nothing_else_suffers(
    system: PartnerSystemEntry, pointed: Callable[[str], None], database: Settings
) -> None:
    """Many more wait than there are connections to the database, or turns: others are served as ever."""
    callers = 2 * AT_ONCE + 5
    citizens = [await make_citizen() for _ in range(callers)]
    await close()
    await initialise(database.model_copy(update={"database_pool_size": 2}))
    at_once = most_at_once = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once, most_at_once
        at_once += 1
        most_at_once = max(most_at_once, at_once)
        try:
            await reader.read()
        finally:
            at_once -= 1

    slowest = 0.0

    async def go_on_as_ever() -> None:
        nonlocal slowest
        while True:
            started_at = time.monotonic()
            assert await fetch_one("SELECT 1 AS one") == {"one": 1}
            slowest = max(slowest, time.monotonic() - started_at)
            await asyncio.sleep(0.02)

    async with misbehaving(count) as address:
        pointed(address)
        others = asyncio.create_task(go_on_as_ever())
        wanted = WantedLink(SLUG, PartnerCredentials("1", PASSWORD))
        taken = await asyncio.gather(
            *(
                unreachable(link_partner(citizen, wanted=wanted, selection=Selection.of("id")))
                for citizen in citizens
            )
        )
        others.cancel()
    assert max(taken) < TOTAL_SECONDS + 2 * GRACE_SECONDS
    assert most_at_once == AT_ONCE
    assert slowest < 1.0
    assert await PartnerLink.all().count() == 0
    assert await PartnerRevocation.all().count() == callers


@asynccontextmanager
async def _tls_server(folder: Path) -> AsyncIterator[tuple[str, list[bytes]]]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()
