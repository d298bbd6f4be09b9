"""Codes de sécurité."""

from datetime import datetime
from enum import StrEnum

import strawberry

import resolvers.captcha
from core.limits.declared import CAPTCHA, CAPTCHA_AUDIO
from schema.callers import EVERYONE, PEOPLE
from schema.connections import Node
from schema.counting import Counted
from schema.declare import enumeration, input_object, output
from schema.errors import NotFoundError
from schema.fields import Info, mutation, query, selection_of, subscription
from schema.rows import Row
from schema.scalars import URL


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
    """A challenge that a person passes by eye or by ear; single use, for one purpose, some minutes long."""

    prompt: str
    """What the challenge is and what it is for, to be read by assistive technology."""
    image: URL
    audio: CaptchaAudio
    expires_at: datetime


@input_object()
class CaptchaAnswer:
    """What somebody read or heard, in any case. After three wrong answers a challenge is worth nothing more."""

    captcha: strawberry.ID
    answer: str


def captcha_answer_of(typed: CaptchaAnswer) -> resolvers.captcha.CaptchaAnswer:
    return resolvers.captcha.CaptchaAnswer(captcha=typed.captcha, answer=typed.answer)


@output
class RequestCaptchaAudioSuccess:
    captcha: Captcha


@query(Captcha | None, callers=EVERYONE)
async def captcha(info: Info, id: strawberry.ID) -> Row | None:
    """A challenge that was made, as long as it can still be answered."""
    return await resolvers.captcha.captcha(info.context.actor, id=id, selection=selection_of(info))


@mutation(Captcha, callers=PEOPLE, limits=(Counted(CAPTCHA),))
async def create_captcha(info: Info, purpose: CaptchaPurpose) -> Row:
    """A new challenge."""
    return await resolvers.captcha.create_captcha(
        info.context.actor, purpose=purpose.value, selection=selection_of(info)
    )


@mutation(
    RequestCaptchaAudioSuccess,
    refusals=(NotFoundError,),
    callers=PEOPLE,
    open=False,
    limits=(Counted(CAPTCHA_AUDIO),),
)
async def request_captcha_audio(captcha: strawberry.ID) -> None:
    """Has the spoken form rendered; `captchaAudio` tells when it is there."""


@subscription(CaptchaAudio, callers=PEOPLE, open=False)
async def captcha_audio(captcha: strawberry.ID) -> None:
    """The spoken form of a challenge, each time its state changes."""
