"""Search: what people type leads to what they mean. Timing is measured by benchmarks/search.py."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from models.procedure_search import LONGEST_QUERY, Document, SearchIndex
from tests.models.search_catalogue import DATA, large_index, padding_documents, queries

INDEX = SearchIndex(
    [
        Document("poubelle", "Bac à déchets", "Demander un bac.", ("poubelle", "ordures ménagères")),
        Document("voeux", "Carte de vœux du maire", "Recevoir les vœux de l’année.", ()),
        Document(
            "ecole", "Inscription scolaire", "Inscrire un enfant à l’école élémentaire.", ("école", "rentrée")
        ),
        Document("garderie", "Accueil périscolaire", "Faire garder un enfant.", ("garderie",)),
        Document("social", "Logement social", "Demander un logement.", ("hlm",)),
    ]
)


def found(query: str, index: SearchIndex = INDEX) -> list[str]:
    return [slug for slug, _ in index.search(query)]


def share_right(pairs: list[tuple[str, str]]) -> float:
    return sum(found(query, large_index())[:1] == [slug] for query, slug in pairs) / len(pairs)


def test_over_95_percent_of_the_list_are_right_first() -> None:
    assert len(padding_documents()) > 950
    assert len(queries()) >= 150
    wrong = [(query, slug) for query, slug in queries() if found(query, large_index())[:1] != [slug]]
    assert len(wrong) < 0.05 * len(queries()), wrong


def test_the_list_that_was_written_afterwards() -> None:
    expected = yaml.safe_load((DATA / "search_queries_held_out.yaml").read_text(encoding="utf-8"))
    pairs = [(query, slug) for slug, typed in expected.items() for query in typed]
    assert len(pairs) >= 100
    assert share_right(pairs) >= 0.85
    among_three = sum(slug in found(query, large_index())[:3] for query, slug in pairs) / len(pairs)
    assert among_three >= 0.95


def test_accents_ligatures_apostrophes_and_case() -> None:
    for query in ("voeux", "vœux", "VŒUX", "Carte de Voeux", "cartes de vœux"):
        assert found(query)[0] == "voeux"
    for query in ("l'école", "l’ecole", "ECOLE", "e\u0301cole"):
        assert found(query)[0] == "ecole"


def test_plurals_prefixes_and_slips() -> None:
    assert found("poubelles")[0] == "poubelle"
    assert found("logements sociaux")[0] == "social"
    for start in ("pou", "poub", "poubel"):
        assert found(start)[0] == "poubelle"
    for slip in ("poubele", "puobelle", "poubbelle", "poubel", "pobele"):
        assert found(slip)[0] == "poubelle"
    assert found("péri scolaire")[0] == "garderie"


def test_a_title_is_worth_more_than_a_keyword_and_that_more_than_a_summary() -> None:
    index = SearchIndex(
        [
            Document("summary", "Un", "Piscine", ()),
            Document("keyword", "Deux", "", ("piscine",)),
            Document("title", "Piscine", "", ()),
        ]
    )
    assert found("piscine", index) == ["title", "keyword", "summary"][: len(found("piscine", index))]


def test_equal_answers_come_in_the_order_given() -> None:
    same = [Document(str(number), "Piscine municipale", "", ()) for number in range(20)]
    assert found("piscine", SearchIndex(same)) == [str(number) for number in range(20)]
    assert found("piscine", SearchIndex(reversed(same))) == [str(number) for number in reversed(range(20))]


def test_what_nothing_answers_to() -> None:
    for query in ("", "   ", "?!", "xyzzyx", "'"):
        assert found(query) == []
    assert SearchIndex([]).search("poubelle") == []
    assert len(large_index().search("inscription", limit=7)) == 7


def test_stop_words_alone_are_still_looked_for() -> None:
    assert found("le", SearchIndex([Document("lecture", "Lecture", "", ())])) == ["lecture"]


@given(st.one_of(st.text(max_size=80), st.text("aeéçxs' -", max_size=400)))
def test_whatever_is_typed_is_answered_the_same_twice(query: str) -> None:
    first = INDEX.search(query)
    assert INDEX.search(query) == first
    assert INDEX.search(query[:LONGEST_QUERY]) == first
    assert [score for _, score in first] == sorted((score for _, score in first), reverse=True)


@given(st.sampled_from(queries()), st.data())
def test_a_query_in_capitals_or_without_accents_finds_the_same(
    pair: tuple[str, str], data: st.DataObject
) -> None:
    query, _ = pair
    bare = query.translate(str.maketrans("éèêàâçùûîïô", "eeeaacuuiio"))
    written = data.draw(st.sampled_from([query.upper(), bare, bare.upper()]))
    assert found(written, large_index())[:1] == found(query, large_index())[:1]
