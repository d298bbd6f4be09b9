"""The inbox of development: what is sent is kept, and can be read without being executed."""

from __future__ import annotations

import smtplib
from asyncio import to_thread
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from espace.inbox import make_inbox_routes
from espace.mail_catcher import catch_mail


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    (tmp_path / "secret-key").write_text("secret")
    return tmp_path / "inbox"


@pytest_asyncio.fixture
async def smtp_url(maildir: Path) -> AsyncIterator[str]:
    server, url = await catch_mail(maildir)
    yield url
    server.close()
    await server.wait_closed()


@pytest_asyncio.fixture
async def client(maildir: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=make_inbox_routes(maildir)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def make_mail(subject: str, html: str | None = None) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "mairie@example.fr"
    mail["To"] = "Zoé <zoe@example.fr>"
    mail["Subject"] = subject
    mail["Message-ID"] = "<one@example.fr>"
    mail.set_content("Votre numéro de ticket : 7K3F-9Q2M\n")
    if html is not None:
        mail.add_alternative(html, subtype="html")
    return mail


def send(url: str, mail: EmailMessage, recipients: list[str]) -> None:
    address = urlsplit(url)
    with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=5) as server:
        server.send_message(mail, "bounces@example.fr", recipients)


async def test_an_empty_inbox_says_so(client: httpx.AsyncClient) -> None:
    assert "No mail yet" in (await client.get("/dev/inbox")).text
    assert (await client.get("/dev/inbox.json")).json() == []


async def test_a_mail_can_be_read_by_people_and_scripts(client: httpx.AsyncClient, smtp_url: str) -> None:
    mail = make_mail("Accusé de réception", "<p>Votre <b>ticket</b></p>")
    await to_thread(send, smtp_url, mail, ["zoe@example.fr"])
    (summary,) = (await client.get("/dev/inbox.json")).json()
    assert summary["subject"] == "Accusé de réception"
    assert summary["to"] == "Zoé <zoe@example.fr>"
    assert summary["messageId"] == "<one@example.fr>"
    assert "7K3F-9Q2M" in summary["text"]
    listing = (await client.get("/dev/inbox")).text
    assert "Accusé de réception" in listing
    page = (await client.get(f"/dev/inbox/{quote(summary['key'])}")).text
    for expected in (
        "7K3F-9Q2M",
        "&lt;one@example.fr&gt;",
        "X-Envelope-From",
        "bounces@example.fr",
        "<iframe",
    ):
        assert expected in page


async def test_newest_first(client: httpx.AsyncClient, smtp_url: str) -> None:
    for subject in ("un", "deux", "trois"):
        await to_thread(send, smtp_url, make_mail(subject), ["zoe@example.fr"])
    subjects = [mail["subject"] for mail in (await client.get("/dev/inbox.json")).json()]
    assert subjects == ["trois", "deux", "un"]


async def test_the_html_of_a_mail_is_shown_in_a_sandbox(client: httpx.AsyncClient, smtp_url: str) -> None:
    mail = make_mail("<script>alert(1)</script>", "<script>alert(2)</script><p>Bonjour</p>")
    await to_thread(send, smtp_url, mail, ["zoe@example.fr"])
    (summary,) = (await client.get("/dev/inbox.json")).json()
    page = (await client.get(f"/dev/inbox/{quote(summary['key'])}")).text
    assert "<script>" not in page
    part = await client.get(f"/dev/inbox/{quote(summary['key'])}/html")
    assert "Bonjour" in part.text
    assert part.headers["content-security-policy"].startswith("sandbox")
    assert "default-src 'none'" in part.headers["content-security-policy"]


@pytest.mark.parametrize("key", ["nothing", "..", "..%2F..%2Fsecret-key", "%2Fetc%2Fpasswd", "a" * 300])
async def test_only_mails_of_the_inbox_are_served(client: httpx.AsyncClient, key: str) -> None:
    assert (await client.get(f"/dev/inbox/{key}")).status_code == 404
