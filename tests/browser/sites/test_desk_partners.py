"""Partner systems at the desk: let in with a token that is shown once, told of events or not, and shut out again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.async_api import expect

from core.clock import now
from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import log_in_at_desk
from tests.journeys.client import Client, RefusedError
from tests.journeys.stories import file_request
from tests.stack import Stack
from tests.webhook_receiver import receiving


async def test_a_partner_is_let_in_told_and_shut_out(arrive: Arrive, stack: Stack) -> None:
    name = f"Logiciel {uuid4().hex[:8]}"
    administrator = await arrive(width=320)
    page = administrator.page
    await administrator.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await log_in_at_desk(administrator)
    await administrator.open("/mairie/reglages/partenaires")
    await page.get_by_role("button", name="Nouveau jeton").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("savoir ce qui arrive").uncheck()
    await dialog.get_by_label("recevoir les événements").check()
    await dialog.get_by_role("button", name="Créer le jeton").click()
    for field, told in (("name", "Donnez au jeton un nom"), ("scopes", "READ_CHANGES")):
        await expect(dialog.locator(f"#field-{field}-messages")).to_contain_text(told)
    await examine(page)
    await dialog.get_by_label("Nom du partenaire").fill(name)
    await dialog.get_by_label("savoir ce qui arrive").check()
    await dialog.get_by_label("Signaler un problème sur la voie publique").check()
    in_a_month = now().date() + timedelta(days=30)
    await dialog.get_by_label("Expire à la fin du").fill(in_a_month.isoformat())
    await dialog.get_by_role("button", name="Créer le jeton").click()

    await expect(page.get_by_role("heading", name=f"Jeton de {name}")).to_be_focused()
    token = await page.get_by_label("Jeton", exact=True).input_value()
    assert token.startswith("ecp_")
    await page.get_by_role("button", name="Copier").click()
    await expect(page.get_by_text("Copié.")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == token
    await examine(page)
    await page.get_by_role("button", name="Je l’ai copié").click()
    await expect(page.get_by_label("Jeton", exact=True)).to_have_count(0)
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=name, exact=True))
    for told in ("Signaler un problème", "savoir ce qui arrive", f"{in_a_month.year} à 23:59", "jamais"):
        await expect(card).to_contain_text(told)
    await page.reload()
    await expect(card).to_be_visible()
    assert token not in await page.content()

    partner = Client(stack.api, f"Bearer {token}")
    async with receiving() as receiver:
        receiver.decide = lambda _: 410
        saved = await partner.change("SaveWebhook", input={"url": receiver.url})
        receiver.secret = saved["secret"]
        await file_request(Client(stack.api))
        async with asyncio.timeout(20):
            while (await partner.run("PartnerWebhooks"))["webhooks"][0]["state"] == "ACTIVE":  # noqa: ASYNC110
                await asyncio.sleep(0.1)

        await page.get_by_role("button", name="Actualiser").click()
        webhook = page.get_by_role("listitem").filter(
            has=page.get_by_role("heading", name=f"{name}, à 127.0.0.1")
        )
        await expect(page.get_by_role("status").filter(has_text="en pause")).to_be_visible()
        for told in ("en pause", "En échec depuis", "L’adresse a répondu 410", "Événements en attente"):
            await expect(webhook).to_contain_text(told)
        assert "secret-of-the-address" not in await page.content()
        await examine(page)

        receiver.decide = lambda _: 204
        await webhook.get_by_role("button", name="Reprendre l’envoi").click()
        await expect(webhook).to_contain_text("actif")
        await expect(page.locator(".webhooks")).to_be_focused()
        await expect(page.get_by_test_id("announcements")).to_contain_text("L’envoi reprend vers 127.0.0.1.")
        async with asyncio.timeout(20):
            while not receiver.taken:  # noqa: ASYNC110
                await asyncio.sleep(0.1)

    await card.get_by_role("button", name="Révoquer").click()
    await examine(page)
    await dialog.get_by_role("button", name="Révoquer").click()
    await expect(card).to_have_count(0)
    await expect(webhook).to_have_count(0)
    await expect(page.get_by_role("button", name="Nouveau jeton")).to_be_focused()
    with pytest.raises(RefusedError) as refused:
        await partner.run("PartnerWebhooks")
    assert refused.value.code == "UNAUTHENTICATED"


async def test_it_is_for_administrators(arrive: Arrive, stack: Stack) -> None:
    handler = await arrive()
    page = handler.page
    await log_in_at_desk(handler, "agent")
    await handler.open("/mairie/reglages")
    places = page.get_by_role("navigation", name="Pages des réglages")
    await expect(places.get_by_role("link", name="Accès")).to_be_visible()
    await expect(places.get_by_role("link", name="Partenaires")).to_have_count(0)
    await handler.open("/mairie/reglages/partenaires")
    await expect(page.get_by_text("réservée aux administrateurs")).to_be_visible()
