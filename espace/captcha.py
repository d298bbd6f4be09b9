"""`GET /captcha/{id}.png`: the picture of a security code that can still be passed."""

from __future__ import annotations

import asyncio
from uuid import UUID

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.captcha_image import render
from core.errors import RateLimitedError, UnavailableError
from core.i18n import Language, Text, negotiate
from core.limits import count
from core.limits.declared import CAPTCHA_PICTURE
from resolvers.captcha import code_to_draw

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
    # Sites on other origins show it, too: it says nothing to whoever does not know the id.
    "Cross-Origin-Resource-Policy": "cross-origin",
}
MOST_AT_ONCE = 4
"""Pictures drawn at the same time: what more is asked for waits, and the rest of the process goes on."""

_ABSENT = Text(fr="Ce code de sécurité n’est plus valable.", en="This security code is no longer valid.")

_drawing = asyncio.Semaphore(MOST_AT_ONCE)


async def show_picture(request: Request) -> Response:
    """The PNG picture; 404 where the challenge is used, expired, or was never handed out, 429 for too many."""
    language = negotiate(request.headers.get("accept-language"))
    try:
        id = UUID(request.path_params["id"])
    except ValueError:
        return absent(language)
    try:
        await count(CAPTCHA_PICTURE, address=address_of(request))
        code = await code_to_draw(id)
    except (RateLimitedError, UnavailableError) as error:
        return come_again(error, language)
    if code is None:
        return absent(language)
    async with _drawing:
        picture = await asyncio.to_thread(render, code)
    return Response(picture, media_type="image/png", headers=HEADERS)


def address_of(request: Request) -> str | None:
    """Where the caller is, as far as the server knows."""
    return request.client.host if request.client else None


def come_again(error: RateLimitedError | UnavailableError, language: Language) -> Response:
    """429 or 503, and when to ask again."""
    status, wait = (429, error.retry_after_seconds) if isinstance(error, RateLimitedError) else (503, 2)
    return PlainTextResponse(error.text.in_(language), status, headers={**HEADERS, "Retry-After": str(wait)})


def absent(language: Language) -> Response:
    """What is said of a challenge that is over, or never was."""
    return PlainTextResponse(_ABSENT.in_(language), 404, headers=HEADERS)


routes = [Route("/captcha/{id}.png", show_picture, name="captcha")]
