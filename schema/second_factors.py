"""Agents' second factor: a code that changes every thirty seconds, from a program on their telephone."""

from datetime import datetime
from enum import StrEnum

import strawberry

import resolvers.second_factors
from core.limits.declared import PASSWORD
from schema.agents import Agent
from schema.callers import ADMINISTRATORS, AGENTS, Caller
from schema.connections import Connection, Node
from schema.counting import Counted
from schema.declare import enumeration, input_object, output
from schema.errors import (
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    SecondFactorRequiredError,
    ValidationError,
)
from schema.fields import Info, mutation, selection_of
from schema.rows import Row

ENROLLING = AGENTS | {Caller.MUST_ENROL}


@output
class SecondFactor:
    """An agent's second factor (TOTP, RFC 6238)."""

    enabled: bool
    """Whether logging in asks for its code."""
    required: bool
    """Whether the mairie asks it of all agents."""
    recovery_codes_left: int
    """Of ten. Renew them while there are some."""


@enumeration
class SecurityEventKind(StrEnum):
    """What happened to the access of an agent."""

    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - a word, no password
    """By the agent, with the one before."""
    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - as above
    """By an administrator; the agent's sessions ended."""
    SECOND_FACTOR_ENABLED = "SECOND_FACTOR_ENABLED"
    SECOND_FACTOR_DISABLED = "SECOND_FACTOR_DISABLED"
    """By the agent, with password and code."""
    SECOND_FACTOR_RESET = "SECOND_FACTOR_RESET"
    """By an administrator, or by the operator; the agent's sessions ended."""
    RECOVERY_CODES_RENEWED = "RECOVERY_CODES_RENEWED"
    RECOVERY_CODE_USED = "RECOVERY_CODE_USED"


@output
class SecurityEvent(Node):
    """Something that happened to the access of an agent. Kept for a year."""

    kind: SecurityEventKind
    agent: Agent
    by: Agent | None
    """Who did it. Null: the operator, from a terminal; or an agent whose access is gone."""
    created_at: datetime


SecurityEventConnection = Connection[SecurityEvent]


@input_object()
class RenewRecoveryCodesInput:
    password: str
    one_time_code: str
    """The code that the authenticator program shows, or a recovery code."""


@input_object()
class DisableSecondFactorInput:
    password: str
    one_time_code: str
    """The code that the authenticator program shows, or a recovery code."""


@input_object()
class ResetSecondFactorInput:
    agent: strawberry.ID
    password: str
    """The administrator's own."""


@output
class EnrolSecondFactorSuccess:
    otpauth_uri: str
    """What the picture says: for an authenticator program on the same device. Shown this once."""
    secret: str
    """In base32, for whoever types it. Shown this once."""
    qr_code: str
    """A picture of `otpauthUri`: SVG, as a `data:` URI. Shown this once."""
    expires_at: datetime
    """Until when confirmSecondFactor takes its first code."""


@output
class ConfirmSecondFactorSuccess:
    recovery_codes: list[str]
    """Ten, each good once instead of a code. Shown this once: to be kept on paper."""


@output
class RenewRecoveryCodesSuccess:
    recovery_codes: list[str]
    """Ten, each good once instead of a code. Shown this once: to be kept on paper."""


@output
class DisableSecondFactorSuccess:
    second_factor: SecondFactor


@output
class ResetSecondFactorSuccess:
    agent: Agent


@mutation(
    EnrolSecondFactorSuccess,
    refusals=(InvalidCredentialsError, NotAllowedError),
    callers=ENROLLING,
    limits=(Counted(PASSWORD),),
)
async def enrol_second_factor(info: Info, password: str) -> Row:
    """Begins to enrol a second factor: a secret for the authenticator program, good once confirmSecondFactor has had
    its first code.
    """
    enrolment = await resolvers.second_factors.enrol(info.context.actor, password=password)
    return {
        "otpauth_uri": enrolment.uri,
        "secret": enrolment.secret,
        "qr_code": enrolment.picture,
        "expires_at": enrolment.expires_at,
    }


@mutation(ConfirmSecondFactorSuccess, refusals=(ValidationError, NotAllowedError), callers=ENROLLING)
async def confirm_second_factor(info: Info, code: str) -> Row:
    """Enables the second factor with the first code that the program shows. The agent's other sessions end."""
    return {"recovery_codes": await resolvers.second_factors.confirm(info.context.actor, code=code)}


@mutation(
    RenewRecoveryCodesSuccess,
    refusals=(InvalidCredentialsError, SecondFactorRequiredError, NotAllowedError),
    callers=AGENTS,
    limits=(Counted(PASSWORD),),
)
async def renew_recovery_codes(info: Info, input: RenewRecoveryCodesInput) -> Row:
    """Ten new recovery codes. The old ones are worth nothing any more."""
    codes = await resolvers.second_factors.renew_recovery_codes(
        info.context.actor,
        password=input.password,
        one_time_code=input.one_time_code,
        address=info.context.facts.address,
    )
    return {"recovery_codes": codes}


@mutation(
    DisableSecondFactorSuccess,
    refusals=(InvalidCredentialsError, SecondFactorRequiredError, NotAllowedError),
    callers=AGENTS,
    limits=(Counted(PASSWORD),),
)
async def disable_second_factor(info: Info, input: DisableSecondFactorInput) -> Row:
    """Takes the caller's second factor away: not where the mairie asks it of all agents."""
    await resolvers.second_factors.disable(
        info.context.actor,
        password=input.password,
        one_time_code=input.one_time_code,
        address=info.context.facts.address,
    )
    return {"second_factor": {"enabled": False, "required": False, "recovery_codes_left": 0}}


@mutation(
    ResetSecondFactorSuccess,
    refusals=(InvalidCredentialsError, NotFoundError, NotAllowedError),
    callers=ADMINISTRATORS,
    limits=(Counted(PASSWORD),),
)
async def reset_second_factor(info: Info, input: ResetSecondFactorInput) -> Row:
    """Takes away the second factor of an agent who has lost it, and ends their sessions. It is written down
    (`desk.securityEvents`).
    """
    agent = await resolvers.second_factors.reset(
        info.context.actor,
        agent=input.agent,
        password=input.password,
        selection=selection_of(info, "agent"),
    )
    return {"agent": agent}
