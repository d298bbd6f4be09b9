"""Whether this process lives, and whether it can serve: two questions that must not be mixed.

A process that cannot reach its database is alive, and killing it would not help; it only should not receive requests.
Without a virus scanner or a place for files it still serves most of them: that is told, no more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.redis import get_redis
from core.settings import get_settings
from core.spoken_code import can_speak
from models import database
from uploads import scanning
from uploads.storing import MissingBlobError, blobs

CHECK_SECONDS = 1.0

NOWHERE = "00/" + "0" * 30 + "-" + "0" * 32
"""An address that no file has: whoever looks for it learns whether the store answers."""

Check = Callable[[], Awaitable[str | None]]
"""Returns what is wrong in a few words, or None. What it raises is wrong, too."""


async def check_database() -> str | None:
    await database.ping()
    return None


async def check_redis() -> str | None:
    await get_redis().execute_command("PING")  # type: ignore[no-untyped-call]
    return None


async def check_migrations() -> str | None:
    pending = await database.pending_migrations()
    return f"{len(pending)} to apply, from {pending[0]}" if pending else None


async def check_scanner() -> str | None:
    if not scanning.has_scanner(get_settings()):
        return "none is set: files are not scanned"
    await scanning.ping()
    return None


async def check_storage() -> str | None:
    with suppress(MissingBlobError):
        async for _ in blobs().read(NOWHERE):
            pass
    return None


async def check_speech() -> str | None:
    return None if await can_speak() else "espeak-ng cannot be loaded: security codes are not read aloud"


CHECKS: dict[str, Check] = {
    "database": check_database,
    "redis": check_redis,
    "migrations": check_migrations,
}

FILE_CHECKS: dict[str, Check] = {"scanner": check_scanner, "storage": check_storage}
"""Where one of these fails, files wait or are refused, and all else goes on."""

CAPTCHA_CHECKS: dict[str, Check] = {"audio": check_speech}
"""Where this fails, security codes are shown and not read aloud."""


async def answer_alive(_: Request) -> JSONResponse:
    """200 as long as the process answers at all."""
    return JSONResponse({"status": "alive"}, headers={"Cache-Control": "no-store"})


async def answer_ready(_: Request) -> JSONResponse:
    """200 when each of CHECKS passed within `CHECK_SECONDS`, otherwise 503.

    `{"status": "ready" | "not ready", "checks": {name: result}, "files": {name: result},
    "captcha": {name: result}}`, where a result is
    `{"ready": bool, "problem": text | null, "seconds": number}`. What is said of files and captchas changes no status.
    Problems are named by their kind only: the address is public.
    """
    checks, files, captcha = await asyncio.gather(
        _run_all(CHECKS), _run_all(FILE_CHECKS), _run_all(CAPTCHA_CHECKS)
    )
    ready = all(result["ready"] for result in checks.values())
    return JSONResponse(
        {"status": "ready" if ready else "not ready", "checks": checks, "files": files, "captcha": captcha},
        status_code=200 if ready else 503,
        headers={"Cache-Control": "no-store"},
    )


async def _run_all(checks: dict[str, Check]) -> dict[str, dict[str, object]]:
    return dict(zip(checks, await asyncio.gather(*map(_run, checks.values())), strict=True))


async def _run(check: Check) -> dict[str, object]:
    started_at = time.monotonic()
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            problem = await check()
    except TimeoutError:
        problem = f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a check is its answer
        problem = type(error).__name__
    return {"ready": problem is None, "problem": problem, "seconds": round(time.monotonic() - started_at, 3)}


routes = [
    Route("/healthz", answer_alive, name="alive"),
    Route("/readyz", answer_ready, name="ready"),
]
