"""How agents get in: a second factor from the picture to the recovery codes, given back, and asked of everybody."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import uuid4

import pyotp
from playwright.async_api import Page, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive, Somebody
from tests.browser.sites.doing import log_in_at_desk
from tests.journeys.client import DEMONSTRATION_PASSWORD, Client
from tests.journeys.telephone import Telephone
from tests.stack import Api, Stack

PASSWORD = "Tournesol-au-guichet-7"
OF_THEIR_OWN = "Hirondelle-sous-le-toit-9"


async def hire(api: Api) -> tuple[str, str]:
    """An agent of the test's own: username, and name as others see it."""
    number = uuid4().hex[:8]
    # After those whom other tests take the first of.
    username, name = f"zoe-{number}", f"Zoé {number}"
    administrator = await Client(api).log_in("admin")
    agent = {
        "displayName": name,
        "username": username,
        "password": PASSWORD,
        "role": "HANDLER",
        "procedures": ["signalement-voirie"],
    }
    await administrator.change("SaveAgent", input=agent)
    return username, name


async def begin_to_log_in(somebody: Somebody, username: str, at: str = "/mairie/") -> None:
    """With the password, which is not enough."""
    await somebody.open(at)
    await somebody.page.get_by_label("Nom d’utilisateur").fill(username)
    await somebody.page.get_by_label("Mot de passe").fill(PASSWORD)
    await somebody.page.get_by_role("button", name="Se connecter").click()


async def log_out(page: Page) -> None:
    """From a narrow screen."""
    await page.get_by_role("button", name="Menu").click()
    await page.get_by_role("button", name="Se déconnecter").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Espace de la mairie")


async def enrol(page: Page) -> tuple[str, list[str]]:
    """From the password to the recovery codes, looked at on the way: the secret of the program, and the codes."""
    await page.get_by_label("Votre mot de passe").fill("un autre")
    await page.get_by_role("button", name="Continuer").click()
    await expect(page.get_by_role("alert")).to_contain_text("incorrect")
    await page.get_by_label("Votre mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Continuer").click()
    await expect(page.get_by_role("heading", name="Lisez ce code")).to_be_focused()
    picture = page.get_by_role("img", name="Code QR")
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
    await examine(page)
    address = await page.get_by_role("link", name="Ouvrir l’application").get_attribute("href")
    secret = await page.get_by_label("Clé").input_value()
    assert pyotp.parse_uri(address or "").secret == secret

    await page.get_by_label("Code affiché").fill("000000")
    await page.get_by_role("button", name="Activer", exact=True).click()
    await expect(page.locator("#field-code-messages")).to_contain_text("pas le bon")
    await page.get_by_label("Code affiché").fill(Telephone(secret).fresh())
    await page.get_by_role("button", name="Activer", exact=True).click()
    return secret, await keep_codes(page)


async def keep_codes(page: Page) -> list[str]:
    """The recovery codes that are shown, which go once it is said that they are kept."""
    await expect(page.get_by_role("heading", name="Vos codes de secours")).to_be_focused()
    codes = await page.locator(".codes li").all_inner_texts()
    assert len(set(codes)) == 10
    await examine(page)
    await page.get_by_role("button", name="Copier les codes").click()
    await expect(page.get_by_text("Copié.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "\n".join(codes)
    await expect(page.get_by_role("button", name="Terminer")).to_be_disabled()
    await page.get_by_label("J’ai noté ces codes").check()
    await page.get_by_role("button", name="Terminer").click()
    await expect(page.locator(".codes")).to_have_count(0)
    return codes


async def prove(page: Page, action: str, code: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Votre mot de passe").fill(PASSWORD)
    await dialog.get_by_label("Code à usage unique").fill(code)
    await dialog.get_by_role("button", name=action).click()


async def test_a_second_factor_from_the_picture_to_the_last_code(arrive: Arrive, stack: Stack) -> None:
    username, _ = await hire(stack.api)
    agent = await arrive(width=320)
    page = agent.page
    await agent.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await log_in_at_desk(agent, username, PASSWORD)
    await agent.open("/mairie/reglages/acces")
    await expect(page.get_by_text("mot de passe seul.")).to_be_visible()
    await expect(page.get_by_text("Rien pour le moment.")).to_be_visible()
    await examine(page)
    await page.get_by_role("button", name="Activer le second facteur", exact=True).click()
    await expect(page.get_by_label("Votre mot de passe")).to_be_focused()
    _, codes = await enrol(page)
    await expect(page.get_by_text("Il vous reste 10 codes de secours.")).to_be_visible()
    await expect(page.get_by_text(": second facteur activé")).to_be_visible()

    await log_out(page)
    await begin_to_log_in(agent, username)
    asked = page.get_by_label("Code à usage unique")
    await expect(asked).to_be_focused()
    await examine(page)
    await asked.fill("ABCD-EFGH-JKMN")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("code de secours")
    await asked.fill(codes[0].lower())
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Demandes")

    await agent.open("/mairie/reglages/acces")
    await expect(page.get_by_text("Il vous reste 9 codes de secours.")).to_be_visible()
    await page.get_by_role("button", name="Renouveler").click()
    await examine(page)
    await prove(page, "Continuer", codes[0])
    await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("a déjà servi")
    await prove(page, "Continuer", codes[1])
    renewed = await keep_codes(page)
    assert not set(renewed) & set(codes)

    await page.get_by_role("button", name="Désactiver").click()
    await prove(page, "Désactiver", renewed[0])
    await expect(page.get_by_role("button", name="Activer le second facteur", exact=True)).to_be_visible()
    await expect(page.locator(".own-factor")).to_be_focused()
    events = [": second facteur désactivé", ": code de secours utilisé", ": codes de secours renouvelés"]
    for told in (*events, ": second facteur activé"):
        await expect(page.get_by_text(told).first).to_be_visible()


async def test_an_agent_chooses_a_password_of_their_own(arrive: Arrive, stack: Stack) -> None:
    username, _ = await hire(stack.api)
    agent = await arrive(width=320)
    page = agent.page
    await log_in_at_desk(agent, username, PASSWORD)
    await agent.open("/mairie/reglages/acces")
    await page.get_by_role("button", name="Changer de mot de passe").click()
    await expect(page.get_by_label("Mot de passe actuel")).to_be_focused()
    await examine(page)
    for again, path, told in (
        ("autre chose", "again", "identiques"),
        ("azerty123456", "password", "courant"),
    ):
        await page.get_by_label("Mot de passe actuel").fill(PASSWORD)
        await page.locator("#field-password").fill("azerty123456")
        await page.get_by_label("Confirmez le nouveau mot de passe").fill(again)
        await page.get_by_role("button", name="Enregistrer").click()
        await expect(page.locator(f"#field-{path}-messages")).to_contain_text(told)
    await page.locator("#field-password").fill(OF_THEIR_OWN)
    await page.get_by_label("Confirmez le nouveau mot de passe").fill(OF_THEIR_OWN)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_role("button", name="Changer de mot de passe")).to_be_focused()
    await expect(page.get_by_text("mot de passe changé")).to_be_visible()
    await examine(page)
    await log_out(page)
    await begin_to_log_in(agent, username)
    await expect(page.get_by_role("alert")).to_contain_text("incorrect")
    await log_in_at_desk(agent, username, OF_THEIR_OWN)


async def test_an_administrator_gives_an_access_back(arrive: Arrive, stack: Stack) -> None:
    username, name = await hire(stack.api)
    await with_second_factor(stack.api, username)
    administrator, agent = await arrive(width=320), await arrive()
    page = administrator.page
    await log_in_at_desk(administrator)
    await administrator.open("/mairie/reglages/acces")
    row = page.get_by_role("listitem").filter(has_text=f"{name} – ")
    await expect(row.first).to_contain_text("second facteur")
    await examine(page)
    await row.get_by_role("button", name=f"Réinitialiser : {name}").click()
    await examine(page)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Votre mot de passe").fill(DEMONSTRATION_PASSWORD)
    await dialog.get_by_role("button", name="Réinitialiser").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_test_id("announcements")).to_contain_text("réinitialisé")
    await expect(row.first).to_contain_text("mot de passe seul")
    await expect(page.get_by_text(f"{name} : second facteur réinitialisé")).to_be_visible()
    await log_in_at_desk(agent, username, PASSWORD)


async def test_the_citizens_site_shows_an_agent_in(arrive: Arrive, stack: Stack) -> None:
    username, _ = await hire(stack.api)
    codes = await with_second_factor(stack.api, username)
    agent = await arrive(width=320)
    page = agent.page
    await begin_to_log_in(agent, username, "/")
    asked = page.get_by_label("Code à usage unique")
    await expect(asked).to_be_focused()
    await examine(page)
    await asked.fill(codes[0])
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/mairie/$"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("Demandes")


async def test_where_it_is_asked_of_everybody_it_comes_first(arrive: Arrive, stack: Stack) -> None:
    strict = await stack.start_api(ESPACE_AGENTS_SECOND_FACTOR="required")
    username, _ = await hire(stack.api)
    agent = await arrive(width=320, site=strict.url.replace("127.0.0.1", "localhost"))
    page = agent.page
    await agent.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await begin_to_log_in(agent, username)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Activez votre second facteur")
    await agent.open("/mairie/agendas")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Activez votre second facteur")
    await examine(page)
    secret, codes = await enrol(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Agendas")
    await agent.open("/mairie/reglages/acces")
    await expect(page.get_by_text("il ne se désactive pas")).to_be_visible()
    await expect(page.get_by_role("button", name="Désactiver")).to_have_count(0)
    nobody_writes_down((secret, *codes), strict)


async def with_second_factor(api: Api, username: str) -> list[str]:
    """Its recovery codes."""
    client = await Client(api).log_in(username, PASSWORD)
    enrolment = await client.change("EnrolSecondFactor", password=PASSWORD)
    confirmed = await client.change("ConfirmSecondFactor", code=Telephone(enrolment["secret"]).fresh())
    codes: list[str] = confirmed["recoveryCodes"]
    return codes


def nobody_writes_down(secrets: Sequence[str], api: Api) -> None:
    logged = api.output()
    assert [secret for secret in secrets if secret in logged] == []
