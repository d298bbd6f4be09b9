"""What is asked of a partner system: docs/partners.md, from this side.

A partner that is slow, down or out of its mind costs TOTAL_SECONDS at most, and nobody but who asked it: no connection
to the database is held meanwhile, and AT_ONCE questions to one partner at most are under way in each process. Others
wait for their turn within their own time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Annotated, Literal, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from core.errors import PartnerError
from core.i18n import Text
from core.outgoing import Answer, OutgoingError, call
from core.settings import get_settings
from models import database
from models.partner_links import LONGEST_LABEL, LONGEST_TOKEN
from models.plain_text import has_unprintable, one_line
from resolvers.catalogue import PartnerSystemEntry

TOTAL_SECONDS = 3.0
"""For all of it: waiting for a turn, name, connection, answer to its last byte."""

AT_ONCE = 20
MOST_BYTES = 16 * 1024
LONGEST_WAIT_MINUTES = 24 * 60
"""The longest that a partner is believed to want somebody to wait."""

UNREACHABLE = Text(
    fr="{name} ne répond pas pour le moment. Réessayez dans quelques minutes.",
    en="{name} does not answer at the moment. Try again in a few minutes.",
)
WRONG_CREDENTIALS = Text(
    fr="{name} ne reconnaît pas ce code ou ce mot de passe. Vérifiez-les, puis recommencez.",
    en="{name} does not know this code or password. Check them, then try again.",
)
REFUSED = Text(
    fr="{name} refuse ce lien. Adressez-vous au service qui vous a donné votre code.",
    en="{name} refuses this link. Ask the service that gave you your code.",
)
TOO_MANY_TRIES = Text(
    fr="Trop d’essais auprès de {name}. Réessayez dans {minutes} minute(s).",
    en="Too many tries with {name}. Try again in {minutes} minute(s).",
)

Ended = Literal["EXPIRED", "REVOKED"]
T = TypeVar("T", bound=BaseModel)

logger = logging.getLogger(__name__)


def _readable(text: str) -> str:
    text = one_line(text)
    if not 0 < len(text) <= LONGEST_LABEL or has_unprintable(text):
        raise ValueError("not a line of text")
    return text


_Label = Annotated[str, AfterValidator(_readable)]


class _Told(BaseModel):
    """What a partner tells. It may tell more than is read here."""

    model_config = ConfigDict(hide_input_in_errors=True)


class Granted(_Told):
    """A new link, as the partner tells of it."""

    token: Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=LONGEST_TOKEN)] = Field(
        repr=False
    )
    label: _Label
    expires_at: AwareDatetime | None = Field(default=None, alias="expiresAt")


class _Alive(_Told):
    label: _Label


class _Over(_Told):
    state: Ended


class _Refusal(_Told):
    error: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{1,50}$")]


class LinkEndedError(Exception):
    """The partner says that the link holds no more."""

    def __init__(self, state: Ended) -> None:
        super().__init__(state)
        self.state: Ended = state


async def ask_for_link(
    system: PartnerSystemEntry, reference: UUID, *, subject: str, code: str, password: str
) -> Granted:
    """Has the partner check code and password, and link their account under `reference`.

    Raises PartnerError. Code and password are in the body of one request, and nowhere else afterwards.
    """
    answer = await _call(
        system,
        "PUT",
        f"/links/{reference}",
        authorization=secret_of(system),
        body={"subject": subject, "code": code, "password": password},
    )
    if answer.status in (200, 201):
        return _read(system, answer, Granted)
    if answer.status == 403:
        why = _read(system, answer, _Refusal).error
        raise refused(system, WRONG_CREDENTIALS if why == "WRONG_CREDENTIALS" else REFUSED)
    if answer.status == 429:
        raise refused(system, TOO_MANY_TRIES, minutes=_minutes(answer))
    raise _not_understood(system, answer)


async def look_at_link(system: PartnerSystemEntry, reference: UUID, token: str) -> str:
    """The partner's own name for what is linked. Raises LinkEndedError, PartnerError."""
    answer = await _call(system, "GET", f"/links/{reference}", authorization=token)
    if answer.status == 200:
        return _read(system, answer, _Alive).label
    if answer.status == 410:
        raise LinkEndedError(_read(system, answer, _Over).state)
    raise _not_understood(system, answer)


async def end_link(system: PartnerSystemEntry, reference: UUID) -> None:
    """Returns once the partner has ended it, or knows of no such link. Raises PartnerError."""
    answer = await _call(system, "DELETE", f"/links/{reference}", authorization=secret_of(system))
    if answer.status != 204:
        raise _not_understood(system, answer)


def address_of(system: PartnerSystemEntry) -> str:
    """Where the partner is: as the settings say, or the municipality's data."""
    return get_settings().partner_addresses.get(system.slug, system.address)


def secret_of(system: PartnerSystemEntry) -> str:
    """What we and the partner know each other by. Raises PartnerError where an operator has set none."""
    secret = get_settings().partner_secrets.get(system.slug)
    if secret is None:
        logger.error("partner %s: ESPACE_PARTNER_SECRETS has no secret for it", system.slug)
        raise unreachable(system)
    return secret.get_secret_value()


def refused(system: PartnerSystemEntry, text: Text, **values: object) -> PartnerError:
    return PartnerError("PARTNER_REFUSED", text.format(name=system.name, **values))


def unreachable(system: PartnerSystemEntry) -> PartnerError:
    return PartnerError("PARTNER_UNREACHABLE", UNREACHABLE.format(name=system.name))


def minutes_of(seconds: float) -> int:
    return max(1, min(-(-int(seconds) // 60), LONGEST_WAIT_MINUTES))


async def _call(
    system: PartnerSystemEntry,
    method: str,
    path: str,
    *,
    authorization: str,
    body: dict[str, str] | None = None,
) -> Answer:
    if database.in_a_transaction():
        raise RuntimeError("a partner is asked while a connection to the database is held")
    headers = {"Authorization": f"Bearer {authorization}", "Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    try:
        async with asyncio.timeout(TOTAL_SECONDS), _turn(system):
            return await call(
                method,
                address_of(system) + path,
                headers=headers,
                content=orjson.dumps(body) if body is not None else b"",
                seconds=TOTAL_SECONDS,
                most_bytes=MOST_BYTES,
            )
    except OutgoingError as error:
        why = error.text.en
    except TimeoutError:
        why = "no turn came in time"
    logger.warning("partner %s: %s: %s", system.slug, method, why)
    # Raised outside: what went wrong knows the request, and the request the password.
    raise unreachable(system)


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, defaultdict[str, asyncio.Semaphore]] = (
    WeakKeyDictionary()
)


def _turn(system: PartnerSystemEntry) -> asyncio.Semaphore:
    loop = asyncio.get_running_loop()
    return _turns.setdefault(loop, defaultdict(lambda: asyncio.Semaphore(AT_ONCE)))[system.slug]


def _read(system: PartnerSystemEntry, answer: Answer, shape: type[T]) -> T:
    """What the body says. Raises PartnerError where that is something else."""
    try:
        return shape.model_validate_json(answer.body)
    except ValidationError:
        pass
    raise _not_understood(system, answer)


def _not_understood(system: PartnerSystemEntry, answer: Answer) -> PartnerError:
    logger.warning("partner %s: answered %d and not as agreed", system.slug, answer.status)
    return unreachable(system)


def _minutes(answer: Answer) -> int:
    told = answer.headers.get("retry-after", "")
    return minutes_of(int(told[:9])) if told.isascii() and told.isdigit() else 1
