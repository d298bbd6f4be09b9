"""A headless Chromium, the machine's own: playwright's driver, not its browsers."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.serving import serving


def the_chromium() -> str | None:
    """Where this machine has one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Started once a session. Tests are skipped on machines without a Chromium."""
    program = the_chromium()
    if program is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        # As root, its own sandbox can't be set up; what is tested is that of pages.
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture
async def context(chromium: Browser) -> AsyncIterator[BrowserContext]:
    """A profile of the test's own: no cookies, an empty cache."""
    context = await chromium.new_context(viewport={"width": 600, "height": 500}, accept_downloads=True)
    yield context
    await context.close()


@dataclass
class Canary:
    """A server that whatever runs where it should not would call, at `url`; `hits` are the names it was called by."""

    url: str
    hits: list[str] = field(default_factory=list)
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, request: Request) -> Response:
        async with self._arrived:
            self.hits.append(request.path_params["name"])
            self._arrived.notify_all()
        return Response(status_code=204, headers={"Access-Control-Allow-Origin": "*"})

    async def wait_for(self, name: str, within: float = 20) -> None:
        async with self._arrived:
            await asyncio.wait_for(self._arrived.wait_for(lambda: name in self.hits), within)


@pytest_asyncio.fixture
async def canary() -> AsyncIterator[Canary]:
    canaries: list[Canary] = []

    def make(address: str) -> Starlette:
        canaries.append(Canary(f"{address}/canary"))
        methods = ["GET", "POST", "PUT", "OPTIONS"]
        return Starlette(routes=[Route("/canary/{name}", canaries[0].hear, methods=methods)])

    async with serving(make):
        yield canaries[0]


def share_of(colour: tuple[int, int, int], screenshot: bytes) -> float:
    """Which part of a picture has about this colour."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    near = [
        count
        for count, found in image.getcolors(image.width * image.height) or []
        if all(abs(a - b) < 60 for a, b in zip(found, colour, strict=True))  # type: ignore[arg-type]
    ]
    return sum(near) / (image.width * image.height)
