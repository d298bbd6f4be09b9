"""Links between citizens' accounts and those they have with partner systems, such as Espace Famille.

The partner checks code and password and gives a token for them; they are kept nowhere. Before it is asked, a row says
that what it may grant is to be ended; the transaction that keeps the link takes that row away. So whatever comes in
between (the partner's answer too late, a killed process, an account that is gone), the partner is told, by a job.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from core.clock import now
from core.errors import FieldProblem, NotFoundError, PartnerError, RateLimitedError, ValidationError
from core.i18n import Text
from core.keys import new_token
from core.limits import count
from core.limits.declared import LINK_PARTNER
from core.selection import Selection
from core.settings import get_settings
from core.signing_keys import sign_jwt
from models.actors import Actor, CitizenActor
from models.database import Row, execute, fetch_one
from models.ids import decode_as, new_id
from models.partner_links import pairwise_subject, seal_token, unseal_token
from models.plain_text import has_unprintable
from models.statement import Statement
from models.visibility import visible_partner_links
from resolvers import catalogue
from resolvers.catalogue import PartnerSystemEntry, StaleCatalogueError
from resolvers.partner_calls import (
    TOO_MANY_TRIES,
    Ended,
    Granted,
    LinkEndedError,
    address_of,
    ask_for_link,
    look_at_link,
    minutes_of,
    refused,
    secret_of,
    unreachable,
)
from resolvers.reading.partner_links import IS_OVER, partner_link_list, partner_link_part
from resolvers.reading.shape import read_one, read_value, reading_for
from resolvers.work import Work, unit_of_work

LONGEST_CODE = 200
LONGEST_PASSWORD = 500

ENDED_UNLESS_KEPT_WITHIN = timedelta(seconds=60)
"""Much longer than a partner may take."""

SIGN_ON_LIFETIME = timedelta(seconds=60)
SIGN_ON = "sign-on+jwt"

_NO_CODE = Text(fr="Indiquez votre code.", en="Give your code.")
_NO_PASSWORD = Text(fr="Indiquez votre mot de passe.", en="Give your password.")
_CANNOT_BE = Text(
    fr="Ce texte ne peut pas être le bon : {longest} caractères au plus, sans caractère invisible.",
    en="This text cannot be right: at most {longest} characters, none of them invisible.",
)
_NOT_OFFERED = Text(
    fr="La mairie ne propose plus {name}.",
    en="The mairie does not offer {name} any more.",
)
_NO_SUCH_SYSTEM = Text(
    fr="Ce service partenaire n’est pas proposé par la mairie.",
    en="The mairie does not offer this partner service.",
)
_LINK_IS_OVER = Text(
    fr="Le lien avec {name} n’est plus valable. Indiquez de nouveau votre code et votre mot de passe.",
    en="The link with {name} is no longer valid. Give your code and password again.",
)
_ACCOUNT_STANDS = Text(
    fr="Votre compte citoyen est créé, mais il n’est pas relié. {why}",
    en="Your citizen account is created, but it is not linked. {why}",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartnerCredentials:
    """What a citizen types to link a partner system, and the address they call from. Never kept, and never shown."""

    code: str = field(repr=False)
    password: str = field(repr=False)
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class WantedLink:
    """`system` is the partner's slug."""

    system: str
    credentials: PartnerCredentials


@dataclass(frozen=True, slots=True)
class OpenedPartner:
    """A one-time address, which opens the partner's site as the citizen until then."""

    url: str = field(repr=False)
    expires_at: datetime


async def link_partner(actor: Actor, *, wanted: WantedLink, selection: Selection) -> Row:
    """Links the caller's account, or links it anew where it was linked already; the link.

    Raises ValidationError, PartnerError, NotFoundError (the municipality offers no such system), RateLimitedError.
    """
    assert isinstance(actor, CitizenActor)
    ValidationError.raise_for(credential_problems(wanted.credentials))
    entry = await _offered(wanted.system)
    if entry is None:
        raise NotFoundError(_NO_SUCH_SYSTEM)
    id = await _link(entry, actor.account_id, wanted.credentials, caller=str(actor.account_id))
    return await _read_again(actor, id, selection)


async def link_new_account(account_id: UUID, wanted: WantedLink) -> PartnerError | None:
    """Links an account that was just opened; what kept it from being linked, if anything did."""
    entry = await _offered(wanted.system)
    if entry is None:
        return PartnerError("PARTNER_REFUSED", _ACCOUNT_STANDS.format(why=_NO_SUCH_SYSTEM))
    try:
        await _link(entry, account_id, wanted.credentials, caller=None)
    except PartnerError as error:
        return PartnerError(error.code, _ACCOUNT_STANDS.format(why=error.text))
    except RateLimitedError as error:
        why = TOO_MANY_TRIES.format(name=entry.name, minutes=minutes_of(error.retry_after_seconds))
        return PartnerError("PARTNER_REFUSED", _ACCOUNT_STANDS.format(why=why))
    return None


async def update_partner_credentials(
    actor: Actor, *, link: str, credentials: PartnerCredentials, selection: Selection
) -> Row:
    """Rests a link on other credentials. Until the partner has taken them, it stays as it was.

    Raises ValidationError, PartnerError, NotFoundError, RateLimitedError.
    """
    assert isinstance(actor, CitizenActor)
    ValidationError.raise_for(credential_problems(credentials))
    found = await _own_link(actor, link)
    entry = await system_of(found["system_id"])
    if not entry.offered:
        raise refused(entry, _NOT_OFFERED)
    await _link(entry, actor.account_id, credentials, caller=str(actor.account_id), link_id=found["id"])
    return await _read_again(actor, found["id"], selection)


async def unlink_partner(actor: Actor, *, link: str, selection: Selection) -> list[Row]:
    """Ends a link here at once, and at the partner as soon as it is there; the links that are left.

    Raises NotFoundError.
    """
    assert isinstance(actor, CitizenActor)
    await _unlink(actor, decode_as("PartnerLink", link))
    reading = await reading_for(actor)
    rows: list[Row] = await read_value(reading, partner_link_list(reading, selection))
    return rows


async def open_partner(actor: Actor, *, link: str) -> OpenedPartner:
    """A one-time address of the partner's site, once the partner has said that the link still holds.

    Raises PartnerError, NotFoundError.
    """
    assert isinstance(actor, CitizenActor)
    found = await _own_link(actor, link)
    entry = await system_of(found["system_id"])
    if not entry.offered:
        raise refused(entry, _NOT_OFFERED)
    if found["is_over"]:
        raise refused(entry, _LINK_IS_OVER)
    reference: UUID = found["reference"]
    try:
        label = await look_at_link(entry, reference, _token(entry, found))
    except LinkEndedError as error:
        await hear_of_end(entry.slug, reference, error.state)
        raise refused(entry, _LINK_IS_OVER) from None
    if label != found["label"]:
        await execute("UPDATE partner_link SET label = $2 WHERE reference = $1", reference, label)
    return _sign_on(entry, reference, pairwise_subject(entry.slug, actor.account_id))


async def hear_of_end(system: str, reference: UUID, state: Ended) -> None:
    """The partner says that a link holds no more; again and again to the same effect."""
    await execute(
        "UPDATE partner_link l SET state = $3, token_sealed = NULL FROM partner_system p "
        "WHERE p.id = l.system_id AND p.slug = $1 AND l.reference = $2 AND l.state = 'ACTIVE'",
        system,
        reference,
        state,
    )


async def read_partner_link(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    """A link of the caller's own account."""
    if id is None:
        return None
    reading = await reading_for(actor)
    alias = reading.alias("l")
    part = partner_link_part(reading, selection, alias)
    source = (
        f"partner_link {alias} WHERE {alias}.id = {reading.bind(id, 'uuid')} "
        f"AND {visible_partner_links(reading, actor, alias)}"
    )
    return await read_one(reading, part, source)


def credential_problems(credentials: PartnerCredentials, prefix: str = "") -> list[FieldProblem]:
    """What no partner could have given out."""
    problems = []
    for name, text, absent, longest in (
        ("code", credentials.code.strip(), _NO_CODE, LONGEST_CODE),
        ("password", credentials.password, _NO_PASSWORD, LONGEST_PASSWORD),
    ):
        if not text:
            problems.append(FieldProblem(prefix + name, absent))
        elif len(text) > longest or has_unprintable(text):
            problems.append(FieldProblem(prefix + name, _CANNOT_BE.format(longest=longest)))
    return problems


async def _link(
    system: PartnerSystemEntry,
    account_id: UUID,
    credentials: PartnerCredentials,
    *,
    caller: str | None,
    link_id: UUID | None = None,
) -> UUID:
    """Asks the partner and keeps what it grants: as the account's link, or as `link_id` if that is still there."""
    secret_of(system)  # Without one nobody can be asked, and nothing is to be ended.
    code = credentials.code.strip()
    await count(
        LINK_PARTNER, address=credentials.address, caller=caller, subject=f"{system.slug}\0{code.casefold()}"
    )
    reference = uuid4()  # It tells nothing, not even when.
    await _foresee_end(system, reference)
    try:
        granted = await ask_for_link(
            system,
            reference,
            subject=pairwise_subject(system.slug, account_id),
            code=code,
            password=credentials.password,
        )
    except PartnerError as error:
        if error.code == "PARTNER_REFUSED":
            await _nothing_to_end(reference)
        raise
    return await _keep(system, account_id, reference, granted, link_id)


async def _foresee_end(system: PartnerSystemEntry, reference: UUID) -> None:
    await execute(
        "INSERT INTO partner_revocation (id, system_id, next_attempt_at, created_at) "
        "VALUES ($1, $2, now() + $3::interval, now())",
        reference,
        system.id,
        ENDED_UNLESS_KEPT_WITHIN,
    )


async def _nothing_to_end(reference: UUID) -> bool:
    """False where a job has ended it already, or is about to."""
    return bool(await execute("DELETE FROM partner_revocation WHERE id = $1 AND attempts = 0", reference))


@unit_of_work
async def _keep(
    work: Work,
    system: PartnerSystemEntry,
    account_id: UUID,
    reference: UUID,
    granted: Granted,
    link_id: UUID | None,
) -> UUID:
    if not await _nothing_to_end(reference):
        raise unreachable(system)
    row = await fetch_one(
        _REPLACE if link_id else _PUT,
        link_id or new_id(),
        account_id,
        system.id,
        reference,
        seal_token(reference, granted.token),
        granted.label,
        granted.expires_at,
    )
    if row is None:
        raise NotFoundError
    work.wake("partners")  # Another link may have gone for it.
    id: UUID = row["id"]
    return id


# No account, no link: it may have been erased while the partner was asked.
_PUT = """
INSERT INTO partner_link (id, system_id, account_id, reference, token_sealed, label, state, linked_at, expires_at)
SELECT $1, $3, a.id, $4, $5, $6, 'ACTIVE', now(), $7 FROM account a WHERE a.id = $2 FOR KEY SHARE
ON CONFLICT (system_id, account_id) DO UPDATE
SET reference = excluded.reference, token_sealed = excluded.token_sealed, label = excluded.label,
    state = excluded.state, linked_at = excluded.linked_at, expires_at = excluded.expires_at
RETURNING id
"""
_REPLACE = """
UPDATE partner_link
SET reference = $4, token_sealed = $5, label = $6, state = 'ACTIVE', linked_at = now(), expires_at = $7
WHERE id = $1 AND account_id = $2 AND system_id = $3
RETURNING id
"""


@unit_of_work
async def _unlink(work: Work, actor: CitizenActor, id: UUID | None) -> None:
    statement = Statement()
    gone = await execute(
        f"DELETE FROM partner_link l WHERE l.id = {statement.bind(id, 'uuid')} "
        f"AND {visible_partner_links(statement, actor, 'l')}",
        *statement.values,
    )
    if not gone:
        raise NotFoundError
    work.wake("partners")


async def _own_link(actor: CitizenActor, link: str) -> Row:
    """Raises NotFoundError."""
    statement = Statement()
    row = await fetch_one(
        f"SELECT l.*, {IS_OVER.format(link='l')} AS is_over FROM partner_link l "
        f"WHERE l.id = {statement.bind(decode_as('PartnerLink', link), 'uuid')} "
        f"AND {visible_partner_links(statement, actor, 'l')}",
        *statement.values,
    )
    if row is None:
        raise NotFoundError
    return row


async def _offered(slug: str) -> PartnerSystemEntry | None:
    return next(
        (entry for entry in (await catalogue.current()).offered_partners() if entry.slug == slug), None
    )


async def system_of(id: UUID) -> PartnerSystemEntry:
    try:
        return (await catalogue.current()).partner(id)
    except StaleCatalogueError:
        return (await catalogue.refresh()).partner(id)


def _token(system: PartnerSystemEntry, link: Row) -> str:
    """Raises LinkEndedError where it cannot be read any more: the secret key is another one."""
    try:
        return unseal_token(link["reference"], link["token_sealed"])
    except ValueError:
        logger.error("partner %s: a token cannot be read with this secret key", system.slug)
    raise LinkEndedError("EXPIRED")


def _sign_on(system: PartnerSystemEntry, reference: UUID, subject: str) -> OpenedPartner:
    address = address_of(system)
    issued_at = now().replace(microsecond=0)
    expires_at = issued_at + SIGN_ON_LIFETIME
    token = sign_jwt(
        SIGN_ON,
        {
            "iss": get_settings().public_url,
            "aud": address,
            "sub": subject,
            "link": str(reference),
            "jti": new_token(),
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
        },
    )
    return OpenedPartner(f"{address}/sign-on?token={token}", expires_at)


async def _read_again(actor: Actor, id: UUID, selection: Selection) -> Row:
    row = await read_partner_link(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row
