"""Agents' own passwords."""

import resolvers.agent_passwords
from core.limits.declared import PASSWORD
from schema.agents import Agent
from schema.callers import AGENTS
from schema.counting import Counted
from schema.declare import input_object, output
from schema.errors import InvalidCredentialsError, ValidationError
from schema.fields import Info, mutation, selection_of
from schema.rows import Row


@input_object()
class ChangePasswordInput:
    current_password: str
    password: str
    """The new one, by `municipality.passwords`."""


@output
class ChangePasswordSuccess:
    agent: Agent


@mutation(
    ChangePasswordSuccess,
    refusals=(ValidationError, InvalidCredentialsError),
    callers=AGENTS,
    limits=(Counted(PASSWORD),),
)
async def change_password(info: Info, input: ChangePasswordInput) -> Row:
    """Gives the agent who is logged in another password. Their other sessions end, and it is written down
    (`desk.securityEvents`). Citizens: changeCredentials.
    """
    agent = await resolvers.agent_passwords.change_password(
        info.context.actor,
        current_password=input.current_password,
        password=input.password,
        selection=selection_of(info, "agent"),
    )
    return {"agent": agent}
