from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.settings import Settings, get_settings
from tests.jobs.mail_server import MailServer, mail_server
from tests.jobs.mails import add_municipality


@pytest_asyncio.fixture
async def inbox() -> AsyncIterator[MailServer]:
    """A mail server that takes everything, until told otherwise."""
    async with mail_server() as server:
        yield server


@pytest_asyncio.fixture
async def mairie(inbox: MailServer, monkeypatch: pytest.MonkeyPatch, database: Settings) -> Settings:
    """A database with a municipality, and settings that name the inbox."""
    assert database.database_url
    monkeypatch.setenv("ESPACE_SMTP_URL", inbox.url)
    monkeypatch.setenv("ESPACE_MAIL_FROM", "Mairie de Saint-Aubin <ne-pas-repondre@mairie.example>")
    monkeypatch.setenv("ESPACE_PUBLIC_URL", "https://demarches.mairie.example")
    get_settings.cache_clear()
    await add_municipality()
    return get_settings()
