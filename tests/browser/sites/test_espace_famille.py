"""Espace Famille: linked as the account is created or later, opened without logging in there, changed, unlinked."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from playwright.async_api import expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive, Somebody
from tests.browser.sites.doing import fill_contact, log_in, pass_captcha
from tests.journeys.stories import new_address
from tests.partner import CODE, LABEL, OTHER_CODE, OTHER_LABEL, PASSWORD
from tests.stack import Stack

OF_THE_ACCOUNT = "Tournesol-au-balcon-7"


async def create_account(somebody: Somebody, code: str, password: str) -> str:
    """With the credentials of an Espace Famille, half of which are forgotten first; the username."""
    username = f"famille-{uuid4().hex[:8]}"
    page = somebody.page
    await somebody.open("/creer-mon-compte")
    await expect(page.get_by_role("heading", name="Mon compte Espace Famille")).to_be_visible()
    await page.get_by_label("Nom d’utilisateur").fill(username)
    await page.locator("#field-password").fill(OF_THE_ACCOUNT)
    await page.locator("#field-again").fill(OF_THE_ACCOUNT)
    await fill_contact(page, new_address())
    await page.get_by_label("Mot de passe de l’Espace Famille").fill(password)
    await pass_captcha(page)
    await page.get_by_role("button", name="Créer mon compte").click()
    await expect(page.get_by_label("Code famille")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Code famille").fill(code)
    await page.get_by_role("button", name="Créer mon compte").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Votre compte est créé")
    return username


async def test_linked_as_the_account_is_created(arrive: Arrive, stack: Stack) -> None:
    """From then on one click leads there, without any other log-in."""
    stack.partner.forget()
    somebody = await arrive()
    page = somebody.page
    username = await create_account(somebody, CODE, PASSWORD)
    await log_in(somebody, username, OF_THE_ACCOUNT)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    await expect(page.get_by_text(LABEL)).to_be_visible()
    await examine(page)
    async with page.expect_popup() as opened:
        await page.get_by_role("button", name="Ouvrir Espace Famille").click()
    there = await opened.value
    await expect(there.get_by_role("heading", level=1)).to_have_text(LABEL)
    assert there.url == f"{stack.partner.site}/"


async def test_linked_later_changed_and_unlinked(arrive: Arrive, stack: Stack) -> None:
    """What was typed wrong as the account was created keeps nobody from having one."""
    stack.partner.forget()
    somebody = await arrive(width=320)
    page = somebody.page
    username = await create_account(somebody, CODE, "Pas-le-bon-1")
    await expect(page.get_by_text("le rattachement n’a pas abouti")).to_be_visible()
    await examine(page)
    await log_in(somebody, username, OF_THE_ACCOUNT)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Rattacher mon compte Espace Famille").click()
    await dialog.get_by_label("Code famille").fill(CODE)
    await dialog.get_by_label("Mot de passe de l’Espace Famille").fill("Pas-le-bon-1")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await examine(page)
    await dialog.get_by_label("Mot de passe de l’Espace Famille").fill(PASSWORD)
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text(LABEL)).to_be_visible()

    await page.get_by_role("button", name="Modifier les identifiants de mon compte Espace Famille").click()
    await dialog.get_by_label("Code famille").fill(OTHER_CODE)
    await dialog.get_by_label("Mot de passe de l’Espace Famille").fill(PASSWORD)
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text(OTHER_LABEL)).to_be_visible()
    await expect(page.get_by_text(LABEL)).to_be_hidden()

    await page.get_by_role("button", name="Détacher Espace Famille").click()
    await expect(page.get_by_text(OTHER_LABEL)).to_be_hidden()
    await expect(page.get_by_role("button", name="Rattacher mon compte Espace Famille")).to_be_visible()
    async with asyncio.timeout(20):
        # The worker tells the partner.
        while stack.partner.live_links():  # noqa: ASYNC110 - another process ends them
            await asyncio.sleep(0.1)
