"""`GET /captcha/{id}.mp3`: the code of a challenge that can still be passed, read aloud.

The id is that of the recording. It is drawn by chance: neither the code nor the challenge can be told from it.
"""

from __future__ import annotations

import re
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from core.errors import RateLimitedError, UnavailableError
from core.i18n import negotiate
from core.limits import count
from core.limits.declared import CAPTCHA_RECORDING
from core.spoken_code import MEDIA_TYPE
from espace.captcha import HEADERS, absent, address_of, come_again
from resolvers.captcha_audio import recording

_RANGE = re.compile(r"bytes=([0-9]{0,9})-([0-9]{0,9})")


async def play_recording(request: Request) -> Response:
    """The MP3, or the one range of it that is asked for; 404 where the challenge is over, or was never read, 429 for
    too many.
    """
    language = negotiate(request.headers.get("accept-language"))
    try:
        id = UUID(request.path_params["id"])
    except ValueError:
        return absent(language)
    try:
        await count(CAPTCHA_RECORDING, address=address_of(request))
        content = await recording(id)
    except (RateLimitedError, UnavailableError) as error:
        return come_again(error, language)
    return absent(language) if content is None else _answer(content, request.headers.get("range", ""))


def _answer(content: bytes, wanted: str) -> Response:
    """All of it, or one range (RFC 9110, 14): Safari plays nothing that it cannot ask for in ranges."""
    headers = {**HEADERS, "Accept-Ranges": "bytes"}
    size = len(content)
    asked = _RANGE.fullmatch(wanted)
    if asked is None or asked.groups() == ("", ""):
        return Response(content, media_type=MEDIA_TYPE, headers=headers)
    first, last = asked.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if start > end:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(content[start : end + 1], 206, media_type=MEDIA_TYPE, headers=headers)


routes = [Route("/captcha/{id}.mp3", play_recording, name="captcha audio")]
