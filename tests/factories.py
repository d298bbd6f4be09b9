"""Small rows to start a test from, written straight through the models: as few rules as possible come between.

    procedure = await make_procedure(slug="acte-naissance")
    citizen = await make_citizen()
    request = await make_request(procedure, citizen=citizen)
    await make_exchange(request, author="MUNICIPALITY")

Whatever is left out is given a sound value of its own. Every citizen and agent has the password `PASSWORD`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from argon2 import PasswordHasher

from core.api_tokens import new_api_token
from core.clock import now
from core.keys import new_token, seal, token_digest
from core.tickets import new_ticket, seal_ticket, ticket_digest
from models.accounts import Account, Agent, AgentProcedure, Credential, Session
from models.actors import Actor, AgentActor, AgentRole, CitizenActor, PartnerActor, Party, TicketHolder
from models.appointments import Appointment, ProcedureSchedule, Schedule, Slot
from models.attachments import Attachment
from models.captcha import Captcha
from models.contact import Contact, ContactMethod
from models.database import execute
from models.events import RequestEvent
from models.exchanges import Exchange
from models.forms import FormDefinition
from models.ids import encode
from models.partner_links import PartnerLink, PartnerSystem, seal_token
from models.partner_tokens import SCOPES, PartnerToken, Scope
from models.procedures import Procedure, ProcedureCategory, ProcedureVersion
from models.requests import CLOSED_STATUSES, ServiceRequest
from models.storage import StoredDocument
from models.webhooks import SECRET_SEAL, URL_SEAL, Webhook
from resolvers import catalogue
from resolvers.captcha import CaptchaAnswer, Purpose

PASSWORD = "Demonstration-2026"
# The weakest there is: tests make many accounts, and log in with few.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
CAPTCHA_CODE = "AZERTY"
"""What tests/conftest.py fixes for every captcha."""
WEBHOOK_SECRET = "whsec_" + "c2VjcmV0" * 6

JEANNE = Contact(
    first_name="Jeanne",
    last_name="Durand",
    email="jeanne@example.org",
    preferred_contact_method=ContactMethod.EMAIL,
)
FIELDS: tuple[dict[str, Any], ...] = (
    {"type": "text", "key": "reason", "label": "Motif", "required": True},
    {"type": "boolean", "key": "abroad", "label": "À l’étranger"},
    {
        "type": "text",
        "key": "country",
        "label": "Pays",
        "required": True,
        "visible_when": [{"field": "abroad", "operator": "EQUALS", "values": ["true"]}],
    },
)

_numbers = itertools.count(1)


async def make_category(slug: str | None = None, *, title: str = "État civil") -> ProcedureCategory:
    number = next(_numbers)
    category = ProcedureCategory(slug=slug or f"category-{number}", title=title, position=number)
    await category.save(force_create=True)
    await _revise()
    return category


async def make_partner_system(slug: str = "espace-famille", *, name: str = "Espace Famille") -> PartnerSystem:
    """One that the municipality offers. Where it is, tests tell the settings."""
    system = PartnerSystem(
        slug=slug,
        name=name,
        address=f"https://{slug}.example/espace-citoyens",
        code_label="Code famille",
        password_label="Mot de passe",
        position=next(_numbers),
    )
    await system.save(force_create=True)
    await _revise()
    return system


async def make_partner_link(citizen: CitizenActor, system: PartnerSystem | None = None) -> PartnerLink:
    """A link that the partner knows nothing of."""
    reference = uuid4()
    link = PartnerLink(
        system_id=(system or await make_partner_system()).id,
        account_id=citizen.account_id,
        reference=reference,
        token_sealed=seal_token(reference, "a token"),
        label="Famille DURAND",
    )
    await link.save(force_create=True)
    return link


async def make_procedure(
    slug: str | None = None,
    *,
    title: str = "Acte de naissance",
    fields: Sequence[dict[str, Any]] = FIELDS,
    requires_account: bool = False,
    state: str = "OPEN",
    category: ProcedureCategory | None = None,
    appointment: str = "NONE",
    schedules: Sequence[Schedule] = (),
) -> Procedure:
    """A procedure with its first version published."""
    category = category or await make_category()
    procedure = Procedure(slug=slug or f"procedure-{next(_numbers)}", category_id=category.id, state=state)
    await procedure.save(force_create=True)
    for position, schedule in enumerate(schedules):
        link = ProcedureSchedule(procedure_id=procedure.id, schedule_id=schedule.id, position=position)
        await link.save(force_create=True)
    await make_version(
        procedure, 1, title=title, fields=fields, requires_account=requires_account, appointment=appointment
    )
    return procedure


async def make_version(
    procedure: Procedure,
    number: int,
    *,
    title: str = "Acte de naissance",
    fields: Sequence[dict[str, Any]] = FIELDS,
    requires_account: bool = False,
    appointment: str = "NONE",
) -> ProcedureVersion:
    """Another version, which new requests start with from now on."""
    definition = FormDefinition.model_validate({"body": "Demandez un acte.", "fields": list(fields)})
    version = ProcedureVersion(
        procedure_id=procedure.id,
        version=number,
        title=title,
        summary="Pour l’obtenir de la mairie.",
        keywords=["acte"],
        requires_account=requires_account,
        appointment=appointment,
        definition=definition.to_json(),
    )
    await version.save(force_create=True)
    procedure.version = number
    await procedure.save(update_fields=["version"])
    await _revise()
    return version


async def make_schedule(*, title: str = "Titres d’identité") -> Schedule:
    """A calendar without slots, at the hôtel de ville."""
    schedule = Schedule(slug=f"schedule-{next(_numbers)}", title=title, place="Hôtel de ville")
    await schedule.save(force_create=True)
    await _revise()
    return schedule


async def make_slot(
    schedule: Schedule, *, hours: float = 24, minutes: int = 20, capacity: int = 1, closed: bool = False
) -> Slot:
    """A slot that starts so many hours from now."""
    start = (now() + timedelta(hours=hours)).replace(microsecond=0)
    slot = Slot(
        schedule_id=schedule.id,
        start=start,
        end=start + timedelta(minutes=minutes),
        capacity=capacity,
        closed_at=now() if closed else None,
    )
    await slot.save(force_create=True)
    return slot


async def make_appointment(
    request: ServiceRequest, slot: Slot, *, state: str = "CONFIRMED", minutes: float = 15
) -> Appointment:
    """An appointment in this state; one that is held runs out in so many minutes, or ran out."""
    appointment = Appointment(
        request_id=request.id,
        slot_id=slot.id,
        state=state,
        counts=state != "CANCELLED",
        held_until=now() + timedelta(minutes=minutes) if state == "HELD" else None,
    )
    await appointment.save(force_create=True)
    return appointment


async def make_citizen(username: str | None = None, *, contact: Contact = JEANNE) -> CitizenActor:
    """An account with its credential and a session, as the actor of that session."""
    account = Account(profile=contact.to_json(), email=contact.email or "")
    await account.save(force_create=True)
    credential = await _make_credential(username, account_id=account.id)
    session = await make_session(credential.id)
    return CitizenActor(account_id=account.id, session_id=session.id)


async def make_agent(
    role: AgentRole = "ADMINISTRATOR", *, procedures: Sequence[Procedure] = (), username: str | None = None
) -> AgentActor:
    """An agent with a credential and a session; a handler is given `procedures`."""
    agent = Agent(display_name="Agent Martin", role=role)
    await agent.save(force_create=True)
    for procedure in procedures:
        await AgentProcedure(agent_id=agent.id, procedure_id=procedure.id).save(force_create=True)
    credential = await _make_credential(username, agent_id=agent.id)
    session = await make_session(credential.id)
    return AgentActor(agent_id=agent.id, session_id=session.id, role=role, display_name=agent.display_name)


async def make_session(credential_id: UUID, *, token: str | None = None, days: float = 1) -> Session:
    """A session that ends in so many days, or ended."""
    session = Session(
        credential_id=credential_id,
        token_digest=token_digest(token or new_token()),
        expires_at=now() + timedelta(days=days),
    )
    await session.save(force_create=True)
    return session


async def make_partner(
    *scopes: Scope, procedures: Sequence[Procedure] = (), name: str = "Espace Famille", days: float = 30
) -> PartnerActor:
    """A partner system by a token of its own that ends in so many days, or ended. Without scopes: all of them."""
    token = PartnerToken(
        name=name,
        token_digest=token_digest(new_api_token()),
        scopes=list(scopes or SCOPES),
        procedure_ids=[procedure.id for procedure in procedures],
        expires_at=now() + timedelta(days=days),
    )
    await token.save(force_create=True)
    return PartnerActor(
        token_id=token.id,
        name=name,
        scopes=frozenset(token.scopes),
        procedure_ids=frozenset(token.procedure_ids),
    )


async def make_webhook(
    partner: PartnerActor,
    *,
    url: str = "https://partner.example/events",
    secret: str = WEBHOOK_SECRET,
    events: Sequence[str] = (),
    state: str = "ACTIVE",
    number: int = 1,
) -> Webhook:
    """A webhook that is told of the whole log, whatever is in it."""
    webhook = Webhook(
        token_id=partner.token_id,
        number=number,
        url_sealed=seal(URL_SEAL, url.encode()),
        host="partner.example",
        secret_sealed=seal(SECRET_SEAL, secret.encode()),
        events=list(events),
        state=state,
        position=0,
    )
    await webhook.save(force_create=True)
    return webhook


async def make_captcha(purpose: Purpose, *, answer: str = CAPTCHA_CODE, minutes: float = 5) -> CaptchaAnswer:
    """A challenge, and what somebody answers to it."""
    captcha = Captcha(purpose=purpose, expires_at=now() + timedelta(minutes=minutes))
    await captcha.save(force_create=True)
    return CaptchaAnswer(encode("Captcha", captcha.id), answer)


async def make_request(
    procedure: Procedure,
    *,
    citizen: CitizenActor | None = None,
    status: str = "SUBMITTED",
    ticket: str | None = None,
    contact: Contact | None = JEANNE,
    answers: dict[str, Any] | None = None,
) -> ServiceRequest:
    """A request in this state, as if it had come to it: a draft (`status="DRAFT"`), submitted, closed."""
    ticket = ticket or new_ticket()
    version = await ProcedureVersion.get(procedure_id=procedure.id, version=procedure.version)
    request = ServiceRequest(
        ticket_digest=ticket_digest(ticket),
        ticket_sealed=seal_ticket(ticket),
        procedure_id=procedure.id,
        procedure_version_id=version.id,
        account_id=citizen.account_id if citizen else None,
        status=status,
        contact=contact.to_json() if contact else None,
        answers={"reason": "Mariage"} if answers is None else answers,
        submitted_at=None if status == "DRAFT" else now(),
        closed_at=now() if status in CLOSED_STATUSES else None,
        archived_at=now() if status == "CANCELLED" else None,
    )
    await request.save(force_create=True)
    return request


async def make_exchange(
    request: ServiceRequest, *, author: Party = "CITIZEN", body: str = "Bonjour", read: bool = False
) -> Exchange:
    """The request's next exchange, without an event."""
    request.exchange_count += 1
    exchange = Exchange(
        request_id=request.id,
        number=request.exchange_count,
        author=author,
        author_name="Quelqu’un",
        body=body,
        read_at=now() if read else None,
    )
    await exchange.save(force_create=True)
    await request.save(update_fields=["exchange_count"])
    return exchange


async def make_event(
    request: ServiceRequest,
    kind: str = "RequestSubmitted",
    *,
    actor: Party = "CITIZEN",
    agent_id: UUID | None = None,
    data: Any = None,
) -> RequestEvent:
    event = RequestEvent(kind=kind, request_id=request.id, actor=actor, agent_id=agent_id, data=data or {})
    await event.save(force_create=True)
    return event


def holder_of(request: ServiceRequest) -> TicketHolder:
    return TicketHolder(request_id=request.id)


def id_of(
    row: ServiceRequest
    | Exchange
    | Procedure
    | ProcedureCategory
    | Attachment
    | StoredDocument
    | Schedule
    | Slot
    | Appointment
    | Actor,
) -> str:
    """The global id; an actor's is that of its account or agent."""
    match row:
        case CitizenActor():
            return encode("Account", row.account_id)
        case AgentActor():
            return encode("Agent", row.agent_id)
        case (
            ServiceRequest()
            | Exchange()
            | Procedure()
            | ProcedureCategory()
            | Attachment()
            | StoredDocument()
            | Schedule()
            | Slot()
            | Appointment()
        ):
            return encode(type(row).__name__, row.id)
        case _:
            raise TypeError(row)


async def _make_credential(
    username: str | None, *, account_id: UUID | None = None, agent_id: UUID | None = None
) -> Credential:
    credential = Credential(
        username=username or f"user{next(_numbers)}",
        password_hash=PASSWORD_HASH,
        account_id=account_id,
        agent_id=agent_id,
    )
    await credential.save(force_create=True)
    return credential


async def _revise() -> None:
    """Lets processes know that the catalogue changed; this one at once."""
    await execute(
        "INSERT INTO municipality (id, name, timezone, contact_email, revision) "
        "VALUES (1, 'Essai-sur-Seine', 'Europe/Paris', 'mairie@example.fr', 1) "
        "ON CONFLICT (id) DO UPDATE SET revision = municipality.revision + 1"
    )
    catalogue.forget()
