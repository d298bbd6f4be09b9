"""Mails to send, and what they tell of, as the resolvers leave them in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import now
from core.tickets import new_ticket, seal_ticket, ticket_digest
from models.accounts import Account, Credential
from models.database import Row, execute, fetch, fetch_one
from models.events import RequestEvent
from models.exchanges import Exchange
from models.ids import new_id
from models.mail import Mail
from models.municipality import Municipality
from models.procedures import Procedure, ProcedureCategory, ProcedureVersion
from models.requests import ServiceRequest


async def add_municipality(name: str = "Mairie de Saint-Aubin") -> None:
    await Municipality(id=1, name=name, timezone="Europe/Paris", contact_email="contact@mairie.example").save(
        force_create=True
    )


async def add_account(username: str = "marie") -> UUID:
    account = Account(profile={}, email=f"{username}@example.fr", language="fr")
    await account.save(force_create=True)
    await Credential(username=username, password_hash="none", account_id=account.id).save(force_create=True)
    return account.id


async def add_request(title: str = "Demande d’acte de naissance") -> tuple[ServiceRequest, str]:
    """A submitted request, and its ticket."""
    category = ProcedureCategory(slug=f"etat-civil-{new_id()}", title="État civil", position=1)
    await category.save(force_create=True)
    procedure = Procedure(slug=f"acte-{new_id()}", category_id=category.id, state="OPEN")
    await procedure.save(force_create=True)
    version = ProcedureVersion(
        procedure_id=procedure.id, version=1, title=title, summary="", keywords=[], definition={}
    )
    await version.save(force_create=True)
    ticket = new_ticket()
    request = ServiceRequest(
        ticket_digest=ticket_digest(ticket),
        ticket_sealed=seal_ticket(ticket),
        procedure_id=procedure.id,
        procedure_version_id=version.id,
        status="SUBMITTED",
        submitted_at=now(),
        contact={"email": "marie@example.fr"},
    )
    await request.save(force_create=True)
    return request, ticket


async def add_exchange(request: ServiceRequest, author_name: str = "Service état civil") -> UUID:
    exchange = Exchange(
        request_id=request.id, number=1, author="MUNICIPALITY", author_name=author_name, body="À compléter."
    )
    await exchange.save(force_create=True)
    return exchange.id


async def add_event(request: ServiceRequest, kind: str, data: dict[str, Any] | None = None) -> UUID:
    event = RequestEvent(kind=kind, request_id=request.id, actor="MUNICIPALITY", data=data or {})
    await event.save(force_create=True)
    return event.id


async def add_mail(
    template: str = "email_confirmation", recipient: str = "marie@example.fr", **columns: Any
) -> UUID:
    """A mail due now; returns its id."""
    id = new_id()
    values = {"language": "fr", "message_id": f"<{id}@mairie.example>", **columns}
    await Mail(id=id, template=template, recipient=recipient, **values).save(force_create=True)
    return id


async def add_confirmations(count: int) -> set[str]:
    """That many mails to as many people; returns their Message-IDs."""
    account_id = await add_account()
    ids = [await add_mail(recipient=f"person{n}@example.fr", account_id=account_id) for n in range(count)]
    return {f"<{id}@mairie.example>" for id in ids}


async def mail_row(id: UUID) -> Row:
    row = await fetch_one("SELECT * FROM mail WHERE id = $1", id)
    assert row is not None
    return row


async def count_mails(state: str) -> int:
    return len(await fetch("SELECT 1 FROM mail WHERE state = $1", state))


async def make_due(id: UUID, *, created_at: datetime | None = None) -> None:
    await execute(
        "UPDATE mail SET next_attempt_at = now(), created_at = coalesce($2, created_at) WHERE id = $1",
        id,
        created_at,
    )
