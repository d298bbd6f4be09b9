"""What is missing or wrong in a form: said when it can be mended, all at once before it is sent, and nothing else."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import go_on, log_in, saved
from tests.journeys.client import Client
from tests.journeys.stories import ANSWERS, draft_request, new_address, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
IDENTITY_CARD = "carte-identite"
BIRTH = "acte-naissance"
ADDRESS = {"lines": ["4 rue des Lilas"], "postalCode": "49000", "city": "Angers", "country": "FR"}


def field(page: Page, path: str) -> Locator:
    return page.locator(f'[id="field-{path}"]')


def steps(page: Page, title: str) -> Locator:
    return page.locator(".steps button", has_text=title)


def left_to_do(page: Page) -> Locator:
    """What Le récapitulatif lists."""
    return page.get_by_role("status").filter(has_text=re.compile("Il reste|Still to be")).locator("li")


async def expect_wrong(page: Page, *paths: str) -> None:
    """These inputs of the step say what is wrong with them, and no others."""
    wrong = page.locator("main form [aria-invalid=true]")
    await expect(wrong).to_have_count(len(paths))
    assert await wrong.evaluate_all("all => all.map(each => each.id)") == [f"field-{path}" for path in paths]


async def test_what_is_refused_is_listed_before_the_request_is_sent(arrive: Arrive, stack: Stack) -> None:
    client, account = await open_account(stack.api)
    draft = await draft_request(client, IDENTITY_CARD)
    somebody = await arrive()
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/saisie?etape=demande")
    number = field(page, "pre_demande")
    await number.fill("abc")
    await go_on(page)
    await expect(number).to_be_focused()
    await expect(number).to_have_attribute("aria-invalid", "true")
    await examine(page)

    await steps(page, "Le récapitulatif").click()
    listed = left_to_do(page).filter(has_text="Numéro de pré-demande")
    await expect(listed).to_contain_text("Vérifiez le format de cette réponse.")
    await expect(steps(page, "Ma demande").get_by_role("img", name="remplie")).to_be_hidden()
    await expect(page.get_by_role("button", name="Valider ma demande")).to_be_disabled()
    await examine(page)
    await listed.get_by_role("button", name="Numéro de pré-demande").click()
    await expect(number).to_be_focused()
    await expect(number).to_have_value("abc")


async def test_nothing_is_sent_without_what_was_typed(arrive: Arrive, stack: Stack) -> None:
    """A new phone is kept beside an address that is taken apart; the request goes once that is whole again."""
    client, account = await open_account(stack.api, mobilePhone="0699001234", address=ADDRESS)
    draft = await draft_request(client)
    await client.change("UpdateRequest", request=draft["id"], version=draft["version"], answers=ANSWERS)
    somebody = await arrive(width=320)
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/saisie?etape=informations")
    await field(page, "mobilePhone").fill("0611223344")
    await field(page, "address.lines").fill("")
    await go_on(page)
    await expect(field(page, "address.lines")).to_be_focused()
    await expect_wrong(page, "address.lines")
    await expect(page.locator(".saving")).to_contain_text("Pas encore enregistré")
    await expect(page.locator(".saving")).to_contain_text(": Adresse postale.")
    await expect(page.get_by_text("vous pouvez fermer cette page")).to_be_hidden()

    await steps(page, "Le récapitulatif").click()
    send = page.get_by_role("button", name="Valider ma demande")
    await expect(left_to_do(page)).to_have_text(["Adresse postale : Indiquez le numéro et la voie."])
    await expect(page.locator(".summary").first).to_contain_text("06 11 22 33 44")
    await expect(send).to_be_disabled()
    await left_to_do(page).get_by_role("button").click()
    await expect(field(page, "address.lines")).to_be_focused()
    await page.keyboard.type("9 place du Marché")
    await steps(page, "Le récapitulatif").click()
    await expect(page.get_by_text("Vérifiez votre demande avant de la valider.")).to_be_visible()
    await expect(page.locator(".summary").first).to_contain_text("9 place du Marché")

    # The network is gone before the last word: the summary says that it lacks that.
    somebody.forgive("ERR_FAILED")
    await page.route("**/graphql", refuse_answers)
    await steps(page, "Ma demande").click()
    await field(page, "lieu").fill("Devant le 9")
    await steps(page, "Le récapitulatif").click()
    await expect(left_to_do(page)).to_contain_text(["pas encore enregistré, ni repris ci-dessous"])
    await expect(send).to_be_disabled()
    await examine(page)
    await page.unroute("**/graphql")
    await expect(page.get_by_text("Devant le 9")).to_be_visible()
    await send.click()
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()
    ticket, note = page.locator(".ticket"), page.get_by_text("Notez ce numéro")
    above, below = await ticket.bounding_box(), await note.bounding_box()
    assert above
    assert below
    assert above["y"] < below["y"]
    sent = await client.run("RequestPage", request=draft["id"])
    lines = {line["value"] for part in sent["summary"] for line in part["lines"]}
    assert {
        "06 11 22 33 44",
        "9 place du Marché\n49000 Angers",
        "Devant le 9",
    } <= lines


async def refuse_answers(route: Route) -> None:
    if "mutation UpdateRequest" in (route.request.post_data or ""):
        await route.abort()
    else:
        await route.continue_()


@pytest.mark.parametrize(
    ("locale", "name", "told", "kept"),
    [
        (
            "fr-FR",
            "Adresse postale",
            ["Indiquez le numéro et la voie.", "Indiquez un code postal à cinq chiffres, par exemple 35000."],
            "Le reste de votre brouillon est gardé.",
        ),
        (
            "en-GB",
            "Postal address",
            ["Give the number and the street.", "Give a postal code of five digits, for example 35000."],
            "The rest of your draft is kept.",
        ),
    ],
)
async def test_of_half_an_address_the_rest_is_asked_for(
    arrive: Arrive, stack: Stack, locale: str, name: str, told: list[str], kept: str
) -> None:
    draft = await draft_request(Client(stack.api), BIRTH)
    somebody = await arrive(locale=locale)
    page = somebody.page
    await somebody.open(f"/demandes/{draft['ticket']}/saisie?etape=informations")
    await field(page, "firstName").fill("Zoé")
    await field(page, "lastName").fill("Brien")
    await field(page, "email").fill(new_address())
    await field(page, "address.city").fill("Angers")
    await page.keyboard.press("Enter")
    await expect(field(page, "address.lines")).to_be_focused()
    await expect_wrong(page, "address.lines", "address.postalCode")
    for part, message in zip(("lines", "postalCode"), told, strict=True):
        await expect(field(page, f"address.{part}-messages")).to_have_text(message)
    await expect(page.locator(".saving")).to_contain_text(f": {name}. {kept}")
    await examine(page)
    await page.reload()
    await expect(field(page, "firstName")).to_have_value("Zoé")
    await expect(field(page, "address.city")).to_have_value("Angers")
    await expect_wrong(page, "address.lines", "address.postalCode")
    await page.locator(".steps button").last.click()
    listed = left_to_do(page).filter(has_text=re.compile("Prénom :|First name|Nom :|Last name|" + name))
    await expect(listed).to_have_text([re.compile(re.escape(each)) for each in told])


async def test_each_of_several_mistakes_is_said_and_nothing_else(arrive: Arrive, stack: Stack) -> None:
    draft = await draft_request(Client(stack.api), BIRTH)
    somebody = await arrive()
    page = somebody.page
    await somebody.open(f"/demandes/{draft['ticket']}/saisie?etape=informations")
    await field(page, "firstName").fill("Zoé" * 40)
    await field(page, "lastName").fill("Brien")
    await field(page, "birthDate").fill("2999-01-01")
    await field(page, "email").fill("zoe@exemple")
    await field(page, "mobilePhone").fill("06 12")
    await steps(page, "Le récapitulatif").click()
    mistakes = ["Prénom", "Date de naissance", "Courriel", "Téléphone mobile"]
    asked = ["Document demandé", "Nom de naissance de la personne", "Prénoms", "Date de naissance"]
    links = left_to_do(page).get_by_role("button")
    await expect(links).to_have_text([*mistakes, *asked, "Nombre d’exemplaires"])
    await expect(left_to_do(page).first).to_contain_text("Raccourcissez ce nom : 100 caractères au plus.")
    await links.nth(2).click()
    await expect(field(page, "email")).to_be_focused()
    await expect_wrong(page, "firstName", "birthDate", "email", "mobilePhone")
    await examine(page)
    await expect(field(page, "firstName")).to_have_value("Zoé" * 40)
    await field(page, "firstName").fill("Zoé")
    await field(page, "birthDate").fill(date(1990, 1, 2).isoformat())
    await field(page, "email").fill(new_address())
    await field(page, "mobilePhone").fill("")
    await saved(page)
    await expect_wrong(page)
    await expect(steps(page, "Mes informations").get_by_role("img", name="remplie")).to_be_visible()

    await steps(page, "Ma demande").click()
    await field(page, "exemplaires").fill("deux")
    await field(page, "date_de_naissance").press_sequentially("0102")
    await go_on(page)
    await expect(field(page, "exemplaires")).to_be_focused()
    await expect(field(page, "exemplaires-messages")).to_have_text("Répondez par un nombre.")
    await expect(field(page, "date_de_naissance-messages")).to_contain_text("Complétez cette date")
    await page.reload()
    await expect(field(page, "exemplaires")).to_have_value("deux")


async def test_nobody_is_interrupted_while_typing(arrive: Arrive, stack: Stack) -> None:
    draft = await draft_request(Client(stack.api), BIRTH)
    somebody = await arrive()
    page = somebody.page
    await somebody.open(f"/demandes/{draft['ticket']}/saisie?etape=informations")
    saving, kept = page.locator(".saving"), page.get_by_text("vous pouvez fermer cette page")
    await field(page, "firstName").press_sequentially("Zoé")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Brien")
    await expect(saving).to_have_text("Enregistrement…")
    await saved(page)
    await expect_wrong(page)
    await expect(kept).to_be_visible()

    await field(page, "email").press_sequentially("zoe@exemple")
    await expect(saving).to_contain_text(": Courriel. Le reste de votre brouillon est gardé.")
    await expect(kept).to_be_hidden()
    await expect_wrong(page)
    # What the message pushes down is clicked all the same.
    post = page.get_by_role("radio", name="Courrier", exact=True)
    await post.scroll_into_view_if_needed()
    place = await post.bounding_box()
    assert place
    await page.mouse.move(place["x"] + 5, place["y"] + 5)
    await page.mouse.down()
    await expect_wrong(page)
    await page.mouse.up()
    await expect(post).to_be_checked()
    await expect_wrong(page, "email")
    await page.get_by_role("radio", name="Courriel", exact=True).check()
    await field(page, "email").fill(new_address())
    await saved(page)
    await expect_wrong(page)

    # Once more, in a step that was gone through before.
    await go_on(page)
    await page.get_by_role("button", name="Revenir").click()
    await field(page, "mobilePhone").press_sequentially("06 12")
    await expect(saving).to_contain_text(": Téléphone mobile.")
    await expect_wrong(page)
    await page.keyboard.press("Tab")
    await expect_wrong(page, "mobilePhone")


async def test_a_procedure_that_is_none_leads_back(arrive: Arrive) -> None:
    somebody = await arrive()
    await somebody.open("/demarches/nope")
    await expect(somebody.page.get_by_role("heading", level=1)).to_have_text("Page introuvable")
    await examine(somebody.page)
    await somebody.page.get_by_role("link", name="Retour à l’accueil").click()
    await expect(somebody.page).to_have_url(f"{somebody.site}/")
