"""Identifiants: forgotten, replaced by mail, chosen anew; and changed by whoever knows them."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from playwright.async_api import Page, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import log_in, log_out, pass_captcha
from tests.journeys.stories import follow_link, mailed_password, new_address, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
ANOTHER = "Hirondelle-sous-le-toit-9"
CHANGING = "Modifier les identifiants de mon compte citoyen"


async def fill_in(page: Page, **typed: str) -> None:
    for field, text in typed.items():
        await page.locator(f"#field-{field}").fill(text)


async def answered_with(page: Page, kind: str) -> bool:
    """Presses Se connecter; whether the server's answer was of this kind."""
    async with page.expect_response(lambda response: "logIn(" in (response.request.post_data or "")) as info:
        await page.get_by_role("button", name="Se connecter").click()
    return kind in await (await info.value).text()


async def test_a_forgotten_password(arrive: Arrive, stack: Stack) -> None:
    """A mail brings a temporary one, which opens one page: that where another is chosen."""
    address = new_address()
    client, account = await open_account(stack.api, email=address)
    await client.change("ConfirmEmail", token=await follow_link(stack.inbox, address))
    somebody = await arrive()
    page = somebody.page
    await somebody.open("/")
    await page.get_by_role("link", name="Mot de passe oublié ?").click()
    await page.wait_for_selector(".captcha-picture img")
    await page.get_by_role("button", name="Envoyer").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_text(
        ["Nom d’utilisateur ou adresse de courriel", "Code de sécurité"]
    )
    await expect(page.locator("#field-usernameOrEmail-messages")).to_be_visible()
    await expect(page.locator("#field-captcha-messages")).to_be_visible()
    await page.get_by_label("Nom d’utilisateur ou adresse de courriel").fill(account["username"])
    await pass_captcha(page)
    await examine(page)
    await page.get_by_role("button", name="Envoyer").click()
    await expect(page.get_by_role("status").filter(has_text="courriel")).to_be_visible()
    temporary = await mailed_password(stack.inbox, address)

    await page.get_by_role("main").get_by_role("link", name="Se connecter").click()
    await fill_in(page, username=account["username"], password=temporary)
    async with asyncio.timeout(20):
        # A program reads mail faster than the worker notes that it was taken.
        while not await answered_with(page, "LogInSuccess"):  # noqa: ASYNC110 - another process notes it
            await asyncio.sleep(0.1)
    await expect(page.get_by_role("heading", level=1)).to_have_text(CHANGING)
    await expect(page.get_by_text("Vous êtes connecté avec un mot de passe temporaire.")).to_be_visible()
    await examine(page)
    # No other page is there meanwhile, and one that is loaded again says the same.
    await somebody.open("/demarches")
    await expect(page.get_by_role("heading", level=1)).to_have_text(CHANGING)
    await fill_in(page, currentPassword=temporary, password=ANOTHER, again="autre chose")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("#field-again-messages")).to_contain_text("pas identiques")
    await fill_in(page, password="azerty123456", again="azerty123456")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("#field-password-messages")).to_be_visible()
    await fill_in(page, password=ANOTHER, again=ANOTHER)
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Vos identifiants sont modifiés.")).to_be_visible()
    await log_out(page)
    await log_in(somebody, account["username"], ANOTHER)


async def test_username_and_password_are_changed(arrive: Arrive, stack: Stack) -> None:
    """With the current password; a name that somebody has is refused at its field."""
    _, taken = await open_account(stack.api)
    _, account = await open_account(stack.api)
    username = f"helene-{uuid4().hex[:8]}"
    somebody = await arrive(width=320)
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    await page.get_by_role("link", name=CHANGING).click()
    await expect(page.get_by_label("Nom d’utilisateur")).to_have_value(account["username"])
    await examine(page)
    await fill_in(page, currentPassword="ce n'est pas lui", username=username)
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("alert")).to_contain_text("incorrect")
    await fill_in(page, currentPassword=PASSWORD, username=taken["username"])
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Choisissez un autre nom d’utilisateur")).to_be_visible()
    await fill_in(page, username=username, password=ANOTHER, again=ANOTHER)
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Vos identifiants sont modifiés.")).to_be_visible()
    await log_out(page)
    await somebody.open("/")
    await fill_in(page, username=account["username"], password=PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await expect(page.get_by_role("alert")).to_contain_text("incorrect")
    await log_in(somebody, username, ANOTHER)
