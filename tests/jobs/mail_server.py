"""A mail server over a real socket, which does what a test tells it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.stack import free_port

Reply = str | None


class MailServer:
    """What it answers to MAIL, RCPT and DATA; None: accepted. `kept` is what it took upon itself, in order."""

    def __init__(self) -> None:
        self.port = free_port()
        self.kept: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.on_mail: Reply = None
        self.on_recipient: Callable[[str], Reply] = lambda _: None
        self.on_data: Reply = None
        self.seconds_before_taking: Callable[[], float] = lambda: 0.0
        self.seconds_before_saying_so: Callable[[], float] = lambda: 0.0
        self.password: str | None = None
        self.is_rude_at_quit = False
        self.quits = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def message_ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.kept]

    def slow_by_chance(self, most_seconds: float) -> None:
        """Slow before it takes a mail, and slow again before it says so."""
        self.seconds_before_taking = lambda: random.uniform(0, most_seconds)
        self.seconds_before_saying_so = lambda: random.uniform(0, most_seconds)

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(
                self,
                hostname="localhost",
                authenticator=self._authenticate,
                auth_required=self.password is not None,
                auth_require_tls=False,
            ),
            host="127.0.0.1",
            port=self.port,
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _authenticate(
        self, _server: object, _session: object, _envelope: object, _kind: str, login: object
    ) -> AuthResult:
        right = getattr(login, "password", b"") == (self.password or "").encode()
        return AuthResult(success=right, handled=False)

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.on_mail is not None:
            return self.on_mail
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        reply = self.on_recipient(address)
        if reply is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(self.seconds_before_taking())
        if self.on_data is not None:
            return self.on_data
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.raw.append(content)
        self.kept.append(message)
        self.envelopes.append((str(envelope.mail_from), list(envelope.rcpt_tos)))
        await asyncio.sleep(self.seconds_before_saying_so())
        return "250 taken"

    async def handle_QUIT(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self.quits += 1
        if self.is_rude_at_quit:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return "221 bye"


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
