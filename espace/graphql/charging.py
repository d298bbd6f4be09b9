"""What a call counts against the limits whatever fields it asks for: its cost, and the files that it brings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from core.limits.declared import COST_OF_ADDRESS, COST_OF_CALLER, MEBIBYTE, UPLOAD, UPLOAD_BYTES
from models.actors import TicketHolder, Visitor
from schema.context import Context
from schema.counting import count
from schema.execution import Operation

PIECE_BYTES = MEBIBYTE
"""What is counted at a time: so little more than comes in at most."""


async def charge(context: Context, operation: Operation) -> None:
    """Counts what an operation costs, once for all that a subscription will send. Raises RateLimitedError.

    Anybody can have a ticket, and many of them: their holders are counted by address, as visitors are.
    """
    by_address = isinstance(context.actor, (Visitor, TicketHolder))
    await count(COST_OF_ADDRESS if by_address else COST_OF_CALLER, context, amount=max(1, operation.cost))


async def charge_upload(context: Context) -> None:
    """Counts one request that brings files, or concerns an upload. Raises RateLimitedError."""
    await count(UPLOAD, context)


async def charged(
    chunks: AsyncGenerator[bytes, None], context: Context, expected: int | None
) -> AsyncGenerator[bytes, None]:
    """The chunks, which are `expected` bytes where that is known. Each is counted before it is handed on.

    Raises RateLimitedError, between two chunks. Close the generator.
    """
    paid = passed = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            passed += len(chunk)
            while paid < passed:
                left = PIECE_BYTES if expected is None else expected - paid
                piece = max(min(PIECE_BYTES, left), min(PIECE_BYTES, passed - paid))
                await count(UPLOAD_BYTES, context, amount=piece)
                paid += piece
            yield chunk
