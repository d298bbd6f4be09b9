"""A clean file gets one small picture of itself, or none after some attempts."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from core.clock import now
from core.settings import Settings, get_settings
from jobs import previews
from jobs.previews import MOST_ATTEMPTS, OURS_FOR, draw_preview_of
from models.database import execute
from tests.jobs.files import a_picture, add_clean_file, add_file, content_at, file_row
from uploads.storing import blobs

pytestmark = pytest.mark.usefixtures("database")


async def _make_due(id: object) -> None:
    await execute("UPDATE file SET next_preview_at = now() WHERE id = $1", id)


async def _number_of_blobs() -> int:
    return len([address async for address in blobs().older_than(now() + timedelta(hours=1))])


async def test_a_picture_is_drawn_small_and_kept() -> None:
    id = await add_clean_file(a_picture(), media_type="image/png")
    await draw_preview_of(str(id))
    row = await file_row(id)
    assert (row["next_preview_at"], row["preview_attempts"]) == (None, 1)
    preview = await content_at(row["preview_address"])
    assert preview is not None
    with Image.open(io.BytesIO(preview)) as drawn:
        assert drawn.format == "WEBP"
        assert drawn.width <= 480


async def test_drawing_twice_in_a_row_and_at_once_keeps_one() -> None:
    id = await add_clean_file(a_picture(), media_type="image/png")
    await asyncio.gather(*(draw_preview_of(str(id)) for _ in range(4)))
    await draw_preview_of(str(id))
    assert (await file_row(id))["preview_attempts"] == 1
    assert await _number_of_blobs() == 2


async def test_who_comes_second_throws_its_own_picture_away() -> None:
    """A worker that took longer than the file was left to it."""
    id = await add_clean_file(a_picture(), media_type="image/png")
    file = await previews._take(id)
    assert file is not None
    late = await previews._draw(file)
    await _make_due(id)
    await draw_preview_of(str(id))
    await previews._keep(id, late)
    row = await file_row(id)
    assert row["preview_attempts"] == 2
    assert row["preview_address"] != late
    assert await content_at(row["preview_address"])
    assert await content_at(late) is None


@pytest.mark.parametrize("scan", ["PENDING", "FAILED", "INFECTED"])
async def test_only_clean_files_are_drawn(scan: str) -> None:
    columns: dict[str, Any] = {
        "scan": scan,
        "next_scan_at": now() if scan == "PENDING" else None,
        "scanned_at": None if scan == "PENDING" else now(),
        **({"address": None} if scan == "INFECTED" else {}),
    }
    id = await add_file(a_picture(), media_type="image/png", next_preview_at=now(), **columns)
    await draw_preview_of(str(id))
    row = await file_row(id)
    assert (row["preview_address"], row["preview_attempts"]) == (None, 0)


async def test_what_cannot_be_drawn_is_tried_three_times() -> None:
    id = await add_clean_file(b"no picture at all", media_type="image/png")
    for attempt in range(1, MOST_ATTEMPTS + 1):
        await draw_preview_of(str(id))
        row = await file_row(id)
        assert row["preview_attempts"] == attempt
        if attempt < MOST_ATTEMPTS:
            assert row["next_preview_at"] > now() + timedelta(seconds=5)
            await _make_due(id)
    assert (row["next_preview_at"], row["preview_address"], row["scan"]) == (None, None, "CLEAN")


async def test_what_ends_the_worker_each_time_is_left_after_three_times() -> None:
    """A worker that died has counted its attempt, and left it to others after a while."""
    id = await add_clean_file(a_picture(), media_type="image/png", preview_attempts=MOST_ATTEMPTS)
    await draw_preview_of(str(id))
    row = await file_row(id)
    assert (row["next_preview_at"], row["preview_address"]) == (None, None)


async def test_while_somebody_draws_it_is_not_due() -> None:
    id = await add_clean_file(a_picture(), media_type="image/png")
    assert await previews._take(id) is not None
    assert (await file_row(id))["next_preview_at"] > now() + OURS_FOR / 2
    await draw_preview_of(str(id))
    row = await file_row(id)
    assert (row["preview_attempts"], row["preview_address"]) == (1, None)


async def test_a_store_that_is_away_costs_no_attempt(
    database: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    id = await add_clean_file(a_picture(), media_type="image/png")
    monkeypatch.setenv("ESPACE_STORAGE_URL", "s3://files?endpoint=http://127.0.0.1:1&region=eu")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    get_settings.cache_clear()
    await draw_preview_of(str(id))
    row = await file_row(id)
    assert row["preview_attempts"] == 0
    assert row["next_preview_at"] > now() + timedelta(seconds=30)


async def test_a_file_that_is_gone_leaves_no_picture() -> None:
    id = await add_clean_file(a_picture(), media_type="image/png")
    file = await previews._take(id)
    assert file is not None
    address = await previews._draw(file)
    await execute("DELETE FROM file WHERE id = $1", id)
    await previews._keep(id, address)
    assert await content_at(address) is None
