"""Reading the mails of development in a browser: `/dev/inbox`, one page a mail, and `/dev/inbox.json` for scripts."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from espace.pages import render

NEWEST = 200
"""How many mails the list shows at most."""

_KEY = re.compile(r"[\w.,:=+-]{1,200}", re.ASCII)
SANDBOX = "sandbox allow-popups; default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Mail:
    """One mail of the Maildir. `received_at` is when it was stored."""

    key: str
    received_at: datetime
    message: EmailMessage

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def subject(self) -> str:
        return str(self.message.get("Subject", ""))

    @property
    def recipients(self) -> str:
        return str(self.message.get("To") or self.message.get("X-Envelope-To", ""))

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""

    def summary(self) -> dict[str, str]:
        """What `/dev/inbox.json` shows of it: the texts, too, so that a script finds the link or the ticket."""
        return {
            "key": self.key,
            "receivedAt": self.received_at.isoformat(),
            "messageId": str(self.message.get("Message-ID", "")),
            "from": str(self.message.get("From", "")),
            "to": self.recipients,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
        }


def list_mails(folder: Path) -> list[Mail]:
    """The newest mails of a Maildir, newest first."""
    found = [
        (path.stat().st_mtime_ns, path)
        for part in ("new", "cur")
        if (folder / part).is_dir()
        for path in (folder / part).iterdir()
    ]
    return [_read(path) for _, path in sorted(found, reverse=True)[:NEWEST]]


def find_mail(folder: Path, key: str) -> Mail | None:
    """The mail of that key, if it is one of this Maildir."""
    if not _KEY.fullmatch(key) or key.startswith("."):
        return None
    for part in ("new", "cur"):
        path = folder / part / key
        if path.is_file():
            return _read(path)
    return None


def _read(path: Path) -> Mail:
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    return Mail(path.name, datetime.fromtimestamp(path.stat().st_mtime, UTC), message)


def make_inbox_routes(folder: Path) -> list[Route]:
    """The pages over the Maildir at `folder`. For development only: they show every mail to whoever asks."""

    async def show_list(_: Request) -> Response:
        return HTMLResponse(render("inbox.html", mails=await asyncio.to_thread(list_mails, folder)))

    async def show_list_as_json(_: Request) -> Response:
        mails = await asyncio.to_thread(list_mails, folder)
        return JSONResponse([mail.summary() for mail in mails])

    async def show_mail(request: Request) -> Response:
        return HTMLResponse(render("mail.html", mail=await get_mail(request)))

    async def show_html_part(request: Request) -> Response:
        mail = await get_mail(request)
        return HTMLResponse(mail.html, headers={"Content-Security-Policy": SANDBOX})

    async def get_mail(request: Request) -> Mail:
        mail = await asyncio.to_thread(find_mail, folder, request.path_params["key"])
        if mail is None:
            raise HTTPException(404, "No such mail")
        return mail

    return [
        Route("/dev/inbox", show_list),
        Route("/dev/inbox.json", show_list_as_json),
        Route("/dev/inbox/{key}", show_mail),
        Route("/dev/inbox/{key}/html", show_html_part),
    ]
