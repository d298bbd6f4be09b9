"""Migrations: two at once, backwards and forwards again, and that they say what the models say."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.context import get_current_context
from tortoise.migrations.autodetector import MigrationAutodetector
from tortoise.migrations.executor import MigrationExecutor, MigrationTarget

import models.migrations
from core.selection import Selection
from core.settings import Settings
from espace.embedded import EmbeddedServers
from models.accounts import Account
from models.actors import CitizenActor
from models.database import _apps, fetch, initialise, migrate, pending_migrations
from models.forms import FormDefinition
from models.ids import new_id
from models.procedures import Procedure
from resolvers.requests import request
from tests.factories import id_of, make_request
from tests.file_rows import make_attachment, make_document, make_file


def in_order() -> list[str]:
    """One after the other, each after the one that it names: numbers are given out before it is known who is first."""
    after: dict[str | None, str] = {}
    for file in Path(models.migrations.__file__).parent.glob("0*.py"):
        migration = importlib.import_module(f"models.migrations.{file.stem}").Migration
        before = [name for _, name in getattr(migration, "dependencies", None) or [("models", None)]]
        assert len(before) == 1
        assert before[0] not in after, f"{file.stem} and {after[before[0]]} follow the same one"
        after[before[0]] = file.stem
    names = [after.pop(None)]
    while after:
        names.append(after.pop(names[-1]))
    return names


ALL = in_order()

ROUTINES_AND_INDEXES = """
SELECT 'index ' || indexname AS name, indexdef AS definition FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger ' || tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function ' || proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'column ' || table_name || '.' || column_name, data_type || is_nullable FROM information_schema.columns
WHERE table_schema = 'public'
"""


@pytest.fixture
def empty_database_url(servers: EmbeddedServers) -> str:
    return servers.postgres.url("empty_for_migrations")


async def test_two_at_once(servers: EmbeddedServers, empty_database_url: str) -> None:
    """Both succeed, in processes of their own; one of them has done the work. An empty database alarms nobody."""
    await on_server(servers, "CREATE DATABASE empty_for_migrations")
    code = (
        "import asyncio, sys; from core.settings import Settings; from models.database import migrate; "
        "print(asyncio.run(migrate(Settings(database_url=sys.argv[1], secret_key='k' * 40))))"
    )
    try:
        both = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                code,
                empty_database_url,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            for _ in range(2)
        ]
        told = [await process.communicate() for process in both]
        outputs = [output.decode().strip() for output, _ in told]
        assert [problems.decode() for _, problems in told] == ["", ""]
        assert [process.returncode for process in both] == [0, 0]
        assert sorted(outputs) == [str(ALL), "[]"]
    finally:
        await on_server(servers, "DROP DATABASE empty_for_migrations WITH (FORCE)")


async def test_backwards_and_forwards_again(database: Settings) -> None:
    before = await definitions(database)
    executor = MigrationExecutor(get_connection("default"), _apps())

    await executor.migrate([MigrationTarget("models", "0001_initial")])
    assert not {name for name in await definitions(database) if name.startswith(("trigger", "function"))}
    await MigrationExecutor(get_connection("default"), _apps()).migrate(
        [MigrationTarget("models", "__first__")]
    )
    assert not [name for name in await definitions(database) if name.startswith("column service_request.")]

    assert await migrate(database) == ALL
    assert await definitions(database) == before


async def test_what_was_there_before_files_gets_sound_values(database: Settings) -> None:
    """An account and a request of 0002: a storage space of the usual size, with nothing in it, and no receipt."""
    await MigrationExecutor(get_connection("default"), _apps()).migrate(
        [MigrationTarget("models", "0002_constraints")]
    )
    old = await definitions(database)
    assert not {"column account.stored_bytes", "column file.id", "column receipt.id"} & set(old)
    account_id, procedure_id = new_id(), new_id()
    await fetch(
        "WITH c AS (INSERT INTO procedure_category (id, slug, title, position) VALUES ($1, 'x', 'X', 1)), "
        "p AS (INSERT INTO procedure (id, slug, category_id, state, version) VALUES ($1, 'x', $1, 'OPEN', 1)), "
        "m AS (INSERT INTO municipality (id, name, timezone, contact_email, revision) "
        "VALUES (1, 'X', 'Europe/Paris', 'x@example.fr', 1)) "
        "INSERT INTO procedure_version (id, procedure_id, version, title, summary, keywords, requires_account, "
        "appointment, definition, published_at) VALUES ($1, $1, 1, 'X', 'X', '{}', false, 'NONE', $2, now())",
        procedure_id,
        FormDefinition(body="X", fields=()).model_dump_json(),
    )
    await fetch(
        "INSERT INTO account (id, profile, email, language, created_at) "
        "VALUES ($1, '{}', 'jeanne@example.org', 'fr', now())",
        account_id,
    )
    citizen = CitizenActor(account_id=account_id, session_id=new_id())
    sent = await make_request(Procedure(id=procedure_id, version=1), citizen=citizen)

    assert (await migrate(database))[:2] == ["0003_files", "0004_file_constraints"]
    await initialise(database)
    account = await Account.get(id=account_id)
    assert (account.storage_quota_bytes, account.stored_bytes, account.stored_count) == (100 * 1024**2, 0, 0)
    asked = Selection.of("status", "attachments", receipt=Selection.of("name"))
    row = await request(citizen, id=id_of(sent), selection=asked)
    assert row is not None
    assert (row["status"], row["attachments"], row["receipt"]) == ("SUBMITTED", [], None)

    file = await make_file()
    await make_document(citizen, file)
    await make_attachment(sent, file)
    account = await Account.get(id=account_id)
    assert (account.stored_bytes, account.stored_count) == (file.size, 1)


async def test_nothing_is_left_to_migrate(database: Settings) -> None:
    assert await pending_migrations() == []


async def test_the_models_are_what_the_migrations_make(database: Settings) -> None:
    """`makemigrations` would find nothing to do."""
    context = get_current_context()
    assert context is not None
    assert context.apps is not None
    changes = await MigrationAutodetector(context.apps, _apps()).changes()
    assert [writer.operations for writer in changes] == []


async def definitions(settings: Settings) -> dict[str, str]:
    connection = await asyncpg.connect(settings.database_url)
    try:
        return {row["name"]: row["definition"] for row in await connection.fetch(ROUTINES_AND_INDEXES)}
    finally:
        await connection.close()


async def on_server(servers: EmbeddedServers, statement: str) -> None:
    connection = await asyncpg.connect(servers.postgres.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
