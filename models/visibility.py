"""What exists for whom, as conditions of SQL: the only place that says it.

Each function takes the statement in the making and the alias of the table; it answers a condition that holds for the
rows that the actor may see. Absent and not-yours can't be told apart, since both are simply not found.
"""

from __future__ import annotations

from models.actors import (
    Actor,
    AgentActor,
    CitizenActor,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)
from models.statement import Statement


def visible_requests(statement: Statement, actor: Actor, request: str) -> str:
    """Requests: its ticket's holder and its account's citizen see one whole; agents and partners, once submitted."""
    match actor:
        case Visitor() | RestrictedActor():
            return "FALSE"
        case TicketHolder():
            return f"{request}.id = {statement.bind(actor.request_id, 'uuid')}"
        case CitizenActor():
            return f"{request}.account_id = {statement.bind(actor.account_id, 'uuid')}"
        case AgentActor(role="ADMINISTRATOR"):
            return f"{request}.status <> 'DRAFT'"
        case AgentActor():
            return (
                f"{request}.status <> 'DRAFT' AND {request}.procedure_id IN ("
                "SELECT given.procedure_id FROM agent_procedure AS given "
                f"WHERE given.agent_id = {statement.bind(actor.agent_id, 'uuid')})"
            )
        case PartnerActor():
            return _in_scope(statement, actor, "READ_REQUESTS", request)


def visible_events(statement: Statement, actor: PartnerActor, request: str) -> str:
    """Events that a partner system is told of, by the alias of their request: it need not see the request itself."""
    return _in_scope(statement, actor, "READ_CHANGES", request)


def _in_scope(statement: Statement, actor: PartnerActor, scope: str, request: str) -> str:
    if scope not in actor.scopes:
        return "FALSE"
    procedures = (
        f" AND {request}.procedure_id = ANY({statement.bind(list(actor.procedure_ids), 'uuid[]')})"
        if actor.procedure_ids
        else ""
    )
    return f"{request}.status <> 'DRAFT'{procedures}"


def session_holds(statement: Statement, actor: Actor) -> str:
    """Whether the session that the caller is in has not ended meanwhile; TRUE for whoever is in none."""
    if not isinstance(actor, (CitizenActor, AgentActor, RestrictedActor)):
        return "TRUE"
    session = statement.alias("s")
    return (
        f"EXISTS (SELECT 1 FROM session {session} WHERE {session}.id = {statement.bind(actor.session_id, 'uuid')} "
        f"AND {session}.expires_at > now())"
    )


def visible_partner_links(statement: Statement, actor: Actor, link: str) -> str:
    """Links to partner systems: the citizen of the account sees them, and nobody else."""
    if not isinstance(actor, CitizenActor):
        return "FALSE"
    return f"{link}.account_id = {statement.bind(actor.account_id, 'uuid')}"


def visible_parked_mails(statement: Statement, actor: Actor, mail: str) -> str:
    """Mails that could not be sent: agents see those about requests that they see; administrators those about
    accounts, too."""
    if not isinstance(actor, AgentActor):
        return "FALSE"
    request = statement.alias("r")
    visible = (
        f"EXISTS (SELECT 1 FROM service_request {request} WHERE {request}.id = {mail}.request_id "
        f"AND {visible_requests(statement, actor, request)})"
    )
    if actor.role == "ADMINISTRATOR":
        visible = f"({visible} OR {mail}.request_id IS NULL)"
    return f"{mail}.state = 'PARKED' AND {visible}"


def visible_figures(statement: Statement, actor: AgentActor, figure: str) -> str:
    """What is left of requests that were erased: agents who see those of the procedure see it."""
    if actor.role == "ADMINISTRATOR":
        return "TRUE"
    return (
        f"{figure}.procedure_id IN (SELECT given.procedure_id FROM agent_procedure AS given "
        f"WHERE given.agent_id = {statement.bind(actor.agent_id, 'uuid')})"
    )


def visible_security_events(statement: Statement, actor: Actor, event: str) -> str:
    """What happened to agents' access: administrators see all of it, handlers what is theirs."""
    if not isinstance(actor, AgentActor):
        return "FALSE"
    if actor.role == "ADMINISTRATOR":
        return "TRUE"
    return f"{event}.agent_id = {statement.bind(actor.agent_id, 'uuid')}"
