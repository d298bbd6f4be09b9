"""The SMTP server of development: it accepts every mail and puts it into a Maildir instead of sending it."""

from __future__ import annotations

import asyncio
import mailbox
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 32 * 1024 * 1024


class MaildirHandler:
    """Stores what arrives, with the addresses of the envelope in front: recipients of a blind copy show there only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        await asyncio.to_thread(self._store, envelope)
        return "250 OK: kept for reading"

    def _store(self, envelope: Envelope) -> None:
        recipients = ", ".join(envelope.rcpt_tos)
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n".encode()
        content = envelope.content or b""
        open_maildir(self.folder).add(head + (content.encode() if isinstance(content, str) else content))


def open_maildir(folder: Path) -> mailbox.Maildir:
    """The Maildir at `folder`, made readable by its owner only when it does not exist."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        maildir = mailbox.Maildir(folder, create=True)
        folder.chmod(0o700)
        return maildir
    return mailbox.Maildir(folder, create=True)


async def catch_mail(folder: Path, *, host: str = "127.0.0.1", port: int = 0) -> tuple[asyncio.Server, str]:
    """Start the server on this loop; returns it with its URL. Port 0 takes any free one."""
    open_maildir(folder)
    loop = asyncio.get_running_loop()
    handler = MaildirHandler(folder)
    server = await loop.create_server(
        lambda: SMTP(
            handler, hostname="localhost", enable_SMTPUTF8=True, data_size_limit=SIZE_LIMIT, loop=loop
        ),
        host=host,
        port=port,
    )
    return server, f"smtp://{host}:{server.sockets[0].getsockname()[1]}"
