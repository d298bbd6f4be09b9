"""The ASGI application: which address leads where, and what starts and stops with a process."""

from __future__ import annotations

import gc
import logging
import multiprocessing
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute

from core import limits
from core.errors import UnavailableError
from core.event_bus import event_bus
from core.linux import die_with_parent
from core.logging import configure_logging
from core.redis import close_redis
from core.settings import Settings, get_settings
from espace import calendar, captcha, captcha_audio, health, partners, tus
from espace.files import guard, make_file_routes
from espace.graphql import graphql_app
from espace.inbox import make_inbox_routes
from espace.openid import make_openid_routes
from espace.pages import render
from espace.sites import make_site_routes, make_sites
from models import database
from resolvers import catalogue
from resolvers.sessions import authenticate
from schema.build import build_schema
from uploads.receiving import Seats

logger = logging.getLogger("espace")


def create_app() -> Starlette:
    """The application of one process, from its settings. What uvicorn calls in each of its processes."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        # One of `serve --workers N`: the kill -9 of the first process must not leave it behind.
        die_with_parent(parent=parent.pid)
    settings = get_settings()
    configure_logging(settings)
    return make_app(settings)


def make_app(settings: Settings) -> Starlette:
    """The application for these settings."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await database.initialise(settings)
        await event_bus().start()
        # The first caller need not wait for the catalogue. Whether the database is there is /readyz's to tell.
        with suppress(UnavailableError):
            known = await catalogue.current()
            if known.municipality is catalogue.EMPTY_MUNICIPALITY:
                logger.warning("No municipality is loaded: run `python -m espace load FOLDER`.")
            for partner in known.offered_partners():
                if partner.slug not in settings.partner_secrets:
                    logger.warning(
                        "ESPACE_PARTNER_SECRETS has nothing for %s: nobody can link it", partner.slug
                    )
        # What start made stays: otherwise each full collection walks all of it, and holds requests up for 0.1 s.
        gc.collect()
        gc.freeze()
        gc.enable()
        try:
            yield
        finally:
            await event_bus().stop()
            await limits.close()
            await close_redis()
            await database.close()

    # Bodies with files, whichever way they come: a process takes in so many at a time.
    seats = Seats(settings.uploads_at_once)
    routes: list[BaseRoute] = [
        *_graphql_routes(settings, seats),
        *tus.routes(settings, seats=seats),
        *make_file_routes(settings),
        *calendar.routes,
        *captcha.routes,
        *captcha_audio.routes,
        *make_openid_routes(settings),
        *partners.routes,
        *health.routes,
    ]
    if settings.development:
        routes += make_inbox_routes(settings.data / "inbox")
    routes += make_site_routes(settings)
    sites = make_sites(settings)
    if settings.development:
        routes += _start_pages(settings, alone=sites is None)
    application = Starlette(routes=routes, middleware=[Middleware(guard, settings)], lifespan=lifespan)
    if sites is not None:
        application.router.default = sites
    # Whoever adds a slash is not sent elsewhere: where to would be the Host header's word.
    application.router.redirect_slashes = False
    return application


def _graphql_routes(settings: Settings, seats: Seats) -> list[BaseRoute]:
    application = graphql_app(build_schema(), settings, authenticate=authenticate, seats=seats)
    return [Route("/graphql", application), WebSocketRoute("/graphql", application)]


def _start_pages(settings: Settings, *, alone: bool) -> list[BaseRoute]:
    """Where everything is; at `/`, too, where no site was built."""

    async def show(_: Request) -> HTMLResponse:
        return HTMLResponse(render("start.html", public_url=settings.public_url))

    return [Route(path, show) for path in ("/dev", "/")[: 2 if alone else 1]]
