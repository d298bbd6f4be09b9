"""What the command `agent` does."""

from __future__ import annotations

from collections.abc import Sequence

from core.settings import Settings
from models.actors import AgentRole
from models.database import connected
from resolvers.agents import save_agent


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
