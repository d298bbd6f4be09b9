"""What browsers and networks do to the sites: storage that is full or forbidden, parts that are gone, odd addresses."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, go_on, saved
from tests.journeys.stories import new_address

FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }"
FORBIDDEN = """
for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, { get() { throw new DOMException('forbidden', 'SecurityError') } })
"""


@pytest.mark.parametrize("hindrance", [FULL, FORBIDDEN], ids=["full", "forbidden"])
async def test_a_browser_that_keeps_nothing_shows_the_sites_all_the_same(
    arrive: Arrive, hindrance: str
) -> None:
    """For as long as the page is there, it remembers by itself."""
    visitor = await arrive()
    page = visitor.page
    await page.add_init_script(hindrance)
    await visitor.open("/mairie/")
    await visitor.open("/demarches/signalement-voirie")
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("button", name="Français").click()
    await page.get_by_role("button", name="Commencer la demande").click()
    await fill_contact(page, new_address())
    await saved(page)
    await go_on(page)
    await expect(page.get_by_role("heading", level=2, name="Ma demande")).to_be_visible()
    await page.get_by_role("link", name="Espace Citoyens").first.click()
    await page.get_by_role("link", name="Signaler un problème sur la voie publique").click()
    await expect(page.get_by_role("heading", level=2, name="Ma demande")).to_be_visible()
