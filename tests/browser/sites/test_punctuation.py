"""What stands between a label and what it says: a colon as each language writes it, wherever the sites put one."""

from __future__ import annotations

from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import log_in_at_desk
from tests.journeys.client import Client
from tests.journeys.stories import (
    draft_request,
    file_request,
    new_address,
    open_account,
    open_slots,
    parked_for,
    partner_token,
)
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
LOCALES = {"fr": "fr-FR", "en": "en-GB"}
COLONS = {"fr": "\u00a0: ", "en": ": "}

OF_THE_MAIRIE = "Accessibilité : partiellement conforme"
"""A link's title in the municipality's data, which is in one language."""

TOLD = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT);
  const told = [document.title, document.body.innerText];
  while (walker.nextNode()) told.push(walker.currentNode.ariaLabel ?? '');
  return told.filter(Boolean);
}"""
"""Everything that a page says, by eye or by name."""


async def told_on(page: Page, ready: str, language: str) -> str:
    """What the page says once that is there; in English, no colon and no semicolon of it has a space before it."""
    await expect(page.locator(ready).first).to_be_visible()
    told: list[str] = await page.evaluate(TOLD)
    if language == "en":
        for text in told:
            for wrong in (" :", " ;", "\u00a0:", "\u00a0;"):
                assert wrong not in text.replace(OF_THE_MAIRIE, ""), f"{page.url}: {text}"
    return "\n".join(told)


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_on_the_citizen_s_site(language: str, arrive: Arrive, stack: Stack) -> None:
    citizen, account = await open_account(stack.api, language=language)
    request = await file_request(citizen)
    draft = await draft_request(citizen)
    somebody = await arrive(locale=LOCALES[language])
    page, colon = somebody.page, COLONS[language]
    await somebody.open("/")
    await page.locator("input[autocomplete=username]").fill(account["username"])
    await page.locator("input[type=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text({"fr": "Mes demandes", "en": "My requests"}[language])
    assert f"mairie{colon.rstrip()}" in await page.locator("footer").inner_text()
    await somebody.open(f"/mon-espace/demandes/{request['id']}")
    assert f"{colon}{request['ticket']}" in await told_on(page, ".ticket", language)
    await somebody.open("/mon-espace/compte")
    assert f"{colon}{account['username']}" in await told_on(page, "form", language)
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/saisie?etape=recapitulatif")
    await told_on(page, ".notice li", language)


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_on_the_mairie_s_site(language: str, arrive: Arrive, stack: Stack) -> None:
    address = new_address()
    stack.inbox.answer = lambda envelope: "550 No such user" if address in envelope.rcpt_tos else None
    await file_request(Client(stack.api), email=address)
    administrator = await Client(stack.api).log_in("admin")
    await parked_for(administrator, address)
    stack.inbox.answer = None
    name = f"Logiciel {uuid4().hex[:8]}"
    await administrator.change("CreatePartnerToken", input=partner_token(name=name))
    citizen, _ = await open_account(stack.api, birthDate="1980-02-29")
    request = await file_request(citizen)
    schedule, slots = await open_slots(administrator)

    somebody = await arrive(locale=LOCALES[language])
    page, colon = somebody.page, COLONS[language]
    await log_in_at_desk(somebody)
    await somebody.open(f"/mairie/demandes/{request['id']}")
    told = await told_on(page, "text=1980", language)
    assert {"fr": "Date de naissance\u00a0: 29 février", "en": "Date of birth: 29 February"}[language] in told
    await somebody.open("/mairie/chiffres")
    assert {"fr": "En attente", "en": "Waiting"}[language] + colon in await told_on(page, "table", language)
    await somebody.open("/mairie/reglages")
    told = await told_on(page, f"li:has-text('{address}')", language)
    assert f"{colon}550 No such user" in told
    assert f"{colon}{address}" in told
    await somebody.open("/mairie/reglages/partenaires")
    told = await told_on(page, f"li:has-text('{name}')", language)
    assert {"fr": "demandes\u00a0; ", "en": "requests; "}[language] in told
    await somebody.open("/mairie/agendas")
    await page.locator("#field-schedule").select_option(schedule)
    await page.locator("#field-day").fill(slots[0]["start"][:10])
    told = await told_on(page, ".day li", language)
    assert {"fr": "Fermer ce créneau", "en": "Close this slot"}[language] + f"{colon}09:00" in told
