"""What a form wants to know of the pieces of a request."""

from __future__ import annotations

import pytest

from models.attachments import Piece, attached, rejected, titles

PIECES = [
    Piece("card", "Recto", "CLEAN"),
    Piece(None, "Lettre", "PENDING"),
    Piece("card", "Verso", "PENDING"),
    Piece("card", "Vérolée", "INFECTED"),
    Piece("photo", "Illisible", "FAILED"),
    Piece(None, "Autre vérolée", "INFECTED"),
]


@pytest.mark.parametrize(
    ("scan", "counts"), [("PENDING", True), ("CLEAN", True), ("INFECTED", False), ("FAILED", False)]
)
def test_what_counts(scan: str, counts: bool) -> None:
    piece = Piece("card", "Recto", scan)
    assert piece.counts is counts
    assert attached([piece]) == ({"card": 1} if counts else {})
    assert titles([piece]) == ({"card": ["Recto"]} if counts else {})
    assert len(rejected([piece])) == (0 if counts else 1)


def test_how_many_answer_each_field() -> None:
    assert attached(PIECES) == {"card": 2}
    assert attached([]) == {}


def test_titles_in_the_order_in_which_they_were_joined() -> None:
    assert titles(iter(PIECES)) == {"card": ["Recto", "Verso"], None: ["Lettre"]}


def test_what_was_put_aside_is_told_where_it_stands() -> None:
    found = rejected(PIECES)
    assert [problem.path for problem in found] == ["card", "photo", "attachments"]
    assert found[0].text.fr == "L’antivirus a écarté la pièce « Vérolée » : retirez-la ou remplacez-la."
    assert found[0].text.en == "The virus scanner has put “Vérolée” aside: remove or replace it."
