"""Alive and ready are two things, and neither takes long to say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette

from core.redis import close_redis
from core.settings import Settings, get_settings
from espace import health
from models import database as models_database
from tests.scanner import (
    Scanner,
    running_scanner,  # noqa: F401 -- fixtures
    scanner,  # noqa: F401
)


@pytest_asyncio.fixture
async def client(database: Settings) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=health.routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_ready_when_everything_answers(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first look reads all migrations: how long that takes on a busy machine is another matter.
    monkeypatch.setattr(health, "CHECK_SECONDS", 10.0)
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert {name: check["ready"] for name, check in response.json()["checks"].items()} == {
        "database": True,
        "redis": True,
        "migrations": True,
    }

    assert response.json()["files"]["storage"]["ready"]


@pytest.mark.parametrize("kind", ["unix", "tcp"])
async def test_a_scanner_that_is_there_and_then_away_is_told_and_changes_nothing_else(
    client: httpx.AsyncClient,
    scanner: Scanner,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    monkeypatch.setenv("ESPACE_CLAMD_URL", scanner.unix_url if kind == "unix" else scanner.tcp_url)
    get_settings.cache_clear()
    there = await client.get("/readyz")
    assert there.json()["files"]["scanner"]["ready"]
    scanner.stop()
    away = await client.get("/readyz")
    assert away.status_code == 200
    assert away.json()["status"] == "ready"
    assert away.json()["files"]["scanner"]["problem"] == "ScannerAwayError"
    assert str(scanner.port) not in away.text
    assert str(scanner.socket) not in away.text


async def test_no_scanner_is_told(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["files"]["scanner"]["problem"] == "none is set: files are not scanned"


async def test_a_store_that_is_away_is_told_and_changes_nothing_else(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPACE_STORAGE_URL", "s3://files?endpoint=http://127.0.0.1:1&region=eu")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    get_settings.cache_clear()
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert not response.json()["files"]["storage"]["ready"]
    assert "127.0.0.1" not in response.text


async def test_not_ready_while_a_migration_is_missing(client: httpx.AsyncClient) -> None:
    await models_database.execute("DELETE FROM tortoise_migrations")
    response = await client.get("/readyz")
    assert response.status_code == 503
    checks = response.json()["checks"]
    assert [name for name, check in checks.items() if not check["ready"]] == ["migrations"]
    assert "0001_initial" in checks["migrations"]["problem"]


async def test_not_ready_without_redis_but_alive(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await close_redis()
    monkeypatch.setenv("ESPACE_REDIS_URL", "unix:///nowhere/valkey.sock")
    get_settings.cache_clear()
    response = await client.get("/readyz")
    assert response.status_code == 503
    assert [name for name, check in response.json()["checks"].items() if not check["ready"]] == ["redis"]
    assert "nowhere" not in response.text
    assert (await client.get("/healthz")).json() == {"status": "alive"}


async def test_a_check_that_hangs_is_cut_off_after_a_second(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> None:
        await asyncio.sleep(60)

    monkeypatch.setitem(health.CHECKS, "database", hang)
    started_at = time.monotonic()
    response = await client.get("/readyz")
    assert time.monotonic() - started_at < 2
    assert response.status_code == 503
    assert response.json()["checks"]["database"]["problem"] == "no answer within 1 s"
