"""Pieces over HTTP, as front ends send, show and fetch them."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.files import a_jpeg, a_pdf
from tests.journeys.client import Client, Data, FileToSend, RefusedError
from tests.journeys.stories import draft_request, file_request, open_account
from tests.stack import Stack

AT_ONCE = 40
FIT = 25


async def test_a_piece_from_the_storage_space_to_the_mairie_and_back(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    agent = await Client(stack.api).log_in("agent")
    upload = FileToSend(a_pdf(), "Passeport d’Hélène.pdf", "application/pdf")
    kept = (await citizen.change("AddStoredDocument", input={"upload": upload, "kind": "IDENTITY"}))[
        "document"
    ]
    content = await citizen.fetch(kept["file"]["url"])
    assert content.startswith(b"%PDF-")
    assert len(content) == kept["file"]["size"]

    sent = await file_request(citizen)
    added = await citizen.change(
        "AddAttachment", request=sent["id"], source={"storedDocument": kept["id"]}, title="Passeport"
    )
    assert added["attachment"]["file"]["name"] == "Passeport d’Hélène.pdf"
    await citizen.change("DeleteStoredDocument", document=kept["id"])
    (seen,) = (await agent.run("RequestAttachments", request=sent["id"]))["attachments"]
    assert (seen["title"], seen["addedBy"], seen["editable"], seen["copiedFrom"]) == (
        "Passeport",
        "CITIZEN",
        False,
        None,
    )
    assert await agent.fetch(seen["file"]["url"]) == content

    photo = FileToSend(a_jpeg(), "plan.jpg", "image/jpeg")
    await agent.change("AddAttachment", request=sent["id"], source={"upload": photo}, title="Le plan")
    await stack.inbox.wait_for(account["profile"]["email"], subject="pièce")
    page = await citizen.run("RequestAttachments", request=sent["id"])
    assert [(piece["title"], piece["editable"]) for piece in page["attachments"]] == [
        ("Passeport", True),
        ("Le plan", False),
    ]


async def test_what_is_no_such_file_is_refused_with_its_reason(stack: Stack) -> None:
    visitor = Client(stack.api)
    draft = await draft_request(visitor)
    for upload, reason in (
        (FileToSend(b"", "vide.pdf"), "EMPTY"),
        (FileToSend(a_jpeg(), "image.pdf"), "CONTENT_DOES_NOT_MATCH_TYPE"),
        (FileToSend(b"PK\3\4", "archive.zip"), "TYPE_NOT_ACCEPTED"),
        (FileToSend(a_pdf()[:200], "entame.pdf"), "UNREADABLE"),
    ):
        answer = await visitor.run("AddAttachment", request=draft["id"], source={"upload": upload})
        assert (answer["__typename"], answer["reason"]) == ("FileRejectedError", reason)
    assert (await visitor.run("RequestAttachments", request=draft["id"]))["attachments"] == []


async def test_forty_at_once_never_overfill_a_space(stack: Stack) -> None:
    """The whole way, from the multipart request on. tests/resolvers/test_storage.py shows that it could fail."""
    citizen, account = await open_account(stack.api)
    citizen.patience(60)
    first = await keep(citizen, 0)
    size = first["document"]["file"]["size"]
    quota = size * FIT
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        changed = await connection.execute(
            "UPDATE account SET storage_quota_bytes = $1 WHERE email = $2", quota, account["profile"]["email"]
        )
    finally:
        await connection.close()
    assert changed == "UPDATE 1"

    answers = [first, *await asyncio.gather(*(keep(citizen, number) for number in range(1, AT_ONCE)))]
    kept = [answer["document"] for answer in answers if answer["__typename"] == "AddStoredDocumentSuccess"]
    refused = [answer for answer in answers if answer["__typename"] == "QuotaExceededError"]
    sizes = [document["file"]["size"] for document in kept]
    largest = size + 32  # They differ by some bytes.
    assert len(kept) + len(refused) == AT_ONCE
    assert quota - largest < sum(sizes) <= quota, "as many as fit"
    assert {answer["quotaBytes"] for answer in refused} == {quota}
    assert all(quota - 2 * largest < answer["usedBytes"] <= quota for answer in refused)
    storage = (await citizen.run("StorageSpace"))["storage"]
    assert storage["usedBytes"] == sum(sizes)
    assert {node["id"] for node in storage["documents"]["nodes"]} == {document["id"] for document in kept}


async def keep(citizen: Client, number: int) -> Data:
    """Sent again for as long as the server says that it is too busy."""
    upload = FileToSend(a_pdf(100 + number), f"{number}.pdf", "application/pdf")
    while True:
        try:
            answer: Data = await citizen.run("AddStoredDocument", input={"upload": upload})
        except RefusedError as error:
            if error.code != "UNAVAILABLE":
                raise
            await asyncio.sleep(0.2)
        else:
            return answer
