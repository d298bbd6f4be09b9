"""The documents that front ends and tests share: valid, explained, and no more costly than they say."""

from __future__ import annotations

import asyncio
import re
from uuid import uuid4

import pyotp
import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

from core.clock import now
from tests.files import a_jpeg, a_pdf
from tests.journeys.client import DEMONSTRATION_PASSWORD, Client, Data, FileToSend
from tests.journeys.documents import NEEDING_A_PROVIDER, Document, document, documents
from tests.journeys.stories import (
    ANSWERS_WITH_APPOINTMENT,
    WITH_APPOINTMENT,
    captcha,
    contact,
    draft_request,
    file_request,
    follow_link,
    log_in_once_it_works,
    mailed_password,
    new_address,
    open_account,
    open_slots,
    parked_for,
    partner_token,
    post,
    webhook_input,
)
from tests.partner import CODE, PASSWORD, SLUG
from tests.stack import ROOT, Api, Stack

CHANGED = "Un-parapluie-vert-8"
PARTNER = {"system": SLUG, "code": CODE, "password": PASSWORD}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))


@pytest.mark.parametrize("asked", documents(), ids=lambda asked: asked.name)
def test_a_document_is_one_valid_operation_named_like_its_file(
    asked: Document, schema: GraphQLSchema
) -> None:
    parsed = parse(asked.text)
    operations = [node for node in parsed.definitions if isinstance(node, OperationDefinitionNode)]

    assert validate(schema, parsed) == []
    assert [node.name and node.name.value for node in operations] == [asked.name]
    assert asked.purpose.endswith(".")


def subscriptions() -> list[str]:
    return [asked.name for asked in documents() if "\nsubscription " in asked.text]


async def test_each_document_makes_the_statements_that_it_states(stack: Stack) -> None:
    """The whole story in short: every document is run where it costs most."""
    visitor = Client(stack.api)
    citizen, account = await open_account(stack.api)
    agent = await Client(stack.api).log_in("agent")
    callers = (visitor, citizen, agent)

    await citizen.run("CreateCaptchaOfWork", purpose="CREATE_ACCOUNT")
    english = Client(stack.api, citizen.authorization, language="en")
    code = await english.run("CreateCaptchaOfWork", purpose="CREATE_ACCOUNT")
    await english.change("RequestCaptchaAudio", captcha=code["id"])
    themes = (await visitor.run("Catalogue"))["procedureCategories"]
    await visitor.run("Themes")
    await visitor.run("CategoryProcedures", category=themes[0]["id"])
    await visitor.run("SearchProcedures", search="lampadaire")
    await visitor.run("ProcedurePage", slug="acte-naissance")
    await citizen.change("ResendConfirmation")
    await citizen.change("ConfirmEmail", token=await follow_link(stack.inbox, account["profile"]["email"]))
    await citizen.run("MyAccount")
    await citizen.change("UpdateProfile", profile=contact())
    sessions = (await citizen.run("MySessions"))["sessions"]

    sent = await file_request(visitor)
    request = sent["id"]
    await visitor.run("RequestByTicket", ticket=sent["ticket"])
    inbox = await agent.run("DeskInbox", filter={"search": sent["ticket"]})
    assert [node["id"] for node in inbox["requests"]["nodes"]] == [request]
    may_be = (await agent.run("DeskRequest", request=request))["permittedAssignees"]
    await agent.run("DeskUnread")
    await agent.run("DeskAgents")
    await agent.run("DeskParkedMails")
    assigned = await agent.change("AssignRequest", request=request, agent=may_be[0]["id"])
    await agent.change(
        "ChangeRequestStatus",
        request=request,
        version=assigned["request"]["version"],
        status="IN_PROGRESS",
        reason="Une équipe passe demain.",
    )
    await pieces(visitor, agent, request)
    joined = (await agent.run("RequestAttachments", request=request))["attachments"]
    exchange = await post(
        agent, request, "Bonjour, est-ce le lampadaire du carrefour ?", attachments=[joined[0]["id"]]
    )
    await storage_space(citizen)
    await visitor.change("MarkExchangesRead", request=request, upTo=exchange["id"])
    page = await visitor.run("RequestPage", request=request)
    await visitor.run(
        "EarlierExchanges", request=request, before=page["exchanges"]["pageInfo"]["startCursor"]
    )
    await citizen.change("ClaimRequest", ticket=sent["ticket"])
    await citizen.run("SiteFrame")
    await citizen.run("MyPartnerLinks")
    await citizen.run("RequestHistory", request=request)
    await citizen.run("MyRequests")
    await citizen.run("MyArchivedRequests")
    await citizen.run("RequestPage", request=request)
    await citizen.change("CancelRequest", request=request, reason="C’est réparé.")

    newcomer = Client(stack.api)
    taken = await newcomer.run(
        "CreateAccount",
        input={
            "username": account["username"],
            "password": "Tournesol-au-balcon-7",
            "profile": contact(),
            "captcha": await captcha(newcomer, "CREATE_ACCOUNT"),
        },
    )
    assert taken["__typename"] == "UsernameTakenError"
    await link_and_unlink(citizen)
    await open_account(stack.api, partner=PARTNER, client=newcomer)
    forgetful = Client(stack.api)
    await forgetful.run("PasswordRules")
    await forget_the_password(stack, forgetful, citizen, account)
    other = await Client(stack.api).log_in("citoyen2")
    draft = await draft_request(other)
    assert (await other.run("RequestDraft", request=draft["id"]))["steps"]
    await other.change("CancelRequest", request=draft["id"])
    await other.change("RevokeSession", session=await another_session(other, stack.api))
    await another_session(other, stack.api)
    left = (await other.run("RevokeOtherSessions"))["sessions"]
    assert [session["current"] for session in left] == [True]
    assert await other.run("LogOut") is True

    administrator = await Client(stack.api).log_in("admin")
    guest = Client(stack.api)
    await book_and_cancel(administrator, agent, guest)
    await desk_work(administrator, stack)
    leaving = await Client(stack.api).log_in(account["username"], CHANGED)
    await leave(leaving, account["username"], administrator)
    partner = await partner_system(administrator)
    careful = await second_factor(stack.api, administrator)

    assert len(sessions) == 1
    most = {
        name: max(
            caller.most_statements.get(name, 0)
            for caller in (
                *callers,
                english,
                newcomer,
                forgetful,
                other,
                administrator,
                guest,
                leaving,
                partner,
                *careful,
            )
        )
        for name in (asked.name for asked in documents())
        if name not in subscriptions() and name not in NEEDING_A_PROVIDER
    }
    assert most == {name: document(name).statements for name in most}


async def forget_the_password(stack: Stack, visitor: Client, citizen: Client, account: Data) -> None:
    """While another address waits to be confirmed: then mails go to both, which costs a statement more."""
    await citizen.change("UpdateProfile", profile=contact())
    code = await captcha(visitor, "REQUEST_PASSWORD")
    await visitor.change("RequestNewPassword", usernameOrEmail=account["username"], captcha=code)
    password = await mailed_password(stack.inbox, account["profile"]["email"])
    await log_in_once_it_works(visitor, account["username"], password)
    await visitor.change("ChangeCredentials", currentPassword=password, password=CHANGED)
    await visitor.run("LogOut")
    visitor.authorization = None


async def pieces(visitor: Client, agent: Client, request: str) -> None:
    """Joined, replaced and removed, each way; the mairie's cost a mail more, an upload its own row."""
    named = {"request": request, "title": "Le lampadaire"}
    photo = FileToSend(a_jpeg(), "lampadaire.jpg", "image/jpeg")
    await visitor.change("AddAttachment", **named, source={"upload": photo})
    for client in (visitor, agent):
        first = await client.upload(FileToSend(a_jpeg(), "lampadaire.jpg"))
        added = await client.change("AddAttachment", **named, source={"resumableUpload": first})
        attachment = added["attachment"]["id"]
        await client.change("ReplaceAttachment", attachment=attachment, title="Plus près")
        second = await client.upload(FileToSend(a_jpeg(), "lampadaire.jpg"))
        await client.change("ReplaceAttachment", attachment=attachment, source={"resumableUpload": second})
    await agent.change("RemoveAttachment", attachment=attachment)
    async with asyncio.timeout(20):
        while (await visitor.run("Receipt", request=request))["receipt"] is None:  # noqa: ASYNC110 - a worker makes it
            await asyncio.sleep(0.1)


async def storage_space(citizen: Client) -> None:
    upload = FileToSend(a_pdf(), "avis.pdf", "application/pdf")
    await citizen.change("AddStoredDocument", input={"upload": upload, "kind": "INCOME"})
    resumable = await citizen.upload(FileToSend(a_pdf(), "passeport.pdf"))
    added = await citizen.change("AddStoredDocument", input={"resumableUpload": resumable})
    document = added["document"]["id"]
    draft = await draft_request(citizen)
    await citizen.change("AddAttachment", request=draft["id"], source={"storedDocument": document})
    resumable = await citizen.upload(FileToSend(a_jpeg(), "passeport.jpg"))
    await citizen.change(
        "UpdateStoredDocument", input={"document": document, "resumableUpload": resumable, "kind": "IDENTITY"}
    )
    storage = (await citizen.run("StorageSpace"))["storage"]
    assert [len(node["usedBy"]) for node in storage["documents"]["nodes"]] == [1, 0]
    await citizen.change("DeleteStoredDocument", document=document)


async def desk_work(administrator: Client, stack: Stack) -> None:
    """What administrators write, the figures, and a mail that was refused and is sent again."""
    read = await administrator.run("DeskProcedure", slug="encombrants")
    written = {
        "slug": f"essai-{uuid4().hex[:8]}",
        "title": "Une démarche d’essai",
        "category": read["procedure"]["category"]["slug"],
        "summary": "Pour l’essayer.",
        "body": "Rien de plus.",
        "fields": [{"key": "objet", "label": "Objet", "type": {"text": {"maxLength": 100}}}],
    }
    made = await administrator.change("SaveProcedure", input=written)
    saved = await administrator.change(
        "SaveProcedure", input={**written, "id": made["procedure"]["id"], "version": 1, "title": "Une autre"}
    )
    assert saved["procedure"]["version"] == 2
    agent = {
        "username": f"agent-{uuid4().hex[:8]}",
        "password": "Un-agent-de-la-mairie-7",
        "displayName": "Inès Roy",
        "role": "HANDLER",
        "procedures": [written["slug"]],
    }
    added = (await administrator.change("SaveAgent", input=agent))["agent"]
    gone = {"id": added["id"], "displayName": "Inès Roy", "role": "HANDLER", "active": False}
    await administrator.change("SaveAgent", input={**agent, "id": added["id"], "procedures": []})
    assert (await administrator.change("SaveAgent", input=gone))["agent"]["active"] is False
    today = now().date().isoformat()
    await administrator.run("DeskFigures", **{"from": today, "to": today})
    await administrator.run("DeskFrame")
    await administrator.run("DeskProcedures")
    address = new_address()
    stack.inbox.answer = lambda envelope: "550 5.1.1 No such user" if address in envelope.rcpt_tos else None
    await file_request(Client(stack.api), email=address)
    parked = await parked_for(administrator, address)
    stack.inbox.answer = None
    await administrator.change("ResendMail", mail=parked["id"])
    await stack.inbox.wait_for(address)


async def book_and_cancel(administrator: Client, agent: Client, visitor: Client) -> None:
    """Every document about appointments, and those that cost more where there is one."""
    saved = await administrator.change("SaveSchedule", title="Guichet d’essai", place="Mairie annexe")
    schedule, slots = await open_slots(administrator)
    assert saved["schedule"]["id"] != schedule
    day = slots[0]["start"][:10]
    await agent.run("FirstAvailable", procedure=WITH_APPOINTMENT, after=slots[0]["start"])
    await agent.run("ScheduleMonth", schedule=schedule, **{"from": day, "to": day})
    await agent.run("DaySlots", schedule=schedule, day=day)
    await agent.run("NextAvailable", schedule=schedule, after=slots[0]["start"])

    draft = await draft_request(visitor, WITH_APPOINTMENT)
    filled = await visitor.change(
        "UpdateRequest",
        request=draft["id"],
        version=draft["version"],
        contact=contact(),
        answers=ANSWERS_WITH_APPOINTMENT,
    )
    await visitor.change("BookAppointment", request=draft["id"], slot=slots[0]["id"])
    await visitor.change(
        "SubmitRequest",
        request=draft["id"],
        version=filled["request"]["version"],
        captcha=await captcha(visitor, "SUBMIT_REQUEST"),
    )
    page = await visitor.run("RequestPage", request=draft["id"])
    appointment = page["appointments"][0]["id"]
    address = "ici@exemple.example"
    await visitor.change("SetAppointmentReminder", appointment=appointment, email=address)
    await visitor.change("MoveAppointment", appointment=appointment, slot=slots[1]["id"])
    await visitor.change("CancelAppointment", appointment=appointment)
    for slot in (slots[0], slots[1]):
        await visitor.change("BookAppointment", request=draft["id"], slot=slot["id"], reminderEmail=address)
        await agent.change("CloseSlots", slots=[slot["id"]])
    await visitor.change("BookAppointment", request=draft["id"], slot=slots[2]["id"])
    await visitor.change("CancelRequest", request=draft["id"])


async def second_factor(api: Api, administrator: Client) -> list[Client]:
    """Every document about it. Logging in costs most with a recovery code."""
    password = {"password": DEMONSTRATION_PASSWORD}
    agent = await Client(api).log_in("agent")
    codes = await enable_second_factor(agent)
    again = Client(api)
    await again.change("LogIn", username="agent", **password, oneTimeCode=codes[0])
    await agent.change("RenewRecoveryCodes", **password, oneTimeCode=codes[1])
    await agent.run("MySecondFactor")
    agents = (await administrator.run("DeskAgents"))["agents"]
    theirs = next(one["id"] for one in agents if one["role"] == "HANDLER")
    await administrator.change("ResetSecondFactor", agent=theirs, **password)
    await administrator.run("DeskSecurity")
    back = await Client(api).log_in("agent")
    await back.change("ChangePassword", currentPassword=DEMONSTRATION_PASSWORD, password=CHANGED)
    await back.change("ChangePassword", currentPassword=CHANGED, **password)
    codes = await enable_second_factor(back)
    await back.change("DisableSecondFactor", **password, oneTimeCode=codes[0])
    return [agent, again, back]


async def enable_second_factor(agent: Client) -> list[str]:
    enrolment = await agent.change("EnrolSecondFactor", password=DEMONSTRATION_PASSWORD)
    confirmed = await agent.change("ConfirmSecondFactor", code=pyotp.TOTP(enrolment["secret"]).now())
    codes: list[str] = confirmed["recoveryCodes"]
    return codes


async def link_and_unlink(citizen: Client) -> None:
    """A partner system, as its client pays for it: the partner's own time aside."""
    await citizen.run("Partners")
    made = await citizen.change("LinkPartner", **PARTNER)
    link = made["link"]["id"]
    await citizen.change("UpdatePartnerCredentials", link=link, code=CODE, password=PASSWORD)
    await citizen.change("OpenPartner", link=link)
    await citizen.run("MyAccount")
    await citizen.change("UnlinkPartner", link=link)


async def leave(citizen: Client, username: str, administrator: Client) -> None:
    await citizen.change("RequestDataExport")
    await citizen.run("MyDataExport")
    await citizen.change("DeleteAccount", password=CHANGED)
    await administrator.change("RestoreAccount", username=username)


async def another_session(citizen: Client, api: Api) -> str:
    await Client(api).log_in("citoyen2")
    sessions = (await citizen.run("MySessions"))["sessions"]
    return str(next(session["id"] for session in sessions if not session["current"]))


@pytest.mark.parametrize("name", subscriptions())
async def test_a_subscription_makes_the_statements_that_it_states_before_it_waits(
    stack: Stack, name: str
) -> None:
    """Counted by the server, which tells of it in its log once the subscription has ended."""
    who = await Client(stack.api).log_in("agent" if name == "DeskEvents" else "citoyen1")
    variables = {}
    if name == "CaptchaAudio":
        variables = {"captcha": (await who.run("CreateCaptcha", purpose="CREATE_ACCOUNT"))["id"]}
    if name == "RequestEvents":
        mine = await who.run("MyRequests")
        page = await who.run("RequestPage", request=mine["requests"]["nodes"][0]["id"])
        variables = {"request": page["id"]}

    if name == "SlotChanges":
        found = await who.run("FirstAvailable", procedure=WITH_APPOINTMENT)
        schedule = found["schedules"][0]["id"]
        variables = {"schedule": schedule, "from": "2099-01-01", "to": "2099-01-31"}

    before = len(logged_statements(stack.api, name))
    async with who.follow(name, **variables):
        await asyncio.sleep(0.5)

    async with asyncio.timeout(5):
        while len(told := logged_statements(stack.api, name)) == before:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.02)
    assert 0 < told[-1] <= document(name).statements


def logged_statements(api: Api, name: str) -> list[int]:
    lines = re.findall(rf"subscription {name} over websocket: .* (\d+) statements", api.output())
    return [int(statements) for statements in lines]


async def partner_system(administrator: Client) -> Client:
    """Let in, told, and shut out again."""
    for _ in range(2):
        created = await administrator.change("CreatePartnerToken", input=partner_token())
        partner = Client(administrator.api, f"Bearer {created['token']}")
        await partner.run("PartnerChanges")
        saved = await partner.change("SaveWebhook", input={"url": "https://partenaire.example/evenements"})
        webhook = saved["webhook"]
        await partner.change("SaveWebhook", input={**webhook_input(webhook), "rotateSecret": True})
        await partner.run("PartnerWebhooks")
        await administrator.run("DeskPartnerTokens")
        at_the_desk = next(
            one
            for one in (await administrator.run("DeskWebhooks"))["webhooks"]
            if one["partnerToken"]["id"] == created["partnerToken"]["id"]
        )
        await administrator.change("ResumeWebhook", webhook=at_the_desk["id"])
        await partner.change("DeleteWebhook", webhook=webhook["id"])
        await administrator.change("RevokePartnerToken", token=created["partnerToken"]["id"])
    return partner
