"""Tokens of partner systems: made and revoked by administrators, shown once, known by their digest."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from core.api_tokens import is_api_token, new_api_token
from core.clock import now
from core.errors import FieldProblem, NotFoundError, UnauthenticatedError, ValidationError
from core.event_bus import event_bus
from core.i18n import Language, Text
from core.keys import token_digest
from core.selection import Selection
from models.actors import Actor, AgentActor, PartnerActor
from models.database import Row, execute, fetch_one
from models.ids import decode_as
from models.partner_tokens import (
    LONGEST_LIFETIME,
    NAME_LIMIT,
    NEEDED,
    PROCEDURE_LIMIT,
    SCOPES,
    PartnerToken,
)
from models.plain_text import has_unprintable
from resolvers import catalogue
from resolvers.reading.partner_tokens import token_list, token_part
from resolvers.reading.shape import read_one, read_value, reading_for

SEEN_EVERY = timedelta(minutes=5)
"""How exact `lastUsedAt` is: not worth a write at every call."""

_BAD_NAME = Text(
    fr="Donnez au jeton un nom de {limit} caractères au plus : celui du partenaire, que les citoyens lisent.",
    en="Give the token a name of {limit} characters at most: the partner’s, which citizens read.",
).format(limit=str(NAME_LIMIT))
_NO_SCOPE = Text(
    fr="Choisissez au moins une autorisation.",
    en="Choose one scope at least.",
)
_LACKS_SCOPE = Text(
    fr="{scope} ne sert à rien sans {needed} : ajoutez-la, ou retirez {scope}.",
    en="{scope} is worth nothing without {needed}: add that, or leave {scope} out.",
)
_NO_SUCH_PROCEDURE = Text(
    fr="Démarches inconnues : {slugs}.",
    en="There are no procedures named: {slugs}.",
)
_TOO_MANY_PROCEDURES = Text(
    fr="Nommez {limit} démarches au plus ; aucune, c’est toutes.",
    en="Name {limit} procedures at most; none is all of them.",
).format(limit=str(PROCEDURE_LIMIT))
_BAD_EXPIRY = Text(
    fr="Un jeton expire dans l’année qui vient : choisissez une date entre maintenant et le {latest}.",
    en="A token expires within a year: choose a date from now to {latest}.",
)

_WHO = """
WITH found AS (
    SELECT id, name, scopes, procedure_ids, last_used_at FROM partner_token
    WHERE token_digest = $1 AND expires_at > now()
), noted AS (
    UPDATE partner_token t SET last_used_at = now() FROM found
    WHERE t.id = found.id AND (found.last_used_at IS NULL OR found.last_used_at < now() - $2::interval)
)
SELECT id, name, scopes, procedure_ids FROM found
"""

logger = logging.getLogger(__name__)


async def create_partner_token(
    actor: Actor,
    *,
    name: str,
    scopes: Sequence[str],
    procedures: Sequence[str],
    expires_at: datetime,
    selection: Selection,
) -> tuple[Row, str]:
    """The token's row, and the token, which nobody knows but the caller. Raises ValidationError."""
    assert isinstance(actor, AgentActor)
    wanted = [scope for scope in SCOPES if scope in scopes]
    known = await catalogue.current()
    by_slug = {entry.slug: entry.id for entry in known.procedures.values()}
    ValidationError.raise_for(
        [
            *_problems_of_name(name),
            *_problems_of_scopes(wanted),
            *_problems_of_procedures(procedures, by_slug),
            *_problems_of_expiry(expires_at),
        ]
    )
    secret = new_api_token()
    token = PartnerToken(
        name=name.strip(),
        token_digest=token_digest(secret),
        scopes=wanted,
        procedure_ids=list(dict.fromkeys(by_slug[slug] for slug in procedures)),
        expires_at=expires_at,
    )
    await token.save(force_create=True)
    logger.info("partner token %s made by agent %s", token.id, actor.agent_id)
    row = await read_token(actor, token.id, selection)
    assert row is not None
    return row, secret


async def revoke_partner_token(actor: Actor, *, token: str, selection: Selection) -> list[Row]:
    """Ends a token, and its webhooks with it; the ones that are left. Raises NotFoundError."""
    assert isinstance(actor, AgentActor)
    id = decode_as("PartnerToken", token)
    if not await execute("DELETE FROM partner_token WHERE id = $1", id):
        raise NotFoundError
    await event_bus().wake("sessions")
    logger.info("partner token %s revoked by agent %s", id, actor.agent_id)
    reading = await reading_for(actor)
    rows: list[Row] = await read_value(reading, token_list(reading, selection))
    return rows


async def read_token(actor: AgentActor, id: UUID, selection: Selection) -> Row | None:
    """For administrators."""
    reading = await reading_for(actor)
    t = reading.alias("t")
    part = token_part(reading, selection, t)
    return await read_one(reading, part, f"partner_token {t} WHERE {t}.id = {reading.bind(id, 'uuid')}")


async def partner_of_token(text: str, language: Language) -> PartnerActor:
    """Who calls with this token. Raises UnauthenticatedError where it is not, or no longer, good."""
    row = await fetch_one(_WHO, token_digest(text), SEEN_EVERY) if is_api_token(text) else None
    if row is None:
        raise UnauthenticatedError
    return partner_actor(row, language)


def partner_actor(row: Row, language: Language) -> PartnerActor:
    """Who a token's row (`id`, `name`, `scopes`, `procedure_ids`) stands for."""
    return PartnerActor(
        token_id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
        procedure_ids=frozenset(row["procedure_ids"]),
        language=language,
    )


def _problems_of_name(name: str) -> list[FieldProblem]:
    is_sound = 0 < len(name.strip()) <= NAME_LIMIT and not has_unprintable(name) and "\n" not in name
    return [] if is_sound else [FieldProblem("name", _BAD_NAME)]


def _problems_of_scopes(scopes: Sequence[str]) -> list[FieldProblem]:
    if not scopes:
        return [FieldProblem("scopes", _NO_SCOPE)]
    return [
        FieldProblem("scopes", _LACKS_SCOPE.format(scope=scope, needed=needed))
        for scope, needed in NEEDED.items()
        if scope in scopes and needed not in scopes
    ]


def _problems_of_procedures(slugs: Sequence[str], by_slug: dict[str, UUID]) -> list[FieldProblem]:
    if len(slugs) > PROCEDURE_LIMIT:
        return [FieldProblem("procedures", _TOO_MANY_PROCEDURES)]
    unknown = [slug for slug in slugs if slug not in by_slug]
    if not unknown:
        return []
    return [FieldProblem("procedures", _NO_SUCH_PROCEDURE.format(slugs=", ".join(unknown)[:500]))]


def _problems_of_expiry(expires_at: datetime) -> list[FieldProblem]:
    latest = now() + LONGEST_LIFETIME
    if now() < expires_at <= latest:
        return []
    return [FieldProblem("expiresAt", _BAD_EXPIRY.format(latest=latest.date().isoformat()))]
