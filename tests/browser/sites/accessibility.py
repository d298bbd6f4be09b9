"""What axe-core finds in a page, whether it fits a narrow screen, and where Tab leads."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.async_api import Page

from tests.browser.sites.conftest import Somebody
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


async def look(somebody: Somebody, path: str, ready: str) -> None:
    """Opens a page, waits for what it is about, and has it examined."""
    await somebody.open(path)
    await somebody.page.wait_for_selector(ready)
    await examine(somebody.page)


async def examine(page: Page) -> None:
    found = await violations(page)
    assert found == [], "\n".join(found)
    assert await sticks_out(page) == 0, f"{page.url} sticks out"


async def tab_to(page: Page, name: str) -> None:
    """Presses Tab until what has this whole name is reached, whether it is required or not. Fails where it is not
    reached, or its focus is not seen."""
    for _ in range(120):
        await page.keyboard.press("Tab")
        found = await page.evaluate(
            """() => {
              const element = document.activeElement;
              const own = element.labels?.[0] ?? element;
              const asterisk = own.querySelector('.asterisk');
              const required = asterisk ? asterisk.textContent + asterisk.nextSibling.textContent : '';
              const name = element.getAttribute('aria-label') ?? own.textContent.replace(required, '');
              return [name.trim(), getComputedStyle(element).outlineStyle];
            }"""
        )
        if found[0] == name:
            assert found[1] != "none", f"nobody sees that {name} has the focus"
            return
    raise AssertionError(f"Tab does not reach {name}")
