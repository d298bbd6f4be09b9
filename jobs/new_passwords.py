"""Mot de passe oublié ? Answering what was asked for. The row is the job, and goes with it."""

from __future__ import annotations

from uuid import UUID

from resolvers.new_passwords import answer_request


async def answer_new_password(request_id: str) -> None:
    """Writes the mails that bring the passwords, if there is anybody to bring them to; running this twice writes once.

    Raises UnavailableError where the database is away.
    """
    await answer_request(UUID(request_id))
