"""Names and routes under the test's control."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import pytest_asyncio

from core.settings import get_settings
from tests.core.outgoing.network import Names, Router


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    return names


@pytest_asyncio.fixture
async def router(monkeypatch: pytest.MonkeyPatch) -> Router:
    return Router(monkeypatch)


class Allowing:
    """Sets what an operator allows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, *hosts: str) -> None:
        self._monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", ",".join(hosts))
        get_settings.cache_clear()


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Allowing]:
    yield Allowing(monkeypatch)
    monkeypatch.undo()
    get_settings.cache_clear()
