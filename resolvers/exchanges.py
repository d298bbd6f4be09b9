"""Messages between citizen and mairie, and who has read what."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.errors import FieldProblem, NotFoundError, ValidationError
from core.i18n import Text
from core.keys import hmac_digest
from core.selection import Selection
from models.actors import ANSWERING, Actor, AgentActor, PartnerActor, other_side, party
from models.attachments import EXCHANGE_ATTACHMENT_LIMIT
from models.contact import Contact
from models.database import Row, execute, fetch, fetch_one
from models.exchanges import BODY_LIMIT, Exchange
from models.ids import decode_as, new_id
from models.plain_text import has_unprintable
from models.requests import ServiceRequest
from models.visibility import visible_requests
from resolvers.policies import RequestState, require, require_scope
from resolvers.reading.exchanges import exchange_part
from resolvers.reading.shape import read_one, reading_for
from resolvers.requests import read_again
from resolvers.work import Work, mail_the_citizen, unit_of_work

_NO_BODY = Text(fr="Écrivez votre message.", en="Write your message.")
_LONG_BODY = Text(
    fr="Le message compte {limit} caractères au plus : raccourcissez-le ou écrivez-en deux.",
    en="A message has {limit} characters at most: shorten it, or write two.",
).format(limit=f"{BODY_LIMIT}")
_UNPRINTABLE = Text(
    fr="Le message contient un caractère invisible : saisissez-le de nouveau.",
    en="The message holds an invisible character: type it again.",
)

_NO_SUCH_ATTACHMENT = Text(
    fr="Une des pièces citées n’est pas ou n’est plus jointe à cette demande.",
    en="One of the documents named is not or no longer attached to this request.",
)


async def post_exchange(
    actor: Actor,
    *,
    request: str,
    body: str,
    attachments: Sequence[str],
    idempotency_key: str | None,
    selection: Selection,
) -> Row:
    """Writes to the other side. With the same key for the same request, the same exchange.

    Raises ValidationError, NotAllowedError, NotFoundError (of the request, or of an attachment), ForbiddenError.
    """
    require_scope(actor, "WRITE_REQUESTS")
    body = checked_body(body)
    exchange_id = await _post(actor, decode_as("ServiceRequest", request), body, attachments, idempotency_key)
    row = await read_exchange(actor, exchange_id, selection)
    if row is None:
        raise NotFoundError
    return row


async def mark_exchanges_read(
    actor: Actor, *, request: str, up_to: str, selection: Selection
) -> tuple[Row, int]:
    """Marks what the other side wrote as read, up to and including an exchange; the request, and how many were marked.

    Raises NotFoundError.
    """
    id = decode_as("ServiceRequest", request)
    marked = await _mark_read(actor, id, decode_as("Exchange", up_to))
    return await read_again(actor, id, selection), marked


async def read_exchange(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    """An exchange of a request that the caller may see."""
    if id is None:
        return None
    reading = await reading_for(actor)
    x, r = reading.alias("x"), reading.alias("r")
    part = exchange_part(reading, selection, x)
    source = (
        f"exchange {x} JOIN service_request {r} ON {r}.id = {x}.request_id "
        f"WHERE {x}.id = {reading.bind(id, 'uuid')} AND {visible_requests(reading, actor, r)}"
    )
    return await read_one(reading, part, source)


def checked_body(body: str) -> str:
    """The text without blanks around. Raises ValidationError."""
    body = body.replace("\r\n", "\n").strip()
    problem = (
        _NO_BODY
        if not body
        else _LONG_BODY
        if len(body) > BODY_LIMIT
        else _UNPRINTABLE
        if has_unprintable(body)
        else None
    )
    if problem is not None:
        raise ValidationError([FieldProblem("body", problem)])
    return body


@unit_of_work
async def _post(
    work: Work, actor: Actor, id: UUID | None, body: str, attachments: Sequence[str], key: str | None
) -> UUID:
    request = await ServiceRequest.lock_visible(actor, id)
    scope = _scope_of_keys(actor)
    digest = hmac_digest("idempotency", f"{scope}/{key}".encode()) if key else None
    if digest is not None:
        known = await fetch_one(
            "SELECT id FROM exchange WHERE request_id = $1 AND idempotency_digest = $2", request.id, digest
        )
        if known is not None:
            known_id: UUID = known["id"]
            return known_id
    require("POST_EXCHANGE", actor, RequestState(request.status, request.account_id))
    named = await _attachments_of(request, attachments)
    request.exchange_count += 1
    exchange = Exchange(
        request_id=request.id,
        number=request.exchange_count,
        author=party(actor),
        author_name=_name_of(actor, request),
        agent_id=actor.agent_id if isinstance(actor, AgentActor) else None,
        body=body,
        idempotency_digest=digest,
    )
    await exchange.save(force_create=True)
    if named:
        await fetch(
            "INSERT INTO exchange_attachment (id, exchange_id, attachment_id) "
            "SELECT id, $1, attachment_id FROM unnest($2::uuid[], $3::uuid[]) AS linked (id, attachment_id)",
            exchange.id,
            [new_id() for _ in named],
            named,
        )
    request.updated_at = exchange.posted_at
    await request.save(update_fields=["exchange_count", "updated_at"])
    event = work.happened("ExchangePosted", request, actor, exchange_id=exchange.id)
    if party(actor) in ANSWERING:
        mail_the_citizen(work, request, "new_exchange", event)
    return exchange.id


@unit_of_work
async def _mark_read(work: Work, actor: Actor, id: UUID | None, up_to: UUID | None) -> int:
    request = await ServiceRequest.lock_visible(actor, id)
    last = await fetch_one("SELECT number FROM exchange WHERE id = $1 AND request_id = $2", up_to, request.id)
    if last is None:
        raise NotFoundError
    marked = await execute(
        "UPDATE exchange SET read_at = now() "
        "WHERE request_id = $1 AND number <= $2 AND author = ANY($3::text[]) AND read_at IS NULL",
        request.id,
        last["number"],
        list(other_side(actor)),
    )
    if marked:
        work.happened("ExchangesRead", request, actor, exchange_id=up_to)
    return marked


async def _attachments_of(request: ServiceRequest, ids: Sequence[str]) -> list[UUID]:
    """The attachments that the message refers to. Raises NotFoundError where one is not of this request."""
    if not ids:
        return []
    wanted = {decode_as("Attachment", id) for id in ids[: EXCHANGE_ATTACHMENT_LIMIT + 1]}
    found = await fetch(
        "SELECT id FROM attachment WHERE request_id = $1 AND id = ANY($2::uuid[]) FOR KEY SHARE",
        request.id,
        [id for id in wanted if id],
    )
    if len(found) != len(wanted) or len(ids) > EXCHANGE_ATTACHMENT_LIMIT:
        raise NotFoundError(_NO_SUCH_ATTACHMENT)
    return [row["id"] for row in found]


def _scope_of_keys(actor: Actor) -> str:
    """Whose idempotency keys they are."""
    match actor:
        case AgentActor():
            return f"MUNICIPALITY {actor.agent_id}"
        case PartnerActor():
            return f"PARTNER {actor.token_id}"
        case _:
            return party(actor)


def _name_of(actor: Actor, request: ServiceRequest) -> str:
    if isinstance(actor, AgentActor):
        return actor.display_name
    if isinstance(actor, PartnerActor):
        return actor.name
    contact = Contact.from_json(request.contact or {})
    return f"{contact.first_name} {contact.last_name}"
