"""A look of our own at what a check has let pass: nothing here knows how the check works."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]
from PIL import Image

from tests.uploads.hostile import CALL, EICAR, SCRIPT

PERSON = b"Camille Exemple"

NEVER_IN_PDF = {
    *(
        "/JavaScript",
        "/JS",
        "/AA",
        "/Launch",
        "/SubmitForm",
        "/ResetForm",
        "/ImportData",
        "/GoToR",
        "/GoToE",
        "/Rendition",
    ),
    *(
        "/EmbeddedFiles",
        "/EmbeddedFile",
        "/EF",
        "/UF",
        "/Filespec",
        "/AF",
        "/FileAttachment",
        "/Collection",
        "/XFA",
    ),
    *(
        "/RichMedia",
        "/RichMediaContent",
        "/Movie",
        "/Sound",
        "/Screen",
        "/3D",
        "/3DD",
        "/U3D",
        "/OnInstantiate",
        "/PS",
    ),
    *(
        "/Metadata",
        "/PieceInfo",
        "/Info",
        "/Author",
        "/Encrypt",
        "/Perms",
        "/ByteRange",
        "/NeedsRendering",
        "/PresSteps",
    ),
    *("/FFilter", "/Base", "/Print", "/PA", "/NA"),
}

NEVER_INSIDE = (EICAR, SCRIPT, PERSON, CALL.encode(), b"cmd.exe", b"evil.example", b"javascript:", b"<script")


def look_at(content: bytes, media_type: str) -> None:
    """Raises AssertionError where anything active, personal or hidden is left."""
    if media_type == "application/pdf":
        look_at_pdf(content)
    else:
        look_at_picture(content, media_type)


def look_at_pdf(content: bytes) -> None:
    assert content.startswith(b"%PDF-")
    assert content.endswith(b"%%EOF\n")
    assert content.count(b"startxref") == 1, "there is one revision"
    _hold_nothing_forbidden(content)
    with pikepdf.open(BytesIO(content), attempt_recovery=False) as pdf:
        assert pdf.get_warnings() == []
        names: set[str] = set()
        for thing in walk(pdf):
            if isinstance(thing, pikepdf.Stream):
                _hold_nothing_forbidden(decoded(thing))
            if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
                names |= set(thing.keys())
                assert bytes(thing.get("/URI", b"http:")).startswith((b"http:", b"https:", b"mailto:"))
            if isinstance(thing, pikepdf.Name):
                names.add(str(thing))
            if isinstance(thing, pikepdf.String):
                _hold_nothing_forbidden(bytes(thing))
        assert names & NEVER_IN_PDF == set()
    # PDFium, which browsers read PDFs with, finds nothing either.
    document = pypdfium2.PdfDocument(content)
    try:
        assert pdfium.FPDFDoc_GetJavaScriptActionCount(document) <= 0
        assert pdfium.FPDFDoc_GetAttachmentCount(document) <= 0
        assert len(document) > 0
        for page in document:
            assert pdfium.FPDFPage_HasTransparency(page) in {0, 1}
    finally:
        document.close()


def walk(pdf: pikepdf.Pdf) -> Iterator[Any]:
    """Every value of the file, reached from its trailer or listed in its table of objects."""
    waiting: list[Any] = [pdf.trailer, *pdf.objects]
    seen: set[tuple[int, int]] = set()
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, pikepdf.Object) and thing.is_indirect:
            if thing.objgen in seen:
                continue
            seen.add(thing.objgen)
        yield thing
        if isinstance(thing, pikepdf.Dictionary | pikepdf.Stream):
            waiting += list(thing.values())
        elif isinstance(thing, pikepdf.Array):
            waiting += list(iter(thing))


def decoded(stream: pikepdf.Stream) -> bytes:
    try:
        return stream.read_bytes(pikepdf.StreamDecodeLevel.specialized)
    except pikepdf.PdfError:
        return stream.read_raw_bytes()


def look_at_picture(content: bytes, media_type: str) -> None:
    _hold_nothing_forbidden(content)
    if media_type == "image/jpeg":
        assert set(jpeg_markers(content)) <= {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}
    elif media_type == "image/png":
        assert set(png_chunks(content)) <= {b"IHDR", b"IDAT", b"IEND"}
    else:
        assert media_type == "image/webp"
        assert set(webp_chunks(content)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH"}
    with Image.open(BytesIO(content)) as picture:
        picture.load()
        assert getattr(picture, "n_frames", 1) == 1
        assert dict(picture.getexif()) == {}
        assert not {"exif", "xmp", "icc_profile", "comment", "photoshop", "XML:com.adobe.xmp"} & set(
            picture.info
        )


def jpeg_markers(content: bytes) -> Iterator[int]:
    """The markers of a JPEG of one scan, which has to end where its bytes end (ITU-T T.81, annex B)."""
    assert content[:2] == b"\xff\xd8"
    at = 2
    while True:
        assert content[at] == 0xFF
        marker, length = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        yield marker
        if marker == 0xE0:
            assert content[at + 4 : at + 9] == b"JFIF\0"
        at += 2 + length
        if marker == 0xDA:
            break
    scan = content[at:]
    ends = [
        place
        for place in range(len(scan) - 1)
        if scan[place] == 0xFF and scan[place + 1] not in {0, *range(0xD0, 0xD8)}
    ]
    assert ends == [len(scan) - 2]
    assert scan.endswith(b"\xff\xd9")


def png_chunks(content: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        yield kind
        at += 12 + length
    assert at == len(content)
    assert kind == b"IEND"


def webp_chunks(content: bytes) -> Iterator[bytes]:
    assert struct.unpack("<4sI4s", content[:12]) == (b"RIFF", len(content) - 8, b"WEBP")
    at = 12
    while at < len(content):
        kind, length = struct.unpack("<4sI", content[at : at + 8])
        yield kind
        at += 8 + length + length % 2
    assert at == len(content)


def _hold_nothing_forbidden(content: bytes) -> None:
    for forbidden in NEVER_INSIDE:
        assert forbidden.lower() not in content.lower()
