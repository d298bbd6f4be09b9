"""The sites as people use them: a Chromium, an API process that serves what was built, and what pages complained of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.stack import ROOT, Stack

BUILT = ROOT / "client-examples" / "portal" / "dist" / "index.html"
PATIENCE_MILLISECONDS = 20_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="session")
def built() -> Path:
    if not BUILT.exists():
        pytest.skip("the sites are not built: make sites")
    return BUILT


@dataclass
class Somebody:
    """A browser of its own: cookies, storage, and what its pages complained of."""

    context: BrowserContext
    page: Page
    site: str
    complaints: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Opens a page and waits for its heading."""
        await self.page.goto(f"{self.site}{path}")
        await self.page.wait_for_selector("h1")

    def forgive(self, part: str) -> None:
        """A complaint that the test provokes is none: one that holds `part`."""
        self.forgiven.append(part)

    def unforgiven(self) -> list[str]:
        return [
            complaint for complaint in self.complaints if not any(part in complaint for part in self.forgiven)
        ]


Arrive = Callable[..., Awaitable[Somebody]]


@pytest_asyncio.fixture
async def arrive(chromium: Browser, stack: Stack, built: Path) -> AsyncIterator[Arrive]:
    """Somebody opens a browser. A page that throws, or logs an error, has failed its test."""
    people: list[Somebody] = []

    async def come(*, locale: str = "fr-FR", width: int = 1100, site: str | None = None) -> Somebody:
        context = await chromium.new_context(
            locale=locale, viewport={"width": width, "height": 900}, accept_downloads=True
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        page = await context.new_page()
        # The name that its addresses have, not the number: the origin has to be the same.
        somebody = Somebody(context, page, site or stack.api.url.replace("127.0.0.1", "localhost"))
        people.append(somebody)

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                somebody.complaints.append(f"{message.text} ({message.location.get('url')})")

        page.on("console", hear)
        page.on("pageerror", lambda error: somebody.complaints.append(f"{error}\n{error.stack}"))
        return somebody

    yield come
    for somebody in people:
        await somebody.context.close()
    assert [complaint for somebody in people for complaint in somebody.unforgiven()] == []
