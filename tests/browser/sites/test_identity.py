"""S'identifier avec FranceConnect, where the mairie has it: a new account, or one that there is; and out again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive, Somebody
from tests.browser.sites.doing import log_in
from tests.journeys.client import Client
from tests.journeys.stories import file_request, open_account
from tests.openid.conftest import CLIENT, CLIENT_ID, CLIENT_SECRET, provider_process
from tests.stack import Api, Stack, free_port

PASSWORD = "Tournesol-au-balcon-7"
BUTTON = "S’identifier avec FranceConnect"


@dataclass(frozen=True)
class Mairie:
    """A site whose citizens may log in with a provider."""

    site: str
    issuer: str

    async def identify(self, somebody: Somebody, who: str) -> None:
        """On the provider's page, which comes from another origin; it sends the browser back."""
        page = somebody.page
        # What its own pages lack.
        somebody.forgive(f"{self.issuer}/favicon.ico")
        somebody.forgive("family=Roboto")
        await page.wait_for_url(f"{self.issuer}/log-in/*")
        await page.goto(f"{page.url}/as/{who}")
        await page.wait_for_selector("h1")


@pytest_asyncio.fixture
async def mairie(stack: Stack, tmp_path: Path) -> AsyncIterator[Mairie]:
    api = Api(stack.environment, tmp_path / "api.log")
    site, port = f"http://localhost:{api.port}", free_port()
    issuer = f"http://127.0.0.1:{port}"
    client = CLIENT | {
        "redirect_uris": [f"{site}/openid/callback"],
        "post_logout_redirect_uris": [f"{site}/openid/logged-out"],
    }
    async with provider_process(tmp_path / "provider.log", [client], port=port, issuer=issuer):
        api.environment |= {
            "ESPACE_OPENID_ISSUER": issuer,
            "ESPACE_OPENID_CLIENT_ID": CLIENT_ID,
            "ESPACE_OPENID_CLIENT_SECRET": CLIENT_SECRET,
        }
        stack.apis.append(api)
        await api.start()
        yield Mairie(site, issuer)


async def test_an_account_of_somebody_whom_the_provider_knows(
    arrive: Arrive, stack: Stack, mairie: Mairie
) -> None:
    """Opened without a password, left, entered again on the way to a request; the last way in stays."""
    request = await file_request(Client(stack.api))
    somebody = await arrive(site=mairie.site)
    page = somebody.page
    await somebody.open("/")
    await examine(page)
    await page.get_by_role("link", name=BUTTON).click()
    await mairie.identify(somebody, "jeanne")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Mon identité")
    await expect(page.get_by_text("FranceConnect confirme votre identité.")).to_be_visible()
    await expect(page.get_by_label("Prénom")).to_have_value("Jeanne Marie")
    await expect(page.get_by_label("Date de naissance")).to_have_value("1980-02-29")
    await examine(page)
    courriel = page.get_by_role("textbox", name=re.compile("^Courriel"))
    await courriel.fill("pas une adresse")
    await page.get_by_role("button", name="Créer mon compte").click()
    await expect(page.locator("#field-email-messages")).to_be_visible()
    await courriel.fill("jeanne@example.org")
    await page.get_by_role("button", name="Créer mon compte").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Mes demandes")

    await page.get_by_role("link", name="Mon compte", exact=True).click()
    await expect(page.get_by_text("Ce compte n’a pas de mot de passe")).to_be_visible()
    await page.get_by_role("button", name="Détacher FranceConnect").click()
    await page.get_by_role("dialog").get_by_role("button", name="Détacher FranceConnect").click()
    await expect(page.get_by_role("alert")).to_contain_text("le seul moyen d’entrer")
    await examine(page)

    # Out of here, and out of there: the provider asks, and sends the browser back.
    await page.get_by_role("button", name="Se déconnecter").click()
    await page.wait_for_url(f"{mairie.issuer}/**")
    await page.locator("button[value=yes]").click()
    await page.wait_for_url(f"{mairie.site}/")
    await expect(page.get_by_role("link", name=BUTTON)).to_be_visible()

    await somebody.open(f"/demandes/{request['ticket']}")
    await page.get_by_role("link", name="Me connecter").click()
    await page.get_by_role("link", name=BUTTON).click()
    await mairie.identify(somebody, "jeanne")
    await page.get_by_role("button", name="Rattacher cette demande à mon compte citoyen").click()
    await expect(page.get_by_text("La demande est rattachée à votre compte.")).to_be_visible()

    # Nobody who has no password is asked for one.
    await somebody.open("/mon-espace/compte")
    await page.get_by_role("button", name="Fermer mon compte").click()
    await expect(page.get_by_role("dialog").get_by_label("Mot de passe actuel")).to_be_hidden()
    await page.get_by_role("button", name="Oui, fermer mon compte").click()
    await expect(page.get_by_text("Votre compte est fermé.")).to_be_visible()


async def test_an_identity_opens_an_account_that_there_is(
    arrive: Arrive, stack: Stack, mairie: Mairie
) -> None:
    """Linked from Mon compte with its password, shown again; and unlinked."""
    _, account = await open_account(stack.api)
    somebody = await arrive(site=mairie.site)
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await page.get_by_role("link", name="Mon compte", exact=True).click()
    await page.get_by_role("link", name="Rattacher mon identité FranceConnect").click()
    await mairie.identify(somebody, "bare")
    await expect(page.get_by_label("Nom d’utilisateur")).to_have_value(account["username"])
    await expect(page.get_by_text("Je n’ai pas encore de compte citoyen")).to_be_hidden()
    await page.get_by_label("Mot de passe").fill("ce n'est pas lui")
    await page.get_by_role("button", name="Rattacher à ce compte").click()
    await expect(page.get_by_role("alert")).to_contain_text("incorrect")
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Rattacher à ce compte").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")
    await page.get_by_role("button", name="Détacher FranceConnect").click()
    await page.get_by_role("dialog").get_by_role("button", name="Détacher FranceConnect").click()
    await expect(page.get_by_text("Cette identité n’ouvre plus votre compte.")).to_be_visible()
    await expect(page.get_by_role("link", name="Rattacher mon identité FranceConnect")).to_be_visible()
    await examine(page)

    await somebody.open("/identite")
    await expect(page.get_by_text("Cette identification a expiré ou a déjà servi.")).to_be_visible()
    await examine(page)


async def test_there_is_no_button_by_default(arrive: Arrive) -> None:
    visitor = await arrive()
    for path in ("/", "/creer-mon-compte", "/identite"):
        await visitor.open(path)
        await expect(visitor.page.get_by_role("link", name=re.compile("FranceConnect"))).to_have_count(0)
