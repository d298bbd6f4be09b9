"""PDFs, written anew without anything active. Runs in the sandbox.

Everything is looked for in every object of the file, wherever it hangs, not only where readers would look: what is
known to be harmless in the places that readers start from (the catalog, actions, annotations) stays, and the rest goes.
Sources: ISO 32000-2, tables 29 (catalog), 166 and 171 (annotations), 198 to 220 (actions).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf, Stream, StreamDecodeLevel

from uploads.sandbox.orders import RefusedError

MOST_PAGES = 500
MOST_OBJECTS = 200_000
STREAM_BYTES = 256 * 1024 * 1024
"""What one stream may hold once decompressed; a page scanned in colour at 600 dots per inch holds 100 MB."""
ALL_STREAMS_BYTES = 1024 * 1024 * 1024

END_MARK = b"%%EOF"
END_BYTES = 1024
"""How near to the end of a file readers look for END_MARK (ISO 32000-1, annex H, note 18)."""


def _names(words: str) -> frozenset[str]:
    return frozenset(f"/{word}" for word in words.split())


CATALOG = _names(
    "Type Pages PageLabels Dests ViewerPreferences PageLayout PageMode Outlines AcroForm StructTreeRoot MarkInfo Lang"
    " OCProperties OutputIntents Version"
)
"""What of the catalog is kept, besides destinations by name and an OpenAction that only shows a page."""

TRAILER = _names("Root Size ID Prev XRefStm Type W Index Length Filter")

FORBIDDEN_KEYS = (
    # Scripts, text in HTML, and what sets actions off by itself.
    _names("JS JavaScript AA PA NA PresSteps XFA NeedsRendering Requirements RC RV")
    # Other files, inside and outside.
    | _names(
        "EmbeddedFiles EmbeddedFile EF RF AF Collection FFilter FDecodeParms OPI Ref Alternates WebCapture"
    )
    | _names("SpiderInfo AlternatePresentations Templates")
    # Sound, film, three dimensions.
    | _names(
        "Renditions Rendition RichMediaContent RichMediaSettings RichMediaExecute Movie Sound 3DD 3DV 3DA"
    )
    # Metadata, and what programs keep for themselves.
    | _names("Metadata PieceInfo Perms DSS Legal SigFlags")
)

FORBIDDEN_ACTIONS = _names(
    "JavaScript Launch SubmitForm ResetForm ImportData GoToR GoToE GoToDp Rendition Movie Sound GoTo3DView"
    " RichMediaExecute Thread Hide SetOCGState"
)

FORBIDDEN_SUBTYPES = _names("FileAttachment Sound Movie Screen RichMedia 3D TrapNet Projection PS U3D PRC")
"""Of annotations, and of the streams that they show; PostScript XObjects, which printers would run."""

FORBIDDEN_TYPES = _names(
    "EmbeddedFile Filespec F Metadata Rendition MediaClip Sound SigRef Sig DocTimeStamp Collection NavNode RichMedia 3D"
    " 3DRef"
)

MARKS_OF_THE_FORBIDDEN = _names("EF UF ByteRange")
"""Keys that only file specifications and signatures have: both may do without a type."""

TELLING_KEYS = FORBIDDEN_KEYS | MARKS_OF_THE_FORBIDDEN | _names("S Type Subtype URI F V A")
"""An object without any of these stays as it is; most have none."""

ANNOTATIONS = _names(
    "Text Link FreeText Line Square Circle Polygon PolyLine Highlight Underline Squiggly StrikeOut Stamp Caret Ink"
    " Popup Widget Redact Watermark"
)

NAMED_ACTIONS = _names("NextPage PrevPage FirstPage LastPage")
LINK = re.compile(rb"(?i:https?://|mailto:)[\x21-\x7e]+")

# qpdf opens the device of random numbers once, when it first has to do with encryption: now, while it may.
Pdf.new().save(BytesIO(), encryption=pikepdf.Encryption(owner="", user=""))

_INFLATED = _names("FlateDecode Fl")
_OTHER_EXPANDING = _names("LZWDecode LZW RunLengthDecode RL")


def clean(source: BinaryIO, target: BinaryIO, *, media_type: str, limit: int) -> None:
    """Writes what is harmless of a PDF: no script, no other file, no metadata, no earlier revision, no encryption.

    Raises RefusedError where it needs a password, has too many pages or expands too much; otherwise what pikepdf
    raises.
    """
    del media_type
    _see_the_end(source)
    try:
        pdf = Pdf.open(source, access_mode=pikepdf.AccessMode.stream)
    except pikepdf.PasswordError:
        raise RefusedError("PASSWORD") from None
    with pdf:
        pages = len(pdf.pages)
        if pages > MOST_PAGES:
            raise RefusedError("TOO_MANY_PAGES")
        if not pages or len(pdf.objects) > MOST_OBJECTS:
            raise RefusedError("UNREADABLE")
        left = ALL_STREAMS_BYTES
        for container in _containers(pdf):
            if isinstance(container, Stream):
                left -= _expanded_size(container, min(left, STREAM_BYTES))
            _clean_container(container)
        _clean_catalog(pdf)
        for page in pdf.pages:
            _clean_annotations(page.obj)
        for key in set(pdf.trailer.keys()) - TRAILER:
            del pdf.trailer[key]
        try:
            pdf.save(
                target,
                encryption=False,
                object_stream_mode=ObjectStreamMode.generate,
                stream_decode_level=StreamDecodeLevel.none,
                fix_metadata_version=False,
                # The same PDF sent twice is one file: without this its /ID would hold the time.
                deterministic_id=True,
            )
        except OSError as error:
            raise RefusedError("RESULT_TOO_LARGE") from error
    if target.tell() > limit:
        raise RefusedError("RESULT_TOO_LARGE")


def _see_the_end(source: BinaryIO) -> None:
    """A file cut off on its way has no end mark. qpdf would repair it, and pages would be missing unnoticed."""
    content = source.read().rstrip(b"\0\t\n\f\r ")
    source.seek(0)
    if END_MARK not in content[-END_BYTES:]:
        raise RefusedError("UNREADABLE")


def _containers(pdf: Pdf) -> Iterator[Any]:
    """Every dictionary, stream and array of the file, also those that nothing refers to; each once."""
    for root in pdf.objects:
        waiting: list[Any] = [root]
        while waiting:
            container = waiting.pop()
            if not isinstance(container, Dictionary | Stream | Array):
                continue
            yield container
            # What an indirect object refers to comes by itself.
            inner = container if isinstance(container, Array) else container.values()
            waiting += [value for value in inner if not _is_reference(value)]


def _is_reference(value: Any) -> bool:
    return isinstance(value, pikepdf.Object) and value.is_indirect


def _clean_container(container: Any) -> None:
    if isinstance(container, Array):
        return
    keys = container.keys()
    if keys.isdisjoint(TELLING_KEYS):
        return
    if _is_forbidden(container, keys):
        _empty(container)
        return
    for key in FORBIDDEN_KEYS.intersection(keys):
        del container[key]
    if "/S" in keys and "/Next" in keys:
        # An action that others follow. (Items of an outline have a next one, too, and no /S.)
        del container["/Next"]
    if "/URI" in keys and not _is_link(container["/URI"]):
        del container["/URI"]
    if "/F" in keys and (isinstance(container, Stream) or isinstance(container["/F"], pikepdf.String)):
        # A stream whose bytes are in another file; any other object that names a file.
        del container["/F"]
    if "/V" in keys and _name(container, "/FT") == "/Sig":
        del container["/V"]
    # In the structure tree, /A holds attributes; there it has no /S.
    action = container["/A"] if "/A" in keys else None
    if isinstance(action, Dictionary) and "/S" in action and not _is_harmless_action(action):
        del container["/A"]


def _is_forbidden(container: Any, keys: set[str]) -> bool:
    kind = _name(container, "/S") if "/S" in keys else None
    return (
        kind in FORBIDDEN_ACTIONS
        or (kind in {"/URI", "/Named"} and not _is_harmless_action(container))
        or ("/Subtype" in keys and _name(container, "/Subtype") in FORBIDDEN_SUBTYPES)
        or ("/Type" in keys and _name(container, "/Type") in FORBIDDEN_TYPES)
        or not MARKS_OF_THE_FORBIDDEN.isdisjoint(keys)
    )


def _is_harmless_action(action: Any) -> bool:
    kind = _name(action, "/S")
    return (
        kind == "/GoTo"
        or (kind == "/URI" and _is_link(action.get("/URI")))
        or (kind == "/Named" and _name(action, "/N") in NAMED_ACTIONS)
    )


def _is_link(value: Any) -> bool:
    return isinstance(value, pikepdf.String) and LINK.fullmatch(bytes(value)) is not None


def _name(container: Any, key: str) -> str | None:
    value = container.get(key)
    if isinstance(value, pikepdf.String):
        # Some readers take a string for a name (PDFium does for the kind of an action).
        return f"/{value}"
    return str(value) if isinstance(value, Name) else None


def _empty(container: Any) -> None:
    if isinstance(container, Stream):
        container.write(b"")
    for key in set(container.keys()) - {"/Length"}:
        del container[key]


def _clean_catalog(pdf: Pdf) -> None:
    catalog = pdf.Root
    names, opening = catalog.get("/Names"), _opening(catalog.get("/OpenAction"))
    for key in set(catalog.keys()) - CATALOG:
        del catalog[key]
    if isinstance(names, Dictionary) and isinstance(names.get("/Dests"), Dictionary):
        catalog["/Names"] = Dictionary({"/Dests": names["/Dests"]})
    if opening is not None:
        catalog["/OpenAction"] = opening
    if _name(catalog, "/PageMode") == "/UseAttachments":
        del catalog["/PageMode"]


def _opening(action: Any) -> Any:
    """Where the document opens: a destination, also where an action leads to it; None where it does anything else."""
    if isinstance(action, Array):
        return action
    if isinstance(action, Dictionary) and _name(action, "/S") == "/GoTo" and "/D" in action:
        return Dictionary({"/S": Name.GoTo, "/D": action["/D"]})
    return None


def _clean_annotations(page: Any) -> None:
    annotations = page.get("/Annots")
    if annotations is None:
        return
    kept = []
    if isinstance(annotations, Array):
        kept = [
            one
            for one in iter(annotations)
            if isinstance(one, Dictionary) and _name(one, "/Subtype") in ANNOTATIONS
        ]
    if kept:
        page["/Annots"] = Array(kept)
    else:
        del page["/Annots"]


def _expanded_size(stream: Any, most: int) -> int:
    """Bytes of a stream once decompressed, found without keeping them. Raises RefusedError above `most`."""
    filters = stream.get("/Filter")
    names = [
        str(one) for one in (filters if isinstance(filters, Array) else [filters]) if isinstance(one, Name)
    ]
    inflating = [name in _INFLATED for name in names]
    if not any(name in _INFLATED | _OTHER_EXPANDING for name in names):
        return 0
    size = 0
    if inflating[0] and not _OTHER_EXPANDING.intersection(names):
        chunks: Iterator[bytes] = iter([stream.read_raw_bytes()])
        for _ in range(inflating.index(False) if False in inflating else len(inflating)):
            chunks = _inflate(chunks)
        for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise RefusedError("EXPANDS")
        return size
    try:
        size = len(stream.read_bytes(StreamDecodeLevel.specialized))
    except pikepdf.PdfError:
        # More than the memory there is, damaged, or an odd chain of filters that ends in a picture.
        raise RefusedError("UNREADABLE") from None
    if size > most:
        raise RefusedError("EXPANDS")
    return size


def _inflate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = zlib.decompressobj()
    for chunk in chunks:
        rest = chunk
        while rest and not decoder.eof:
            try:
                inflated = decoder.decompress(rest, 1 << 20)
            except zlib.error:
                # Damaged: readers show what came before, so that is what counts.
                return
            yield inflated
            rest = decoder.unconsumed_tail
