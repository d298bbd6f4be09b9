from __future__ import annotations

import io
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from core.captcha_image import HEIGHT, WIDTH, code_for, render
from core.clock import now
from core.settings import Settings
from espace.captcha import routes
from models.captcha import Captcha
from models.database import close


def _client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def _challenge(**changed: object) -> Captcha:
    captcha = Captcha(**{"purpose": "CREATE_ACCOUNT", "expires_at": now() + timedelta(minutes=5), **changed})
    await captcha.save(force_create=True)
    return captcha


@pytest.mark.usefixtures("database")
async def test_the_picture_is_that_of_the_code_and_is_kept_by_nobody() -> None:
    captcha = await _challenge()
    async with _client() as client:
        response = await client.get(f"/captcha/{captcha.id}.png")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/png"
    assert response.headers["cache-control"] == "no-store"
    assert Image.open(io.BytesIO(response.content)).size == (WIDTH, HEIGHT)
    assert response.content == render(code_for(captcha.id))


@pytest.mark.usefixtures("database")
async def test_what_cannot_be_passed_is_not_shown() -> None:
    expired = await _challenge(expires_at=now() - timedelta(seconds=1))
    used = await _challenge(used_at=now())
    spent = await _challenge(tries_left=0)
    async with _client() as client:
        for name in (expired.id, used.id, spent.id, uuid4(), "x", "été"):
            response = await client.get(f"/captcha/{name}.png")
            assert response.status_code == 404, name
            assert "code de sécurité" in response.text
            assert response.headers["cache-control"] == "no-store"


async def test_it_is_refused_in_the_callers_language() -> None:
    async with _client() as client:
        response = await client.get("/captcha/x.png", headers={"Accept-Language": "en"})
    assert response.text == "This security code is no longer valid."


async def test_without_a_database_it_is_told_to_come_back(database: Settings) -> None:
    assert database.database_url
    captcha = await _challenge()
    await close()
    from models.database import initialise

    await initialise(database.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}))
    async with _client() as client:
        response = await client.get(f"/captcha/{captcha.id}.png")
    assert response.status_code == 503
    assert response.headers["retry-after"]
