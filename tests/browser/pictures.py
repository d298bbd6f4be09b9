"""Takes the pictures of docs/ anew: `make pictures`, whenever the sites look otherwise than they did."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.browser.conftest import the_chromium
from tests.browser.sites.conftest import Somebody
from tests.browser.sites.doing import fill_contact, go_on, log_in
from tests.journeys.client import DEMONSTRATION_PASSWORD, Client
from tests.journeys.stories import post
from tests.stack import ROOT, Stack

DOCS = ROOT / "docs"
STREET = "Signaler un problème sur la voie publique"


async def take(page: Page, name: str, height: int) -> None:
    """What stands at the top of the page, once it has come to rest."""
    assert page.viewport_size is not None
    await page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=DOCS / f"{name}.png", animations="disabled")


async def somebody(browser: Browser, stack: Stack, width: int) -> Somebody:
    context = await browser.new_context(locale="fr-FR", viewport={"width": width, "height": 900})
    return Somebody(context, await context.new_page(), stack.api.url.replace("127.0.0.1", "localhost"))


async def for_citizens(browser: Browser, stack: Stack) -> None:
    visitor = await somebody(browser, stack, 900)
    page = visitor.page
    await visitor.open("/")
    await page.get_by_role("link", name="Urbanisme").wait_for()
    await take(page, "portal-home", 960)
    await visitor.open("/demarches")
    await page.get_by_label("Rechercher un formulaire").fill("lampadere")
    await page.get_by_role("search").get_by_role("link", name=STREET).wait_for()
    await take(page, "portal-catalogue", 700)
    await visitor.open("/demarches/signalement-voirie")
    await page.get_by_role("button", name="Commencer la demande").click()
    await fill_contact(page, "helene.marchand@exemple.example")
    await go_on(page)
    await page.get_by_label(re.compile("^Nature du problème")).wait_for()
    await page.get_by_role("button", name="Revenir").click()
    await page.get_by_label("Prénom").wait_for()
    await take(page, "portal", 760)

    citizen = await somebody(browser, stack, 900)
    await log_in(citizen, "citoyen1", DEMONSTRATION_PASSWORD)
    await citizen.page.locator(".requests li").filter(has_text="à lire").get_by_role("link").first.click()
    await citizen.page.get_by_role("link", name="Suivi").click()
    await citizen.page.locator(".exchange").first.wait_for()
    await take(citizen.page, "portal-request", 1400)


async def for_the_mairie(browser: Browser, stack: Stack) -> None:
    client = await Client(stack.api).log_in("citoyen3")
    (request, *_) = (await client.run("MyRequests"))["requests"]["nodes"]
    await post(client, request["id"], "Bonjour, la branche est tombée cette nuit : le trottoir est barré.")
    agent = await somebody(browser, stack, 1200)
    page = agent.page
    await agent.page.goto(f"{agent.site}/mairie/")
    await page.get_by_label("Nom d’utilisateur").fill("admin")
    await page.get_by_label("Mot de passe").fill(DEMONSTRATION_PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await page.locator(".requests-table tbody tr").first.wait_for()
    await take(page, "desk-inbox", 640)
    await page.locator(".requests-table tbody a").first.click()
    await page.locator(".exchange").first.wait_for()
    await take(page, "desk", 1300)
    await agent.page.goto(f"{agent.site}/mairie/demarches")
    await page.get_by_role("link", name=STREET).click()
    await page.locator(".preview").wait_for()
    await take(page, "desk-procedure", 900)


async def main() -> None:
    stack = Stack(Path(tempfile.mkdtemp()))
    try:
        await stack.start(ROOT / "municipalities" / "demonstration")
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=the_chromium(), args=["--no-sandbox"])
            await for_citizens(browser, stack)
            await for_the_mairie(browser, stack)
            await browser.close()
    finally:
        stack.stop()


if __name__ == "__main__":
    asyncio.run(main())
