"""Contents to store, and reading them back."""

from __future__ import annotations

import io
import random
from hashlib import sha256

from uploads.storing import Blobs, blobs


def make_content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


async def store(content: bytes) -> str:
    return await blobs().write(io.BytesIO(content), sha256(content).digest())


async def read(address: str, start: int = 0, end: int | None = None, *, store: Blobs | None = None) -> bytes:
    return b"".join([piece async for piece in (store or blobs()).read(address, start, end)])
