"""Which pages of other sites may call an address, with credentials, and what of an answer they get to read."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from core.settings import Settings

REMEMBERED_SECONDS = 600
"""How long browsers need not ask again before they call."""


def open_to_allowed_origins(
    application: ASGIApp,
    settings: Settings,
    *,
    methods: Sequence[str],
    headers: Sequence[str],
    exposed: Sequence[str],
) -> ASGIApp:
    """The application for pages of `settings.allowed_origins`, too; as it was where there are none.

    `headers` are those that a request may have, `exposed` those that a page may read of an answer.
    """
    if not settings.allowed_origins:
        return application
    return CORSMiddleware(
        application,
        allow_origins=settings.allowed_origins,
        allow_credentials=True,
        allow_methods=methods,
        allow_headers=headers,
        expose_headers=exposed,
        max_age=REMEMBERED_SECONDS,
    )
