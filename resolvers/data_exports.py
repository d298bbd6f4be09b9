"""Exports of one's data: asked for by a citizen, made by a worker (jobs/data_exports), fetched for some days."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from core.clock import now
from core.errors import NotAllowedError, UnauthenticatedError
from core.i18n import Text
from core.selection import Selection
from core.wording import readable_moment
from models.actors import Actor, CitizenActor
from models.data_exports import LIFETIME, ONE_IN, DataExport
from models.database import Row, execute, fetch_one
from resolvers import catalogue
from resolvers.reading.data_exports import export_of_account
from resolvers.reading.shape import read_value, reading_for
from resolvers.work import Work, unit_of_work
from uploads.storing import Written, throw_away

_ONE_A_DAY = Text(
    fr="Une archive de vos données a déjà été faite aujourd’hui. Vous pourrez en demander une autre le {moment}.",
    en="An archive of your data was made today already. You can ask for another one on {moment}.",
)


async def request_data_export(actor: Actor, *, selection: Selection) -> Row:
    """Has all that the caller's account may see of itself put into a ZIP; one that is under way already stays.

    Raises NotAllowedError, with the time of the next one, where the last is less than ONE_IN old.
    """
    assert isinstance(actor, CitizenActor)
    replaced = await _request(actor)
    if replaced is not None:
        await throw_away(replaced)
    reading = await reading_for(actor)
    row: Row = await read_value(
        reading, export_of_account(reading, selection, reading.bind(actor.account_id, "uuid"))
    )
    return row


async def take_export(id: UUID, ours_for: timedelta) -> Row | None:
    """The export to make, nobody else's for that long; None where it is not due, or is no more.

    Attempts are counted as they begin: one that ends the worker each time comes to an end, too.
    """
    return await fetch_one(
        "UPDATE data_export e SET next_attempt_at = now() + $2::interval, attempts = attempts + 1 FROM account a "
        "WHERE e.id = $1 AND a.id = e.account_id AND a.closed_at IS NULL AND e.next_attempt_at <= now() "
        "RETURNING e.id, e.account_id, e.language, e.attempts",
        id,
        ours_for,
    )


async def keep_export(export: Row, pause: timedelta | None, *, counted: bool = True) -> bool:
    """Leaves the export for later, or for as long as it is being made; None: for ever. Whether it is still ours.

    Not `counted`: what kept it from being made was no fault of its own.
    """
    changed = await execute(
        "UPDATE data_export SET next_attempt_at = now() + $3::interval, "
        "state = CASE WHEN $3::interval IS NULL THEN 'FAILED' ELSE state END, "
        "attempts = attempts - CASE WHEN $4::bool THEN 0 ELSE 1 END "
        "WHERE id = $1 AND state = 'PENDING' AND attempts = $2",
        export["id"],
        export["attempts"],
        pause,
        counted,
    )
    return bool(changed)


@unit_of_work
async def hand_in_export(work: Work, export: Row, written: Written) -> bool:
    """Whether what was written is the account's export now: not where it was closed meanwhile, or somebody else
    is at it by now. Its citizen is told by mail.
    """
    account = await fetch_one(
        "SELECT email, former_email FROM account WHERE id = $1 AND closed_at IS NULL FOR NO KEY UPDATE",
        export["account_id"],
    )
    if account is None:
        return False
    at = now()
    changed = await execute(
        "UPDATE data_export SET state = 'READY', address = $3, size = $4, sha256 = $5, ready_at = $6, "
        "expires_at = $7, next_attempt_at = NULL WHERE id = $1 AND state = 'PENDING' AND attempts = $2",
        export["id"],
        export["attempts"],
        written.address,
        written.size,
        written.sha256,
        at,
        at + LIFETIME,
    )
    if changed:
        # Also to the last address that was proved: whoever has changed it since may be somebody else.
        for address in dict.fromkeys(filter(None, (account["email"], account["former_email"]))):
            work.mail("data_export_ready", address, export["language"], account_id=export["account_id"])
    return bool(changed)


async def drop_export(account_id: UUID) -> str | None:
    """Takes away the export that an account has, ready or not; the address of its bytes, for after the commit."""
    row = await fetch_one("DELETE FROM data_export WHERE account_id = $1 RETURNING address", account_id)
    return row["address"] if row else None


async def sweep_exports() -> int:
    """Throws away the bytes of exports that have expired; how many. Their rows stay until another one is asked for."""
    swept = 0
    while row := await fetch_one(
        "UPDATE data_export d SET address = NULL FROM (SELECT id, address FROM data_export "
        "WHERE address IS NOT NULL AND expires_at <= now() LIMIT 1 FOR UPDATE SKIP LOCKED) e "
        "WHERE d.id = e.id RETURNING e.address"
    ):
        await throw_away(row["address"])
        swept += 1
    return swept


@unit_of_work
async def _request(work: Work, actor: CitizenActor) -> str | None:
    """The address of the export that the new one takes the place of."""
    account = await fetch_one(
        "SELECT id FROM account WHERE id = $1 AND closed_at IS NULL FOR NO KEY UPDATE", actor.account_id
    )
    if account is None:
        raise UnauthenticatedError
    last = await fetch_one(
        "SELECT state, requested_at FROM data_export WHERE account_id = $1", actor.account_id
    )
    if last is not None and last["state"] == "PENDING":
        return None
    if last is not None and last["state"] == "READY" and last["requested_at"] + ONE_IN > now():
        raise await _too_early(last)
    replaced = await drop_export(actor.account_id)
    await DataExport(account_id=actor.account_id, language=actor.language).save(force_create=True)
    work.wake("exports")
    return replaced


async def _too_early(last: Row) -> NotAllowedError:
    timezone = ZoneInfo((await catalogue.current()).municipality.timezone)
    moment = (last["requested_at"] + ONE_IN).astimezone(timezone)
    readable = Text(fr=readable_moment(moment, "fr"), en=readable_moment(moment, "en"))
    return NotAllowedError(_ONE_A_DAY.format(moment=readable))
