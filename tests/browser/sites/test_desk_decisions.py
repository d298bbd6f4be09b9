"""What an agent decides on a request, when something or somebody comes between."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.async_api import Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import card, log_in_at_desk, log_out
from tests.journeys.client import Client, Data
from tests.journeys.stories import PROCEDURE, WITH_APPOINTMENT, file_request, open_account
from tests.stack import Stack

PASSWORD = "Hirondelle-sous-le-toit-9"


async def hire(administrator: Client, *procedures: str) -> Data:
    """An agent of the test's own, as `SaveAgent` takes them."""
    number = uuid4().hex[:8]
    agent = {
        "displayName": f"Zoé {number}",
        "username": f"zoe-{number}",
        "role": "HANDLER",
        "procedures": list(procedures),
    }
    saved = await administrator.change("SaveAgent", input={**agent, "password": PASSWORD})
    return {**agent, "id": saved["agent"]["id"]}


async def test_a_decision_outlives_what_goes_wrong(arrive: Arrive, stack: Stack) -> None:
    """Without a network, after another page, too long, after a session that ended elsewhere: it is sent in the end."""
    administrator = await Client(stack.api).log_in("admin")
    me = await hire(administrator, PROCEDURE)
    citizen, _ = await open_account(stack.api, firstName="Odette", lastName="Langlois")
    sent = await file_request(citizen)
    agent = await arrive()
    page = agent.page
    await log_in_at_desk(agent, me["username"], PASSWORD)
    await agent.open(f"/mairie/demandes/{sent['id']}")
    title = "Signaler un problème sur la voie publique – Odette Langlois"
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await expect(page).to_have_title(re.compile(f"^{title} – "))
    status, charge = card(page, "Changer l’état"), card(page, "Attribution")
    choice, reason = status.get_by_label("Nouvel état"), status.get_by_label("Motif, pour le demandeur")
    change = status.get_by_role("button", name="Changer", exact=True)
    assign = charge.get_by_role("button", name="Attribuer", exact=True)

    # What fails is said where it was tried, and nothing is taken away.
    await choice.select_option("Refusée")
    await reason.fill("Ce lampadaire est celui d’un voisin.")
    await charge.get_by_label("Attribuer à").select_option(me["displayName"])
    await agent.context.set_offline(True)
    agent.forgive("ERR_INTERNET_DISCONNECTED")
    await change.click()
    await expect(status.get_by_role("alert")).to_contain_text("La connexion est interrompue.")
    await assign.click()
    await expect(charge.get_by_role("alert")).to_contain_text("La connexion est interrompue.")
    await examine(page)
    await expect(choice.locator("option:checked")).to_have_text("Refusée")
    await expect(reason).to_have_value("Ce lampadaire est celui d’un voisin.")
    await agent.context.set_offline(False)
    await assign.click()
    await expect(charge.get_by_role("alert")).to_be_hidden()
    await expect(page.get_by_test_id("announcements")).to_contain_text(f"Attribuée à : {me['displayName']}.")

    # What could not be read meanwhile is read when the network is back.
    async def refuse(route: Route) -> None:
        await (route.abort() if "query DeskRequest" in (route.request.post_data or "") else route.continue_())

    agent.forgive("ERR_FAILED")
    await page.route("**/graphql", refuse)
    await administrator.change("AssignRequest", request=sent["id"], agent=None)
    await expect(page.get_by_text("Connexion interrompue")).to_be_visible()
    await expect(reason).to_have_value("Ce lampadaire est celui d’un voisin.")
    await page.unroute("**/graphql")
    await agent.context.set_offline(True)
    await agent.context.set_offline(False)
    await expect(page.get_by_text("Connexion interrompue")).to_be_hidden()
    await expect(charge.get_by_label("Attribuer à").locator("option:checked")).to_have_text("Personne")

    # As the exchange's text, the reason is there again after another page; it is told to be too long, not cut.
    long = "long " * 401
    await reason.fill(long)
    await page.get_by_role("link", name="Retour aux demandes").click()
    await expect(page.get_by_role("search")).to_be_visible()
    await page.go_back()
    await expect(reason).to_have_value(long)
    await choice.select_option("Refusée")
    await change.click()
    await expect(status.locator("#field-reason-messages")).to_contain_text("2000 caractères")
    await expect(reason).to_have_value(long)

    # A session that has ended elsewhere leads to the log-in, and back to what was typed.
    await reason.fill("Ce lampadaire n’est pas à nous.")
    elsewhere = await Client(stack.api).log_in(me["username"], PASSWORD)
    await elsewhere.change("RevokeOtherSessions")
    await change.click()
    await expect(page.get_by_role("button", name="Se connecter")).to_be_visible()
    await page.get_by_label("Nom d’utilisateur").fill(me["username"])
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(reason).to_have_value("Ce lampadaire n’est pas à nous.")
    await choice.select_option("Refusée")
    await change.click()
    await expect(page.locator("main .status")).to_have_text("Refusée")
    await expect(reason).to_have_value("")
    await expect(card(page, "Historique")).to_contain_text(f"({me['displayName']})")

    # Whoever logs out leaves no word behind.
    await reason.fill("À revoir.")
    await log_out(page)
    await log_in_at_desk(agent, me["username"], PASSWORD)
    await agent.open(f"/mairie/demandes/{sent['id']}")
    await expect(reason).to_have_value("")


async def test_two_agents_on_one_request(arrive: Arrive, stack: Stack) -> None:
    """Whoever is overtaken is told, decides on what they saw, and then anew; nobody is in charge who cannot be."""
    administrator = await Client(stack.api).log_in("admin")
    me, colleague, other = (
        await hire(administrator, PROCEDURE),
        await hire(administrator, PROCEDURE),
        await hire(administrator, WITH_APPOINTMENT),
    )
    quicker = await Client(stack.api).log_in(colleague["username"], PASSWORD)
    citizen, _ = await open_account(stack.api)
    sent = await file_request(citizen)

    async def bring_to(status: str) -> None:
        read = await quicker.run("DeskRequest", request=sent["id"])
        await quicker.change(
            "ChangeRequestStatus", request=sent["id"], version=read["version"], status=status
        )

    agent = await arrive()
    page = agent.page
    await log_in_at_desk(agent, me["username"], PASSWORD)
    await agent.open(f"/mairie/demandes/{sent['id']}")
    status, charge = card(page, "Changer l’état"), card(page, "Attribution")
    choice, reason = status.get_by_label("Nouvel état"), status.get_by_label("Motif, pour le demandeur")
    change = status.get_by_role("button", name="Changer", exact=True)
    heard, now, notice = (
        page.get_by_test_id("announcements"),
        page.locator("main .status"),
        status.get_by_role("status"),
    )
    news = f"{colleague['displayName']} : L’état de la demande est passé de « Envoyée » à « En attente du demandeur »."

    await choice.select_option("Acceptée")
    await reason.fill("L’équipe passe demain.")
    await bring_to("AWAITING_CITIZEN")
    await expect(heard).to_contain_text(news)
    await expect(notice).to_contain_text("Son état est maintenant « En attente du demandeur ».")
    await expect(notice).to_contain_text(news)
    await examine(page)
    await expect(choice.locator("option:checked")).to_have_text("Acceptée")
    await change.click()
    await expect(status.get_by_role("alert")).to_contain_text("La demande a changé entre-temps")
    await expect(status.get_by_role("alert")).to_be_focused()
    await expect(now).to_have_text("En attente du demandeur")
    await expect(choice.get_by_role("option")).to_have_text(
        ["", "En cours de traitement", "Acceptée", "Refusée"]
    )
    await expect(choice).to_have_value("")
    await expect(change).to_be_disabled()
    await expect(reason).to_have_value("L’équipe passe demain.")

    # What is not possible any more is not sent.
    await choice.select_option("Acceptée")
    await bring_to("REFUSED")
    await notice.get_by_role("button", name="Choisir de nouveau").click()
    await expect(choice).to_be_focused()
    await expect(choice.get_by_role("option")).to_have_text(["", "En cours de traitement"])
    await expect(change).to_be_disabled()

    # Only those who may be in charge are offered. One's own assignment overtakes nobody.
    await choice.select_option("En cours de traitement")
    names = set(await charge.get_by_role("option").all_text_contents())
    assert {me["displayName"], colleague["displayName"]} <= names
    assert other["displayName"] not in names
    mine = charge.get_by_role("button", name="Me l’attribuer")
    await mine.click()
    await expect(heard).to_contain_text(f"Attribuée à : {me['displayName']}.")
    await expect(card(page, "Historique")).to_contain_text("La demande a été attribuée à un agent.")
    await expect(mine).to_be_focused()
    await expect(notice).to_be_hidden()
    await change.click()
    await expect(now).to_have_text("En cours de traitement")
    await expect(change).to_be_focused()
    await expect(reason).to_have_value("")

    # Of those who no longer may, it is said in agents' words.
    await charge.get_by_label("Attribuer à").select_option(colleague["displayName"])
    await administrator.change("SaveAgent", input={**colleague, "procedures": [WITH_APPOINTMENT]})
    await charge.get_by_role("button", name="Attribuer", exact=True).click()
    wrong = charge.locator("#field-agent-messages")
    await expect(wrong).to_contain_text("Cet agent n’instruit pas cette démarche")
    await examine(page)
