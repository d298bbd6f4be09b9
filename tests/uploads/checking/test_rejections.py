"""Who is refused a file is told why and what to do, in both languages."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import get_args

import pytest

from core.errors import FileRejectedError
from core.settings import get_settings
from tests.uploads import hostile
from tests.uploads.hostile import JPEG, PDF, PNG
from tests.uploads.sending import checked, received
from uploads.checking import check, rejections
from uploads.sandbox.orders import Outcome


async def refuse(content: bytes, name: str, media_type: str) -> FileRejectedError:
    with pytest.raises(FileRejectedError) as refusal:
        async with checked(content, name, media_type):
            pass
    return refusal.value


@pytest.mark.parametrize(
    ("content", "name", "media_type", "french", "english"),
    [
        (partial(hostile.encrypted, "secret"), "a.pdf", PDF, "sans mot de passe", "without the password"),
        (partial(hostile.many_pages, 501), "a.pdf", PDF, "trop de pages", "too many pages"),
        (partial(hostile.jpeg_of_size, 60000, 60000), "a.jpg", JPEG, "trop de pixels", "too many pixels"),
        (hostile.word_document, "a.docx", "", "en PDF", "as a PDF"),
        (
            hostile.jpeg,
            "a.png",
            PNG,
            "N’en changez pas seulement l’extension",
            "Do not only change its extension",
        ),
        (lambda: b"%PDF-1.7", "a.pdf", PDF, "incomplet ou abîmé", "incomplete or damaged"),
        (lambda: b"", "a.pdf", PDF, "vide", "empty"),
        (lambda: bytes(get_settings().upload_file_bytes + 1), "a.pdf", PDF, "20\u00a0Mo", "20\u00a0MB"),
    ],
)
async def test_a_refusal_says_what_to_do(
    content: partial[bytes], name: str, media_type: str, french: str, english: str
) -> None:
    refusal = await refuse(content(), name, media_type)
    assert french in refusal.text.fr
    assert english in refusal.text.en


def test_every_outcome_but_done_has_its_words() -> None:
    for outcome in set(get_args(Outcome)) - {"DONE"}:
        text = rejections.of_outcome(outcome, 1024).text
        assert "{" not in text.fr + text.en
        assert text.fr != text.en


async def test_what_was_cut_off_for_its_size_is_too_large_and_not_empty() -> None:
    """Of a file beyond the limit the door keeps the size only."""
    with closing(received(b"", "photo.jpg", "image/jpeg")) as file:
        file.size = get_settings().upload_file_bytes + 1
        with pytest.raises(FileRejectedError) as raised:
            await check(file)
    assert raised.value.reason == "TOO_LARGE"
