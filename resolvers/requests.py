"""Requests, from the draft to the cancellation: the citizen's side."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.clock import now
from core.errors import (
    AccountRequiredError,
    CaptchaError,
    FieldProblem,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
    ValidationError,
)
from core.i18n import Text
from core.keys import hmac_digest
from core.selection import Selection
from core.tickets import new_ticket, parse_ticket, seal_ticket, ticket_digest
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, TicketHolder
from models.appointments import Appointment
from models.attachments import Piece, attached, rejected
from models.contact import Contact, check_contact
from models.database import Row, execute, fetch, fetch_one
from models.forms import (
    AnswerValue,
    AppointmentPolicy,
    merge_answers,
    parse_answers,
    problems,
    visible_fields,
)
from models.ids import decode_as, new_id
from models.plain_text import has_unprintable
from models.receipts import Receipt
from models.requests import ServiceRequest
from models.visibility import visible_requests
from resolvers import booking, catalogue
from resolvers import captcha as captchas
from resolvers.captcha import CaptchaAnswer, Passed
from resolvers.policies import RequestState, require
from resolvers.reading.requests import request_part
from resolvers.reading.shape import read_one, reading_for
from resolvers.work import Work, mail_the_citizen, unit_of_work

VISITOR_KEY_MINIMUM = 16
KEY_LIMIT = 200
REASON_LIMIT = 2_000
NOTHING = Selection.of()

_LONG_REASON = Text(
    fr="Le motif compte {limit} caractères au plus : raccourcissez-le.",
    en="The reason has {limit} characters at most: shorten it.",
).format(limit=REASON_LIMIT)
_UNPRINTABLE = Text(
    fr="Le motif contient un caractère invisible : saisissez-le de nouveau.",
    en="The reason holds an invisible character: type it again.",
)


async def request(actor: Actor, *, id: str, selection: Selection) -> Row | None:
    """A request that the caller may see; None where there is none, or none for them."""
    return await read_request(actor, decode_as("ServiceRequest", id), selection)


async def request_by_ticket(actor: Actor, *, ticket: str, selection: Selection) -> Row | None:
    """The request with this ticket number. For an agent or a partner, only if they may see it anyway.

    Somebody else's ticket opens what a ticket holder sees, and lets a citizen claim what nobody has claimed.
    """
    number = parse_ticket(ticket)
    if number is None:
        return None
    reading = await reading_for(actor)
    r = reading.alias("r")
    part = request_part(reading, selection, r)
    condition = f"{r}.ticket_digest = {reading.bind(ticket_digest(number), 'bytea')}"
    if isinstance(actor, (AgentActor, PartnerActor)):
        condition += f" AND {visible_requests(reading, actor, r)}"
    else:
        reading.by_ticket = True
    return await read_one(reading, part, f"service_request {r} WHERE {condition}")


async def start_request(
    actor: Actor, *, procedure: str, idempotency_key: str | None, selection: Selection
) -> Row:
    """A new draft; its Mes informations are those of the citizen's profile. With the same key for
    the same procedure, the same draft.

    A visitor's key says who they are as a password would, so it must have 16 characters or more.
    Raises NotFoundError, AccountRequiredError, NotAllowedError (the procedure is closed), ValidationError.
    """
    digest = _idempotency_digest(actor, procedure, idempotency_key)
    request_id = await _start(actor, procedure, digest)
    holder = actor if isinstance(actor, CitizenActor) else _holder(actor, request_id)
    return await read_again(holder, request_id, selection)


async def update_request(
    actor: Actor,
    *,
    request: str,
    version: int,
    contact: Contact | None,
    answers: Sequence[tuple[str, AnswerValue | None]] | None,
    selection: Selection,
) -> Row:
    """Changes what a draft holds: all that is given, or nothing where any of it is wrong.

    Raises ValidationError, ConflictError, NotAllowedError, NotFoundError.
    """
    request_id = await _update(actor, decode_as("ServiceRequest", request), version, contact, answers or ())
    return await read_again(actor, request_id, selection)


async def submit_request(
    actor: Actor,
    *,
    request: str,
    version: int,
    captcha: CaptchaAnswer | None,
    selection: Selection,
    next_selection: Selection = NOTHING,
) -> Row:
    """Sends a draft to the mairie, and its acknowledgement to the citizen. Sent twice with one version: done once.

    Raises ValidationError, ConflictError, CaptchaError, NotAllowedError, NotFoundError, RateLimitedError;
    SlotUnavailableError where the slot that the draft held was lost, with the next free one, read by `next_selection`.
    """
    challenge = None
    if captcha is not None and not isinstance(actor, CitizenActor):
        challenge = await captchas.check(captcha, "SUBMIT_REQUEST")
    id = decode_as("ServiceRequest", request)
    request_id = await booking.or_next(actor, _submit(actor, id, version, challenge), id, next_selection)
    return await read_again(actor, request_id, selection)


async def cancel_request(actor: Actor, *, request: str, reason: str | None, selection: Selection) -> Row:
    """Cancels and archives; a draft is thrown away, and answered as it last was.

    Raises NotAllowedError, NotFoundError, ValidationError.
    """
    id = decode_as("ServiceRequest", request)
    thrown_away = await _cancel(actor, id, checked_reason(reason), selection)
    return thrown_away or await read_again(actor, id, selection)


async def claim_request(actor: Actor, *, ticket: str, selection: Selection) -> Row:
    """Attaches a request to the caller's account; one that is there already stays.

    Raises NotAllowedError, NotFoundError.
    """
    assert isinstance(actor, CitizenActor)
    request_id = await _claim(actor, parse_ticket(ticket))
    return await read_again(actor, request_id, selection)


async def read_request(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    if id is None:
        return None
    reading = await reading_for(actor)
    r = reading.alias("r")
    part = request_part(reading, selection, r)
    source = f"service_request {r} WHERE {r}.id = {reading.bind(id, 'uuid')} AND {visible_requests(reading, actor, r)}"
    return await read_one(reading, part, source)


def checked_reason(reason: str | None) -> str | None:
    """Without blanks around; None where nothing is left. Raises ValidationError."""
    reason = (reason or "").strip()
    problem = (
        _LONG_REASON if len(reason) > REASON_LIMIT else _UNPRINTABLE if has_unprintable(reason) else None
    )
    if problem is not None:
        raise ValidationError([FieldProblem("reason", problem)])
    return reason or None


async def read_again(actor: Actor, id: UUID | None, selection: Selection) -> Row:
    """A request that the caller has just changed. Raises NotFoundError where they may see it no longer."""
    row = await read_request(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row


def _holder(actor: Actor, request_id: UUID) -> TicketHolder:
    return TicketHolder(request_id=request_id, language=actor.language)


def _idempotency_digest(actor: Actor, procedure: str, key: str | None) -> bytes | None:
    if key is None:
        return None
    scope = str(actor.account_id) if isinstance(actor, CitizenActor) else ""
    if len(key) > KEY_LIMIT or (not scope and len(key) < VISITOR_KEY_MINIMUM):
        raise ValidationError(
            [
                FieldProblem(
                    "idempotencyKey",
                    Text(
                        fr="La clé compte de {least} à {most} caractères tirés au hasard : un UUID convient.",
                        en="The key has {least} to {most} random characters: a UUID will do.",
                    ).format(least=VISITOR_KEY_MINIMUM, most=KEY_LIMIT),
                )
            ]
        )
    return hmac_digest("idempotency", f"{scope}/{procedure}/{key}".encode())


@unit_of_work
async def _start(work: Work, actor: Actor, slug: str, digest: bytes | None) -> UUID:
    current = await fetch_one(
        "SELECT p.id, p.state, v.id AS version_id, v.requires_account FROM procedure p "
        "JOIN procedure_version v ON v.procedure_id = p.id AND v.version = p.version "
        "WHERE p.slug = $1 AND p.state <> 'DRAFT' FOR SHARE OF p",
        slug,
    )
    if current is None:
        raise NotFoundError
    if current["requires_account"] and not isinstance(actor, CitizenActor):
        raise AccountRequiredError
    if current["state"] == "CLOSED":
        raise NotAllowedError(
            Text(
                fr="Cette démarche est fermée pour le moment.",
                en="This procedure is closed for the time being.",
            )
        )
    ticket, id = new_ticket(), new_id()
    account_id = actor.account_id if isinstance(actor, CitizenActor) else None
    started = await fetch_one(
        "INSERT INTO service_request (id, ticket_digest, ticket_sealed, procedure_id, procedure_version_id, "
        "account_id, contact, answers, language, idempotency_digest, status, version, exchange_count, "
        "created_at, updated_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, (SELECT profile FROM account WHERE id = $6), '{}', $7, $8, "
        "'DRAFT', 1, 0, $9, $9) ON CONFLICT (idempotency_digest) DO NOTHING RETURNING id",
        id,
        ticket_digest(ticket),
        seal_ticket(ticket),
        current["id"],
        current["version_id"],
        account_id,
        actor.language,
        digest,
        now(),
    ) or await fetch_one("SELECT id FROM service_request WHERE idempotency_digest = $1", digest)
    if started is None:
        raise UnavailableError  # Thrown away between the two statements: the same call again makes a new one.
    request_id: UUID = started["id"]
    return request_id


@unit_of_work
async def _update(
    work: Work,
    actor: Actor,
    id: UUID | None,
    version: int,
    contact: Contact | None,
    answers: Sequence[tuple[str, AnswerValue | None]],
) -> UUID:
    request = await ServiceRequest.lock_visible(actor, id)
    require("EDIT", actor, RequestState(request.status, request.account_id))
    request.require_version(version)
    form = await catalogue.version(request.procedure_version_id)
    changes, found = parse_answers(form.definition, answers)
    if contact is not None:
        checked, wrong = check_contact(contact, today=await catalogue.today(), prefix="contact", draft=True)
        found = [*wrong, *found]
        request.contact = checked.to_json() if checked else None
    ValidationError.raise_for(found)
    request.answers = merge_answers(request.answers, changes)
    request.touch()
    await request.save(update_fields=["contact", "answers", "version", "updated_at"])
    return request.id


@unit_of_work
async def _submit(work: Work, actor: Actor, id: UUID | None, version: int, challenge: Passed | None) -> UUID:
    request = await ServiceRequest.lock_visible(actor, id)
    if request.status == "SUBMITTED" and request.version == version + 1:
        return request.id
    require("SUBMIT", actor, RequestState(request.status, request.account_id))
    request.require_version(version)
    form = await catalogue.version(request.procedure_version_id)
    contact = Contact.from_json(request.contact) if request.contact else None
    asked = {field.key for field in visible_fields(form.definition, request.answers)}
    pieces = await _take_off_unasked(request, asked)
    held, slots = await _lock_appointment(request)
    found = problems(
        form.definition,
        contact,
        request.answers,
        attached(pieces),
        appointment=form.appointment,
        appointment_held=held is not None,
    )
    ValidationError.raise_for([*found, *rejected(pieces)])
    if not isinstance(actor, CitizenActor):
        if challenge is None:
            raise CaptchaError
        await captchas.consume(challenge, "SUBMIT_REQUEST")
    # What was answered and is not asked any more was never meant for the mairie.
    request.answers = {key: value for key, value in request.answers.items() if key in asked}
    request.status = "SUBMITTED"
    request.submitted_at = now()
    request.language = actor.language
    request.touch()
    await request.save(
        update_fields=["answers", "status", "submitted_at", "language", "version", "updated_at"]
    )
    event = work.happened("RequestSubmitted", request, actor)
    mail_the_citizen(work, request, "acknowledgement", event)
    if held is not None:
        await booking.confirm(work, actor, request, held, slots[held.slot_id])
    await Receipt(request_id=request.id).save(force_create=True)
    work.wake("files")
    return request.id


async def _lock_appointment(request: ServiceRequest) -> tuple[Appointment | None, booking.Slots]:
    """What a request of a procedure that takes appointments has; no statement for any other."""
    form = await catalogue.version(request.procedure_version_id)
    return (None, {}) if form.appointment is AppointmentPolicy.NONE else await booking.lock(request)


async def _take_off_unasked(request: ServiceRequest, asked: set[str]) -> list[Piece]:
    """Takes off what was joined to fields that are not asked any more; the pieces that are left."""
    rows = await fetch(
        "WITH unasked AS (DELETE FROM attachment "
        "WHERE request_id = $1 AND field IS NOT NULL AND field <> ALL($2::text[])) "
        "SELECT a.field, a.title, f.scan FROM attachment a JOIN file f ON f.id = a.file_id "
        "WHERE a.request_id = $1 AND (a.field IS NULL OR a.field = ANY($2::text[]))",
        request.id,
        sorted(asked),
    )
    return [Piece(**row) for row in rows]


@unit_of_work
async def _cancel(
    work: Work, actor: Actor, id: UUID | None, reason: str | None, selection: Selection
) -> Row | None:
    """The row of a draft, which is gone by then; None for a request that still can be read."""
    request = await ServiceRequest.lock_visible(actor, id)
    require("CANCEL", actor, RequestState(request.status, request.account_id))
    if request.status == "DRAFT":
        row = await read_again(actor, request.id, selection)
        held, _ = await booking.lock(request)
        await execute("DELETE FROM service_request WHERE id = $1", request.id)
        if held is not None:
            work.wake("slots")
        return {**row, "permitted_actions": []}
    previous = request.status
    request.status = "CANCELLED"
    request.closed_at = request.archived_at = now()
    request.touch()
    await request.save(update_fields=["status", "closed_at", "archived_at", "version", "updated_at"])
    data = {"previous": previous, "status": request.status, "reason": reason}
    event = work.happened("RequestCancelled", request, actor, data=data)
    mail_the_citizen(work, request, "status_changed", event)
    active, slots = await _lock_appointment(request)
    if active is not None and booking.is_to_come(active, slots):
        await booking.give_back(work, actor, request, active, slots[active.slot_id])
    return None


@unit_of_work
async def _claim(work: Work, actor: CitizenActor, ticket: str | None) -> UUID:
    found = ticket and await fetch_one(
        "SELECT id FROM service_request WHERE ticket_digest = $1", ticket_digest(ticket)
    )
    if not found:
        raise NotFoundError
    request = await ServiceRequest.lock_visible(_holder(actor, found["id"]), found["id"])
    if request.account_id == actor.account_id:
        return request.id
    require("CLAIM", actor, RequestState(request.status, request.account_id))
    request.account_id = actor.account_id
    request.touch()
    await request.save(update_fields=["account_id", "version", "updated_at"])
    if request.status != "DRAFT":
        work.happened("RequestClaimed", request, actor)
    return request.id
