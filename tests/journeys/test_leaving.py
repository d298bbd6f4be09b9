"""A citizen who leaves, and comes back; the mairie that keeps what it has to."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime, timedelta
from hashlib import sha256
from zipfile import ZipFile

import pytest

from core.clock import now
from tests.files import a_pdf
from tests.journeys.client import Client, FileToSend, RefusedError
from tests.journeys.stories import file_request, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


async def test_closes_their_account_and_has_it_restored(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    address, username = account["profile"]["email"], account["username"]
    elsewhere = await Client(stack.api).log_in(username, PASSWORD)
    sent = await file_request(citizen)
    upload = FileToSend(a_pdf(), "avis.pdf", "application/pdf")
    await citizen.change("AddStoredDocument", input={"upload": upload, "kind": "INCOME"})

    wrong = await citizen.run("DeleteAccount", password="Pas-le-bon-mot-2")
    assert wrong["code"] == "INVALID_CREDENTIALS"
    closed = await citizen.change("DeleteAccount", password=PASSWORD)

    erased_at = datetime.fromisoformat(closed["erasedAt"])
    assert timedelta(days=29.9) < erased_at - now() <= timedelta(days=30)
    for client in (citizen, elsewhere):
        with pytest.raises(RefusedError) as refused:
            await client.run("MyAccount")
        assert refused.value.code == "UNAUTHENTICATED"
    mail = await stack.inbox.wait_for(address, subject="Votre compte citoyen est fermé")
    text = mail.get_body(("plain",))
    assert text is not None
    assert username in text.get_content()
    late = await Client(stack.api).run("LogIn", username=username, password=PASSWORD)
    assert (late["__typename"], late["code"]) == ("NotAllowedError", "NOT_ALLOWED")
    assert re.search(r"effacées le \d+", late["message"])

    # What was sent is the mairie's business, and its citizen's by the ticket.
    holder = Client(stack.api, f"Ticket {sent['ticket']}")
    assert (await holder.run("RequestPage", request=sent["id"]))["status"] == "SUBMITTED"
    agent = await Client(stack.api).log_in("agent")
    assert (await agent.run("DeskRequest", request=sent["id"]))["contact"]["lastName"] == "Marchand"

    with pytest.raises(RefusedError) as refused:
        await agent.run("RestoreAccount", username=username)
    assert refused.value.code == "FORBIDDEN"
    administrator = await Client(stack.api).log_in("admin")
    assert (await administrator.run("RestoreAccount", username="personne"))["code"] == "NOT_FOUND"
    restored = await administrator.change("RestoreAccount", username=username.upper())
    assert restored["username"] == username

    await stack.inbox.wait_for(address, subject="Votre compte citoyen est rouvert")
    back = await Client(stack.api).log_in(username, PASSWORD)
    storage = (await back.run("StorageSpace"))["storage"]
    assert [node["title"] for node in storage["documents"]["nodes"]] == ["avis.pdf"]
    mine = await back.run("MyRequests")
    assert [node["id"] for node in mine["requests"]["nodes"]] == [sent["id"]]


async def test_what_is_followed_ends_with_the_account(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    elsewhere = await Client(stack.api).log_in(account["username"], PASSWORD)
    async with elsewhere.follow("Notifications") as notifications:
        await notifications.next()
        await citizen.change("DeleteAccount", password=PASSWORD)
        with pytest.raises(RefusedError) as refused:
            await notifications.next(within=2)
    assert refused.value.code == "UNAUTHENTICATED"


async def test_a_browser_forgets_its_cookie_and_does_nothing_more_in_the_same_breath(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    browser = Client(stack.api)
    await browser.change("LogIn", username=account["username"], password=PASSWORD, delivery="COOKIE")
    assert list(browser.cookies.jar)

    response = await browser.send(
        """mutation ($password: String!) {
            deleteAccount(input: {password: $password}) { __typename }
            updateProfile(input: {firstName: "A", lastName: "B", preferredContactMethod: POST}) { __typename }
        }""",
        {"password": PASSWORD},
    )

    answer = response.json()
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["updateProfile"], "UNAUTHENTICATED")
    ]
    assert not list(browser.cookies.jar)
    with pytest.raises(RefusedError):
        await citizen.run("MyAccount")


async def test_the_operator_closes_and_restores_by_command(stack: Stack) -> None:
    _, account = await open_account(stack.api)
    username = account["username"]

    assert f"{username} is closed." in await stack.run("account", "close", username)
    refused = await Client(stack.api).run("LogIn", username=username, password=PASSWORD)
    assert refused["code"] == "NOT_ALLOWED"
    assert f"{username} can log in again." in await stack.run("account", "restore", username)
    await Client(stack.api).log_in(username, PASSWORD)
    with pytest.raises(AssertionError, match="No closed account has this username"):
        await stack.run("account", "restore", username)


async def test_takes_all_their_data_along(stack: Stack) -> None:
    citizen, account = await open_account(stack.api, language="en")
    sent = await file_request(citizen)
    upload = FileToSend(a_pdf(), "avis.pdf", "application/pdf")
    await citizen.change("AddStoredDocument", input={"upload": upload, "kind": "INCOME"})
    assert (await citizen.run("MyDataExport"))["dataExport"] is None

    asked = await citizen.change("RequestDataExport")
    assert asked["dataExport"]["state"] == "PENDING"
    await stack.inbox.wait_for(account["profile"]["email"], subject="The archive of your data", within=30)

    export = (await citizen.run("MyDataExport"))["dataExport"]
    assert export["state"] == "READY"
    content = await citizen.fetch(export["file"]["url"])
    assert sha256(content).hexdigest() == export["file"]["sha256"]
    with ZipFile(io.BytesIO(content)) as archive:
        whole = json.loads(archive.read("account.json"))
        (request,) = [json.loads(archive.read(entry["path"])) for entry in whole["requests"]]
        (document,) = whole["documents"]
        piece = archive.read(document["file"]["path"])
    assert (request["ticket"], request["contact"]["lastName"]) == (sent["ticket"], "Marchand")
    assert sha256(piece).hexdigest() == document["file"]["sha256"]

    again = await citizen.run("RequestDataExport")
    assert again["code"] == "NOT_ALLOWED"
    assert "today already" in again["message"]
    somebody, _ = await open_account(stack.api)
    for other in (Client(stack.api), somebody):
        refused = await other.send("{ me { dataExport { state } } }")
        assert (refused.json()["data"]["me"] or {"dataExport": None})["dataExport"] is None
