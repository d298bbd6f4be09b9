"""The whole application, served, with the limits of production."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.types import ASGIApp

from core.limits import counting
from core.settings import Settings
from espace.asgi import make_app
from tests.serving import serving


@pytest.fixture(autouse=True)
def _as_declared(municipality: Settings, limits_as_declared: None) -> None:
    """All of them."""


@pytest.fixture(autouse=True)
def _patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no reason to count elsewhere, but where that is what is tested."""
    if "valkey" not in request.fixturenames:
        monkeypatch.setattr(counting, "TIMEOUT_SECONDS", 10.0)


@pytest_asyncio.fixture
async def address(municipality: Settings) -> AsyncIterator[str]:
    """Where the whole application is served, behind a proxy at 127.0.0.1 that says for whom it calls."""

    def make(address: str) -> ASGIApp:
        settings = municipality.model_copy(update={"public_url": address})
        app: Starlette = make_app(settings)
        return app

    async with serving(make) as served:
        yield served


@pytest_asyncio.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=address, timeout=20) as made:
        yield made
