"""Reading codes aloud: when it is asked for, beforehand, when it fails, and when too much is asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import miniaudio  # type: ignore[import-untyped]
import psutil
import pytest

from core.captcha_image import code_for
from core.errors import NotFoundError, RateLimitedError, UnavailableError
from core.event_bus import event_bus
from core.selection import Selection
from core.settings import Settings, get_settings
from core.spoken_code import running
from jobs import captcha_audio as jobs
from jobs.captcha_audio import MOST_ATTEMPTS, keep_stock, speak_captcha
from models.actors import Visitor
from models.captcha import CaptchaAudio
from models.database import Row, execute, fetch
from models.ids import decode_as, encode
from resolvers import captcha_audio as audios
from resolvers.captcha import captcha, create_captcha
from resolvers.captcha_audio import captcha_audio, recording, request_captcha_audio

pytestmark = pytest.mark.usefixtures("database")

WANTED = Selection.of("id", "audio")
VISITOR = Visitor()


async def challenge(actor: Visitor = VISITOR, address: str | None = None) -> str:
    row = await create_captcha(actor, purpose="CREATE_ACCOUNT", selection=WANTED, address=address)
    return str(row["id"])


async def audio_of(id: str, actor: Visitor = VISITOR) -> Row:
    row = await captcha(actor, id=id, selection=WANTED)
    assert row is not None
    found: Row = row["audio"]
    return found


async def due() -> list[str]:
    return [
        str(row["id"]) for row in await fetch("SELECT id FROM captcha_audio WHERE next_attempt_at <= now()")
    ]


async def hear(url: str) -> bytes | None:

    return await recording(UUID(url.rpartition("/")[2].removesuffix(".mp3")))


@pytest.fixture
def unable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """espeak-ng is not there."""
    program = tmp_path / "program.py"
    source = running.PROGRAM.read_text(encoding="utf-8")
    program.write_text(source.replace("import espeakng_loader", "import espeakng_loader_of_nowhere"))
    monkeypatch.setattr(running, "PROGRAM", program)


@pytest.fixture
def stock_of_three(monkeypatch: pytest.MonkeyPatch, database: Settings) -> None:
    monkeypatch.setenv("ESPACE_CAPTCHA_AUDIO_STOCK", "3")
    get_settings.cache_clear()


async def test_a_code_is_read_aloud_when_somebody_asks() -> None:
    id = await challenge()
    assert await audio_of(id) == {"state": "NOT_REQUESTED", "url": None}
    await request_captcha_audio(VISITOR, captcha=id)
    assert (await audio_of(id))["state"] == "PENDING"
    (job,) = await due()
    await speak_captcha(job)
    ready = await audio_of(id)
    assert ready["state"] == "READY"
    content = await hear(ready["url"])
    assert content is not None
    assert 10 < miniaudio.decode(content).duration < 12


async def test_while_a_worker_works_somebody_stands_by() -> None:
    def speakers() -> int:
        return len([c for c in psutil.Process().children() if "spoken_code" in " ".join(c.cmdline())])

    async with jobs.speaking_by(event_bus()):
        assert speakers() == 1
        for _ in range(2):
            await request_captcha_audio(VISITOR, captcha=await challenge())
            await speak_captcha((await due())[0])
            assert speakers() == 1, "another one, for the next"
    assert speakers() == 0
    assert await CaptchaAudio.filter(content=None).count() == 0


async def test_asked_again_or_run_again_it_is_read_once() -> None:
    id = await challenge()
    await asyncio.gather(*(request_captcha_audio(VISITOR, captcha=id) for _ in range(10)))
    (job,) = await due()
    await speak_captcha(job)
    first = await hear((await audio_of(id))["url"])
    await request_captcha_audio(VISITOR, captcha=id)
    await speak_captcha(job)
    assert await due() == []
    assert await hear((await audio_of(id))["url"]) == first


async def test_two_workers_at_once_keep_one_recording() -> None:
    id = await challenge()
    await request_captcha_audio(VISITOR, captcha=id)
    (job,) = await due()
    await asyncio.gather(speak_captcha(job), speak_captcha(job))
    assert (await CaptchaAudio.get()).attempts == 1


async def test_each_language_has_its_own() -> None:
    id, english = await challenge(), Visitor(language="en")
    for actor in (VISITOR, english):
        await request_captcha_audio(actor, captcha=id)
    for job in await due():
        await speak_captcha(job)
    spoken = [await hear((await audio_of(id, actor))["url"]) for actor in (VISITOR, english)]
    assert None not in spoken
    assert spoken[0] != spoken[1]


@pytest.mark.parametrize("id", ["", "x", encode("Captcha", UUID(int=1))])
async def test_what_cannot_be_passed_is_not_read(id: str) -> None:
    with pytest.raises(NotFoundError):
        await request_captcha_audio(VISITOR, captcha=id)
    with pytest.raises(NotFoundError):
        await anext(captcha_audio(VISITOR, captcha=id))


async def test_a_used_one_is_silent() -> None:
    id = await challenge()
    await request_captcha_audio(VISITOR, captcha=id)
    await speak_captcha((await due())[0])
    url = (await audio_of(id))["url"]
    await execute("UPDATE captcha SET used_at = now()")
    assert await hear(url) is None


async def test_neither_the_row_nor_its_address_nor_the_log_tells_the_code(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("ESPACE_CAPTCHA_FIXED_CODE")
    get_settings.cache_clear()
    caplog.set_level(logging.DEBUG)
    id = await challenge()
    key = decode_as("Captcha", id)
    assert key is not None
    await request_captcha_audio(VISITOR, captcha=id)
    await speak_captcha((await due())[0])
    url = (await audio_of(id))["url"]
    content = await hear(url)
    assert content is not None
    rows = str(await fetch("SELECT * FROM captcha_audio")) + str(await fetch("SELECT * FROM captcha"))
    for told in (rows, url, caplog.text):
        assert code_for(key) not in told.upper()
    # Who reads the database hears nothing, either.
    assert content[:200] not in (await CaptchaAudio.get()).content  # type: ignore[operator]
    assert str(key) not in url


@asynccontextmanager
async def killing_speakers() -> AsyncIterator[list[int]]:
    """Every process that speaks for this one is killed with -9 while the block lasts."""
    killed: list[int] = []

    async def kill() -> None:
        while True:
            for child in psutil.Process().children():
                with suppress(psutil.Error):
                    if "spoken_code" in " ".join(child.cmdline()):
                        child.kill()
                        killed.append(child.pid)
            await asyncio.sleep(0.001)

    task = asyncio.create_task(kill())
    try:
        yield killed
    finally:
        task.cancel()


async def test_a_killed_speaker_is_followed_by_another() -> None:
    id = await challenge()
    await request_captcha_audio(VISITOR, captcha=id)
    (job,) = await due()
    async with killing_speakers() as killed:
        await speak_captcha(job)
    assert killed
    assert (await audio_of(id))["state"] == "PENDING"
    await execute("UPDATE captcha_audio SET next_attempt_at = now()")
    await speak_captcha(job)
    assert (await audio_of(id))["state"] == "READY"


async def test_one_that_always_fails_is_given_up() -> None:
    id = await challenge()
    await request_captcha_audio(VISITOR, captcha=id)
    (job,) = await due()
    async with killing_speakers() as killed:
        for _ in range(MOST_ATTEMPTS):
            await execute("UPDATE captcha_audio SET next_attempt_at = now()")
            await speak_captcha(job)
    assert len(set(killed)) >= MOST_ATTEMPTS
    assert await audio_of(id) == {"state": "FAILED", "url": None}
    assert await due() == []


async def test_a_worker_that_was_killed_at_it_is_followed_by_another() -> None:
    id = await challenge()
    await request_captcha_audio(VISITOR, captcha=id)
    (job,) = await due()
    await jobs._take((await CaptchaAudio.get()).id)
    await speak_captcha(job)
    assert (await audio_of(id))["state"] == "PENDING"
    await execute("UPDATE captcha_audio SET next_attempt_at = now()")
    await speak_captcha(job)
    assert (await audio_of(id))["state"] == "READY"


@pytest.mark.usefixtures("unable")
async def test_without_the_library_people_are_told_and_nothing_waits() -> None:
    id = await challenge()
    with pytest.raises(UnavailableError) as told:
        await request_captcha_audio(VISITOR, captcha=id)
    assert "à voix haute" in told.value.text.fr
    assert await due() == []
    await keep_stock()
    assert await CaptchaAudio.all().count() == 0


async def test_over_all_only_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audios, "MOST_WAITING", 5)
    ids = [await challenge() for _ in range(20)]
    outcomes = await asyncio.gather(
        *(request_captcha_audio(VISITOR, captcha=id) for id in ids), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 5
    assert {type(outcome) for outcome in outcomes if outcome} == {RateLimitedError}
    assert len(await due()) == 5


async def test_one_network_does_not_take_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audios, "MOST_OF_A_NETWORK", 3)
    for _ in range(3):
        await request_captcha_audio(VISITOR, captcha=await challenge(address="192.0.2.1"))
    with pytest.raises(RateLimitedError):
        await request_captcha_audio(VISITOR, captcha=await challenge(address="192.0.2.77"))
    await request_captcha_audio(VISITOR, captcha=await challenge(address="203.0.113.1"))


@pytest.mark.usefixtures("stock_of_three")
async def test_the_stock_is_filled_and_no_further_and_can_be_heard_at_once() -> None:
    await asyncio.gather(keep_stock(), keep_stock())
    await keep_stock()
    counts = {
        row["language"]: row["n"]
        for row in await fetch("SELECT language, count(*) AS n FROM captcha_audio GROUP BY 1")
    }
    assert counts == {"fr": 3, "en": 1}
    ids = [await challenge() for _ in range(3)]
    heard = [await hear((await audio_of(id))["url"]) for id in ids]
    assert len(set(heard)) == 3
    assert all(heard)
    assert (await audio_of(await challenge()))["state"] == "NOT_REQUESTED"
    assert (await audio_of(await challenge(Visitor(language="en")), Visitor(language="en")))[
        "state"
    ] == "READY"
    await keep_stock()
    assert (await audio_of(await challenge()))["state"] == "READY"


@pytest.mark.usefixtures("stock_of_three")
async def test_one_of_the_stock_is_handed_out_once() -> None:
    await keep_stock()
    ids = await asyncio.gather(*(challenge() for _ in range(12)))
    assert len(set(ids)) == 12
    states = [(await audio_of(id))["state"] for id in ids]
    assert states.count("READY") == 3


@pytest.mark.usefixtures("stock_of_three")
async def test_who_does_not_ask_for_audio_takes_nothing_of_the_stock() -> None:
    await keep_stock()
    await create_captcha(VISITOR, purpose="CREATE_ACCOUNT", selection=Selection.of("id", "image"))
    assert await CaptchaAudio.filter(taken_at=None, language="fr").count() == 3


@pytest.mark.usefixtures("stock_of_three")
async def test_a_stock_of_another_secret_is_not_handed_out_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    await keep_stock()
    monkeypatch.setenv("ESPACE_SECRET_KEY", "another secret key that is long enough for it")
    get_settings.cache_clear()
    assert (await audio_of(await challenge()))["state"] == "NOT_REQUESTED"
    monkeypatch.setenv("ESPACE_CAPTCHA_AUDIO_STOCK", "0")
    get_settings.cache_clear()
    await keep_stock()
    assert await CaptchaAudio.filter(taken_at=None).count() == 0


async def test_who_follows_is_told_each_state_until_it_is_there() -> None:
    id = await challenge()
    async with aclosing(captcha_audio(VISITOR, captcha=id)) as told:
        assert (await anext(told))["state"] == "NOT_REQUESTED"
        await request_captcha_audio(VISITOR, captcha=id)
        assert (await anext(told))["state"] == "PENDING"
        await speak_captcha((await due())[0])
        ready = await anext(told)
        assert ready == await audio_of(id)
        assert ready["state"] == "READY"
        with pytest.raises(StopAsyncIteration):
            await anext(told)


async def test_many_follow_with_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [await challenge() for _ in range(20)]
    followers = [captcha_audio(VISITOR, captcha=id) for id in ids for _ in range(3)]
    firsts = await asyncio.gather(*(anext(follower) for follower in followers))
    assert {first["state"] for first in firsts} == {"NOT_REQUESTED"}
    await request_captcha_audio(VISITOR, captcha=ids[7])
    seconds = await asyncio.gather(*(anext(follower) for follower in followers[21:24]))
    assert [second["state"] for second in seconds] == ["PENDING"] * 3
    for follower in followers:
        await follower.aclose()
    assert not audios._tail._followers
    assert audios._tail._task is None


async def test_following_ends_with_the_challenge() -> None:
    id = await challenge()
    await execute("UPDATE captcha SET expires_at = now() + interval '0.3 seconds'")
    states = [row["state"] async for row in captcha_audio(VISITOR, captcha=id)]
    assert states in ([], ["NOT_REQUESTED"])


async def test_what_has_expired_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_CAPTCHA_AUDIO_STOCK", "0")
    get_settings.cache_clear()
    id = await challenge()
    await request_captcha_audio(VISITOR, captcha=id)
    await execute("UPDATE captcha_audio SET expires_at = now() - interval '1 second'")
    await keep_stock()
    assert await CaptchaAudio.filter(captcha_id=decode_as("Captcha", id)).count() == 0
