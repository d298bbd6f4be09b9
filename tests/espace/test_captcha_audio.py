"""What is heard at the address of a recording."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from core.keys import seal
from core.settings import Settings
from espace.captcha_audio import routes
from espace.health import routes as health_routes
from models.captcha import Captcha, CaptchaAudio
from models.database import close, initialise
from resolvers.captcha_audio import SEAL
from tests.espace.test_captcha import _challenge

CONTENT = bytes(range(256)) * 4


def _client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=[*routes, *health_routes]))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def _recording(captcha: Captcha, content: bytes | None = None) -> str:
    audio = CaptchaAudio(
        captcha_id=captcha.id,
        language="fr",
        content=content or seal(SEAL, CONTENT),
        taken_at=captcha.created_at,
        expires_at=captcha.expires_at,
    )
    await audio.save(force_create=True)
    return f"/captcha/{audio.id}.mp3"


@pytest.mark.usefixtures("database")
async def test_the_recording_is_played_and_kept_by_nobody() -> None:
    url = await _recording(await _challenge())
    async with _client() as client:
        response = await client.get(url)
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["accept-ranges"] == "bytes"
    assert "content-disposition" not in response.headers


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("asked", "status", "start", "end"),
    [
        ("bytes=0-1", 206, 0, 2),
        ("bytes=1000-", 206, 1000, 1024),
        ("bytes=-24", 206, 1000, 1024),
        ("bytes=0-99999", 206, 0, 1024),
        ("bytes=1024-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=5-2", 416, 0, 0),
        ("bytes=-", 200, 0, 1024),
        ("bytes=0-1,5-6", 200, 0, 1024),
        ("lines=0-1", 200, 0, 1024),
    ],
)
async def test_ranges(asked: str, status: int, start: int, end: int) -> None:
    url = await _recording(await _challenge())
    async with _client() as client:
        response = await client.get(url, headers={"Range": asked})
    assert response.status_code == status
    assert response.content == CONTENT[start:end]
    if status == 206:
        assert response.headers["content-range"] == f"bytes {start}-{end - 1}/1024"


@pytest.mark.usefixtures("database")
async def test_what_cannot_be_passed_is_not_heard() -> None:
    from core.clock import now

    used = await _recording(await _challenge(used_at=now()))
    spent = await _recording(await _challenge(tries_left=0))
    foreign = await _recording(await _challenge(), content=b"sealed with another secret")
    captcha = await _challenge()
    await _recording(captcha)
    async with _client() as client:
        for url in (
            used,
            spent,
            foreign,
            f"/captcha/{captcha.id}.mp3",
            f"/captcha/{uuid4()}.mp3",
            "/captcha/x.mp3",
        ):
            response = await client.get(url)
            assert response.status_code == 404, url
            assert "code de sécurité" in response.text
            assert response.headers["cache-control"] == "no-store"


async def test_without_a_database_it_is_told_to_come_back(database: Settings) -> None:
    await close()
    await initialise(database.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}))
    async with _client() as client:
        response = await client.get(f"/captcha/{uuid4()}.mp3")
    assert response.status_code == 503
    assert response.headers["retry-after"]


@pytest.mark.usefixtures("database")
async def test_readiness_tells_whether_codes_are_read_aloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from core.spoken_code import running

    program = tmp_path_factory.mktemp("program") / "program.py"
    async with _client() as client:
        there = await client.get("/readyz")
        monkeypatch.setattr(running, "PROGRAM", program)
        away = await client.get("/readyz")
    assert there.json()["captcha"]["audio"]["ready"]
    assert away.status_code == 200
    assert "espeak-ng" in away.json()["captcha"]["audio"]["problem"]
