"""What a front-end developer tries first: the example with curl, in both ways."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.stack import ROOT, Stack


@pytest.mark.parametrize("way", ["multipart", "resumable"])
async def test_a_file_is_sent_and_fetched_again(stack: Stack, tmp_path: Path, way: str) -> None:
    photo = tmp_path / "ma photo, d’été.png"
    Image.new("RGB", (40, 30), "navy").save(photo)

    status, told = await send(stack, photo, way, tmp_path)

    assert status == 0, told
    copy = Path(told.splitlines()[-1].rpartition(": ")[2])
    with Image.open(copy) as picture:
        assert (picture.format, picture.size) == ("PNG", (40, 30))


@pytest.mark.parametrize("way", ["multipart", "resumable"])
async def test_a_refusal_is_told(stack: Stack, tmp_path: Path, way: str) -> None:
    archive = tmp_path / "pièces.zip"
    archive.write_bytes(b"PK\x05\x06" + bytes(18))

    status, told = await send(stack, archive, way, tmp_path)

    assert status == 1
    assert "This type of file is not accepted" in told


async def send(stack: Stack, file: Path, way: str, folder: Path) -> tuple[int | None, str]:
    """The exit status of the example, and what it says."""
    process = await asyncio.create_subprocess_exec(
        ROOT / "client-examples/send-a-file.sh",
        file,
        way,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), "ESPACE_URL": stack.api.url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode()
