"""What tests look at in a receipt: a sample of what it tells, its text, its structure, its QR code."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pikepdf
import pypdfium2  # type: ignore[import-untyped]

from jobs.receipt_document import ReceiptFacts, put_into_words, typeset
from models.address import Address

TICKET = "K7QM-2XRD-9F4T-W8ZB-3HNC"
URL = f"http://localhost:8000/demandes/{TICKET}"
CONTACT_SECTION = {
    "step": "CONTACT",
    "title": "Mes informations",
    "lines": [
        {"label": "Prénom", "value": "Jeanne"},
        {"label": "Adresse postale", "value": "12 rue des Lilas\n49985 Saint-Aubin"},
    ],
}
SAMPLE = ReceiptFacts(
    language="fr",
    municipality_name="Mairie de Saint-Aubin",
    municipality_email="contact@mairie.example",
    municipality_phone="02 61 91 00 12",
    municipality_address=Address(("1 place de la Mairie",), "49985", "Saint-Aubin"),
    timezone="Europe/Paris",
    ticket=TICKET,
    procedure="Demande d’acte de naissance",
    submitted_at=datetime(2026, 11, 23, 8, 5, tzinfo=UTC),
    is_in_an_account=False,
    sections=[CONTACT_SECTION],
    pieces=[("Justificatif de domicile", "Facture d’électricité"), (None, "Livret de famille")],
)


def answers(*values: str) -> list[dict[str, Any]]:
    """The section of a form with these answers."""
    lines = [{"label": f"Question {number}", "value": value} for number, value in enumerate(values, 1)]
    return [{"step": "FORM", "title": "Ma demande", "lines": lines}]


async def pdf_of(facts: ReceiptFacts) -> bytes:
    return await typeset(put_into_words(facts), facts.submitted_at)


def pages_of(pdf: bytes) -> list[str]:
    """The text of each page, on one line: where a line ends is the layout's affair."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def text_of(pdf: bytes) -> str:
    return " ".join(pages_of(pdf))


def structure_of(pdf: bytes) -> list[tuple[str, dict[str, str]]]:
    """The elements that a screen reader goes through, in order, with their texts of another kind."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        return list(_elements(document.Root.StructTreeRoot.K))


def _elements(node: Any) -> Iterator[tuple[str, dict[str, str]]]:
    if isinstance(node, pikepdf.Array):
        for child in node:
            yield from _elements(child)
    elif isinstance(node, pikepdf.Dictionary) and "/S" in node:
        told = {name: str(node[name]) for name in ("/Alt", "/ActualText", "/Lang") if name in node}
        yield str(node.S).removeprefix("/"), told
        yield from _elements(node.get("/K"))


def fonts_of(pdf: bytes) -> dict[str, bool]:
    """The fonts by their name, and whether the file holds them."""
    found = {}
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for thing in document.objects:
            if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor":
                files = {"/FontFile", "/FontFile2", "/FontFile3"} & set(thing.keys())
                found[str(thing.FontName)] = bool(files)
    return found


def qr_modules(pdf: bytes, size: int) -> list[list[bool]]:
    """The dark modules of the first page's QR code, `size` a side, as they are printed."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[0].render(scale=6).to_pil().convert("L")
    # The code stands on the right in the upper third, and nothing above it there is as dark as it is.
    area = picture.crop((int(picture.width * 0.7), 0, picture.width, picture.height // 3))
    dark = area.point(lambda grey: 255 if grey < 20 else 0)
    left, top, right, _ = _bounding_box(dark.crop((0, 0, dark.width, dark.height)))
    step = (right - left) / size
    return [
        [
            bool(dark.getpixel((int(left + step * (column + 0.5)), int(top + step * (row + 0.5)))))
            for column in range(size)
        ]
        for row in range(size)
    ]


def _bounding_box(picture: Any) -> tuple[int, int, int, int]:
    box = picture.getbbox()
    assert box is not None
    # Two finder patterns make up the first row, from one end of the code to the other.
    first_row = picture.crop((0, box[1], picture.width, box[1] + 3)).getbbox()
    assert first_row is not None
    return first_row[0], box[1], first_row[2], box[3]
