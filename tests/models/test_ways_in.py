"""An account that nobody could log in to is refused by the database, whoever takes its ways in away, and when."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.settings import Settings
from models.accounts import Account, Credential
from models.actors import CitizenActor
from models.database import execute, fetch_one, transaction
from models.identities import Identity, PendingIdentity, SpentLogin
from tests.factories import make_agent, make_citizen


async def make_identity(
    citizen: CitizenActor, subject: bytes = b"1", *, issuer: str = "https://one.example"
) -> Identity:
    identity = Identity(account_id=citizen.account_id, issuer=issuer, provider="One", subject=subject)
    await identity.save(force_create=True)
    return identity


async def without_password(citizen: CitizenActor) -> None:
    await execute("UPDATE credential SET password_hash = NULL WHERE account_id = $1", citizen.account_id)


async def test_a_password_or_an_identity(database: Settings) -> None:
    citizen = await make_citizen()
    with pytest.raises(IntegrityError, match="no way in"):
        await without_password(citizen)
    identity = await make_identity(citizen)
    await without_password(citizen)
    with pytest.raises(IntegrityError, match="no way in"):
        await execute("DELETE FROM identity")
    other = await make_identity(citizen, b"2", issuer="https://other.example")
    await execute("DELETE FROM identity WHERE id = $1", identity.id)
    with pytest.raises(IntegrityError, match="no way in"):
        await execute("DELETE FROM identity WHERE id = $1", other.id)
    await execute("UPDATE credential SET password_hash = 'x'")
    await execute("DELETE FROM identity WHERE id = $1", other.id)


async def test_it_counts_how_things_are_when_the_transaction_ends(database: Settings) -> None:
    async with transaction():
        account = Account(profile={}, email="jeanne@example.org")
        await account.save(force_create=True)
        await Credential(username="jeanne", account_id=account.id).save(force_create=True)
        citizen = CitizenActor(account_id=account.id, session_id=account.id)
        first = await make_identity(citizen)
    async with transaction():
        await execute("DELETE FROM identity WHERE id = $1", first.id)
        await make_identity(citizen, b"2")
    with pytest.raises(IntegrityError, match="no way in"):
        async with transaction():
            await execute("DELETE FROM identity")
    await execute("DELETE FROM account")
    assert await Identity.all().count() == await Credential.all().count() == 0


async def test_of_the_last_two_identities_taken_away_at_once_one_stays(database: Settings) -> None:
    citizen = await make_citizen()
    both = [
        await make_identity(citizen, b"1"),
        await make_identity(citizen, b"2", issuer="https://other.example"),
    ]
    await without_password(citizen)
    connections = [await asyncpg.connect(database.database_url) for _ in both]
    try:
        transactions = [connection.transaction() for connection in connections]
        for begun, connection, identity in zip(transactions, connections, both, strict=True):
            await begun.start()
            await connection.execute("DELETE FROM identity WHERE id = $1", identity.id)
        ends = await asyncio.gather(*(begun.commit() for begun in transactions), return_exceptions=True)
    finally:
        for connection in connections:
            await connection.close()
    assert [type(end) for end in ends].count(asyncpg.CheckViolationError) == 1
    assert await Identity.all().count() == 1


async def test_what_else_must_never_be(database: Settings) -> None:
    citizen, other, agent = await make_citizen(), await make_citizen(), await make_agent()
    with pytest.raises(IntegrityError, match="credential_without_password"):
        await execute("UPDATE credential SET password_hash = NULL WHERE agent_id = $1", agent.agent_id)
    await make_identity(citizen)
    with pytest.raises(IntegrityError, match="identity_subject_unique"):
        await make_identity(other)
    with pytest.raises(IntegrityError, match="identity_one_a_provider"):
        await make_identity(citizen, b"2")
    spent = {"state": b"1", "expires_at": now()}
    await SpentLogin(**spent).save(force_create=True)
    with pytest.raises(IntegrityError, match="spent_login_state_unique"):
        await SpentLogin(**spent).save(force_create=True)
    assert await PendingIdentity.all().count() == 0


async def test_a_session_outlasts_the_identity_that_opened_it(database: Settings) -> None:
    citizen = await make_citizen()
    identity = await make_identity(citizen)
    await execute("UPDATE session SET identity_id = $1", identity.id)
    await execute("DELETE FROM identity")
    row = await fetch_one("SELECT identity_id FROM session")
    assert row == {"identity_id": None}
