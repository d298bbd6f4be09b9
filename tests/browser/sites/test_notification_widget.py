"""The bell, on a site that is not ours: counts, latest events, the network that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.browser.sites.accessibility import violations
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import log_in, log_out
from tests.browser.sites.wire import wire_to
from tests.journeys.client import Client
from tests.journeys.stories import file_request, open_account, post
from tests.serving import serving
from tests.stack import ROOT, Api, Stack

FILE = ROOT / "client-examples" / "notification-widget" / "dist" / "espace-citoyens-notifications.js"
MOST_BYTES = 10 * 1024


def a_site(api: str) -> Starlette:
    """A page of somebody else's, with one tag of ours."""

    async def show(_: Request) -> HTMLResponse:
        return HTMLResponse(f"""<!doctype html><html lang="fr"><title>La médiathèque</title>
            <script type="module" src="{api}/widget/espace-citoyens-notifications.js"></script>
            <main><h1>La médiathèque</h1>
            <espace-citoyens-notifications api="{api}"></espace-citoyens-notifications></main></html>""")

    return Starlette(routes=[Route("/", show)])


@asynccontextmanager
async def open_to(stack: Stack, address: str) -> AsyncIterator[Api]:
    """One more API, which pages of this origin may call, too."""
    api = await stack.start_api(ESPACE_ALLOWED_ORIGINS=address)
    try:
        yield api
    finally:
        stack.apis.remove(api)
        api.stop()


async def test_one_tag_is_enough_on_the_domain_of_the_mairie(arrive: Arrive, stack: Stack) -> None:
    """The portal's cookie says whose bell it is; who logs in or out elsewhere finds it there or gone."""
    client, account = await open_account(stack.api)
    request = await file_request(client)
    async with wire_to(stack.api.port) as wire, serving(lambda _: a_site(wire.url)) as number:
        # Another port of the same host: another origin of the same site.
        address = number.replace("127.0.0.1", "localhost")
        async with open_to(stack, address) as api:
            wire.lead_to(api.port)
            citizen = await arrive(site=wire.url)
            citizen.forgive("404")  # That site has no icon.
            elsewhere = await citizen.context.new_page()
            await elsewhere.goto(address)
            bell = elsewhere.locator("espace-citoyens-notifications")
            await expect(bell).to_be_hidden()
            await log_in(citizen, account["username"], "Tournesol-au-balcon-7")
            await elsewhere.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
            button = bell.get_by_role("button")
            await expect(button).to_have_accessible_name("Mes demandes : aucun échange à lire")
            await post(await Client(stack.api).log_in("agent"), request["id"], "Bonjour")
            await expect(button).to_have_accessible_name("Mes demandes : 1 échange à lire")
            await button.click()
            await expect(bell.get_by_role("listitem")).to_have_count(1)
            await elsewhere.get_by_role("heading", level=1).click()
            await expect(bell.get_by_role("region")).to_be_hidden()
            await log_out(citizen.page)
            await expect(bell).to_be_hidden()


async def test_the_bell_counts_over_a_break(arrive: Arrive, stack: Stack) -> None:
    citizen, _ = await open_account(stack.api)
    request = await file_request(citizen)
    agent = await Client(stack.api).log_in("agent")
    token = (citizen.authorization or "").removeprefix("Bearer ")
    async with (
        wire_to(stack.api.port) as wire,
        serving(lambda _: a_site(wire.url)) as address,
        open_to(stack, address) as api,
    ):
        wire.lead_to(api.port)
        visitor = await arrive(site=address)
        visitor.forgive("ERR_")
        visitor.forgive("404")  # That site has no icon.
        page = visitor.page
        await visitor.open("/")
        bell = page.locator("espace-citoyens-notifications")
        await expect(bell).to_be_hidden()
        await bell.evaluate("(bell, token) => { bell.token = token }", token)
        await expect(bell).to_be_visible()
        button = bell.get_by_role("button")
        await expect(button).to_have_accessible_name("Mes demandes : aucun échange à lire")
        await post(agent, request["id"], "Bonjour")
        await expect(button).to_have_accessible_name("Mes demandes : 1 échange à lire")
        await wire.cut()
        await post(agent, request["id"], "Encore nous")
        await asyncio.sleep(3)
        await wire.mend()
        await expect(button).to_have_accessible_name("Mes demandes : 2 échanges à lire")
        await button.press("Enter")
        lines = bell.get_by_role("listitem")
        await expect(lines).to_have_count(2)
        assert await violations(page) == []
        link = lines.first.get_by_role("link")
        assert await link.get_attribute("href") == f"{wire.url}/mon-espace/demandes/{request['id']}"
        await page.keyboard.press("Escape")
        await expect(bell.get_by_role("region")).to_be_hidden()
        await bell.evaluate("bell => { bell.lang = 'en' }")
        await expect(button).to_have_accessible_name("My requests: 2 messages to read")

        # In another tab it knows as much, and tells the mairie's time wherever the reader is.
        elsewhere = await visitor.context.new_page()
        emulated = await visitor.context.new_cdp_session(elsewhere)
        await emulated.send("Emulation.setTimezoneOverride", {"timezoneId": "Pacific/Noumea"})
        await elsewhere.goto(address)
        bell = elsewhere.locator("espace-citoyens-notifications")
        await bell.evaluate("(bell, token) => { bell.token = token }", token)
        await expect(bell.get_by_role("button")).to_have_accessible_name("Mes demandes : 2 échanges à lire")
        await bell.get_by_role("button").click()
        await expect(bell.get_by_role("listitem")).to_have_count(2)
        told = bell.get_by_role("listitem").first.locator("time")
        at = datetime.fromisoformat(await told.get_attribute("datetime") or "")
        await expect(told).to_contain_text(f"{at.astimezone(ZoneInfo('Europe/Paris')):%H:%M}")
        await post(agent, request["id"], "Et voilà")
        await expect(bell.get_by_role("listitem")).to_have_count(3)


def test_the_bell_is_one_small_file(built: object) -> None:
    assert len(FILE.read_bytes()) < MOST_BYTES
    assert [file.name for file in FILE.parent.iterdir() if file.suffix == ".js"] == [FILE.name]
