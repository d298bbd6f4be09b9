"""What events say, to whom."""

from __future__ import annotations

import pytest

from models.actors import Party
from models.event_texts import KINDS, describe


@pytest.mark.parametrize(
    ("reader", "fr", "en"),
    [
        ("CITIZEN", "Vous avez joint la pièce « Plan ».", "You attached “Plan”."),
        ("MUNICIPALITY", "Le demandeur a joint la pièce « Plan ».", "The applicant attached “Plan”."),
        ("PARTNER", "Le demandeur a joint la pièce « Plan ».", "The applicant attached “Plan”."),
    ],
)
def test_citizens_read_of_what_they_did_as_theirs(reader: Party, fr: str, en: str) -> None:
    told = describe("AttachmentAdded", "CITIZEN", {"title": "Plan"}, reader)
    assert (told.fr, told.en) == (fr, en)
    others = describe("AttachmentAdded", "MUNICIPALITY", {"title": "Plan"}, reader)
    assert others.fr == "La mairie a joint la pièce « Plan »."


@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_calls_its_reader_the_applicant(kind: str) -> None:
    told = describe(kind, "CITIZEN", {"title": "Plan"}, "CITIZEN")
    assert "demandeur" not in told.fr
    assert "applicant" not in told.en
