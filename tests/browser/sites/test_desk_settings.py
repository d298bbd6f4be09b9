"""Figures, agents, and mail that was not delivered."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import asyncpg
from playwright.async_api import expect

from core.clock import now
from core.password_rules import password_advice
from jobs.facts import TEMPLATES
from models.ids import decode_as
from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import card, go_to, log_in_at_desk
from tests.journeys.client import Client, Data
from tests.journeys.stories import draft_request, file_request, new_address, open_account, parked_for
from tests.stack import ROOT, Stack

DECIDED_AFTER_DAYS = 10
PAGE = 50


async def a_procedure(administrator: Client) -> Data:
    """Of which nobody else has requests: it asks for nothing but who one is."""
    slug = f"chiffres-{uuid4().hex[:8]}"
    categories = (await administrator.run("DeskProcedure", slug=slug))["procedureCategories"]
    saved = await administrator.change(
        "SaveProcedure",
        input={
            "slug": slug,
            "title": f"Demander {slug}",
            "category": categories[0]["slug"],
            "summary": "Pour compter.",
            "body": "Rien de plus.",
            "state": "OPEN",
            "fields": [],
        },
    )
    procedure: Data = saved["procedure"]
    return procedure


async def test_the_figures_are_those_of_what_was_made(arrive: Arrive, stack: Stack) -> None:
    """Four requests came ten days ago and one today; three were decided today, one of today's among them."""
    administrator = await Client(stack.api).log_in("admin")
    procedure = await a_procedure(administrator)
    citizen, _ = await open_account(stack.api)
    sent = []
    for _ in range(5):
        draft = await draft_request(citizen, procedure["slug"])
        answer = await citizen.change("SubmitRequest", request=draft["id"], version=draft["version"])
        sent.append(answer["request"])
    connection = await asyncpg.connect(stack.servers.postgres.url())
    await connection.execute(
        "UPDATE service_request SET submitted_at = submitted_at - $1::interval WHERE id = ANY($2)",
        timedelta(days=DECIDED_AFTER_DAYS),
        [decode_as("ServiceRequest", request["id"]) for request in sent[:4]],
    )
    await connection.close()
    for request, status in ((sent[0], "ACCEPTED"), (sent[1], "REFUSED"), (sent[4], "ACCEPTED")):
        await administrator.change(
            "ChangeRequestStatus", request=request["id"], version=request["version"], status=status
        )

    somebody = await arrive()
    page = somebody.page
    await log_in_at_desk(somebody)
    await go_to(page, "Chiffres")
    await page.get_by_label("Rechercher une démarche").fill(procedure["slug"])
    group = page.get_by_role("table").locator("tbody", has_text=procedure["title"])
    await expect(group.get_by_role("rowheader").first).to_contain_text("En attente : 2")
    today = now().astimezone(ZoneInfo("Europe/Paris")).date()
    this_week = today - timedelta(days=today.weekday())
    weeks = group.locator("tr", has=page.locator("time"))
    await expect(weeks).to_have_count(2)
    await expect(weeks.last.locator("time")).to_have_attribute("datetime", this_week.isoformat())
    await expect(weeks.first.get_by_role("cell")).to_have_text(["4", "0", "—"])
    await expect(weeks.last.get_by_role("cell")).to_have_text(["1", "3", f"{DECIDED_AFTER_DAYS} jours"])

    # Said in words and numbers, by rows and columns that have headings: without any colour.
    await expect(page.get_by_role("columnheader")).to_have_text(
        ["Semaine du", "Reçues", "Traitées", "Délai médian"]
    )
    await page.emulate_media(forced_colors="active")
    await expect(weeks.last.get_by_role("cell").nth(1)).to_be_visible()

    # Of another span, other figures; of one that is turned round, none, and why.
    await page.get_by_label("Du", exact=True).fill(today.isoformat())
    await expect(weeks).to_have_count(1)
    await expect(group.get_by_role("rowheader").first).to_contain_text("En attente : 2")
    await page.get_by_label("Au", exact=True).fill((today - timedelta(days=1)).isoformat())
    await expect(page.get_by_role("alert")).to_contain_text("d’un jour à un autre")
    await expect(page.get_by_role("table")).to_be_hidden()


async def test_an_agent_is_added_given_procedures_and_disabled(arrive: Arrive, stack: Stack) -> None:
    mark = uuid4().hex[:8]
    name, username, password = f"Inès Roy {mark}", f"ines-{mark}", "Un-agent-de-la-mairie-7"
    request = await file_request(Client(stack.api))
    administrator = await arrive()
    page = administrator.page
    await log_in_at_desk(administrator)
    await go_to(page, "Réglages")
    await page.get_by_role("button", name="Nouvel agent").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.locator("#field-password-help")).to_have_text(password_advice().in_("fr"))
    await dialog.get_by_label("Nom d’utilisateur").fill(username)
    await dialog.get_by_label("Mot de passe").fill("court")
    await dialog.get_by_role("button", name="Enregistrer").click()
    for path in ("displayName", "password"):
        await expect(dialog.locator(f"#field-{path}-messages")).to_be_visible()
    await dialog.get_by_label("Nom affiché").fill(name)
    await dialog.get_by_label("Mot de passe").fill(password)
    await dialog.get_by_label("Enlèvement des encombrants").check()
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog).to_be_hidden()
    line = card(page, "Agents").get_by_role("listitem").filter(has_text=name)
    await expect(line).to_contain_text("Enlèvement des encombrants")

    # The new agent sees what they handle, and no more.
    agent = await arrive()
    theirs = agent.page
    await log_in_at_desk(agent, username, password)
    await agent.open(f"/mairie/demandes/{request['id']}")
    await expect(theirs.get_by_role("heading", level=1)).to_have_text("Demande introuvable")
    await agent.open("/mairie/reglages")
    await expect(theirs.get_by_role("button", name="Nouvel agent")).to_be_hidden()
    await page.get_by_role("button", name=f"Modifier : {name}").click()
    await dialog.get_by_label("Signaler un problème sur la voie publique").check()
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(line).to_contain_text("Signaler un problème sur la voie publique")
    await agent.open(f"/mairie/demandes/{request['id']}")
    await expect(theirs.get_by_role("heading", level=1)).to_contain_text(
        "Signaler un problème sur la voie publique"
    )

    # Disabled, they are out at once, and stay out.
    await page.get_by_role("button", name=f"Modifier : {name}").click()
    await dialog.get_by_label("Peut se connecter").uncheck()
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(line).to_contain_text("ne se connecte plus")
    await agent.open("/mairie/")
    await theirs.get_by_label("Nom d’utilisateur").fill(username)
    await theirs.get_by_label("Mot de passe").fill(password)
    await theirs.keyboard.press("Enter")
    await expect(theirs.get_by_role("alert")).to_contain_text("incorrect")


async def copied(stack: Stack, address: str, times: int) -> None:
    """As if the mail that was given up had been the last of many to the same person."""
    connection = await asyncpg.connect(stack.servers.postgres.url())
    await connection.execute(
        "INSERT INTO mail SELECT (jsonb_populate_record(m, jsonb_build_object("
        "'id', overlay(gen_random_uuid()::text PLACING '00000000' FROM 1), 'attempts', 2, "
        "'event_id', NULL, 'message_id', replace(message_id, '<', '<' || n || '.')))).* "
        "FROM mail m, generate_series(1, $2::int) n WHERE recipient = $1 AND state = 'PARKED'",
        address,
        times,
    )
    await connection.close()


async def test_mail_that_was_not_delivered_is_seen_and_sent_again(arrive: Arrive, stack: Stack) -> None:
    """Which mail, to whom, why: one of them, and then all the others, more than a page of them."""
    address = new_address()
    stack.inbox.answer = lambda envelope: "550 5.1.1 No such user" if address in envelope.rcpt_tos else None
    sent = await file_request(Client(stack.api), email=address)
    agent = await Client(stack.api).log_in("agent")
    await parked_for(agent, address)
    stack.inbox.answer = None
    await copied(stack, address, PAGE)
    total = (await agent.run("DeskParkedMails"))["parkedMails"]["totalCount"]
    somebody = await arrive()
    page = somebody.page
    announced = page.get_by_test_id("announcements")
    await log_in_at_desk(somebody, "agent")
    await go_to(page, "Réglages")
    parked = card(page, "Courriels non distribués")
    await expect(parked.get_by_text(f"{total} courriels ne sont pas partis.")).to_be_visible()
    lines = parked.get_by_role("listitem")
    await expect(lines).to_have_count(PAGE)
    await examine(page)
    await parked.get_by_role("button", name="Voir la suite").press("Enter")
    await expect(lines).to_have_count(total)
    await expect(lines.nth(PAGE).get_by_role("button")).to_be_focused()

    mail = lines.filter(has_text="1 essai").filter(has_text=address)
    await expect(mail).to_contain_text("accusé de réception")
    await expect(mail).to_contain_text("1 essai\u00a0: 550 5.1.1 No such user")
    await expect(lines.filter(has_text="2 essais").filter(has_text=address)).to_have_count(PAGE)
    await expect(mail.get_by_role("link", name=sent["ticket"])).to_be_visible()
    await mail.get_by_role("button", name=f"Renvoyer : {address}, accusé de réception").press("Enter")
    await expect(announced).to_contain_text("Le courriel est renvoyé.")
    await stack.inbox.wait_for(address)
    await expect(mail).to_be_hidden()
    await expect(parked.get_by_text(f"{total - 1} courriels ne sont pas partis.")).to_be_visible()
    await expect(lines.first.get_by_role("button")).to_be_focused()

    await parked.get_by_role("button", name="Tout renvoyer").press("Enter")
    await expect(announced).to_contain_text(f"{total - 1} courriels sont renvoyés.")
    await stack.inbox.wait_for(address, count=1 + PAGE)
    await expect(lines.filter(has_text=address)).to_have_count(0)
    assert "partis" in await page.evaluate("document.activeElement.textContent")
    await page.reload()
    await expect(page.get_by_role("heading", name="Courriels non distribués")).to_be_visible()
    await expect(lines.filter(has_text=address)).to_have_count(0)


def test_each_mail_has_a_name_for_agents() -> None:
    wording = ROOT / "client-examples" / "desk" / "src" / "wording"
    for language in ("fr.ts", "en.ts"):
        written = (wording / language).read_text(encoding="utf-8")
        assert [template for template in TEMPLATES if f" {template}: " not in written] == []
