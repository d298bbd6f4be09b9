"""Security codes read aloud: asked for, told when they are there, and heard."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import timedelta
from typing import Literal
from uuid import UUID

from core.clock import now
from core.errors import NotFoundError, RateLimitedError, UnavailableError
from core.event_bus import Listener, event_bus
from core.i18n import Language, Text
from core.keys import hmac_digest, unseal
from core.settings import get_settings
from core.spoken_code import can_speak
from models.actors import Actor
from models.database import Row, execute, fetch, fetch_one, transaction
from models.ids import decode_as, new_id

State = Literal["NOT_REQUESTED", "PENDING", "READY", "FAILED"]

SEAL = "captcha audio"

MOST_WAITING = 40
"""Recordings that wait to be made, over all: what a worker makes in some ten seconds."""
MOST_OF_A_NETWORK = 60
"""Recordings for challenges of one network that have not expired: so many in five minutes."""
PAUSE_SECONDS = 15
# Any constant does: it names the lock under which these are counted.
REQUEST_LOCK = 0x41554449

LOOK_EVERY_SECONDS = 1.0

_SILENT = Text(
    fr="La lecture à voix haute du code n’est pas disponible pour le moment. Recopiez les caractères de l’image, ou "
    "contactez la mairie.",
    en="The code cannot be read aloud for the moment. Copy the characters of the image, or contact the mairie.",
)
_STATE = "CASE WHEN content IS NOT NULL THEN 'READY' WHEN next_attempt_at IS NOT NULL THEN 'PENDING' ELSE 'FAILED' END"
_PASSABLE = "c.used_at IS NULL AND c.expires_at > now() AND c.tries_left > 0"

logger = logging.getLogger(__name__)


def made_with() -> bytes:
    """Tells recordings whose code the secret of today derives from those of another one."""
    return hmac_digest("captcha audio", (get_settings().captcha_fixed_code or "").encode())[:8]


def audio_of_network(network: str) -> str:
    """SQL: how many recordings the challenges of a network have that have not expired."""
    return (
        "(SELECT count(*) FROM captcha n JOIN captcha_audio m ON m.captcha_id = n.id "
        f"WHERE n.network = {network} AND n.expires_at > now())"
    )


def audio_row(state: str | None, id: UUID | None) -> Row:
    """A CaptchaAudio. Its address names the recording, which is sealed, and nothing of what it says."""
    return {
        "state": state or "NOT_REQUESTED",
        "url": f"{get_settings().public_url}/captcha/{id}.mp3" if state == "READY" else None,
    }


async def request_captcha_audio(actor: Actor, *, captcha: str) -> None:
    """Has the code said in the caller's language. Asked again, it is said once.

    Raises NotFoundError where the challenge cannot be passed any more, UnavailableError where nothing can be said, and
    RateLimitedError where too much is being said already.
    """
    id = decode_as("Captcha", captcha)
    existing = await fetch_one(
        "SELECT a.id AS audio_id FROM captcha c "
        f"LEFT JOIN captcha_audio a ON a.captcha_id = c.id AND a.language = $2 WHERE c.id = $1 AND {_PASSABLE}",
        id,
        actor.language,
    )
    if id is None or existing is None:
        raise NotFoundError
    if existing["audio_id"] is not None:
        return
    if not await can_speak():
        raise UnavailableError(_SILENT)
    async with transaction():
        await execute("SELECT pg_advisory_xact_lock($1)", REQUEST_LOCK)
        await _enqueue(id, actor.language)
    await event_bus().wake("captchas")


async def _enqueue(id: UUID, language: Language) -> None:
    counted = await fetch_one(
        "SELECT (SELECT count(*) FROM captcha_audio WHERE next_attempt_at IS NOT NULL AND expires_at > now()) "
        f"AS waiting, {audio_of_network('c.network')} AS of_network FROM captcha c WHERE c.id = $1",
        id,
    )
    if counted is None:
        raise NotFoundError
    if counted["waiting"] >= MOST_WAITING or counted["of_network"] >= MOST_OF_A_NETWORK:
        raise RateLimitedError(PAUSE_SECONDS)
    await execute(
        "INSERT INTO captcha_audio (id, captcha_id, language, attempts, next_attempt_at, taken_at, expires_at, "
        "created_at) SELECT $1, id, $3, 0, now(), now(), expires_at, now() FROM captcha WHERE id = $2 "
        "ON CONFLICT (captcha_id, language) DO NOTHING",
        new_id(),
        id,
        language,
    )


async def captcha_audio(actor: Actor, *, captcha: str) -> AsyncGenerator[Row, None]:
    """The state now, then each time it changes; ends with the recording or the challenge. Raises NotFoundError."""
    id = decode_as("Captcha", captcha)
    found = await fetch_one(f"SELECT c.expires_at FROM captcha c WHERE c.id = $1 AND {_PASSABLE}", id)
    if id is None or found is None:
        raise NotFoundError
    left = max((found["expires_at"] - now()) / timedelta(seconds=1), 0.0)
    told: Row | None = None
    async with _tail.following(id, actor.language) as follower:
        deadline = asyncio.get_running_loop().time() + left
        while (remaining := deadline - asyncio.get_running_loop().time()) > 0:
            if follower.row is not None and follower.row != told:
                told = follower.row
                yield told
                if told["state"] in ("READY", "FAILED"):
                    return
            await follower.wait(remaining)


async def recording(id: UUID) -> bytes | None:
    """The MP3 of a challenge that can still be passed; None for any other."""
    found = await fetch_one(
        f"SELECT a.content FROM captcha_audio a JOIN captcha c ON c.id = a.captcha_id WHERE a.id = $1 AND {_PASSABLE} "
        "AND a.content IS NOT NULL",
        id,
    )
    if found is None:
        return None
    try:
        return unseal(SEAL, found["content"])
    except ValueError:
        logger.warning("a recording was sealed with another secret key")
        return None


class _Follower(Listener):
    def __init__(self) -> None:
        super().__init__()
        self.row: Row | None = None


class _AudioTail:
    """One look for everybody of this process who waits for a recording, while anybody does."""

    def __init__(self) -> None:
        self._followers: defaultdict[tuple[UUID, str], set[_Follower]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._bell = Listener()

    @asynccontextmanager
    async def following(self, id: UUID, language: Language) -> AsyncIterator[_Follower]:
        follower, key = _Follower(), (id, language)
        self._followers[key].add(follower)
        if self._task is None or self._task.done():
            # A context of its own, so that it belongs to no operation that happens to start it.
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="captcha audio", context=Context()
            )
        else:
            self._bell.wake()
        try:
            yield follower
        finally:
            self._followers[key].discard(follower)
            if not self._followers[key]:
                del self._followers[key]
            if not self._followers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        async with event_bus().listen("captchas") as self._bell:
            while True:
                try:
                    await self._look()
                except UnavailableError:
                    logger.warning("recordings of security codes cannot be looked for at the moment")
                except Exception:
                    # Everybody who follows depends on this loop: whatever it was, look again.
                    logger.exception("recordings of security codes could not be looked for")
                await self._bell.wait(LOOK_EVERY_SECONDS)

    async def _look(self) -> None:
        followed = set(self._followers)
        rows = await fetch(
            f"SELECT id, captcha_id, language, {_STATE} AS state FROM captcha_audio WHERE captcha_id = ANY($1)",
            list({id for id, _ in followed}),
        )
        known = {(row["captcha_id"], row["language"]): row for row in rows}
        # Who has come meanwhile has rung the bell again.
        for key in followed & set(self._followers):
            row = known.get(key)
            told = audio_row(row["state"], row["id"]) if row else audio_row(None, None)
            for follower in self._followers[key]:
                if follower.row != told:
                    follower.row = told
                    follower.wake()


_tail = _AudioTail()
