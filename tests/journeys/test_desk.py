"""The side of the mairie."""

from __future__ import annotations

from uuid import uuid4

from tests.journeys.client import Client
from tests.journeys.stories import file_request, new_address, open_account, parked_for, post
from tests.stack import Stack


async def test_an_agent_finds_takes_and_decides(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    agent = await Client(stack.api).log_in("agent")
    sent = await file_request(citizen)
    await post(citizen, sent["id"], "Bonjour.")

    for search in (sent["ticket"], sent["ticket"].lower().replace("-", ""), account["profile"]["email"]):
        inbox = await agent.run(
            "DeskInbox", filter={"search": search, "unread": True, "status": ["SUBMITTED"]}
        )
        assert [node["id"] for node in inbox["requests"]["nodes"]] == [sent["id"]]
        assert inbox["requests"]["nodes"][0]["unreadExchangeCount"] == 1

    me = inbox["agent"]
    assigned = await agent.change("AssignRequest", request=sent["id"], agent=me["id"])
    assert assigned["request"]["assignee"] == {"id": me["id"], "displayName": me["displayName"]}
    version = assigned["request"]["version"]
    moved = await agent.change(
        "ChangeRequestStatus", request=sent["id"], version=version, status="AWAITING_CITIZEN", reason="Où ?"
    )
    stale = await agent.run("ChangeRequestStatus", request=sent["id"], version=version, status="ACCEPTED")
    assert (stale["code"], stale["currentVersion"]) == ("CONFLICT", moved["request"]["version"])
    wrong = await agent.run(
        "ChangeRequestStatus", request=sent["id"], version=moved["request"]["version"], status="CANCELLED"
    )
    assert wrong["code"] == "NOT_ALLOWED"
    await agent.change(
        "ChangeRequestStatus", request=sent["id"], version=moved["request"]["version"], status="ACCEPTED"
    )

    page = await citizen.run("RequestPage", request=sent["id"])
    assert page["status"] == "ACCEPTED"
    assert page["closedAt"]
    changes = [event for event in page["history"]["nodes"] if event["__typename"] == "RequestStatusChanged"]
    assert [(change["previous"], change["status"], change["reason"]) for change in changes] == [
        ("SUBMITTED", "AWAITING_CITIZEN", "Où ?"),
        ("AWAITING_CITIZEN", "ACCEPTED", None),
    ]


async def test_a_retention_is_written_stays_and_is_taken_away(stack: Stack) -> None:
    """Left out, it is as it was; null, it is that of the others."""
    administrator = await Client(stack.api).log_in("admin")
    slug = f"conservation-{uuid4().hex[:8]}"
    category = (await administrator.run("DeskProcedure", slug=slug))["procedureCategories"][0]["slug"]
    given = {
        "slug": slug,
        "title": "Garder",
        "category": category,
        "summary": "Un",
        "body": "Deux",
        "fields": [],
    }
    for retention, kept in (
        ({}, (60, None)),
        ({"retentionMonths": 24}, (24, 24)),
        ({}, (24, 24)),
        ({"retentionMonths": None}, (60, None)),
    ):
        saved = await administrator.change("SaveProcedure", input=given | retention)
        given["id"] = saved["procedure"]["id"]
        read = (await administrator.run("DeskProcedure", slug=slug))["procedure"]
        assert (read["retentionMonths"], read["ownRetentionMonths"]) == kept


async def test_each_citizen_is_told_in_their_own_language(stack: Stack) -> None:
    agent = await Client(stack.api).log_in("agent")
    subjects: dict[str, set[str]] = {}
    for language in ("fr", "en"):
        citizen, account = await open_account(stack.api, language=language)
        sent = await file_request(citizen)
        await agent.change(
            "ChangeRequestStatus", request=sent["id"], version=sent["version"], status="IN_PROGRESS"
        )
        await post(agent, sent["id"], "Nous regardons.")
        address = account["profile"]["email"]
        await stack.inbox.wait_for(address, count=4)
        subjects[language] = {str(mail["Subject"]) for mail in stack.inbox.sent_to(address)}

    assert "Votre demande a changé d’état : En cours de traitement" in subjects["fr"]
    assert "The status of your request has changed: In progress" in subjects["en"]
    assert len(subjects["fr"] | subjects["en"]) == 8


async def test_drafts_stay_with_the_citizen(stack: Stack) -> None:
    citizen, _ = await open_account(stack.api)
    started = await citizen.change("StartRequest", procedure="encombrants")
    draft = started["request"]

    for username in ("agent", "admin"):
        agent = await Client(stack.api).log_in(username)
        inbox = await agent.run("DeskInbox", filter={"search": draft["ticket"]})
        assert inbox["requests"]["totalCount"] == 0
        assert await agent.run("RequestPage", request=draft["id"]) is None
        assert await agent.run("RequestByTicket", ticket=draft["ticket"]) is None


async def test_a_handler_sees_only_the_procedures_they_are_given(stack: Stack) -> None:
    """An administrator takes a procedure from an agent, who is logged in, and gives it back."""
    sent = await file_request(Client(stack.api))
    administrator = await Client(stack.api).log_in("admin")
    username, password = f"agent-{uuid4().hex[:8]}", "Un-agent-de-la-mairie-7"
    agent = {"displayName": "Inès Roy", "role": "HANDLER"}
    made = await administrator.change(
        "SaveAgent",
        input={**agent, "username": username, "password": password, "procedures": ["signalement-voirie"]},
    )
    agent["id"] = made["agent"]["id"]
    handler = await Client(stack.api).log_in(username, password)
    search = {"search": sent["ticket"]}
    assert await handler.run("DeskRequest", request=sent["id"])

    await administrator.change("SaveAgent", input={**agent, "procedures": ["encombrants"]})
    assert await handler.run("DeskRequest", request=sent["id"]) is None
    assert (await handler.run("DeskInbox", filter=search))["requests"]["totalCount"] == 0
    refused = await handler.run("PostExchange", request=sent["id"], body="Bonjour.")
    assert refused["code"] == "NOT_FOUND"
    assert (await administrator.run("DeskInbox", filter=search))["requests"]["totalCount"] == 1

    await administrator.change("SaveAgent", input={**agent, "procedures": ["signalement-voirie"]})
    assert await handler.run("DeskRequest", request=sent["id"])


async def test_mail_that_the_server_refuses_for_good_is_shown_at_the_desk(stack: Stack) -> None:
    address = new_address()
    agent = await Client(stack.api).log_in("agent")
    stack.inbox.answer = lambda envelope: "550 5.1.1 No such user" if address in envelope.rcpt_tos else None
    sent = await file_request(Client(stack.api), email=address)

    parked = await parked_for(agent, address)

    assert parked["request"]["id"] == sent["id"]
    assert parked["template"] == "acknowledgement"
    assert "550" in parked["lastError"]
