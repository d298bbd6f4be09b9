"""Créer mon compte: every mistake at its field, a code to hear, the confirmation; then Mon espace citoyen."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from playwright.async_api import expect

from core.clock import now
from core.password_rules import password_advice
from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, log_in, log_out, pass_captcha
from tests.journeys.stories import CODE, new_address, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


async def test_an_account_from_the_form_to_the_log_in(arrive: Arrive, stack: Stack) -> None:
    _, taken = await open_account(stack.api)
    address, username = new_address(), f"marie-{uuid4().hex[:8]}"
    visitor = await arrive()
    page = visitor.page
    await visitor.open("/")
    await page.get_by_role("link", name="Créer mon compte").click()
    await expect(page.locator(".asterisk").first).to_have_css("color", "rgb(184, 74, 0)")
    await expect(page.locator("#field-password-help")).to_have_text(password_advice().in_("fr"))
    await page.get_by_label("Nom d’utilisateur").fill("m")
    await page.get_by_role("textbox", name="Mot de passe (obligatoire)", exact=True).fill("court")
    await page.get_by_label("Confirmez le mot de passe").fill("court")
    await fill_contact(page, "pas une adresse")
    await pass_captcha(page)
    await page.get_by_role("button", name="Créer mon compte").click()
    for field in ("username", "password", "email"):
        await expect(page.locator(f"#field-{field}-messages")).to_be_visible()
    await expect(page.get_by_label("Nom d’utilisateur")).to_have_attribute("aria-invalid", "true")

    await page.get_by_label("Nom d’utilisateur").fill(taken["username"])
    await page.get_by_role("textbox", name="Mot de passe (obligatoire)", exact=True).fill(PASSWORD)
    await page.get_by_label("Confirmez le mot de passe").fill(PASSWORD)
    await fill_contact(page, address)
    await page.get_by_role("button", name="Un autre code").click()
    await expect(page.get_by_role("textbox", name=re.compile("^Code de sécurité"))).to_have_value("")
    await pass_captcha(page)
    await page.get_by_role("button", name="Créer mon compte").click()
    await expect(page.get_by_text("Choisissez un autre nom d’utilisateur")).to_be_visible()
    await page.get_by_label("Nom d’utilisateur").fill(username)
    await page.get_by_role("button", name="Créer mon compte").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Votre compte est créé")

    await stack.inbox.wait_for(address)
    await log_in(visitor, username, PASSWORD)
    await page.get_by_role("link", name="Mon compte").click()
    await page.get_by_role("button", name="Renvoyer le courriel de confirmation").click()
    await expect(page.get_by_text(f"vient d’être envoyé à {address}")).to_be_visible()
    mail = await stack.inbox.wait_for(address, count=2)
    text = mail.get_body(("plain",))
    assert text is not None
    link = re.search(r"https?://\S+/confirmer\?token=\S+", text.get_content())
    assert link is not None
    parts = urlsplit(link.group())
    await visitor.open(f"{parts.path}?{parts.query}")
    await expect(page.get_by_text(f"« {username} » est confirmée")).to_be_visible()
    await examine(page)

    await visitor.open("/mon-espace/compte")
    await expect(page.get_by_label("Prénom")).to_have_value("Hélène")
    await expect(page.get_by_role("button", name="Renvoyer")).to_be_hidden()
    await page.get_by_label("Téléphone mobile").first.fill("12")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("#field-mobilePhone-messages")).to_be_visible()
    await page.get_by_role("textbox", name="Téléphone mobile").fill("0612345678")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Vos modifications sont enregistrées.")).to_be_visible()
    await page.reload()
    phone = page.get_by_role("textbox", name="Téléphone mobile")
    await expect(phone).to_have_value("06\u00a012\u00a034\u00a056\u00a078")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Vos modifications sont enregistrées.")).to_be_visible()
    await log_out(page)
    await expect(page.get_by_role("button", name="Se connecter")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "create", "email"),
    [("fr-FR", "Créer mon compte", "Courriel"), ("en-GB", "Create my account", "E-mail")],
)
async def test_all_that_is_missing_is_told_at_once(
    arrive: Arrive, locale: str, create: str, email: str
) -> None:
    """The security code among it, each with a link to its field; and where it is all that is missing, it alone, and
    nothing was opened."""
    visitor = await arrive(locale=locale)
    page = visitor.page
    await visitor.open("/creer-mon-compte")
    await page.wait_for_selector(".captcha-picture img")
    await page.locator("#field-password").fill("court")
    await page.get_by_role("button", name=create).click()
    fields = ("username", "password", "again", "firstName", "lastName", "email", "captcha")
    for field in fields:
        await expect(page.locator(f"#field-{field}-messages")).to_be_visible()
        await expect(page.locator(f"#field-{field}")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(len(fields))
    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_count(len(fields))
    await expect(page.locator("#field-password-help")).to_be_hidden()
    await examine(page)
    await page.get_by_role("alert").get_by_role("link", name=email, exact=True).click()
    await expect(page.locator("#field-email")).to_be_focused()
    filled = {
        "username": f"marie-{uuid4().hex[:8]}",
        "password": PASSWORD,
        "again": f"{PASSWORD}!",
        "firstName": "Hélène",
        "lastName": "Marchand",
        "email": new_address(),
    }
    for field, text in filled.items():
        await page.locator(f"#field-{field}").fill(text)
    await page.locator("#field-captcha").fill(CODE)
    await page.get_by_role("button", name=create).click()
    await expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(1)
    await expect(page.locator("#field-again-messages")).to_be_visible()
    await page.locator("#field-again").fill(PASSWORD)
    await page.locator("#field-captcha").fill("")
    await page.get_by_role("button", name=create).click()
    await expect(page.locator("#field-again-messages")).to_be_hidden()
    await expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(1)
    await expect(page.locator("#field-captcha-messages")).to_be_visible()
    await page.locator("#field-captcha").fill(CODE)
    await page.get_by_role("button", name=create).click()
    await expect(page.get_by_text(filled["email"])).to_be_visible()


@pytest.mark.parametrize("locale", ["fr-FR", "en-GB"])
async def test_countries_are_in_the_order_of_their_names(arrive: Arrive, locale: str) -> None:
    visitor = await arrive(locale=locale)
    await visitor.open("/creer-mon-compte")
    names = await visitor.page.locator("[id='field-address.country'] option").all_text_contents()
    assert names[0] == "France"
    in_order = "([names, language]) => names.sort(new Intl.Collator(language).compare)"
    assert names[1:] == await visitor.page.evaluate(in_order, [names[1:], locale])
    assert len(names) > 100


async def test_the_code_is_heard(arrive: Arrive) -> None:
    """The loudspeaker plays a recording: its time goes by, and it has a length."""
    visitor = await arrive()
    page = visitor.page
    await visitor.open("/creer-mon-compte")
    await expect(page.get_by_text("Écouter le code")).to_be_visible()
    await page.get_by_role("button", name="Écouter le code").click()
    async with asyncio.timeout(15):
        # Not by a function of the page's: its policy evaluates no strings.
        while await page.evaluate("document.querySelector('audio').currentTime") < 0.3:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert await page.evaluate("document.querySelector('audio').duration") > 2


async def test_a_code_that_has_grown_old_is_replaced(arrive: Arrive) -> None:
    """It is good for five minutes, and the form before it takes longer: another one is there once it is come to."""
    visitor = await arrive()
    page = visitor.page
    await page.clock.install()
    await visitor.open("/creer-mon-compte")
    picture = page.locator(".captcha-picture img")
    first = await picture.get_attribute("src")
    await page.get_by_label("Code de sécurité").focus()
    await page.get_by_label("Prénom").focus()
    assert await picture.get_attribute("src") == first
    await page.clock.set_system_time(now() + timedelta(minutes=6))
    await page.get_by_label("Code de sécurité").focus()
    await expect(picture).not_to_have_attribute("src", first or "")
    await pass_captcha(page)


async def test_a_wrong_password_is_told(arrive: Arrive) -> None:
    visitor = await arrive()
    await visitor.open("/")
    await visitor.page.get_by_label("Nom d’utilisateur").fill("citoyen1")
    await visitor.page.get_by_label("Mot de passe").fill("ce n'est pas lui")
    await visitor.page.get_by_role("button", name="Se connecter").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("incorrect")
