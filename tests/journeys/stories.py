"""What happens at the start of many stories: somebody files a request, has an account, the mairie answers."""

from __future__ import annotations

import asyncio
import itertools
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

from core.clock import now
from tests.journeys.client import Client, Data
from tests.stack import Api, Inbox

_days = itertools.count(1)

WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
CODE = "AZERTY"
"""What the stack's security codes are fixed to."""

PROCEDURE = "signalement-voirie"
ANSWERS: list[Data] = [
    {"field": "nature", "value": {"choices": ["eclairage"]}},
    {"field": "numero_lampadaire", "value": {"text": "L-0042"}},
    {"field": "lieu", "value": {"text": "Devant le 4 rue des Lilas"}},
    {"field": "description", "value": {"text": "Le lampadaire est éteint depuis lundi."}},
    {"field": "danger", "value": {"boolean": False}},
]

WITH_APPOINTMENT = "legalisation-signature"
ANSWERS_WITH_APPOINTMENT: list[Data] = [
    {"field": "nature_document", "value": {"text": "Procuration pour une vente"}},
    {"field": "nombre_signatures", "value": {"number": 2}},
    {"field": "langue_etrangere", "value": {"boolean": False}},
]


def contact(email: str | None = None, **changes: Any) -> Data:
    """Mes informations of somebody who prefers e-mail, at an address that nobody else has."""
    return {
        "civility": "MADAME",
        "firstName": "Hélène",
        "lastName": "Marchand",
        "email": email or new_address(),
        "preferredContactMethod": "EMAIL",
        **changes,
    }


def new_address() -> str:
    return f"{uuid4().hex[:12]}@exemple.example"


async def captcha(client: Client, purpose: str) -> Data:
    """A security code, read off its picture."""
    challenge = await client.run("CreateCaptcha", purpose=purpose)
    return {"captcha": challenge["id"], "answer": CODE}


async def file_request(client: Client, *, email: str | None = None) -> Data:
    """A request of a visitor, or of a citizen, from the draft to the mairie: its id, ticket and version.

    A visitor holds the ticket afterwards.
    """
    draft = await draft_request(client)
    filled = await client.change(
        "UpdateRequest",
        request=draft["id"],
        version=draft["version"],
        answers=ANSWERS,
        **({} if draft["contact"] and not email else {"contact": contact(email)}),
    )
    code = None if _is_citizen(client) else await captcha(client, "SUBMIT_REQUEST")
    sent = await client.change(
        "SubmitRequest", request=draft["id"], version=filled["request"]["version"], captcha=code
    )
    request: Data = sent["request"]
    return request


async def draft_request(client: Client, procedure: str = PROCEDURE) -> Data:
    """A draft; a visitor holds its ticket from then on."""
    started = await client.change("StartRequest", procedure=procedure, idempotencyKey=uuid4().hex)
    draft: Data = started["request"]
    if not _is_citizen(client):
        client.authorization = f"Ticket {draft['ticket']}"
    return draft


async def request_with_appointment(client: Client, slot: str) -> tuple[Data, str]:
    """A request of a citizen, sent with this slot: as it was drafted, and its ticket."""
    draft = await draft_request(client, WITH_APPOINTMENT)
    await client.change("BookAppointment", request=draft["id"], slot=slot)
    filled = await client.change(
        "UpdateRequest", request=draft["id"], version=draft["version"], answers=ANSWERS_WITH_APPOINTMENT
    )
    sent = await client.change("SubmitRequest", request=draft["id"], version=filled["request"]["version"])
    return draft, sent["request"]["ticket"]


async def open_slots(administrator: Client, *, minutes: int = 20, hours: int = 1) -> tuple[str, list[Data]]:
    """A day of the schedule of `WITH_APPOINTMENT` that nobody else has: the schedule's id, and the slots, in order."""
    found = await administrator.run("FirstAvailable", procedure=WITH_APPOINTMENT)
    schedule = found["schedules"][0]["id"]
    day = now().date() + timedelta(days=60 + next(_days))
    await administrator.change(
        "PublishSlots",
        input={
            "schedule": schedule,
            "from": day.isoformat(),
            "to": day.isoformat(),
            "openings": [{"weekdays": WEEK, "start": "09:00", "end": f"{9 + hours:02}:00"}],
            "minutes": minutes,
        },
    )
    read = await administrator.run("DaySlots", schedule=schedule, day=day.isoformat())
    return schedule, read["node"]["slots"]


async def open_account(
    api: Api,
    *,
    language: str = "fr",
    partner: Data | None = None,
    client: Client | None = None,
    **profile: Any,
) -> tuple[Client, Data]:
    """A citizen who is logged in, and the account; linked to `partner` where its credentials are given."""
    client = client or Client(api, language=language)
    username, password = f"citoyen-{uuid4().hex[:10]}", "Tournesol-au-balcon-7"
    created = await client.change(
        "CreateAccount",
        input={
            "username": username,
            "password": password,
            "profile": contact(**profile),
            "captcha": await captcha(client, "CREATE_ACCOUNT"),
            "partner": partner,
        },
    )
    await client.log_in(username, password)
    account: Data = created["account"]
    return client, account


async def post(client: Client, request: str, body: str, **more: Any) -> Data:
    """An exchange of the caller's side."""
    posted = await client.change(
        "PostExchange", request=request, body=body, idempotencyKey=uuid4().hex, **more
    )
    exchange: Data = posted["exchange"]
    return exchange


async def follow_link(inbox: Inbox, address: str) -> str:
    """The token in the address of the confirmation mail."""
    mail = await inbox.wait_for(address)
    text = mail.get_body(("plain",))
    assert text is not None
    found = re.search(r"https?://\S+[?#&/]token=([\w.~-]+)", text.get_content())
    assert found, text.get_content()
    return found[1]


async def mailed_password(inbox: Inbox, address: str, *, count: int = 1) -> str:
    """The temporary password in the `count`th mail that brings one."""
    mail = await inbox.wait_for(address, subject="mot de passe provisoire", count=count, within=20)
    text = mail.get_body(("plain",))
    assert text is not None
    found = re.search(r"(?:[a-z]{4}-){4}[a-z]{4}", text.get_content())
    assert found, text.get_content()
    return found[0]


async def log_in_once_it_works(client: Client, username: str, password: str) -> Data:
    """Logs in with a temporary password: a program is faster than the worker that notes that its mail was taken."""
    async with asyncio.timeout(10):
        while True:
            answer: Data = await client.run("LogIn", username=username, password=password)
            if answer["__typename"] == "LogInSuccess":
                client.authorization = f"Bearer {answer['token']}"
                return answer
            await asyncio.sleep(0.1)


def _is_citizen(client: Client) -> bool:
    return (client.authorization or "").startswith("Bearer")


def partner_token(**changes: Any) -> Data:
    """What an administrator asks for a partner system that does everything."""
    return {
        "name": "Logiciel d’état civil",
        "scopes": ["READ_REQUESTS", "WRITE_REQUESTS", "READ_CHANGES", "MANAGE_WEBHOOKS"],
        "expiresAt": (now() + timedelta(days=90)).isoformat(),
        **changes,
    }


def webhook_input(webhook: Data, **changes: Any) -> Data:
    """A webhook as it is, or changed."""
    return {name: webhook[name] for name in ("id", "url", "events", "state")} | changes


async def parked_for(agent: Client, address: str) -> Data:
    """The mail to this address that was given up, as agents see it."""
    async with asyncio.timeout(10):
        while True:
            page = await agent.run("DeskParkedMails")
            for mail in page["parkedMails"]["nodes"]:
                if mail["recipient"] == address:
                    found: Data = mail
                    return found
            await asyncio.sleep(0.1)
