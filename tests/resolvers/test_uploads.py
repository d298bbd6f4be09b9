"""Resumable uploads as mutations and workers see them: opened, used once, swept; and what holds under concurrency."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import ForbiddenError, NotAllowedError, NotFoundError, UnauthenticatedError
from core.settings import Settings, get_settings
from models.accounts import Account
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, Visitor
from models.database import execute, fetch, fetch_one, transaction
from models.ids import encode, new_id
from models.procedures import Procedure
from models.uploads import WAITING_FILES_LIMIT, WAITING_LIMIT, Upload, UploadPart
from resolvers import uploads
from resolvers.uploads import (
    OpenedUpload,
    append_part,
    create_upload,
    end_upload,
    find_upload,
    open_upload,
    sweep_uploads,
    use_upload,
)
from tests.factories import holder_of, make_citizen, make_request
from uploads.storing import MissingBlobError, blobs

PARTNER = PartnerActor(token_id=uuid4(), scopes=frozenset(), procedure_ids=frozenset())


async def begin(actor: Actor, length: int = 100) -> UUID:
    return (await create_upload(actor, name="acte.pdf", media_type="application/pdf", length=length)).id


async def append(actor: Actor, id: UUID, start: int, data: bytes) -> bool:
    return await append_part(
        actor,
        id,
        start=start,
        size=len(data),
        content=io.BytesIO(data),
        sha256=hashlib.sha256(data).digest(),
    )


async def finished(actor: Actor, data: bytes = b"a" * 100) -> UUID:
    id = await begin(actor, len(data))
    assert await append(actor, id, 0, data)
    return id


async def open_(actor: Actor, id: UUID) -> OpenedUpload | None:
    return await open_upload(actor, encode("Upload", id))


async def expire(id: UUID) -> None:
    await execute("UPDATE upload SET expires_at = $2 WHERE id = $1", id, now() - timedelta(seconds=1))


async def test_it_is_the_parts_one_after_the_other(citizen: CitizenActor) -> None:
    data = os.urandom(300)
    id = await begin(citizen, 300)
    for start in (0, 100, 200):
        assert await open_(citizen, id) is None
        assert await append(citizen, id, start, data[start : start + 100])
    opened = await open_(citizen, id)
    assert opened is not None
    assert (opened.id, opened.became_id) == (id, None)
    assert opened.received is not None
    assert (opened.received.name, opened.received.media_type) == ("acte.pdf", "application/pdf")
    assert (opened.received.size, opened.received.content.read()) == (300, data)
    opened.received.close()


async def test_it_is_its_owners_alone(citizen: CitizenActor, agent: AgentActor, procedure: Procedure) -> None:
    holders = [holder_of(await make_request(procedure)) for _ in range(2)]
    actors: list[Actor] = [citizen, agent, *holders, await make_citizen()]
    ids = [await finished(actor) for actor in actors]
    for owner, id in zip(actors, ids, strict=True):
        for actor in actors:
            if actor is not owner:
                assert await find_upload(actor, id) is None
                assert await open_(actor, id) is None
                assert not await append(actor, id, 100, b"more")
                assert not await end_upload(actor, id)
        opened = await open_(owner, id)
        assert opened is not None
        assert opened.received is not None
        opened.received.close()


async def test_visitors_and_partners_have_none(citizen: CitizenActor) -> None:
    id = await finished(citizen)
    for actor, refusal in ((Visitor(), UnauthenticatedError), (PARTNER, ForbiddenError)):
        assert await open_(actor, id) is None
        with pytest.raises(refusal):
            await begin(actor)
    assert len(await fetch("SELECT id FROM upload")) == 1


async def test_what_is_unfinished_expired_or_no_upload_is_not_opened(citizen: CitizenActor) -> None:
    unfinished, expired = await begin(citizen), await finished(citizen)
    await expire(expired)
    for text in (encode("Upload", unfinished), encode("Upload", expired), encode("File", expired), "x", ""):
        assert await open_upload(citizen, text) is None


async def test_of_all_that_use_it_at_once_one_does(citizen: CitizenActor) -> None:
    id = await finished(citizen)
    names = [new_id() for _ in range(8)]

    async def use(name: UUID) -> bool:
        async with transaction():
            return await use_upload(id, name)

    used = await asyncio.gather(*map(use, names))
    assert used.count(True) == 1
    opened = await open_(citizen, id)
    assert opened == OpenedUpload(id, names[used.index(True)], None)
    assert not await use_upload(await begin(citizen), new_id()), "it is not finished"


async def test_it_is_used_by_a_transaction_that_commits(citizen: CitizenActor) -> None:
    id = await finished(citizen)

    async def use_and_fail() -> None:
        async with transaction():
            assert await use_upload(id, new_id())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await use_and_fail()
    opened = await open_(citizen, id)
    assert opened is not None
    assert opened.received is not None
    opened.received.close()


async def test_it_goes_with_its_bytes(citizen: CitizenActor, settings: Settings) -> None:
    id = await finished(citizen)
    assert len(stored(settings)) == 1
    assert await end_upload(citizen, id)
    assert stored(settings) == []
    assert await fetch("SELECT id FROM upload_part") == []
    assert not await end_upload(citizen, id)


async def test_expired_ones_are_swept_with_their_bytes_and_no_others(
    citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "SWEPT_AT_ONCE", 2)
    ids = [await finished(citizen) for _ in range(6)]
    for id in ids[:5]:
        await expire(id)
    assert sum(await asyncio.gather(sweep_uploads(), sweep_uploads())) == 5
    assert [row["id"] for row in await fetch("SELECT id FROM upload")] == ids[5:]
    assert len(stored(settings)) == 1
    assert await sweep_uploads() == 0


async def test_rows_go_where_the_store_is_away(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await expire(await finished(citizen))
    (tmp_path / "taken").touch()
    monkeypatch.setenv("ESPACE_STORAGE_URL", (tmp_path / "taken" / "away").as_uri())
    get_settings.cache_clear()
    assert await sweep_uploads() == 1
    assert await fetch("SELECT id FROM upload") == []


async def test_bytes_that_are_lost_are_no_answer(citizen: CitizenActor) -> None:
    id = await finished(citizen)
    row = await fetch_one("SELECT address FROM upload_part")
    assert row is not None
    await blobs().delete(row["address"])
    with pytest.raises(MissingBlobError):
        await open_(citizen, id)


async def test_nothing_is_kept_that_does_not_continue_it(citizen: CitizenActor, settings: Settings) -> None:
    id = await begin(citizen)
    assert await append(citizen, id, 0, b"a" * 60)
    for start, size in ((0, 40), (59, 41), (61, 39), (60, 41), (100, 1)):
        assert not await append(citizen, id, start, b"b" * size), (start, size)
    await expire(id)
    assert not await append(citizen, id, 60, b"b" * 40)
    upload = await find_upload(citizen, id)
    assert upload is not None
    assert (upload.received, upload.expired) == (60, True)
    assert len(stored(settings)) == 1


async def race_of_parts(citizen: CitizenActor) -> list[bool | BaseException]:
    """What eight writers of the same bytes are told."""
    id = await begin(citizen)
    return await asyncio.gather(
        *(append(citizen, id, 0, bytes([number]) * 50) for number in range(8)), return_exceptions=True
    )


async def test_of_parts_that_come_at_once_one_is_kept(citizen: CitizenActor, settings: Settings) -> None:
    for _ in range(5):
        told = await race_of_parts(citizen)
        assert sorted(map(bool, told)) == [False] * 7 + [True]
        assert not [each for each in told if isinstance(each, BaseException)]
    assert len(stored(settings)) == 5
    rows = await fetch(
        "SELECT received, (SELECT sum(size) FROM upload_part WHERE upload_id = upload.id) FROM upload"
    )
    assert [(row["received"], row["sum"]) for row in rows] == [(50, 50)] * 5


async def test_without_the_offset_in_the_statement_the_race_shows(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch, " AND received = $3::bigint")
    told = await race_of_parts(citizen)
    # The second one is let through by the statement, and stopped by the unique index behind it.
    assert any(isinstance(each, IntegrityError) for each in told)


async def test_so_many_may_wait_and_no_more(citizen: CitizenActor) -> None:
    begun = await asyncio.gather(*(begin(citizen) for _ in range(2 * WAITING_LIMIT)), return_exceptions=True)
    ids = [each for each in begun if isinstance(each, UUID)]
    assert len(ids) == WAITING_LIMIT
    assert all(isinstance(each, (UUID, NotAllowedError)) for each in begun)
    # What is used, given up or expired makes room.
    assert await append(citizen, ids[0], 0, b"a" * 100)
    assert await use_upload(ids[0], new_id())
    assert await end_upload(citizen, ids[1])
    await expire(ids[2])
    for _ in range(3):
        await begin(citizen)
    with pytest.raises(NotAllowedError):
        await begin(citizen)
    await begin(await make_citizen())


async def test_they_may_come_to_so_much_and_no_more(citizen: CitizenActor, settings: Settings) -> None:
    whole = settings.upload_file_bytes
    begun = await asyncio.gather(
        *(begin(citizen, whole) for _ in range(2 * WAITING_FILES_LIMIT)), return_exceptions=True
    )
    assert sum(isinstance(each, UUID) for each in begun) == WAITING_FILES_LIMIT
    with pytest.raises(NotAllowedError):
        await begin(citizen, 1)


async def two_beyond_the_limit(citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two uploads begun at once where one may be. Whoever has begun one commits once the other has, or waits."""
    for _ in range(WAITING_LIMIT - 1):
        await begin(citizen)
    both_begun = asyncio.Barrier(2)

    async def meet(sql: str, *values: Any) -> Any:
        row = await fetch_one(sql, *values)
        if sql.startswith("INSERT INTO upload "):
            try:
                async with asyncio.timeout(0.8):
                    await both_begun.wait()
            except (TimeoutError, asyncio.BrokenBarrierError):
                pass
        return row

    monkeypatch.setattr(uploads, "fetch_one", meet)
    return list(await asyncio.gather(begin(citizen), begin(citizen), return_exceptions=True))


async def test_the_owners_row_keeps_two_from_taking_the_last_place(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = await two_beyond_the_limit(citizen, monkeypatch)
    assert sum(isinstance(each, UUID) for each in begun) == 1


async def test_without_the_owners_row_two_take_the_last_place(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_out(monkeypatch, " FOR NO KEY UPDATE")
    begun = await two_beyond_the_limit(citizen, monkeypatch)
    assert sum(isinstance(each, UUID) for each in begun) == 2


async def test_an_account_takes_its_uploads_along(citizen: CitizenActor) -> None:
    await finished(citizen)
    await execute("DELETE FROM credential WHERE account_id = $1", citizen.account_id)
    await Account.filter(id=citizen.account_id).delete()
    assert await Upload.all().count() == await UploadPart.all().count() == 0
    with pytest.raises(NotFoundError):
        await begin(citizen)


def stored(settings: Settings) -> list[Path]:
    """The files of the store."""
    return [path for path in (settings.data / "files").rglob("*") if path.is_file() and path.stat().st_size]


def leave_out(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Runs the statements of uploads without that part."""

    async def fetch_less(sql: str, *values: Any) -> Any:
        return await fetch_one(sql.replace(text, ""), *values)

    monkeypatch.setattr(uploads, "fetch_one", fetch_less)
