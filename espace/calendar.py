"""`GET /calendar/{token}.ics`: an appointment as an iCalendar file, behind a signed address
(resolvers/calendar_links.py).

One that is cancelled is served as such, so that programs that come back take it out.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import UnavailableError
from core.i18n import Language, Text, negotiate
from espace.file_headers import content_disposition, is_among
from models.invitations import FILE_NAME
from resolvers.invitations import read_calendar_file

MEDIA_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"
HEADERS = {
    # Kept by whoever asked, and asked about each time: an appointment moves.
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
}

_ABSENT = Text(
    fr="Ce rendez-vous n’existe pas ou n’est plus disponible. Rechargez la page sur laquelle se trouve le lien.",
    en="This appointment does not exist or is no longer available. Reload the page that the link is on.",
)


async def show_appointment(request: Request) -> Response:
    """The file; 304 to who has it as it is; 404 where the address is not ours, is no longer good, or names nothing."""
    language = negotiate(request.headers.get("accept-language"))
    try:
        file = await read_calendar_file(request.path_params["token"])
    except UnavailableError as error:
        return _refuse(error.text, 503, language, **{"Retry-After": "2"})
    if file is None:
        return _refuse(_ABSENT, 404, language)
    # Weak: the same appointment, whenever the file was made (DTSTAMP).
    headers = {**HEADERS, "ETag": f'W/"{file.digest}"'}
    if is_among(file.digest, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    headers |= {
        "Content-Disposition": content_disposition("attachment", FILE_NAME),
        "Content-Type": MEDIA_TYPE,
    }
    return Response(file.content(), headers=headers)


def _refuse(text: Text, status: int, language: Language, **headers: str) -> Response:
    headers = {**HEADERS, "Cache-Control": "no-store", "Content-Language": language, **headers}
    return PlainTextResponse(text.in_(language), status, headers=headers)


routes = [Route("/calendar/{token}.ics", show_appointment, name="calendar")]
