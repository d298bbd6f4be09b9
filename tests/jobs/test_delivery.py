"""What a mail server may answer, over a real socket, and what we make of it."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest

from jobs import delivery
from jobs.delivery import (
    DeliveryError,
    DeliveryPostponedError,
    DeliveryRefusedError,
    converse,
)
from jobs.delivery import (
    MailServer as Address,
)
from tests.jobs.mail_server import MailServer
from tests.stack import free_port

SENDER = "Mairie <ne-pas-repondre@mairie.example>"
MESSAGE = b"Subject: test\r\nMessage-ID: <1@mairie.example>\r\n\r\nBonjour\r\n.\r\n"


async def _send(url: str | None, recipient: str = "marie@example.fr") -> None:
    async with converse(url, sender=SENDER) as conversation:
        await conversation.hand_over(recipient, MESSAGE)


async def test_a_mail_is_handed_over_byte_by_byte(inbox: MailServer) -> None:
    await _send(inbox.url)
    assert inbox.envelopes == [("ne-pas-repondre@mairie.example", ["marie@example.fr"])]
    assert inbox.raw == [MESSAGE]
    assert inbox.quits == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("451 later", DeliveryPostponedError),
        ("421 closing", DeliveryPostponedError),
        ("452 4.2.2 mailbox full", DeliveryPostponedError),
        ("550 5.1.1 no such user", DeliveryRefusedError),
        ("552 5.3.4 too big", DeliveryRefusedError),
        ("554 5.7.1 spam", DeliveryRefusedError),
        ("530 5.7.0 authentication required", DeliveryPostponedError),
    ],
)
@pytest.mark.parametrize("stage", ["mail", "recipient", "data"])
async def test_4xx_is_for_later_and_5xx_is_final(
    inbox: MailServer, stage: str, reply: str, error: type[DeliveryError]
) -> None:
    if stage == "mail":
        inbox.on_mail = reply
    elif stage == "recipient":
        inbox.on_recipient = lambda _: reply
    else:
        inbox.on_data = reply
    with pytest.raises(DeliveryError) as caught:
        await _send(inbox.url)
    assert type(caught.value) is error
    assert caught.value.code == int(reply[:3])
    assert reply[4:] in caught.value.reason
    assert inbox.kept == []


async def test_no_server_is_for_later() -> None:
    with pytest.raises(DeliveryPostponedError):
        await _send(f"smtp://127.0.0.1:{free_port()}")
    with pytest.raises(DeliveryPostponedError):
        await _send(None)
    with pytest.raises(DeliveryPostponedError):
        await _send("smtp://127.0.0.1:no-number")


async def _answer_with(first_words: bytes) -> tuple[asyncio.Server, str]:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first_words)
        await writer.drain()
        if first_words:
            writer.close()
        else:
            await asyncio.sleep(5)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("first_words", [b"554 go away\r\n", b"421 busy\r\n", b"what?\r\n", b"\x00\xff\r\n"])
async def test_a_server_that_greets_badly_says_nothing_about_the_mail(first_words: bytes) -> None:
    server, url = await _answer_with(first_words)
    with pytest.raises(DeliveryPostponedError):
        await _send(url)
    server.close()


async def test_a_server_that_says_nothing_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "TOTAL_SECONDS", 0.3)
    server, url = await _answer_with(b"")
    began = time.monotonic()
    with pytest.raises(DeliveryPostponedError, match="in time"):
        await _send(url)
    assert time.monotonic() - began < 2
    server.close()


async def test_the_limit_is_for_the_whole_conversation(
    inbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TOTAL_SECONDS", 0.3)
    inbox.seconds_before_taking = lambda: 3.0
    began = time.monotonic()
    with pytest.raises(DeliveryPostponedError, match="in time"):
        await _send(inbox.url)
    assert time.monotonic() - began < 2.9


async def test_a_server_that_is_rude_at_the_end_has_taken_the_mail(inbox: MailServer) -> None:
    inbox.is_rude_at_quit = True
    await _send(inbox.url)
    assert len(inbox.kept) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_our_own_wrong_password_is_no_fault_of_the_mail(inbox: MailServer) -> None:
    inbox.password = "right"
    with pytest.raises(DeliveryPostponedError):
        await _send(f"smtp://mairie:wrong@127.0.0.1:{inbox.port}")
    with pytest.raises(DeliveryPostponedError):
        await _send(inbox.url)
    await _send(f"smtp://mairie:right@127.0.0.1:{inbox.port}")
    assert len(inbox.kept) == 1


@pytest.mark.parametrize(
    "recipient", ["", "marie", "marie@example.fr\r\nRCPT TO:<other@example.fr>", "é@\udc80"]
)
async def test_an_address_never_becomes_a_command(inbox: MailServer, recipient: str) -> None:
    with suppress(DeliveryRefusedError):
        await _send(inbox.url, recipient)
    assert not any("other@example.fr" in recipients for _, recipients in inbox.envelopes)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, False, None, None, None)),
        ("smtp://me:p%40ss@mail.example", ("mail.example", 587, False, True, "me", "p@ss")),
        ("smtp://me:pass@mail.example:2525", ("mail.example", 2525, False, True, "me", "pass")),
        ("smtps://me:pass@mail.example", ("mail.example", 465, True, False, "me", "pass")),
        ("smtp://localhost:1025", ("localhost", 1025, False, False, None, None)),
        ("smtp://[::1]:1025", ("::1", 1025, False, False, None, None)),
    ],
)
def test_an_address_says_how_to_connect(url: str, expected: tuple[object, ...]) -> None:
    server = Address.from_url(url)
    assert expected == (
        server.host,
        server.port,
        server.tls_from_the_start,
        server.start_tls,
        server.username,
        server.password,
    )
    assert "pass" not in repr(server)
