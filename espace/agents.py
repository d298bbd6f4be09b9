"""What the commands `agent` and `reset-second-factor` do."""

from __future__ import annotations

from collections.abc import Sequence

from core.settings import Settings
from models.actors import AgentRole
from models.database import connected
from resolvers.agents import save_agent
from resolvers.second_factors import reset_by_operator


async def save(
    settings: Settings,
    username: str,
    password: str,
    name: str,
    role: AgentRole,
    procedures: Sequence[str] | None,
) -> None:
    """Make an agent, or change the one of that username. Raises ValidationError and UnavailableError."""
    async with connected(settings):
        await save_agent(
            username=username, password=password, display_name=name, role=role, procedures=procedures
        )


async def reset_second_factor(settings: Settings, username: str) -> bool:
    """Take the second factor of an agent away. False where no agent of that name has one. Raises UnavailableError."""
    async with connected(settings):
        return await reset_by_operator(username)
