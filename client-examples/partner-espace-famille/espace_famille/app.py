"""The ASGI application: which address leads where. What the mairie calls lies under the path of `settings.address`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from espace_famille import events, links, sign_on, site
from espace_famille.families import add_demonstration
from espace_famille.settings import Settings
from espace_famille.store import Store
from espace_famille.telling import Telling


def make_app(settings: Settings) -> Starlette:
    """Opens the store, with the families of the demonstration in it."""
    store = Store(settings.store)
    add_demonstration(store)
    telling = Telling(store, settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(telling.run(), name="telling")
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    called_by_the_mairie = [
        Route("/links/{reference}", links.serve_link, methods=["GET", "PUT", "DELETE"]),
        Route("/sign-on", sign_on.sign_on),
        Route("/webhooks", events.receive, methods=["POST"]),
    ]
    application = Starlette(
        routes=[
            Route("/", site.home),
            Route("/log-in", site.log_in, methods=["POST"]),
            Route("/end-links", site.end_links, methods=["POST"]),
            Route("/new-password", site.new_password, methods=["POST"]),
            Mount(urlsplit(settings.address).path, routes=called_by_the_mairie),
        ],
        lifespan=lifespan,
    )
    application.state.settings = settings
    application.state.store = store
    application.state.telling = telling
    application.state.keys = sign_on.MairieKeys(settings.mairie)
    return application
