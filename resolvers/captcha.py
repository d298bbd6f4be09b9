"""Security codes: handed out, and checked once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from core.captcha_image import code_for, same_code
from core.errors import CaptchaError
from core.i18n import Text
from core.keys import hmac_digest
from core.networks import network_of
from core.proof_of_work import is_solved, make_challenge
from core.selection import Selection
from core.settings import get_settings
from models.actors import Actor
from models.database import Row, execute, fetch_one
from models.ids import decode_as, encode, new_id
from resolvers.captcha_audio import MOST_OF_A_NETWORK, audio_of_network, audio_row, made_with

LIFETIME = timedelta(minutes=5)

MOST_MOVED = 20
MOVED_WITHIN = timedelta(hours=1)
"""How many challenges may be answered from another network than the one they were made for: so many an hour from each
network, and to each (docs/decisions/0012)."""
# Any constant does: it names the lock under which these are counted.
MOVED_LOCK = 0x43415054

PASSABLE = "used_at IS NULL AND expires_at > now() AND tries_left > 0"

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
    """What somebody typed for a challenge, or the work that their computer did; never both.

    `address` is where the answer comes from, `caller` who gives it: None for a visitor.
    """

    captcha: str
    answer: str | None = None
    proof_of_work: str | None = None
    address: str | None = None
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A challenge that was answered rightly, still to be `consume`d."""

    id: UUID
    network: bytes | None
    caller: bytes | None = None


async def create_captcha(
    actor: Actor,
    *,
    purpose: Purpose,
    selection: Selection,
    address: str | None = None,
    caller: str | None = None,
) -> Row:
    """A new challenge for one purpose, good for five minutes and three tries, from the network of `address`.

    `caller` alone may answer it: a session or a ticket. What a visitor (None) asked for, they may answer once they have
    a ticket, or an account.
    Where `audio` is asked for, it is one of the stock that can be heard at once, if there is any.
    """
    made = await fetch_one(
        "WITH taken AS (UPDATE captcha_audio SET taken_at = now(), expires_at = now() + $3::interval WHERE id = ("
        "SELECT id FROM captcha_audio WHERE taken_at IS NULL AND language = $5 AND made_with = $6 "
        f"AND expires_at > now() AND {audio_of_network('$4')} < {MOST_OF_A_NETWORK} "
        "ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, captcha_id), "
        "made AS (INSERT INTO captcha (id, purpose, created_at, expires_at, tries_left, network, caller) "
        "SELECT coalesce((SELECT captcha_id FROM taken), $1), $2, now(), now() + $3::interval, 3, $4, $7 RETURNING *) "
        "SELECT made.*, taken.id AS audio_id, CASE WHEN taken.id IS NOT NULL THEN 'READY' END AS audio_state "
        "FROM made LEFT JOIN taken ON TRUE",
        new_id(),
        purpose,
        LIFETIME,
        _network(address),
        actor.language if "audio" in selection.names else None,
        made_with(),
        _caller(caller),
    )
    assert made is not None
    return _row(actor, made, selection)


async def captcha(actor: Actor, *, id: str, selection: Selection) -> Row | None:
    """A challenge that can still be passed."""
    found = await fetch_one(
        "SELECT c.*, a.id AS audio_id, a.state AS audio_state FROM captcha c "
        "LEFT JOIN LATERAL (SELECT id, CASE WHEN content IS NOT NULL THEN 'READY' "
        "WHEN next_attempt_at IS NOT NULL THEN 'PENDING' ELSE 'FAILED' END AS state "
        "FROM captcha_audio WHERE captcha_id = c.id AND language = $2) a ON TRUE "
        "WHERE c.id = $1 AND c.used_at IS NULL AND c.expires_at > now() AND c.tries_left > 0",
        decode_as("Captcha", id),
        actor.language,
    )
    return _row(actor, found, selection) if found else None


async def code_to_draw(id: UUID) -> str | None:
    """The code of a challenge that can still be passed; None for any other."""
    return (
        code_for(id) if await fetch_one(f"SELECT id FROM captcha WHERE id = $1 AND {PASSABLE}", id) else None
    )


async def check(answer: CaptchaAnswer | None, purpose: Purpose) -> Passed:
    """The challenge, if it was answered rightly. A wrong answer costs one of its tries. Raises CaptchaError.

    Whether it can still be passed, `consume` says: who sends again what has been done already is not refused here.
    """
    id = decode_as("Captcha", answer.captcha) if answer else None
    if answer is None or id is None:
        raise CaptchaError
    passed = Passed(id, _network(answer.address), _caller(answer.caller))
    if not _is_right(answer, id):
        await spend_try(passed)
        raise CaptchaError
    return passed


async def consume(passed: Passed, purpose: Purpose) -> None:
    """Takes the challenge in the transaction of what it is for: of any number at once, one succeeds.

    Raises CaptchaError where it was used, has expired, has no tries left (a right answer among fifty guesses at once is
    worth no more than among three), is for something else or for somebody else, or came from another network than the
    one it was made for once too often.
    """
    taken = await fetch_one(
        "UPDATE captcha SET used_at = now(), used_from = $3 WHERE id = $1 AND purpose = $2 "
        f"AND (caller IS NULL OR caller = $4) AND {PASSABLE} RETURNING network",
        passed.id,
        purpose,
        passed.network,
        passed.caller,
    )
    if taken is None:
        raise CaptchaError
    if taken["network"] is not None and taken["network"] != passed.network:
        await _let_move(passed.id, taken["network"], passed.network)


async def spend_try(passed: Passed) -> None:
    await execute(
        "UPDATE captcha SET tries_left = tries_left - 1 WHERE id = $1 AND tries_left > 0", passed.id
    )


def _is_right(answer: CaptchaAnswer, id: UUID) -> bool:
    if answer.proof_of_work is not None:
        return answer.answer is None and is_solved(answer.proof_of_work, str(id))
    return answer.answer is not None and same_code(answer.answer, code_for(id))


async def _let_move(id: UUID, made_for: bytes, used_from: bytes | None) -> None:
    """People leave the Wi-Fi for the street meanwhile. Whoever sells solved challenges does so all the time."""
    await execute("SELECT pg_advisory_xact_lock($1)", MOVED_LOCK)
    moved = await fetch_one(
        "SELECT count(*) FILTER (WHERE network = $2) AS away, count(*) FILTER (WHERE used_from = $3) AS here "
        "FROM captcha WHERE used_at > now() - $4::interval AND used_from IS DISTINCT FROM network "
        "AND network IS NOT NULL AND id <> $1",
        id,
        made_for,
        used_from,
        MOVED_WITHIN,
    )
    assert moved is not None
    if max(moved["away"], moved["here"]) >= MOST_MOVED:
        raise CaptchaError


def _network(address: str | None) -> bytes | None:
    """What is kept of a network: enough to know it again."""
    network = network_of(address)
    return None if network is None else hmac_digest("captcha network", network.encode())[:16]


def _caller(key: str | None) -> bytes | None:
    return None if key is None else hmac_digest("captcha caller", key.encode())[:16]


def _row(actor: Actor, captcha: Row, selection: Selection) -> Row:
    purpose: Purpose = captcha["purpose"]
    expires_at: datetime = captcha["expires_at"]
    row = {
        "__typename": "Captcha",
        "id": encode("Captcha", captcha["id"]),
        "prompt": _PROMPTS[purpose].in_(actor.language),
        "image": f"{get_settings().public_url}/captcha/{captcha['id']}.png",
        "audio": audio_row(captcha["audio_state"], captcha["audio_id"]),
        "expires_at": expires_at,
    }
    if "proof_of_work" in selection.names:
        row["proof_of_work"] = make_challenge(str(captcha["id"]), expires_at)
    return row
