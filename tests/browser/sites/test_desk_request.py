"""One request, two browsers: the citizen's and an agent's, each sees at once what the other does."""

from __future__ import annotations

import re

from playwright.async_api import Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import card, exchange, log_in, log_in_at_desk, write_exchange
from tests.files import a_pdf
from tests.journeys.client import Client
from tests.journeys.stories import file_request, open_account, open_slots, post, request_with_appointment
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


async def test_a_citizen_and_an_agent_on_one_request(arrive: Arrive, stack: Stack) -> None:
    """Written and read both ways, decided, assigned, a piece joined, an appointment moved: no page is loaded again."""
    _, slots = await open_slots(await Client(stack.api).log_in("admin"))
    client, account = await open_account(stack.api, firstName="Aurore", lastName="Lemaître")
    draft, ticket = await request_with_appointment(client, slots[0]["id"])

    citizen, agent = await arrive(), await arrive()
    theirs, ours = citizen.page, agent.page
    await log_in(citizen, account["username"], PASSWORD)
    await citizen.open(f"/mon-espace/demandes/{draft['id']}/suivi")
    await log_in_at_desk(agent, "agent")
    await ours.get_by_label("Ticket, nom ou courriel").fill(ticket)
    await ours.keyboard.press("Enter")
    await expect(ours.get_by_text("1 demande", exact=True)).to_be_visible()
    await ours.get_by_role("table").get_by_role("link").click()
    await expect(ours.get_by_text(ticket)).to_be_visible()
    await expect(card(ours, "Le demandeur")).to_contain_text("Aurore Lemaître")
    await expect(card(ours, "La demande")).to_contain_text("Procuration pour une vente")

    # Each writes; the other, who has the page before them, reads at once, and the writer sees that.
    heard_by_citizen, heard_by_agent = (
        theirs.get_by_test_id("announcements"),
        ours.get_by_test_id("announcements"),
    )
    await write_exchange(ours, "Venez avec le document, sans l’avoir signé.")
    await expect(heard_by_citizen).to_contain_text("Venez avec le document")
    await expect(
        exchange(theirs, "Venez avec").get_by_role(
            "img", name="Vous avez lu ce message adressé par la mairie."
        )
    ).to_be_visible()
    await expect(
        exchange(ours, "Venez avec").get_by_role("img", name="Le citoyen a lu votre message.")
    ).to_be_visible()
    await expect(heard_by_agent).to_contain_text("Le demandeur a lu les échanges reçus.")
    await write_exchange(theirs, "Entendu, je viens avec ma sœur.")
    await expect(heard_by_agent).to_contain_text("Entendu, je viens avec ma sœur.")
    await expect(
        exchange(ours, "Entendu").get_by_role("img", name="Ce message du citoyen est lu.")
    ).to_be_visible()
    await expect(
        exchange(theirs, "Entendu").get_by_role("img", name="La mairie a lu votre message.")
    ).to_be_visible()

    # What nobody looks at is not read.
    await citizen.open("/mon-espace")
    await write_exchange(ours, "À quelle heure ?")
    unread = exchange(ours, "À quelle heure ?")
    await expect(
        unread.get_by_role("img", name="Le citoyen n’a pas encore lu votre message.")
    ).to_be_visible()
    await citizen.open(f"/mon-espace/demandes/{draft['id']}/suivi")
    await exchange(theirs, "À quelle heure ?").scroll_into_view_if_needed()
    await expect(unread.get_by_role("img", name="Le citoyen a lu votre message.")).to_be_visible()

    # Decided: only what is possible is offered.
    choice = ours.get_by_label("Nouvel état")
    await expect(choice.get_by_role("option")).to_have_text(
        ["", "En cours de traitement", "En attente du demandeur", "Acceptée", "Refusée"]
    )
    await choice.select_option("En attente du demandeur")
    await ours.get_by_label("Motif, pour le demandeur").fill("Il manque une pièce d’identité.")
    await ours.get_by_role("button", name="Changer", exact=True).click()
    await expect(theirs.locator("main .status")).to_have_text("En attente de votre réponse")
    await expect(card(theirs, "Historique")).to_contain_text("Il manque une pièce d’identité.")
    await expect(heard_by_citizen).to_contain_text("Il manque une pièce d’identité.")
    await expect(ours.locator("main .status")).to_have_text("En attente du demandeur")
    await expect(heard_by_agent).to_contain_text("Nouvel état : En attente du demandeur.")
    await expect(choice.get_by_role("option")).to_have_text(
        ["", "En cours de traitement", "Acceptée", "Refusée"]
    )

    # The piece that was missing is joined, and downloaded.
    await card(theirs, "Pièces jointes").get_by_role("button", name="Ajouter", exact=True).click()
    dialog = theirs.get_by_role("dialog")
    await dialog.get_by_label("Fichier").set_input_files(
        {"name": "passeport.pdf", "mimeType": "application/pdf", "buffer": a_pdf()}
    )
    await dialog.get_by_role("button", name="Enregistrer").click()
    piece = card(ours, "Pièces jointes").get_by_role("link", name="passeport")
    await expect(piece).to_be_visible()
    await expect(heard_by_agent).to_contain_text("pièce")
    address = await piece.get_attribute("href")
    assert address is not None
    downloaded = await agent.context.request.get(address)
    assert (downloaded.status, downloaded.headers["content-type"]) == (200, "application/pdf")
    assert (await downloaded.body()).startswith(b"%PDF-")

    # The keyboard passes by others on the way to somebody: nothing is done before it is said so.
    charge = card(ours, "Attribution")
    await charge.get_by_label("Attribuer à").select_option("Camille Morel, accueil de la mairie")
    await charge.get_by_role("button", name="Attribuer", exact=True).click()
    await expect(heard_by_agent).to_contain_text("Attribuée à : Camille Morel")
    await expect(charge.get_by_role("button", name="Attribuer", exact=True)).to_be_disabled()

    # The appointment is moved by the citizen, and stands elsewhere at the desk.
    booked = card(ours, "Rendez-vous")
    await expect(booked).to_contain_text("09:00")
    await client.change(
        "MoveAppointment",
        appointment=(await client.run("RequestPage", request=draft["id"]))["appointments"][0]["id"],
        slot=slots[2]["id"],
    )
    await expect(booked).to_contain_text("09:40")
    await expect(theirs.get_by_test_id("appointment")).to_contain_text("09:40")

    # Another agent is quicker: the page says so, and has read again what is so now.
    other = await Client(stack.api).log_in("admin")

    async def be_quicker(route: Route) -> None:
        if "mutation ChangeRequestStatus" in (route.request.post_data or ""):
            read = await other.run("DeskRequest", request=draft["id"])
            await other.change(
                "ChangeRequestStatus", request=draft["id"], version=read["version"], status="IN_PROGRESS"
            )
        await route.continue_()

    await ours.route("**/graphql", be_quicker)
    await choice.select_option("Acceptée")
    await ours.get_by_role("button", name="Changer", exact=True).click()
    await expect(ours.get_by_text("La demande a changé entre-temps")).to_be_visible()
    await expect(ours.locator("main .status")).to_have_text("En cours de traitement")
    await ours.unroute("**/graphql")
    await choice.select_option("Acceptée")
    await ours.get_by_role("button", name="Changer", exact=True).click()
    await expect(theirs.locator("main .status")).to_have_text("Acceptée")
    await expect(choice.get_by_role("option")).to_have_text(["", "En cours de traitement"])


async def test_an_agent_sees_to_the_appointment_of_whoever_calls(arrive: Arrive, stack: Stack) -> None:
    """Moved, cancelled and booked at the desk; the page of the citizen follows."""
    _, slots = await open_slots(await Client(stack.api).log_in("admin"))
    client, account = await open_account(stack.api)
    draft, _ = await request_with_appointment(client, slots[0]["id"])
    citizen, agent = await arrive(), await arrive(width=320)
    theirs, page = citizen.page, agent.page
    await log_in(citizen, account["username"], PASSWORD)
    await citizen.open(f"/mon-espace/demandes/{draft['id']}/suivi")
    await log_in_at_desk(agent, "agent")
    await agent.open(f"/mairie/demandes/{draft['id']}")
    appointment, heard = card(page, "Rendez-vous"), page.get_by_test_id("announcements")
    await expect(appointment).to_contain_text("09:00")

    await appointment.get_by_role("button", name="Déplacer le rendez-vous").click()
    await appointment.get_by_role("button", name="1er dispo").click()
    chosen = appointment.get_by_test_id("slot-detail")
    await expect(chosen).to_be_focused()
    await expect(chosen.get_by_role("button", name="Confirmer ce créneau")).to_be_in_viewport(ratio=1)
    detail = await chosen.text_content()
    found = re.search(r"(\w+ \d+ \w+ \d{4}), (\d\d:\d\d)", detail or "")
    assert found, detail
    await examine(page)
    await appointment.get_by_role("button", name="Confirmer ce créneau").click()
    await expect(heard).to_contain_text("Le rendez-vous est déplacé")
    await expect(appointment.get_by_role("heading", level=2)).to_be_focused()
    for part in found.groups():
        await expect(appointment).to_contain_text(part)
        await expect(theirs.get_by_test_id("appointment")).to_contain_text(part)

    await appointment.get_by_role("button", name="Annuler le rendez-vous").click()
    await page.get_by_role("dialog").get_by_role("button", name="Annuler le rendez-vous").click()
    await expect(heard).to_contain_text("Le rendez-vous est annulé")
    await expect(theirs.get_by_test_id("appointment")).to_be_hidden()

    await appointment.get_by_role("button", name="Prendre rendez-vous").click()
    await appointment.get_by_role("button", name="1er dispo").click()
    await appointment.get_by_role("button", name="Confirmer ce créneau").click()
    await expect(heard).to_contain_text("Le rendez-vous est pris")
    await expect(theirs.get_by_test_id("appointment")).to_be_visible()


async def test_what_was_not_on_the_screen_is_not_read(arrive: Arrive, stack: Stack) -> None:
    """On either site, exchanges are read as far as somebody has come."""
    citizen, account = await open_account(stack.api)
    sent = await file_request(citizen)
    writing = await Client(stack.api).log_in("agent")
    theirs, ours = await arrive(width=320), await arrive()
    await log_in(theirs, account["username"], PASSWORD)
    await log_in_at_desk(ours, "agent")
    for reader, writer, path, unread, read in (
        (
            theirs,
            writing,
            f"/mon-espace/demandes/{sent['id']}/suivi",
            "Vous n’avez pas lu ce message adressé par la mairie.",
            "Vous avez lu ce message adressé par la mairie.",
        ),
        (
            ours,
            citizen,
            f"/mairie/demandes/{sent['id']}",
            "Ce message du citoyen n’est pas lu.",
            "Ce message du citoyen est lu.",
        ),
    ):
        for name in ("premier", "deuxième", "dernier"):
            await post(writer, sent["id"], f"Le {name} pour {path}." + "\nEt une ligne." * 60)
        page = reader.page
        await reader.open(path)
        first, last = (exchange(page, f"Le {name} pour {path}.") for name in ("premier", "dernier"))
        await expect(first.get_by_role("img", name=unread)).to_be_visible()
        await first.locator(".exchange-end").scroll_into_view_if_needed()
        await expect(first.get_by_role("img", name=read)).to_be_visible()
        await expect(last.get_by_role("img", name=unread)).to_be_visible()
        await last.locator(".exchange-end").scroll_into_view_if_needed()
        await expect(page.get_by_role("img", name=unread)).to_have_count(0)
