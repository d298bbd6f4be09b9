"""Security codes: handed out, and checked once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from core.captcha_image import code_for, same_code
from core.clock import now
from core.errors import CaptchaError
from core.i18n import Text
from core.selection import Selection
from core.settings import get_settings
from models.actors import Actor
from models.captcha import Captcha
from models.database import Row, execute, fetch_one
from models.ids import decode_as, encode

LIFETIME = timedelta(minutes=5)

Purpose = Literal["CREATE_ACCOUNT", "SUBMIT_REQUEST", "REQUEST_PASSWORD"]

_PROMPTS: dict[Purpose, Text] = {
    "CREATE_ACCOUNT": Text(
        fr="Code de sécurité pour créer votre compte : recopiez les caractères de l’image.",
        en="Security code to create your account: copy the characters of the image.",
    ),
    "SUBMIT_REQUEST": Text(
        fr="Code de sécurité pour envoyer votre demande : recopiez les caractères de l’image.",
        en="Security code to send your request: copy the characters of the image.",
    ),
    "REQUEST_PASSWORD": Text(
        fr="Code de sécurité pour demander un nouveau mot de passe : recopiez les caractères de l’image.",
        en="Security code to ask for a new password: copy the characters of the image.",
    ),
}


@dataclass(frozen=True, slots=True)
class CaptchaAnswer:
    """What somebody typed for a challenge."""

    captcha: str
    answer: str


async def create_captcha(actor: Actor, *, purpose: Purpose, selection: Selection) -> Row:
    """A new challenge for one purpose, good for five minutes and three tries."""
    captcha = Captcha(purpose=purpose, expires_at=now() + LIFETIME)
    await captcha.save(force_create=True)
    return _row(actor, captcha)


async def captcha(actor: Actor, *, id: str, selection: Selection) -> Row | None:
    """A challenge that can still be passed."""
    found = await _passable(decode_as("Captcha", id))
    return _row(actor, found) if found else None


async def code_to_draw(id: UUID) -> str | None:
    """The code of a challenge that can still be passed; None for any other."""
    return code_for(id) if await _passable(id) else None


async def check(answer: CaptchaAnswer | None, purpose: Purpose) -> UUID:
    """The challenge that was answered rightly, still to be `consume`d. A wrong answer costs one of its tries.

    Raises CaptchaError.
    """
    id = decode_as("Captcha", answer.captcha) if answer else None
    if answer is None or id is None:
        raise CaptchaError
    if not same_code(answer.answer, code_for(id)):
        await spend_try(id)
        raise CaptchaError
    return id


async def consume(id: UUID, purpose: Purpose) -> None:
    """Takes the challenge in the transaction of what it is for: of any number at once, one succeeds.

    Raises CaptchaError where it was used, has expired, has no tries left, or is for something else.
    """
    taken = await execute(
        "UPDATE captcha SET used_at = now() WHERE id = $1 AND purpose = $2 "
        "AND used_at IS NULL AND expires_at > now() AND tries_left > 0",
        id,
        purpose,
    )
    if not taken:
        raise CaptchaError


async def spend_try(id: UUID) -> None:
    await execute("UPDATE captcha SET tries_left = tries_left - 1 WHERE id = $1 AND tries_left > 0", id)


async def _passable(id: UUID | None) -> Captcha | None:
    row = await fetch_one(
        "SELECT * FROM captcha WHERE id = $1 AND used_at IS NULL AND expires_at > now() AND tries_left > 0",
        id,
    )
    return Captcha._init_from_db(**row) if row else None


def _row(actor: Actor, captcha: Captcha) -> Row:
    return {
        "__typename": "Captcha",
        "id": encode("Captcha", captcha.id),
        "prompt": _PROMPTS[captcha.purpose].in_(actor.language),  # type: ignore[index]
        "image": f"{get_settings().public_url}/captcha/{captcha.id}.png",
        "audio": {"state": "NOT_REQUESTED", "url": None},
        "expires_at": captcha.expires_at,
    }
