"""Where uploads are, and which other sites may send them."""

from __future__ import annotations

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from core.settings import Settings
from espace.graphql.door import CSRF_HEADER, Authenticate, Door
from espace.tus.view import TusView
from resolvers import sessions
from uploads.receiving import Seats


def routes(
    settings: Settings, *, seats: Seats | None = None, authenticate: Authenticate = sessions.authenticate
) -> list[Route]:
    """The addresses of uploads. Pages of `settings.allowed_origins` may call them with credentials.

    `seats` are those that other bodies with files take, too; `uploads_at_once` of their own where there are none.
    """
    seats = seats or Seats(settings.uploads_at_once)
    application: ASGIApp = TusView(settings, Door(settings, authenticate), seats)
    if settings.allowed_origins:
        application = CORSMiddleware(
            application,
            allow_origins=settings.allowed_origins,
            allow_credentials=True,
            allow_methods=["POST", "HEAD", "PATCH", "DELETE", "OPTIONS"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Accept-Language",
                CSRF_HEADER,
                "X-HTTP-Method-Override",
                "X-Request-ID",
                "Tus-Resumable",
                "Upload-Length",
                "Upload-Offset",
                "Upload-Metadata",
                "Upload-Checksum",
            ],
            expose_headers=[
                "Location",
                "Retry-After",
                "Tus-Resumable",
                "Tus-Version",
                "Tus-Extension",
                "Tus-Max-Size",
                "Tus-Checksum-Algorithm",
                "Upload-Length",
                "Upload-Offset",
                "Upload-Metadata",
                "Upload-Expires",
            ],
            max_age=600,
        )
    # With and without a slash: Starlette's redirect from one to the other would believe the Host header.
    return [Route(path, application) for path in ("/uploads", "/uploads/", "/uploads/{id}")]
