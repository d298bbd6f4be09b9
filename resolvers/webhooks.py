"""Where a partner system wants to be told of events: made, changed and deleted by the token that it belongs to.

Administrators see how they fare, and have them tried again. jobs/webhooks.py tells them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import orjson

from core.errors import FieldProblem, NotAllowedError, NotFoundError, ValidationError
from core.i18n import Text
from core.keys import seal
from core.outgoing import TargetRefusedError, read_target
from core.selection import Selection
from core.webhook_signatures import new_signing_secret
from models.actors import Actor, AgentActor, PartnerActor
from models.database import Row, execute, fetch, fetch_one
from models.event_texts import KINDS
from models.ids import decode_as, new_id
from models.webhooks import MOST_WEBHOOKS, SECRET_SEAL, URL_SEAL
from resolvers.policies import require_scope
from resolvers.reading.shape import read_one, read_value, reading_for
from resolvers.reading.webhooks import desk_webhook_part, webhook_list, webhook_part
from resolvers.work import Work, unit_of_work

OLD_SECRET_SIGNS_FOR = timedelta(hours=24)
"""After it was replaced, beside the new one: time to bring the new one to the receiver."""

_UNKNOWN_EVENTS = Text(
    fr="Types d’événements inconnus : {unknown}. Il y a : {known}.",
    en="There are no event types {unknown}. There are: {known}.",
)
_TOO_MANY = Text(
    fr="Un jeton a {limit} adresses au plus : supprimez-en une, ou modifiez-la.",
    en="A token has {limit} webhooks at most: delete one, or change it.",
).format(limit=str(MOST_WEBHOOKS))
_GONE = Text(
    fr="Le jeton a été révoqué ou a expiré.",
    en="The token was revoked or has expired.",
)
_EXPIRED = Text(
    fr="Le jeton de ce partenaire a expiré : donnez-lui-en un autre, avec lequel il recrée son webhook.",
    en="This partner’s token has expired: give it another one, to make its webhook anew with.",
)

logger = logging.getLogger(__name__)


async def save_webhook(
    actor: Actor,
    *,
    id: str | None,
    url: str,
    events: Sequence[str],
    state: str,
    rotate_secret: bool,
    selection: Selection,
) -> tuple[Row, str | None]:
    """Makes a webhook, told of all that happens from now on, or changes one. ACTIVE again, it is told what it missed.

    Its row, and the signing secret where there is a new one. Raises ValidationError, NotFoundError, ForbiddenError.
    """
    assert isinstance(actor, PartnerActor)
    require_scope(actor, "MANAGE_WEBHOOKS")
    host = _checked(url, events)
    secret = new_signing_secret() if id is None or rotate_secret else None
    known = None if id is None else decode_as("Webhook", id)
    if id is not None and known is None:
        raise NotFoundError
    saved = await _save(actor, known, url, host, list(dict.fromkeys(events)), state, secret)
    row = await read_webhook(actor, saved, selection)
    if row is None:
        raise NotFoundError
    return row, secret


async def delete_webhook(actor: Actor, *, webhook: str, selection: Selection) -> list[Row]:
    """Tells an address nothing more; the webhooks that are left. Raises NotFoundError, ForbiddenError."""
    assert isinstance(actor, PartnerActor)
    require_scope(actor, "MANAGE_WEBHOOKS")
    gone = await execute(
        "DELETE FROM webhook WHERE id = $1 AND token_id = $2", decode_as("Webhook", webhook), actor.token_id
    )
    if not gone:
        raise NotFoundError
    reading = await reading_for(actor)
    rows: list[Row] = await read_value(reading, webhook_list(reading, selection, actor))
    return rows


async def read_webhook(actor: PartnerActor, id: UUID, selection: Selection) -> Row | None:
    """One of the caller's own."""
    if "MANAGE_WEBHOOKS" not in actor.scopes:
        return None
    reading = await reading_for(actor)
    w = reading.alias("w")
    part = webhook_part(reading, selection, w)
    source = (
        f"webhook {w} WHERE {w}.id = {reading.bind(id, 'uuid')} "
        f"AND {w}.token_id = {reading.bind(actor.token_id, 'uuid')}"
    )
    return await read_one(reading, part, source)


async def resume_webhook(actor: Actor, *, webhook: str, selection: Selection) -> Row:
    """Has a webhook told again, at once, of all that it missed, whoever paused it; its row as administrators see it.

    One that is active, and fails, is tried at once. Raises NotFoundError, NotAllowedError where its token has expired.
    """
    assert isinstance(actor, AgentActor)
    id = decode_as("DeskWebhook", webhook)
    if id is None:
        raise NotFoundError
    await _resume(id)
    logger.info("webhook %s resumed by agent %s", id, actor.agent_id)
    row = await read_desk_webhook(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row


async def read_desk_webhook(actor: AgentActor, id: UUID, selection: Selection) -> Row | None:
    """For administrators."""
    reading = await reading_for(actor)
    w, t = reading.alias("w"), reading.alias("t")
    part = desk_webhook_part(reading, selection, w, t)
    source = f"webhook {w} JOIN partner_token {t} ON {t}.id = {w}.token_id WHERE {w}.id = {reading.bind(id, 'uuid')}"
    return await read_one(reading, part, source)


@unit_of_work
async def pause_webhook(work: Work, id: UUID, run: int, error: Text) -> bool:
    """Stops telling an address that has not taken an event for too long, and writes to the mairie.

    False where that run of the job is over, or somebody else was faster.
    """
    paused = await fetch_one(
        "UPDATE webhook SET state = 'PAUSED', next_attempt_at = now(), last_error = $3::jsonb "
        "WHERE id = $1 AND runs = $2 AND state = 'ACTIVE' RETURNING id",
        id,
        run,
        orjson.dumps({"fr": error.fr, "en": error.en}).decode(),
    )
    if paused is None:
        return False
    municipality = await fetch_one("SELECT contact_email FROM municipality")
    if municipality and municipality["contact_email"]:
        work.mail("webhook_paused", municipality["contact_email"], "fr", webhook_id=id)
    logger.warning("webhook %s is paused: %s", id, error.en)
    return True


def _checked(url: str, events: Sequence[str]) -> str:
    """The host of the address. Raises ValidationError."""
    problems, host = [], ""
    try:
        host = read_target(url).host
    except TargetRefusedError as error:
        problems.append(FieldProblem("url", error.text))
    unknown = sorted(set(events) - set(KINDS))
    if unknown:
        text = _UNKNOWN_EVENTS.format(unknown=", ".join(unknown)[:500], known=", ".join(KINDS))
        problems.append(FieldProblem("events", text))
    ValidationError.raise_for(problems)
    return host


@unit_of_work
async def _save(
    work: Work,
    actor: PartnerActor,
    id: UUID | None,
    url: str,
    host: str,
    events: list[str],
    state: str,
    secret: str | None,
) -> UUID:
    # Whoever makes several at once makes them one after the other.
    token = await fetch_one("SELECT id FROM partner_token WHERE id = $1 FOR UPDATE", actor.token_id)
    if token is None:
        raise NotFoundError(_GONE)
    sealed_url = seal(URL_SEAL, url.encode())
    sealed_secret = seal(SECRET_SEAL, secret.encode()) if secret else None
    work.wake("events")
    if id is None:
        return await _make(actor, sealed_url, host, events, state, sealed_secret)
    changed = await fetch_one(
        "UPDATE webhook SET url_sealed = $3, host = $4, events = $5, state = $6::varchar, "
        "previous_secret_sealed = CASE WHEN $7::bytea IS NULL THEN previous_secret_sealed ELSE secret_sealed END, "
        "previous_secret_until = CASE WHEN $7::bytea IS NULL THEN previous_secret_until ELSE now() + $8::interval END, "
        "secret_sealed = coalesce($7::bytea, secret_sealed), "
        # One that stays paused has been so since it was.
        "next_attempt_at = CASE WHEN state = 'PAUSED' AND $6::varchar = 'PAUSED' THEN next_attempt_at ELSE now() END, "
        "failures = 0, failing_since = NULL "
        "WHERE id = $1 AND token_id = $2 RETURNING id",
        id,
        actor.token_id,
        sealed_url,
        host,
        events,
        state,
        sealed_secret,
        OLD_SECRET_SIGNS_FOR,
    )
    if changed is None:
        raise NotFoundError
    await _free(id)
    return id


@unit_of_work
async def _resume(work: Work, id: UUID) -> None:
    resumed = await fetch_one(
        "UPDATE webhook w SET state = 'ACTIVE', next_attempt_at = now(), failures = 0, failing_since = NULL "
        "FROM partner_token t WHERE w.id = $1 AND t.id = w.token_id AND t.expires_at > now() RETURNING w.id",
        id,
    )
    if resumed is None:
        known = await fetch_one("SELECT id FROM webhook WHERE id = $1", id)
        raise NotAllowedError(_EXPIRED) if known else NotFoundError
    await _free(id)
    work.wake("events")


async def _free(id: UUID) -> None:
    """What is stuck has its three days anew, and is tried at once."""
    await execute(
        "UPDATE webhook_block SET attempts = 0, failing_since = now(), next_attempt_at = now() WHERE webhook_id = $1",
        id,
    )


async def _make(
    actor: PartnerActor, url: bytes, host: str, events: list[str], state: str, secret: bytes | None
) -> UUID:
    numbers = {
        row["number"] for row in await fetch("SELECT number FROM webhook WHERE token_id = $1", actor.token_id)
    }
    free = [number for number in range(1, MOST_WEBHOOKS + 1) if number not in numbers]
    if not free:
        raise ValidationError([FieldProblem("id", _TOO_MANY)])
    id = new_id()
    await fetch(
        "INSERT INTO webhook (id, token_id, number, url_sealed, host, events, state, secret_sealed, position, runs, "
        "next_attempt_at, failures, created_at) "
        "SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce(max(position), 0), 0, now(), 0, now() FROM request_event",
        id,
        actor.token_id,
        free[0],
        url,
        host,
        events,
        state,
        secret,
    )
    return id
