"""Mot de passe oublié, from the link to the new password, and whatever it must not do on the way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from schema.build import build_schema
from schema.callers import Caller
from schema.fields import ROOT_FIELDS
from tests.files import a_pdf
from tests.journeys.client import Client, Data, FileToSend, RefusedError
from tests.journeys.stories import (
    captcha,
    contact,
    draft_request,
    file_request,
    follow_link,
    log_in_once_it_works,
    mailed_password,
    new_address,
    post,
)
from tests.schema.everything import smallest_operation
from tests.stack import Stack

SCHEMA = build_schema()._schema


async def open_confirmed_account(stack: Stack, password: str) -> tuple[Client, str, str]:
    """A citizen who is logged in, the username and the address."""
    client, username, address = Client(stack.api), f"citoyen-{uuid4().hex[:10]}", new_address()
    await client.change(
        "CreateAccount",
        input={
            "username": username,
            "password": password,
            "profile": contact(address),
            "captcha": await captcha(client, "CREATE_ACCOUNT"),
        },
    )
    await client.change("ConfirmEmail", token=await follow_link(stack.inbox, address))
    return await client.log_in(username, password), username, address


async def ask(client: Client, typed: str) -> Data:
    code = await captcha(client, "REQUEST_PASSWORD")
    return await client.change("RequestNewPassword", usernameOrEmail=typed, captcha=code)


async def use(stack: Stack, username: str, address: str) -> tuple[Client, str]:
    """A citizen who is logged in with a mailed password, and the password."""
    visitor = Client(stack.api)
    await ask(visitor, address)
    password = await mailed_password(stack.inbox, address)
    opened = await log_in_once_it_works(visitor, username, password)
    assert opened["mustChangePassword"]
    assert opened["account"] is None
    return visitor, password


async def test_from_the_link_to_the_new_password(stack: Stack) -> None:
    """The old one works until the mailed one is used; then its sessions end, and what they follow, on all processes."""
    old, new = "Trois-moulins-bleus-4", "Un-parapluie-vert-8"
    other = await stack.start_api()
    citizen, username, address = await open_confirmed_account(stack, old)
    request = (await file_request(citizen))["id"]
    visitor = Client(stack.api)
    told = await ask(visitor, address)
    assert told == await ask(visitor, "absent@exemple.example")

    mail = await stack.inbox.wait_for(address, subject="mot de passe provisoire", within=20)
    password = await mailed_password(stack.inbox, address)
    assert password not in str(mail["Subject"])
    assert (await Client(stack.api).log_in(username, old)).authorization

    async with (
        citizen.at(other).follow("RequestEvents", request=request) as by_websocket,
        citizen.at(other).stream("Notifications") as by_stream,
    ):
        await by_stream.next()
        await asyncio.sleep(0.2)
        opened = await log_in_once_it_works(visitor, username, password)
        assert opened["mustChangePassword"]
        for following in (by_websocket, by_stream):
            with pytest.raises(RefusedError) as raised:
                await following.next(within=2)
            assert raised.value.code == "UNAUTHENTICATED"
    with pytest.raises(RefusedError) as raised:
        await citizen.run("MyAccount")
    assert raised.value.code == "UNAUTHENTICATED"
    await stack.inbox.wait_for(address, subject="a été utilisé")
    for tried in (old, password):
        answer = await Client(stack.api).run("LogIn", username=username, password=tried)
        assert answer["code"] == "INVALID_CREDENTIALS"

    weak = await visitor.run("ChangeCredentials", currentPassword=password, password="Bonjour-2026")
    assert [field["path"] for field in weak["fields"]] == ["password"]
    wrong = await visitor.run("ChangeCredentials", currentPassword=old, password=new)
    assert wrong["code"] == "INVALID_CREDENTIALS"
    changed = await visitor.change("ChangeCredentials", currentPassword=password, password=new)
    assert changed["account"]["username"] == username
    await stack.inbox.wait_for(address, subject="identifiants ont été modifiés")
    assert (await visitor.run("MyAccount"))["username"] == username
    assert (await visitor.run("RequestPage", request=request))["id"] == request
    assert (await Client(stack.api).log_in(username, new)).authorization


async def test_a_mailed_password_opens_nothing_but_its_own_change(stack: Stack) -> None:
    """Every field over HTTP; WebSocket, event stream, files, tus and multipart bodies."""
    citizen, username, address = await open_confirmed_account(stack, "Trois-moulins-bleus-4")
    request = (await draft_request(citizen))["id"]
    upload = FileToSend(a_pdf(), "avis.pdf", "application/pdf")
    stored = (await citizen.change("AddStoredDocument", input={"upload": upload}))["document"]
    async with asyncio.timeout(20):
        while not (file := await file_of(citizen))["url"]:  # noqa: ASYNC110 - a worker scans it
            await asyncio.sleep(0.1)
    assert (await fetch(stack, file["url"], citizen)).status_code == 200
    restricted, password = await use(stack, username, address)

    closed = [root for root in ROOT_FIELDS if Caller.MUST_CHANGE_PASSWORD not in root.callers]
    assert len(closed) == len(ROOT_FIELDS) - 3
    for root in closed:
        query = smallest_operation(root, SCHEMA)
        if "$upload" in query:
            continue
        accept = {"Accept": "text/event-stream"} if root.operation == "subscription" else {}
        response = await restricted.send(query, None, accept)
        assert '"code":"FORBIDDEN","duty":"CHANGE_PASSWORD"' in response.text, root.name
        assert restricted.authorization

    for following in (
        restricted.follow("Notifications"),
        restricted.follow("RequestEvents", request=request),
        restricted.follow("MyAccount"),
        restricted.stream("RequestEvents", request=request),
    ):
        async with following as events:
            with pytest.raises(RefusedError) as raised:
                await events.next()
            assert raised.value.code == "FORBIDDEN"
    with pytest.raises(AssertionError, match="accès"):
        await restricted.upload(FileToSend(a_pdf(), "avis.pdf"))
    refused = await restricted.send(
        "mutation ($u: Upload!) { addStoredDocument(input: { upload: $u }) { __typename } }", {"u": upload}
    )
    assert refused.status_code == 403
    for shown in (restricted, None):
        assert (await fetch(stack, file["url"], shown)).status_code == 404, "its session has ended"

    assert await restricted.run("LogOut") is True
    with pytest.raises(RefusedError) as raised:
        await restricted.run("ChangeCredentials", currentPassword=password, password="Un-parapluie-vert-8")
    assert raised.value.code == "UNAUTHENTICATED"
    assert stored["id"]


async def test_no_secret_of_it_is_at_rest_in_transit_or_in_a_log(stack: Stack) -> None:
    """All that PostgreSQL has on disk (its log of changes, too), all that Redis was ever told, all that was logged."""
    mark = uuid4().hex[:8]
    old, new, mistake = f"Trois-moulins-{mark}-X4", f"Un-parapluie-{mark}-Y8", f"Pas-un-nom-{mark}-Z1"
    commands: list[str] = []
    watching = asyncio.create_task(watch_redis(stack, commands))
    citizen, username, address = await open_confirmed_account(stack, old)
    confirmation = await follow_link(stack.inbox, address)
    await ask(Client(stack.api), mistake)
    restricted, password = await use(stack, username, address)
    await restricted.change("ChangeCredentials", currentPassword=password, password=new)
    after = await Client(stack.api).log_in(username, new)
    await post(after, (await file_request(after))["id"], "Bonjour.")
    await stack.inbox.wait_for(address, subject="identifiants ont été modifiés")
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)

    tokens = [(client.authorization or "").removeprefix("Bearer ") for client in (citizen, restricted, after)]
    assert all(len(token) > 40 for token in tokens)
    secrets = [old, new, mistake, password, password.replace("-", ""), confirmation, *tokens]
    assert len(commands) > 20
    assert any("answer_new_password" in command for command in commands)
    assert [secret for secret in secrets if any(secret in command for command in commands)] == []
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        await connection.execute("CHECKPOINT")
        assert await connection.fetchval("SELECT count(*) FROM credential WHERE username = $1", username) == 1
    finally:
        await connection.close()
    # What is looked for can be found: the username is there, in a row that was written at the same time.
    assert await asyncio.to_thread(found_in, stack.folder, [username]) == {username}
    assert await asyncio.to_thread(found_in, stack.folder, secrets) == set()


async def watch_redis(stack: Stack, commands: list[str]) -> None:
    async with Redis.from_url(stack.servers.valkey.url()) as redis, redis.monitor() as monitor:
        async for command in monitor.listen():
            commands.append(str(command["command"]))  # noqa: PERF401 - each as it comes


def found_in(folder: Path, texts: list[str]) -> set[str]:
    """Which of these texts stand in any file of the folder, in UTF-8."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        if path.is_file():
            with suppress(FileNotFoundError):  # PostgreSQL takes files away.
                content = path.read_bytes()
                found |= {text for text in texts if text.encode() in content}
    return found


async def file_of(citizen: Client) -> Any:
    return (await citizen.run("StorageSpace"))["storage"]["documents"]["nodes"][0]["file"]


async def fetch(stack: Stack, url: str, client: Client | None) -> httpx.Response:
    headers = {"Authorization": client.authorization} if client and client.authorization else {}
    async with httpx.AsyncClient(base_url=stack.api.url) as http:
        return await http.get(httpx.URL(url).raw_path.decode(), headers=headers)
