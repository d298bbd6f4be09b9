from __future__ import annotations

import io
import unicodedata
from dataclasses import replace
from pathlib import Path

import pikepdf
import psutil
import pypdfium2  # type: ignore[import-untyped]
import pytest
import segno
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.i18n import LANGUAGES, Language
from jobs.facts import MailFacts
from jobs.receipt_document import TypesettingError, program, put_into_words, typeset
from jobs.receipt_document.wording import REPLACEMENT
from jobs.rendering import render
from tests.jobs.receipts import (
    SAMPLE,
    TICKET,
    URL,
    answers,
    fonts_of,
    pages_of,
    pdf_of,
    qr_modules,
    structure_of,
    text_of,
)

HOSTILE = [
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.3.1": *',
    "$x^2$ *bold* _it_ `raw` = Title",
    "] #panic() [",
    '"); #sys.inputs; ("',
    "\\u{41} \\ ~ -- --- ... @ticket <label> // no comment /* none */",
    "1. one + two / term: that https://evil.example",
    "<b>b</b> &amp; %s {0} ${ENV} {{ 7*7 }}",
]
LONG = [
    "W" * 10_000,
    "\u0915\u094d" * 5_000,
    "\U0001f468\u200d" * 5_000,
    "a" + "\u0301" * 10_000,
    "\u0628" + "\u064e" * 10_000,
    "\u1100" * 10_000,
    "\n" * 3_000,
    "mot " * 10_000,
]
"""Words without an end, letters without an end, lines and pages without an end."""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_can_be_read_aloud_and_kept(language: Language) -> None:
    """ISO 14289-1 (PDF/UA-1) and ISO 19005-2 (PDF/A-2a)."""
    pdf = await pdf_of(replace(SAMPLE, language=language))
    title = {"fr": "Accusé de réception", "en": "Acknowledgement of receipt"}[language]
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert document.check_pdf_syntax() == []
        root = document.Root
        assert bool(root.MarkInfo.Marked)
        assert str(root.Lang) == language
        assert bool(root.ViewerPreferences.DisplayDocTitle)
        with document.open_metadata() as metadata:
            assert metadata["pdfaid:part"] == "2"
            assert metadata["pdfaid:conformance"] == "A"
            assert metadata["pdfuaid:part"] == "1"
            assert metadata["dc:title"] == title
            assert metadata["dc:creator"] == ["Mairie de Saint-Aubin"]
            assert TICKET not in str(metadata)
    elements = structure_of(pdf)
    kinds = [kind for kind, _ in elements]
    assert kinds.count("H1") + kinds.count("H2") >= 4
    assert {"Table", "TR", "TH", "TD", "L", "LI", "LBody", "Link"} <= set(kinds)
    pictures = [told for kind, told in elements if kind == "Figure"]
    assert len(pictures) == 1
    assert "QR" in pictures[0]["/Alt"]


async def test_it_holds_every_font_that_it_needs() -> None:
    fonts = fonts_of(await pdf_of(replace(SAMPLE, sections=answers("العربية עברית Ελληνικά 日本 😀"))))
    assert all(fonts.values())
    assert any("Libertinus" in name for name in fonts)
    assert any("MissingCharacter" in name for name in fonts)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_tells_what_an_acknowledgement_has_to(language: Language) -> None:
    """CRPA, articles L. 112-3 and R. 112-5."""
    text = text_of(await pdf_of(replace(SAMPLE, language=language)))
    received, silence_ends = {
        "fr": ("23 novembre 2026 à 9 h 05", "23 janvier 2027"),
        "en": ("23 November 2026 at 09:05", "23 January 2027"),
    }[language]
    for told in (
        "Mairie de Saint-Aubin",
        "1 place de la Mairie, 49985 Saint-Aubin",
        "02 61 91 00 12",
        "contact@mairie.example",
        TICKET,
        received,
        silence_ends,
        "L. 232-3",
        "L. 112-3",
        "Demande d’acte de naissance",
        "Mes informations",
        "Prénom Jeanne",
        "12 rue des Lilas 49985 Saint-Aubin",
        "Facture d’électricité",
        "Livret de famille",
        "Mon espace",
    ):
        assert told in text
    assert "None" not in text


async def test_without_pieces_it_says_so() -> None:
    assert "Aucune pièce" in text_of(await pdf_of(replace(SAMPLE, pieces=[])))


async def test_the_hour_is_that_of_the_mairie() -> None:
    assert "à 4 h 05" in text_of(await pdf_of(replace(SAMPLE, timezone="America/Martinique")))


async def test_a_short_one_is_one_page_and_a_long_one_has_the_ticket_on_each() -> None:
    assert len(pages_of(await pdf_of(SAMPLE))) == 1
    pages = pages_of(await pdf_of(replace(SAMPLE, sections=answers("Une phrase. " * 1_000))))
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert TICKET in page
        assert f"Page {number} sur {len(pages)}" in page


async def test_the_qr_code_opens_the_page_that_the_mail_names() -> None:
    mail = render(
        MailFacts(
            template="acknowledgement",
            language="fr",
            recipient="marie@example.fr",
            municipality_name=SAMPLE.municipality_name,
            municipality_email=SAMPLE.municipality_email,
            timezone=SAMPLE.timezone,
            ticket=TICKET,
            procedure=SAMPLE.procedure,
            submitted_at=SAMPLE.submitted_at,
        )
    )
    assert f"\n{URL}\n" in mail.text
    pdf = await pdf_of(SAMPLE)
    expected = [[bool(module) for module in row] for row in segno.make_qr(URL, error="m").matrix]
    other = [[bool(module) for module in row] for row in segno.make_qr(URL[:-1] + "D", error="m").matrix]
    printed = qr_modules(pdf, len(expected))
    assert printed == expected
    assert printed != other
    with pikepdf.open(io.BytesIO(pdf)) as document:
        links = [str(note.A.URI) for note in document.pages[0].Annots if note.Subtype == "/Link"]
    assert set(links) == {URL}


@pytest.mark.parametrize("answer", HOSTILE)
async def test_what_people_wrote_is_text_and_not_typst(answer: str) -> None:
    facts = replace(
        SAMPLE,
        procedure=answer,
        sections=answers(answer),
        pieces=[(answer, answer)],
        municipality_name=answer,
    )
    text = text_of(await pdf_of(facts))
    assert text.count(answer) >= 5


async def test_marks_that_turn_the_writing_and_controls_are_shown_and_do_nothing() -> None:
    text = text_of(
        await pdf_of(replace(SAMPLE, sections=answers("a\u202egnp.exe\x07\x1b[31m\ue000 \u2066z")))
    )
    shown = f"a{REPLACEMENT}gnp.exe{REPLACEMENT}{REPLACEMENT}[31m{REPLACEMENT} {REPLACEMENT}z"
    assert shown in text


async def test_characters_without_a_picture_are_still_themselves() -> None:
    text = text_of(
        await pdf_of(replace(SAMPLE, sections=answers("merci 😀 日本 ไทย", "cœur Łódź ₿ Ωμέγα Жук")))
    )
    assert "merci 😀 日本 ไทย" in text
    assert "cœur Łódź ₿ Ωμέγα Жук" in text


async def test_every_character_that_there_is_can_be_printed() -> None:
    every = [
        chr(code) for code in range(1, 0x110000) if unicodedata.category(chr(code)) not in {"Cn", "Co", "Cs"}
    ]
    lines = [" ".join(every[start : start + 200]) for start in range(0, len(every), 200)]
    assert len(every) > 140_000
    pdf = await typeset(
        put_into_words(replace(SAMPLE, sections=answers(*lines))), SAMPLE.submitted_at, limit_seconds=100
    )
    assert pdf.startswith(b"%PDF-1.7")


@pytest.mark.parametrize("answer", LONG, ids=range(len(LONG)))
async def test_no_answer_is_too_long(answer: str) -> None:
    pdf = await pdf_of(replace(SAMPLE, sections=answers(answer)))
    assert TICKET in pages_of(pdf)[-1]


async def test_a_word_longer_than_the_line_stays_on_the_page_and_whole() -> None:
    pdf = await pdf_of(replace(SAMPLE, sections=answers("Ŵ" * 10_000)))
    assert text_of(pdf).count("Ŵ") == 10_000
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            width = page.get_width()
            text = page.get_textpage()
            edges = [text.get_rect(number)[2] for number in range(text.count_rects())]
            assert max(edges) < width


@given(
    texts=st.lists(st.text(max_size=80), min_size=1, max_size=20),
    title=st.text(min_size=1, max_size=200),
    language=st.sampled_from(LANGUAGES),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_whatever_people_answer_there_is_a_receipt(
    texts: list[str], title: str, language: Language
) -> None:
    # PostgreSQL holds no NUL and no half of a surrogate pair, and forms refuse other controls: here they may come.
    sendable = [text.encode("utf-8", "replace").decode() for text in texts]
    facts = replace(SAMPLE, language=language, sections=answers(*sendable), pieces=[(None, title)])
    pdf = await pdf_of(facts)
    assert TICKET in pages_of(pdf)[-1]


async def test_made_again_it_is_the_same_to_the_byte() -> None:
    first, second = await pdf_of(SAMPLE), await pdf_of(SAMPLE)
    assert first == second
    assert first != await pdf_of(replace(SAMPLE, procedure="Autre chose"))


async def test_one_that_takes_too_long_is_ended() -> None:
    document = put_into_words(replace(SAMPLE, sections=answers(*["a\n" * 2_000] * 100)))
    with pytest.raises(TypesettingError, match="took longer than"):
        await typeset(document, SAMPLE.submitted_at, limit_seconds=0.3)
    assert not [child for child in psutil.Process().children(recursive=True) if _runs_the_program(child)]


async def test_what_typst_refuses_is_said_without_what_it_was_about() -> None:
    document = put_into_words(SAMPLE)
    del document["follow"]["url"]
    with pytest.raises(TypesettingError) as caught:
        await typeset(document, SAMPLE.submitted_at)
    assert str(caught.value) == "ended with 1"


def test_the_compiler_is_shown_nothing_but_the_template() -> None:
    assert [path.name for path in program.TEMPLATE.iterdir()] == ["receipt.typ"]
    template = (program.TEMPLATE / "receipt.typ").read_text(encoding="utf-8")
    assert "eval" not in template
    assert "import" not in template


def _runs_the_program(process: psutil.Process) -> bool:
    try:
        return any(Path(part).match("receipt_document/program.py") for part in process.cmdline())
    except psutil.NoSuchProcess:
        return False
