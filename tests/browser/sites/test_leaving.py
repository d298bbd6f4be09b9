"""Mon compte, on the way out: places where it is still logged in, a copy of one's data, and closing it."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from playwright.async_api import expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import log_in
from tests.journeys.client import Client, RefusedError
from tests.journeys.stories import file_request, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


async def test_other_places_are_logged_out(arrive: Arrive, stack: Stack) -> None:
    elsewhere, account = await open_account(stack.api)
    for _ in range(2):
        await Client(stack.api).log_in(account["username"], PASSWORD)
    somebody = await arrive(width=320)
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    places = page.locator("section", has=page.get_by_role("heading", name="Mes connexions"))
    await expect(places.get_by_role("listitem")).to_have_count(4)
    await expect(places.get_by_text("Chrome, Linux")).to_be_visible()
    await expect(places.get_by_text("cette connexion")).to_be_visible()
    await places.get_by_role("button", name="Mettre fin à la connexion depuis").first.click()
    await expect(places.get_by_role("listitem")).to_have_count(3)
    await places.get_by_role("button", name="Mettre fin à toutes les autres connexions").click()
    await expect(places.get_by_role("listitem")).to_have_count(1)
    await expect(places.get_by_text("C’est fait")).to_be_visible()
    await examine(page)
    with pytest.raises(RefusedError) as refused:
        await elsewhere.run("MyAccount")
    assert refused.value.code == "UNAUTHENTICATED"


async def test_a_copy_of_all_data(arrive: Arrive, stack: Stack) -> None:
    """Asked for, made while the page waits, and fetched: a ZIP that holds the request."""
    client, account = await open_account(stack.api)
    request = await file_request(client)
    somebody = await arrive()
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    await page.get_by_role("button", name="Demander une copie de mes données").click()
    made = page.get_by_role("link", name="Télécharger mes données (ZIP)")
    await expect(made).to_be_visible()
    await examine(page)
    async with page.expect_download() as download:
        await made.click()
    content = (await (await download.value).path()).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        held = [archive.read(name) for name in archive.namelist() if name.endswith(".json")]
    assert any(request["ticket"] in json.dumps(json.loads(text)) for text in held)


async def test_an_account_is_closed_and_opened_again(arrive: Arrive, stack: Stack) -> None:
    """With the password shown again; the page says until when the mairie can undo it, and so does the next log-in."""
    _, account = await open_account(stack.api)
    somebody = await arrive(width=320)
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    await page.get_by_role("button", name="Fermer mon compte").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Mot de passe actuel").fill("ce n'est pas lui")
    await dialog.get_by_role("button", name="Oui, fermer mon compte").click()
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await examine(page)
    await dialog.get_by_role("button", name="Non, le garder").click()
    await expect(dialog).to_be_hidden()
    await page.get_by_role("button", name="Fermer mon compte").click()
    await dialog.get_by_label("Mot de passe actuel").fill(PASSWORD)
    await dialog.get_by_role("button", name="Oui, fermer mon compte").click()
    await expect(page.get_by_text("Votre compte est fermé.")).to_be_visible()
    await expect(page.get_by_text("D’ici là, la mairie peut le rouvrir")).to_be_visible()
    await examine(page)
    await page.get_by_label("Nom d’utilisateur").fill(account["username"])
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await expect(page.get_by_role("alert")).to_contain_text("Ce compte a été fermé")

    administrator = await Client(stack.api).log_in("admin")
    await administrator.change("RestoreAccount", username=account["username"])
    await log_in(somebody, account["username"], PASSWORD)
