"""Anything by its global id, for whoever may see it."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor
from models.database import Row
from models.ids import decode
from models.visibility import visible_parked_mails, visible_security_events
from resolvers.accounts import read_account
from resolvers.appointments import read_appointment
from resolvers.attachments import read_attachment
from resolvers.captcha import captcha
from resolvers.exchanges import read_exchange
from resolvers.partner_links import read_partner_link
from resolvers.partner_tokens import read_token
from resolvers.procedures import category_row, exists_for, procedure_row, schedule_row
from resolvers.reading.accounts import session_part
from resolvers.reading.agents import read_agent, security_event_part
from resolvers.reading.mail import parked_mail_part
from resolvers.reading.shape import read_one, reading_for, settle
from resolvers.requests import read_request
from resolvers.slots import read_slot
from resolvers.storage import read_document
from resolvers.webhooks import read_desk_webhook, read_webhook


async def node(actor: Actor, *, id: str, selection: Selection) -> Row | None:
    """The object of this id, with `__typename`; None where there is none, or none for this caller."""
    known = decode(id)
    if known is None:
        return None
    kind, key = known
    match kind:
        case "ServiceRequest":
            return await read_request(actor, key, selection)
        case "Exchange":
            return await read_exchange(actor, key, selection)
        case "Attachment":
            return await read_attachment(actor, key, selection)
        case "Appointment":
            return await read_appointment(actor, key, selection)
        case "Slot":
            return await read_slot(actor, key, selection)
        case "StoredDocument":
            return await read_document(actor, key, selection)
        case "Account" if isinstance(actor, CitizenActor) and actor.account_id == key:
            return await read_account(actor, key, selection)
        case "PartnerLink":
            return await read_partner_link(actor, key, selection)
        case "Session" if isinstance(actor, (CitizenActor, AgentActor)):
            return await _own_session(actor, key, selection)
        case "Agent" if isinstance(actor, AgentActor):
            return await read_agent(actor, key, selection)
        case "PartnerToken" if isinstance(actor, AgentActor) and actor.role == "ADMINISTRATOR":
            return await read_token(actor, key, selection)
        case "DeskWebhook" if isinstance(actor, AgentActor) and actor.role == "ADMINISTRATOR":
            return await read_desk_webhook(actor, key, selection)
        case "Webhook" if isinstance(actor, PartnerActor):
            return await read_webhook(actor, key, selection)
        case "SecurityEvent":
            return await _security_event(actor, key, selection)
        case "ParkedMail":
            return await _parked_mail(actor, key, selection)
        case "Captcha":
            return await captcha(actor, id=id, selection=selection)
        case _:
            return await _of_the_catalogue(actor, kind, key, selection)


async def _of_the_catalogue(actor: Actor, kind: str, key: UUID, selection: Selection) -> Row | None:
    reading = await reading_for(actor)
    catalogue = reading.catalogue
    row: Row | None
    match kind:
        case "Procedure" if key in catalogue.procedures and exists_for(actor, catalogue.procedures[key]):
            row = procedure_row(reading, catalogue.procedures[key], selection)
        case "ProcedureCategory" if key in catalogue.categories:
            row = category_row(reading, catalogue.categories[key], selection)
        case "Schedule" if key in catalogue.schedules:
            row = schedule_row(reading, catalogue.schedules[key], selection)
        case _:
            return None
    await settle(reading)
    return row


async def _own_session(actor: CitizenActor | AgentActor, key: UUID, selection: Selection) -> Row | None:
    reading = await reading_for(actor)
    s, mine = reading.alias("s"), reading.alias("s")
    part = session_part(reading, selection, s, actor.session_id)
    source = (
        f"session {s} JOIN session {mine} ON {mine}.credential_id = {s}.credential_id "
        f"WHERE {s}.id = {reading.bind(key, 'uuid')} AND {mine}.id = {reading.bind(actor.session_id, 'uuid')} "
        f"AND {s}.expires_at > now()"
    )
    return await read_one(reading, part, source)


async def _parked_mail(actor: Actor, key: UUID, selection: Selection) -> Row | None:
    reading = await reading_for(actor)
    m = reading.alias("m")
    part = parked_mail_part(reading, selection, m)
    source = (
        f"mail {m} WHERE {m}.id = {reading.bind(key, 'uuid')} AND {visible_parked_mails(reading, actor, m)}"
    )
    return await read_one(reading, part, source)


async def _security_event(actor: Actor, key: UUID, selection: Selection) -> Row | None:
    reading = await reading_for(actor)
    e = reading.alias("e")
    part = security_event_part(reading, selection, e)
    source = (
        f"security_event {e} WHERE {e}.id = {reading.bind(key, 'uuid')} "
        f"AND {visible_security_events(reading, actor, e)}"
    )
    return await read_one(reading, part, source)
