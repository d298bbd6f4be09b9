"""Codes de sécurité."""

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum

import strawberry

import core.errors
import resolvers.captcha
import resolvers.captcha_audio
from core.limits.declared import CAPTCHA, CAPTCHA_AUDIO
from schema.callers import EVERYONE, PEOPLE
from schema.connections import Node
from schema.context import Context
from schema.counting import Counted, caller_key
from schema.declare import enumeration, input_object, output
from schema.errors import NotFoundError
from schema.fields import Info, mutation, query, selection_of, subscription
from schema.rows import Row
from schema.scalars import JSON, URL


@enumeration
class CaptchaPurpose(StrEnum):
    """What a challenge is for: it opens nothing else."""

    CREATE_ACCOUNT = "CREATE_ACCOUNT"
    SUBMIT_REQUEST = "SUBMIT_REQUEST"
    REQUEST_PASSWORD = "REQUEST_PASSWORD"  # noqa: S105 - the name of a purpose


@enumeration
class CaptchaAudioState(StrEnum):
    """How far the spoken form of a challenge is."""

    NOT_REQUESTED = "NOT_REQUESTED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


@output
class CaptchaAudio:
    """The spoken form of a challenge."""

    state: CaptchaAudioState
    url: URL | None
    """Null unless READY."""


@output
class Captcha(Node):
    """A challenge that a person passes by eye or by ear, or a computer by working; single use, for one purpose, some
    minutes long.
    """

    prompt: str
    """What the challenge is and what it is for, to be read by assistive technology."""
    image: URL
    audio: CaptchaAudio
    """In the language of Accept-Language."""
    proof_of_work: JSON
    """A challenge of ALTCHA, version 2, for its clients: instead of reading or hearing, the computer works."""
    expires_at: datetime


@input_object()
class CaptchaAnswer:
    """What somebody read or heard, in any case; or the work that was done. After three wrong answers a challenge is
    worth nothing more.
    """

    captcha: strawberry.ID
    answer: str | None = strawberry.UNSET
    """What was read or heard."""
    proof_of_work: str | None = strawberry.UNSET
    """Instead of it: the payload that an ALTCHA client made of `proofOfWork`."""


def captcha_answer_of(typed: CaptchaAnswer, context: Context) -> resolvers.captcha.CaptchaAnswer:
    """What was answered, by whom, and where it comes from."""
    return resolvers.captcha.CaptchaAnswer(
        captcha=typed.captcha,
        answer=typed.answer or None,
        proof_of_work=typed.proof_of_work or None,
        address=context.facts.address,
        caller=caller_key(context.actor),
    )


@output
class RequestCaptchaAudioSuccess:
    captcha: Captcha


@query(Captcha | None, callers=EVERYONE)
async def captcha(info: Info, id: strawberry.ID) -> Row | None:
    """A challenge that was made, as long as it can still be answered."""
    return await resolvers.captcha.captcha(info.context.actor, id=id, selection=selection_of(info))


@mutation(Captcha, callers=PEOPLE, limits=(Counted(CAPTCHA),))
async def create_captcha(info: Info, purpose: CaptchaPurpose) -> Row:
    """A new challenge. Asked for with a session or a ticket, it is answered with that."""
    return await resolvers.captcha.create_captcha(
        info.context.actor,
        purpose=purpose.value,
        selection=selection_of(info),
        address=info.context.facts.address,
        caller=caller_key(info.context.actor),
    )


@mutation(
    RequestCaptchaAudioSuccess,
    refusals=(NotFoundError,),
    callers=PEOPLE,
    limits=(Counted(CAPTCHA_AUDIO),),
)
async def request_captcha_audio(info: Info, captcha: strawberry.ID) -> Row:
    """Has the spoken form rendered; `captchaAudio` tells when it is there."""
    actor = info.context.actor
    await resolvers.captcha_audio.request_captcha_audio(actor, captcha=captcha)
    found = await resolvers.captcha.captcha(actor, id=captcha, selection=selection_of(info, "captcha"))
    if found is None:
        raise core.errors.NotFoundError
    return {"captcha": found}


@subscription(CaptchaAudio, callers=PEOPLE)
async def captcha_audio(info: Info, captcha: strawberry.ID) -> AsyncIterator[Row]:
    """The spoken form of a challenge as it is now, then each time its state changes, until it is there."""
    return resolvers.captcha_audio.captcha_audio(info.context.actor, captcha=captcha)
