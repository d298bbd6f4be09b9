"""Every case of the corpus is refused for its reason, or comes out inert."""

from __future__ import annotations

import hashlib

import pikepdf
import pytest

from core.errors import FileRejectedError
from tests.uploads.hostile import CASES, Case
from tests.uploads.looks import look_at
from tests.uploads.sending import checked
from uploads.checking import ACCEPTED_MEDIA_TYPES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_it_is_refused_or_inert(case: Case) -> None:
    if case.refused:
        with pytest.raises(FileRejectedError) as refusal:
            async with checked(case.content(), case.name, case.media_type):
                pass
        assert refusal.value.reason in case.refused
        return
    async with checked(case.content(), case.name, case.media_type) as (file, content):
        assert file.media_type in ACCEPTED_MEDIA_TYPES
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).digest())
        assert file.name == (case.saved_as or case.name)
        look_at(content, file.media_type)


def test_the_corpus_is_large_enough_and_its_titles_differ() -> None:
    assert len(CASES) >= 100
    assert len({case.title for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if not case.refused and case.saved_as is None],
    ids=lambda case: case.title,
)
def test_before_the_check_the_same_look_finds_something(case: Case) -> None:
    """The control: were the check to hand on what it was given, the corpus would say so."""
    with pytest.raises((AssertionError, pikepdf.PdfError)):
        look_at(case.content(), case.media_type)
