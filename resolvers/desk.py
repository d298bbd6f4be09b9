"""The side of the mairie: what agents see of requests, and what only they do with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.clock import now
from core.errors import FieldProblem, NotFoundError, ValidationError
from core.i18n import Text
from core.selection import SelectedField, Selection
from core.tickets import parse_ticket, ticket_digest
from models.actors import Actor, AgentActor, PartnerActor
from models.database import Row, fetch_one
from models.ids import decode_as
from models.requests import CLOSED_STATUSES, ServiceRequest
from models.statement import Statement
from models.temporary_password import TEMPLATE as NEW_PASSWORD
from models.visibility import visible_parked_mails, visible_requests
from resolvers.figures import figures
from resolvers.policies import RequestState, require, require_scope, require_transition
from resolvers.procedures import procedure_page, schedule_row
from resolvers.reading.agents import (
    agent_by_id,
    agent_list,
    may_be_in_charge,
    second_factor_part,
    security_events,
)
from resolvers.reading.mail import parked_mail_part
from resolvers.reading.pages import OrderBy, Window, encode_cursor, page
from resolvers.reading.partner_tokens import token_list
from resolvers.reading.requests import request_page
from resolvers.reading.shape import Finish, Part, Reading, Shape, read_value, reading_for
from resolvers.reading.webhooks import desk_webhook_list
from resolvers.requests import checked_reason, read_again
from resolvers.work import Work, mail_the_citizen, unit_of_work

REQUESTS_DEFAULT = 50
PROCEDURES_DEFAULT = 50
PARKED_DEFAULT = 50
LONGEST_SEARCH = 200

_BETWEEN_WORDS = re.compile(r"[\s'’\u2010-\u2015-]+")
_SOMEBODY_AND_NOBODY = FieldProblem(
    "filter.unassigned",
    Text(
        fr="Demandez ce qui n’est attribué à personne, ou ce qui l’est à un agent, mais pas les deux.",
        en="Ask for what nobody has, or for what one agent has, but not for both.",
    ),
)

_NOT_IN_CHARGE = Text(
    fr="Cet agent n’instruit pas cette démarche ou ne se connecte plus : choisissez-en un autre.",
    en="This agent does not handle this procedure, or no longer logs in: choose another one.",
)


async def desk(actor: Actor, *, selection: Selection) -> Row | None:
    """What the agent sees; None for anyone but an agent."""
    if not isinstance(actor, AgentActor):
        return None
    reading = await reading_for(actor)
    shape = Shape(reading, "Desk")
    for field in selection:
        match field.name:
            case "agent":
                agent = agent_by_id(reading, field.selection, reading.bind(actor.agent_id, "uuid"))
                shape.child("agent", agent)
            case "requests":
                shape.child(field.key, _requests(reading, actor, field))
            case "unread_exchange_count":
                shape.plain(field.name, _unread_count(reading, actor))
            case "event_cursor":
                # Of the same statement, hence of the same moment, as all the rest that is asked.
                shape.need({"head": "(SELECT coalesce(max(position), 0) FROM request_event)"})
                shape.output("event_cursor", lambda raw: encode_cursor([raw["head"]]))
            case "procedures":
                shape.output(field.key, _procedures(reading, field))
            case "schedules":
                shape.output("schedules", _schedules(reading, field))
            case "agents":
                shape.child("agents", agent_list(reading, field.selection, reading.alias("g"), "TRUE"))
            case "second_factor":
                mine = reading.bind(actor.agent_id, "uuid")
                shape.child("second_factor", second_factor_part(reading, mine))
            case "agents_without_second_factor":
                shape.child(field.name, _agents_without_second_factor(reading, actor, field))
            case "security_events":
                shape.child(field.key, security_events(reading, actor, field))
            case "partner_tokens":
                if actor.role == "ADMINISTRATOR":
                    shape.child("partner_tokens", token_list(reading, field.selection))
                else:
                    shape.output("partner_tokens", lambda raw: [])
            case "webhooks":
                if actor.role == "ADMINISTRATOR":
                    shape.child("webhooks", desk_webhook_list(reading, field.selection))
                else:
                    shape.output("webhooks", lambda raw: [])
            case "figures":
                shape.child(field.key, figures(reading, actor, field))
            case "parked_mails":
                shape.child(field.key, _parked_mails(reading, actor, field))
    row: Row = await read_value(reading, shape.part())
    return row


async def change_request_status(
    actor: Actor, *, request: str, version: int, status: str, reason: str | None, selection: Selection
) -> Row:
    """Brings a request to another status and tells the citizen by mail.

    Raises ConflictError, NotAllowedError (naming what is possible), NotFoundError, ValidationError, ForbiddenError.
    """
    assert isinstance(actor, (AgentActor, PartnerActor))
    require_scope(actor, "WRITE_REQUESTS")
    id = decode_as("ServiceRequest", request)
    await _change_status(actor, id, version, status, checked_reason(reason))
    return await read_again(actor, id, selection)


async def assign_request(actor: Actor, *, request: str, agent: str | None, selection: Selection) -> Row:
    """Puts an agent who handles the procedure in charge, or nobody.

    Raises NotFoundError, NotAllowedError; ValidationError where it cannot be this agent.
    """
    assert isinstance(actor, AgentActor)
    id = decode_as("ServiceRequest", request)
    await _assign(actor, id, agent)
    return await read_again(actor, id, selection)


def _requests(reading: Reading, actor: AgentActor, field: SelectedField) -> Part:
    """Submitted requests, the latest first; those with unread exchanges before all others where that is asked."""
    r = reading.alias("r")
    unread_first = bool(field.arguments.get("unread_first"))
    conditions = [
        visible_requests(reading, actor, r),
        *_filter(reading, field.arguments.get("filter") or {}, r),
    ]
    return request_page(
        reading,
        field,
        r,
        condition=" AND ".join(f"({condition})" for condition in conditions),
        order=[
            *([OrderBy(f"({_has_unread(r)})::int", "int", descending=True)] if unread_first else []),
            OrderBy(f"{r}.submitted_at", "timestamptz", descending=True),
            OrderBy(f"{r}.id", "uuid", descending=True),
        ],
        default=REQUESTS_DEFAULT,
    )


def _has_unread(r: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM exchange u WHERE u.request_id = {r}.id "
        "AND u.author = 'CITIZEN' AND u.read_at IS NULL)"
    )


def _filter(reading: Reading, wanted: Mapping[str, Any], r: str) -> list[str]:
    conditions = []
    if wanted.get("status") is not None:
        statuses = [getattr(status, "value", status) for status in wanted["status"]]
        conditions.append(f"{r}.status = ANY({reading.bind(statuses, 'text[]')})")
    for name, kind, column in (
        ("procedure", "Procedure", "procedure_id"),
        ("assignee", "Agent", "assignee_id"),
    ):
        if wanted.get(name) is not None:
            conditions.append(f"{r}.{column} = {reading.bind(decode_as(kind, wanted[name]), 'uuid')}")
    if wanted.get("unassigned") is not None:
        if wanted["unassigned"] and wanted.get("assignee") is not None:
            raise ValidationError([_SOMEBODY_AND_NOBODY])
        conditions.append(f"{r}.assignee_id IS {'NULL' if wanted['unassigned'] else 'NOT NULL'}")
    if wanted.get("unread") is not None:
        conditions.append(_has_unread(r) if wanted["unread"] else f"NOT {_has_unread(r)}")
    text = (wanted.get("search") or "").strip()[:LONGEST_SEARCH]
    ticket = parse_ticket(text)
    if ticket is not None:
        # Whoever has the whole of it means that request and no other, archived or not.
        conditions.append(f"{r}.ticket_digest = {reading.bind(ticket_digest(ticket), 'bytea')}")
        return conditions
    if wanted.get("archived") is not None:
        conditions.append(f"{r}.archived_at IS {'NOT NULL' if wanted['archived'] else 'NULL'}")
    conditions += [_holds(reading, word, r) for word in _words(text)]
    return conditions


def _words(text: str) -> list[str]:
    """« D’Artagnan », « d artagnan »: nobody knows which one was typed. What is no word at all is sought as it is."""
    return [word for word in _BETWEEN_WORDS.split(text) if word] or ([text] if text else [])


def _holds(reading: Reading, word: str, r: str) -> str:
    """Whether the citizen's name or e-mail address has these letters in it."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # In a query of its own it is folded once, not again for each row that the index brings.
    return f"{r}.found_by LIKE (SELECT without_accents({reading.bind(f'%{escaped}%', 'text')}))"


def _unread_count(reading: Reading, actor: AgentActor) -> str:
    r, x = reading.alias("r"), reading.alias("x")
    return (
        f"(SELECT count(*) FROM exchange {x} JOIN service_request {r} ON {r}.id = {x}.request_id "
        f"WHERE {x}.author = 'CITIZEN' AND {x}.read_at IS NULL AND {visible_requests(reading, actor, r)})"
    )


def _schedules(reading: Reading, field: SelectedField) -> Finish:
    return lambda raw: [
        schedule_row(reading, entry, field.selection) for entry in reading.catalogue.schedules.values()
    ]


def _procedures(reading: Reading, field: SelectedField) -> Finish:
    return lambda raw: procedure_page(
        reading,
        list(reading.catalogue.procedures.values()),
        Window.of(field),
        field.selection,
        PROCEDURES_DEFAULT,
    )


def _agents_without_second_factor(reading: Reading, actor: AgentActor, field: SelectedField) -> Part:
    """For administrators: whoever may log in with a password alone."""
    g = reading.alias("g")
    without = (
        f"EXISTS (SELECT 1 FROM credential c WHERE c.agent_id = {g}.id) AND "
        f"NOT EXISTS (SELECT 1 FROM second_factor f WHERE f.agent_id = {g}.id AND f.confirmed_at IS NOT NULL)"
    )
    seen = without if actor.role == "ADMINISTRATOR" else "FALSE"
    return agent_list(reading, field.selection, g, seen)


def _parked_mails(reading: Reading, actor: AgentActor, field: SelectedField) -> Part:
    """The latest first."""
    m = reading.alias("m")
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=f"mail {m} WHERE {visible_parked_mails(reading, actor, m)}",
        order=[OrderBy(f"{m}.id", "uuid", descending=True)],
        node=lambda wanted: parked_mail_part(reading, wanted, m),
        default=PARKED_DEFAULT,
    )


async def resend_mail(actor: Actor, *, mail: str) -> None:
    """Has a mail that could not be sent tried again, as long as a new one. Raises NotFoundError."""
    id = decode_as("ParkedMail", mail)
    if id is None:
        raise NotFoundError
    await _resend(actor, id)


@unit_of_work
async def _resend(work: Work, actor: Actor, id: UUID) -> None:
    statement = Statement()
    visible = visible_parked_mails(statement, actor, "m")
    due = await fetch_one(
        # Attempts go on counting: the queue knows a job by its row and their number. A new password keeps its age.
        "UPDATE mail m SET state = 'PENDING', next_attempt_at = now(), "
        f"created_at = CASE WHEN m.template = '{NEW_PASSWORD}' THEN m.created_at ELSE now() END "
        f"WHERE m.id = {statement.bind(id, 'uuid')} AND {visible} RETURNING m.id",
        *statement.values,
    )
    if due is None:
        raise NotFoundError
    work.wake("mail")


@unit_of_work
async def _change_status(
    work: Work,
    actor: AgentActor | PartnerActor,
    id: UUID | None,
    version: int,
    status: str,
    reason: str | None,
) -> None:
    request = await ServiceRequest.lock_visible(actor, id)
    state = RequestState(request.status, request.account_id)
    require("CHANGE_STATUS", actor, state)
    request.require_version(version)
    require_transition(actor, state, status)
    previous, request.status = request.status, status
    request.closed_at = now() if status in CLOSED_STATUSES else None
    request.touch()
    await request.save(update_fields=["status", "closed_at", "version", "updated_at"])
    data = {"previous": previous, "status": status, "reason": reason}
    event = work.happened("RequestStatusChanged", request, actor, data=data)
    mail_the_citizen(work, request, "status_changed", event)


@unit_of_work
async def _assign(work: Work, actor: AgentActor, id: UUID | None, agent: str | None) -> None:
    request = await ServiceRequest.lock_visible(actor, id)
    require("ASSIGN", actor, RequestState(request.status, request.account_id))
    assignee = decode_as("Agent", agent) if agent is not None else None
    if agent is not None and not await _handles(assignee, request.procedure_id):
        raise ValidationError([FieldProblem("agent", _NOT_IN_CHARGE)])
    if request.assignee_id == assignee:
        return
    request.assignee_id = assignee
    request.touch()
    await request.save(update_fields=["assignee_id", "version", "updated_at"])
    work.happened("RequestAssigned", request, actor, data={"agent": str(assignee) if assignee else None})


async def _handles(agent_id: UUID | None, procedure_id: UUID) -> bool:
    """Whether this agent, if there is one, may be put in charge of requests of the procedure."""
    row = await fetch_one(
        f"SELECT g.id FROM agent g WHERE g.id = $1 AND {may_be_in_charge('g', '$2')}",
        agent_id,
        procedure_id,
    )
    return row is not None
