"""Good files with some bytes changed: whatever a decoder does with them, the caller is told one of two things."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

from core.errors import FileRejectedError
from tests.uploads import hostile
from tests.uploads.hostile import HEIC, JPEG, PDF, PNG, WEBP
from tests.uploads.looks import look_at
from tests.uploads.sending import checked

MUTATIONS_OF_EACH = 12

GOOD: dict[tuple[str, str], Callable[[], bytes]] = {
    ("a.pdf", PDF): partial(hostile.pdf, 3),
    ("b.pdf", PDF): partial(hostile.pdf_where, hostile.with_xfa),
    ("a.jpg", JPEG): hostile.jpeg_with_exif,
    ("a.png", PNG): partial(hostile.png_text, hostile.SCRIPT),
    ("a.webp", WEBP): hostile.webp,
    ("a.heic", HEIC): hostile.heic,
}


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Bytes changed, a run of them removed or doubled, or the end cut off; the first sixteen stay."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 20))):
        at = chance.randrange(16, len(changed))
        match chance.randrange(5):
            case 0 | 1:
                changed[at] = chance.randrange(256)
            case 2:
                changed[at] ^= 1 << chance.randrange(8)
            case 3:
                del changed[at : at + chance.randrange(1, 8)]
            case _:
                changed[at:at] = changed[at : at + chance.randrange(1, 64)]
        if len(changed) < 32:
            break
    return bytes(changed)


async def test_a_mutated_file_is_refused_or_inert() -> None:
    chance = random.Random("mutations")
    reasons: list[str] = []
    inert = 0

    async def send(name: str, media_type: str, content: bytes) -> None:
        nonlocal inert
        try:
            async with checked(content, name, media_type) as (file, kept):
                look_at(kept, file.media_type)
                inert += 1
        except FileRejectedError as refusal:
            reasons.append(refusal.reason)

    for (name, media_type), make in GOOD.items():
        content = make()
        mutated = [mutate(content, chance) for _ in range(MUTATIONS_OF_EACH)]
        await asyncio.gather(*(send(name, media_type, one) for one in mutated))
    assert inert + len(reasons) == MUTATIONS_OF_EACH * len(GOOD)
    assert set(reasons) <= {"UNREADABLE", "TOO_LARGE", "CONTENT_DOES_NOT_MATCH_TYPE"}
    assert min(inert, len(reasons)) > 5
