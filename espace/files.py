"""`GET /files/{token}/{name}`: the bytes behind a signed address (resolvers/file_links.py), made inert by headers.

What came from people is never more than looked at: only pictures and PDFs are shown in the browser, all else is saved;
types are never guessed; whatever it is runs in a sandbox, without scripts, in an origin that is nobody's.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import NotFoundError, RateLimitedError, UnauthenticatedError, UnavailableError
from core.i18n import Language, Text, negotiate
from core.settings import Settings
from espace.cors import open_to_allowed_origins
from espace.file_content import Content, ContentResponse
from espace.file_headers import (
    UnsatisfiableRangeError,
    allows_range,
    content_disposition,
    is_among,
    parse_range,
    protection,
)
from espace.graphql.door import Door
from resolvers.file_links import ExpiredLinkError, ServedFile, open_link
from resolvers.sessions import authenticate
from uploads.storing import CorruptBlobError, MissingBlobError

logger = logging.getLogger("espace.files")

SHOWN = frozenset({"application/pdf", "image/jpeg", "image/png", "image/webp", "image/heic"})
"""What a browser may show rather than save: nothing in it can act on a page (SVG can, so it is not here)."""
PREFIX = "/files/"
DEFAULT_PORTS = {"http": "80", "https": "443"}

_ABSENT = Text(
    fr="Ce fichier n’existe pas ou n’est plus disponible. Rechargez la page sur laquelle se trouve le lien.",
    en="This file does not exist or is no longer available. Reload the page that the link is on.",
)
_UNREADABLE = Text(
    fr="Ce fichier ne peut pas être lu. Demandez à la mairie, ou joignez-le de nouveau.",
    en="This file cannot be read. Ask the mairie, or attach it again.",
)
_WRONG_METHOD = Text(fr="Cette adresse se lit par GET ou HEAD.", en="Read this address by GET or HEAD.")
_UNSATISFIABLE = Text(
    fr="Le fichier est plus court que ce qui est demandé.", en="The file is shorter than what is asked for."
)


def make_file_routes(settings: Settings) -> list[BaseRoute]:
    """The route. Scripts of `settings.allowed_origins` may read files, too."""
    application = open_to_allowed_origins(
        FilesView(settings),
        settings,
        methods=["GET", "HEAD"],
        headers=["Authorization", "Range", "If-None-Match", "If-Range"],
        exposed=["Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag"],
    )
    return [Route("/files/{token}/{name:path}", application, name="file")]


class FilesView:
    """Files of one application."""

    def __init__(self, settings: Settings) -> None:
        self._door = Door(settings, authenticate)
        self._protection = protection(settings)
        self._for_other_origins = bool(settings.allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self.respond(request)
        if self._for_other_origins and "origin" not in request.headers:
            # The middleware adds it where there is one: what was fetched for an <img> is no answer to a script.
            response.headers.add_vary_header("Origin")
        await response(scope, receive, send)

    async def respond(self, request: Request) -> Response:
        language = negotiate(request.headers.get("accept-language"))
        if request.method not in ("GET", "HEAD"):
            return self._refuse(_WRONG_METHOD, 405, language, Allow="GET, HEAD")
        try:
            served = await self._open(request, language)
            return await self._answer(request, served)
        except ExpiredLinkError as error:
            return self._refuse(error.text, 410, language)
        except (NotFoundError, UnauthenticatedError):
            return self._refuse(_ABSENT, 404, language)
        except MissingBlobError:
            # Removed since we looked, or lost: somebody has to look if it goes on.
            logger.warning("a file has a row and no bytes")
            return self._refuse(_ABSENT, 404, language)
        except CorruptBlobError as error:
            # The disk has changed what was written, or a key is missing: of that, somebody has to know at once.
            logger.error("a file cannot be read: %s", type(error).__name__)
            return self._refuse(_UNREADABLE, 500, language)
        except UnsatisfiableRangeError as error:
            return self._refuse(_UNSATISFIABLE, 416, language, **{"Content-Range": f"bytes */{error.size}"})
        except RateLimitedError as error:
            wait = str(error.retry_after_seconds)
            return self._refuse(error.text, 429, language, **{"Retry-After": wait})
        except UnavailableError as error:
            return self._refuse(error.text, 503, language, **{"Retry-After": "2"})

    async def _open(self, request: Request, language: Language) -> ServedFile:
        """Raises NotFoundError, UnauthenticatedError (a header that is not good), RateLimitedError,
        UnavailableError.
        """
        credentials = self._door.credentials_of(request, request.headers)
        try:
            address = request.client.host if request.client else None
            caller = await self._door.identify(credentials, language, address)
        except UnauthenticatedError:
            if not credentials.from_cookie:
                raise
            caller = None
        token = request.path_params["token"]
        served = await open_link(token, credentials_actor=caller, language=language)
        if served is None:
            raise NotFoundError
        return served

    async def _answer(self, request: Request, served: ServedFile) -> Response:
        headers = {**self._protection, **_description(served, download="download" in request.query_params)}
        if is_among(served.etag, request.headers.get("if-none-match")):
            return Response(status_code=304, headers=headers)
        content = Content(served)
        size = await content.size()
        start, end, status = 0, size, 200
        # Ranges are for GET only (RFC 9110, 14.2).
        if request.method == "GET" and allows_range(request.headers.get("if-range"), served.etag):
            part = parse_range(request.headers.get("range"), size)
            if part is not None:
                start, end = part
                status = 206
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        headers["Content-Length"] = str(end - start)
        headers["Content-Type"] = (
            served.media_type if served.media_type in SHOWN else "application/octet-stream"
        )
        if request.method == "HEAD":
            return Response(status_code=status, headers=headers)
        return ContentResponse(await content.read(start, end), status, headers)

    def _refuse(self, text: Text, status: int, language: Language, **headers: str) -> Response:
        headers = {**self._protection, "Cache-Control": "no-store", "Content-Language": language, **headers}
        return PlainTextResponse(text.in_(language), status, headers=headers)


def guard(application: ASGIApp, settings: Settings) -> ASGIApp:
    """The application, where files have an origin of their own: files there and nowhere else, and nothing else there.

    Goes by the Host header, which a proxy in front has to hand on as it came.
    """
    parts, public = urlsplit(settings.files_origin or ""), urlsplit(settings.public_url)
    own = _host(parts.scheme, parts.netloc)
    if not own or own == _host(public.scheme, public.netloc):
        return application

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await application(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if (_host(parts.scheme, host) == own) == scope["path"].startswith(PREFIX):
            await application(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse("Not Found", 404)(scope, receive, send)

    return guarded


def _host(scheme: str, netloc: str) -> str:
    """Host and port as they are compared: in small letters, without the scheme's own port."""
    return netloc.lower().removesuffix(f":{DEFAULT_PORTS.get(scheme, '')}")


def _description(served: ServedFile, *, download: bool) -> dict[str, str]:
    shown = served.media_type in SHOWN and not download
    return {
        "Accept-Ranges": "bytes",
        # Asked again each time: on a computer that people share, nothing is shown once its owner has logged out.
        "Cache-Control": "private, no-cache",
        "Content-Disposition": content_disposition("inline" if shown else "attachment", served.name),
        "ETag": f'"{served.etag}"',
    }
