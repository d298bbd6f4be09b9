"""What axe-core finds in a page, and whether it fits a narrow screen."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.async_api import Page

from tests.stack import ROOT

_AXE = ROOT / "client-examples" / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")


async def violations(page: Page) -> list[str]:
    """One line for each rule that the page breaks, and where."""
    await page.evaluate(_axe())
    found: dict[str, Any] = await page.evaluate(
        "rules => axe.run(document, { runOnly: { type: 'tag', values: rules } })", _RULES
    )
    return [
        f"{page.url}: {violation['id']}: {node['html'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


async def sticks_out(page: Page) -> int:
    """By how many pixels the page is wider than the window (WCAG 1.4.10)."""
    width: int = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


async def examine(page: Page) -> None:
    """Fails where axe-core finds something, or the page sticks out."""
    assert await violations(page) == []
    assert await sticks_out(page) == 0, f"{page.url} sticks out"
