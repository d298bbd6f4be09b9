"""Handing one mail to the mail server, and what its answers mean.

Whatever goes wrong is told as one of

    DeliveryError
    ├── DeliveryPostponedError   not now: 4xx, no connection, no answer in time, our own credentials
    └── DeliveryRefusedError     never: 5xx for this message or this recipient
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

TOTAL_SECONDS = 30.0
"""For the whole conversation. RFC 5321 (4.5.3.2.6) would wait 10 minutes for the last answer, to spare a
duplicate where the server is that slow; we would rather hold no lock for so long, and the Message-ID marks
the duplicate.
"""

ANSWER_SECONDS = 20.0
FAREWELL_SECONDS = 2.0

_OUR_CREDENTIALS = frozenset({530, 534, 535, 538})
"""RFC 4954: answers about who we are, not about the mail. An operator mends it; then the mail goes."""


class DeliveryError(Exception):
    """Why a mail was not taken, in the server's words or ours. May name the recipient: not for logs."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class DeliveryPostponedError(DeliveryError):
    """Try again later."""


class DeliveryRefusedError(DeliveryError):
    """Trying again would give the same answer."""


@dataclass(frozen=True, slots=True, repr=False)
class MailServer:
    """Where mails are handed in, from `smtp://user:password@host:port` or `smtps://…`.

    `smtps` speaks TLS from the start (port 465). `smtp` (25, or 587 with a user) changes to TLS where the
    server offers it, and insists on it before it tells a password; on this machine itself it stays plain,
    because nobody listens in between and local servers' certificates are worth nothing.
    """

    host: str
    port: int
    tls_from_the_start: bool
    start_tls: bool | None
    username: str | None
    password: str | None

    @classmethod
    def from_url(cls, url: str) -> MailServer:
        parts = urlsplit(url)
        host = parts.hostname or "localhost"
        is_smtps = parts.scheme == "smtps"
        start_tls: bool | None = True if parts.username else None
        return cls(
            host=host,
            port=parts.port or (465 if is_smtps else 587 if parts.username else 25),
            tls_from_the_start=is_smtps,
            start_tls=False if is_smtps or _is_this_machine(host) else start_tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )


def _is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class Conversation:
    """An open connection to the mail server, for one mail."""

    def __init__(self, client: aiosmtplib.SMTP, sender: str, deadline: float) -> None:
        self._client = client
        self._sender = sender
        self._deadline = deadline

    async def hand_over(self, recipient: str, message: bytes) -> None:
        """Returns once the server has taken the mail upon itself (250).

        Raises DeliveryError where it has not.
        """
        with _as_delivery_errors():
            async with asyncio.timeout_at(self._deadline):
                await self._client.sendmail(self._sender, [recipient], message)


@asynccontextmanager
async def converse(url: str | None, *, sender: str) -> AsyncIterator[Conversation]:
    """Connects and logs in; says goodbye at the end, without minding how that is taken.

    `sender`: the From header, whose address is that of the envelope. Raises DeliveryPostponedError.
    """
    if url is None:
        raise DeliveryPostponedError("no mail server is set: ESPACE_SMTP_URL")
    with _as_delivery_errors(about_the_mail=False):
        server = MailServer.from_url(url)
    address = parseaddr(sender)[1]
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls_from_the_start,
        start_tls=server.start_tls,
        username=server.username,
        password=server.password,
        timeout=ANSWER_SECONDS,
        # What aiosmtplib would look up in the DNS, for as long as that takes.
        local_hostname=address.rpartition("@")[2] or "localhost",
    )
    deadline = asyncio.get_running_loop().time() + TOTAL_SECONDS
    try:
        with _as_delivery_errors(about_the_mail=False):
            async with asyncio.timeout_at(deadline):
                await client.connect()
        yield Conversation(client, address, deadline)
    finally:
        await _part_from(client)


async def _part_from(client: aiosmtplib.SMTP) -> None:
    # The mail is taken or not by now: what the server thinks of QUIT changes nothing.
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(FAREWELL_SECONDS):
            if client.is_connected:
                await client.quit()
    client.close()


class _as_delivery_errors:  # noqa: N801 -- reads as a statement
    """Turns what aiosmtplib raises into DeliveryError. Before the mail is talked of, nothing is final."""

    def __init__(self, *, about_the_mail: bool = True) -> None:
        self._about_the_mail = about_the_mail

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
            error = error.recipients[0]
        if isinstance(error, aiosmtplib.SMTPResponseException):
            raise (DeliveryRefusedError if self._is_final(error) else DeliveryPostponedError)(
                f"{error.code} {error.message}", error.code
            ) from error
        if isinstance(error, TimeoutError):
            raise DeliveryPostponedError("the mail server did not answer in time") from error
        if isinstance(error, ValueError):
            outcome = DeliveryRefusedError if self._about_the_mail else DeliveryPostponedError
            raise outcome("not an address that mail can be sent to or from") from error
        if isinstance(error, aiosmtplib.SMTPException | OSError | ssl.SSLError):
            raise DeliveryPostponedError(f"{type(error).__name__}: {error}") from error

    def _is_final(self, error: aiosmtplib.SMTPResponseException) -> bool:
        return self._about_the_mail and 500 <= error.code <= 599 and error.code not in _OUR_CREDENTIALS
