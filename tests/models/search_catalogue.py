"""A catalogue large enough to measure search on: the demonstration's procedures among a thousand others."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from models.municipality_files import read_municipality
from models.procedure_search import Document, SearchIndex

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"


def demonstration_documents() -> list[Document]:
    return [
        Document(procedure.slug, procedure.title, procedure.summary, procedure.keywords)
        for procedure in read_municipality(ROOT / "municipalities" / "demonstration").procedures
    ]


def padding_documents() -> list[Document]:
    families = yaml.safe_load((DATA / "search_padding.yaml").read_text(encoding="utf-8"))
    return [
        Document(
            f"autre-{family_number}-{number}",
            family["title"].format(word),
            family["summary"].format(word),
            tuple(keyword.format(word) for keyword in family["keywords"]),
        )
        for family_number, family in enumerate(families)
        for number, word in enumerate(family["over"])
    ]


@cache
def large_index() -> SearchIndex:
    # The others first: where scores are equal, the expected procedure must not win by its place.
    return SearchIndex([*padding_documents(), *demonstration_documents()])


@cache
def queries() -> tuple[tuple[str, str], ...]:
    """What is typed, and the slug that is meant."""
    expected = yaml.safe_load((DATA / "search_queries.yaml").read_text(encoding="utf-8"))
    return tuple((query, slug) for slug, typed in expected.items() for query in typed)
