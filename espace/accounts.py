"""What the command `account` does."""

from __future__ import annotations

from core.settings import Settings
from models.database import connected
from resolvers.closing import close_account, restore_account


async def close(settings: Settings, username: str) -> str:
    """Close a citizen's account; what to tell the operator. Raises NotFoundError and UnavailableError."""
    async with connected(settings):
        erasure_at = await close_account(username)
    return f"{username} is closed. Its data will be erased on {erasure_at:%Y-%m-%d %H:%M} UTC."


async def restore(settings: Settings, username: str) -> str:
    """Open a closed account again; what to tell the operator. Raises NotFoundError and UnavailableError."""
    async with connected(settings):
        restored = await restore_account("OPERATOR", username=username)
    return f"{restored} can log in again."
