"""Reading security codes aloud: those that somebody waits for, and a stock of those that are still to be handed out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from core.captcha_image import code_for
from core.event_bus import EventBus, event_bus
from core.i18n import Language
from core.keys import seal
from core.settings import get_settings
from core.spoken_code import SpeechError, Standby, can_speak, speak
from models.database import Row, execute, fetch_one
from models.ids import new_id
from resolvers.captcha_audio import SEAL, made_with

MOST_ATTEMPTS = 3
PAUSE = timedelta(milliseconds=200)
OURS_FOR = timedelta(seconds=15)
"""Longer than speaking may take: then a worker that was at it is gone."""

STOCK_LIFETIME = timedelta(hours=12)
STOCK_SHARES: dict[Language, float] = {"fr": 1.0, "en": 0.34}
"""How much of `captcha_audio_stock` each language has."""

logger = logging.getLogger(__name__)

_bus: Callable[[], EventBus] = event_bus
_standby: Standby | None = None


@asynccontextmanager
async def speaking_by(bus: EventBus) -> AsyncIterator[None]:
    """While the block lasts, who waits for a recording is told by this bus: that of the worker, which is connected.
    And somebody stands by who says the next code at once.
    """
    global _bus, _standby
    standby = Standby()
    _bus, _standby = lambda: bus, standby
    try:
        await standby.prepare()
        yield
    finally:
        if _standby is standby:
            _bus, _standby = event_bus, None
        await standby.close()


async def speak_captcha(audio_id: str) -> None:
    """Says one code if it is due; running this twice says it once.

    Attempts are counted before they are made: one that ends the worker each time ends it three times.
    Raises UnavailableError where the database is away.
    """
    id, standby = UUID(audio_id), _standby
    audio = await _take(id)
    if audio is None:
        return
    if audio["attempts"] > MOST_ATTEMPTS:
        await _give_up(id)
        return
    try:
        content = await speak(code_for(audio["captcha_id"]), audio["language"], standby=standby)
    except (SpeechError, ValueError) as error:
        # What is said of it never names the code.
        why = str(error) if isinstance(error, SpeechError) else "the code has characters without a name"
        logger.warning("recording %s: attempt %d failed: %s", id, audio["attempts"], why)
        if audio["attempts"] < MOST_ATTEMPTS:
            await _again(id)
        else:
            await _give_up(id)
    else:
        await _keep(id, content)
    await _bus().wake("captchas")
    if standby is not None:
        await standby.prepare()


async def keep_stock() -> None:
    """Throws away what has expired, and says so many codes that `captcha_audio_stock` are there to be handed out.

    Raises UnavailableError where the database is away.
    """
    await execute(
        "DELETE FROM captcha_audio WHERE expires_at < now() OR (taken_at IS NULL AND made_with <> $1)",
        made_with(),
    )
    wanted = get_settings().captcha_audio_stock
    if not wanted or not await can_speak():
        return
    for language, share in STOCK_SHARES.items():
        for _ in range(await _missing(language, round(wanted * share))):
            if not await _add_one(language, round(wanted * share)):
                break


async def _missing(language: Language, most: int) -> int:
    counted = await fetch_one(
        "SELECT count(*) AS there FROM captcha_audio WHERE taken_at IS NULL AND language = $1", language
    )
    assert counted is not None
    return max(0, most - int(counted["there"]))


async def _add_one(language: Language, most: int) -> bool:
    """False where nothing could be said, or another worker was faster."""
    captcha_id = new_id()
    try:
        content = await speak(code_for(captcha_id), language, aside=True)
    except (SpeechError, ValueError):
        logger.warning("the stock of recordings waits: a code could not be said")
        return False
    added = await fetch_one(
        "INSERT INTO captcha_audio (id, captcha_id, language, content, made_with, attempts, expires_at, created_at) "
        "SELECT $1, $2, $3::varchar, $4, $5, 0, now() + $6::interval, now() "
        "WHERE (SELECT count(*) FROM captcha_audio WHERE taken_at IS NULL AND language = $3::varchar) < $7::int "
        "RETURNING id",
        new_id(),
        captcha_id,
        language,
        seal(SEAL, content),
        made_with(),
        STOCK_LIFETIME,
        most,
    )
    return added is not None


async def _take(id: UUID) -> Row | None:
    """The recording to make, ours for a while; None where it is not due, or somebody else's."""
    return await fetch_one(
        "UPDATE captcha_audio SET next_attempt_at = now() + $2::interval, attempts = attempts + 1 "
        "WHERE id = $1 AND next_attempt_at <= now() AND expires_at > now() RETURNING captcha_id, language, attempts",
        id,
        OURS_FOR,
    )


async def _keep(id: UUID, content: bytes) -> None:
    """The first recording stays; another one, made at the same time, is forgotten."""
    await execute(
        "UPDATE captcha_audio SET content = $2, made_with = $3, next_attempt_at = NULL "
        "WHERE id = $1 AND content IS NULL",
        id,
        seal(SEAL, content),
        made_with(),
    )


async def _again(id: UUID) -> None:
    await execute(
        "UPDATE captcha_audio SET next_attempt_at = now() + $2::interval WHERE id = $1 AND content IS NULL",
        id,
        PAUSE,
    )


async def _give_up(id: UUID) -> None:
    await execute("UPDATE captcha_audio SET next_attempt_at = NULL WHERE id = $1 AND content IS NULL", id)
    logger.error("recording %s is given up", id)
