"""Typst in a process of its own, which knows no secret of ours and can be ended."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

PROGRAM = Path(__file__).with_name("program.py")
ENVIRONMENT = {"RAYON_NUM_THREADS": "1"}
"""Nothing of ours: it holds secrets. One thread leaves the other processors to the others."""

LIMIT_SECONDS = 20.0
"""A receipt takes a tenth of a second, one with 250,000 characters of prose half of one, 2,000 pages twenty."""


class TypesettingError(Exception):
    """Why there is no PDF. Says nothing of what was to be in it."""


async def typeset(
    document: dict[str, Any], dated: datetime, *, limit_seconds: float = LIMIT_SECONDS
) -> bytes:
    """The PDF (1.7; PDF/A-2a and PDF/UA-1) of what `put_into_words` made; the same for the same document and date.

    Raises TypesettingError where Typst refuses, breaks down or takes too long.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # What Typst says quotes the document.
        env=ENVIRONMENT,
        start_new_session=True,  # An interrupt from the terminal is for the worker, which ends it in its own time.
    )
    order = orjson.dumps({"document": orjson.dumps(document).decode(), "dated": int(dated.timestamp())})
    try:
        async with asyncio.timeout(limit_seconds):
            content, _ = await process.communicate(order)
    except TimeoutError as error:
        raise TypesettingError(f"took longer than {limit_seconds:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise TypesettingError(f"ended with {process.returncode}")
    return content
