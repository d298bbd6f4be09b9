from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from core.settings import NO_SCANNER, Settings, get_settings
from espace.graphql import graphql_app
from tests.protocol.sample import authenticate, sample_schema


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """There is neither Redis nor PostgreSQL to count in."""
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "0")
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


ALLOWED_ORIGIN = "https://portail.example"


def make_settings(data: Path, mode: Literal["development", "production"] = "development") -> Settings:
    return Settings(
        mode=mode,
        data=data,
        captcha_fixed_code=None,
        allowed_origins=[ALLOWED_ORIGIN],
        secret_key=SecretStr("s" * 40),
        database_url="postgresql://localhost/none",
        redis_url="redis://localhost",
        smtp_url="smtp://localhost",
        public_url="https://mairie.example",
        clamd_url=NO_SCANNER,
        rate_limits=1.0,
    )


def mount(graphql: ASGIApp) -> Starlette:
    return Starlette(routes=[Route("/graphql", graphql), WebSocketRoute("/graphql", graphql)])


@contextmanager
def serve(app: ASGIApp) -> Iterator[str]:
    """A real server on a port and in a thread of its own; yields its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def development(tmp_path: Path) -> ASGIApp:
    return mount(graphql_app(sample_schema(), make_settings(tmp_path), authenticate=authenticate))


@pytest.fixture
def production(tmp_path: Path) -> ASGIApp:
    return mount(
        graphql_app(sample_schema(), make_settings(tmp_path, "production"), authenticate=authenticate)
    )


@pytest.fixture
async def client(development: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(development)
    async with httpx.AsyncClient(transport=transport, base_url="http://mairie.example") as made:
        yield made


@pytest.fixture
async def production_client(production: ASGIApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(production)
    async with httpx.AsyncClient(transport=transport, base_url="https://mairie.example") as made:
        yield made


@pytest.fixture
def server(development: ASGIApp) -> Iterator[str]:
    with serve(development) as address:
        yield address
