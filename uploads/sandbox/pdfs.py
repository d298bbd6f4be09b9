"""PDFs, written anew without anything active. Runs in the sandbox.

Everything is looked for in every object of the file, wherever it hangs, not only where readers would look: what is
known to be harmless in the places that readers start from (the catalog, actions, annotations) stays, and the rest goes.
Sources: ISO 32000-2, tables 29 (catalog), 166 and 171 (annotations), 198 to 220 (actions).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf, Stream, StreamDecodeLevel

from uploads.sandbox.orders import RefusedError

MOST_PAGES = 500
MOST_OBJECTS = 500_000
STREAM_BYTES = 256 * 1024 * 1024
"""What one stream may hold once decompressed; a page scanned in colour at 600 dots per inch holds 100 MB."""
ALL_STREAMS_BYTES = 1024 * 1024 * 1024

END_MARK = b"%%EOF"
END_BYTES = 1024
"""How near to the end of a file readers look for END_MARK (ISO 32000-1, annex H, note 18)."""

CATALOG = frozenset(
    {
        *(
            "/Type",
            "/Pages",
            "/PageLabels",
            "/Dests",
            "/ViewerPreferences",
            "/PageLayout",
            "/PageMode",
            "/Outlines",
        ),
        *(
            "/AcroForm",
            "/StructTreeRoot",
            "/MarkInfo",
            "/Lang",
            "/OCProperties",
            "/OutputIntents",
            "/Version",
        ),
    }
)
"""What of the catalog is kept, besides destinations by name and an OpenAction that only shows a page."""

TRAILER = frozenset(
    {"/Root", "/Size", "/ID", "/Prev", "/XRefStm", "/Type", "/W", "/Index", "/Length", "/Filter"}
)

FORBIDDEN_KEYS = frozenset(
    {
        # Scripts, and what sets actions off by itself.
        *(
            "/JS",
            "/JavaScript",
            "/AA",
            "/PA",
            "/NA",
            "/PresSteps",
            "/XFA",
            "/NeedsRendering",
            "/Requirements",
        ),
        # Other files, inside and outside.
        *("/EmbeddedFiles", "/EmbeddedFile", "/EF", "/RF", "/AF", "/Collection", "/FFilter", "/FDecodeParms"),
        *(
            "/OPI",
            "/Ref",
            "/Alternates",
            "/WebCapture",
            "/SpiderInfo",
            "/AlternatePresentations",
            "/Templates",
        ),
        # Sound, film, three dimensions.
        *(
            "/Renditions",
            "/Rendition",
            "/RichMediaContent",
            "/RichMediaSettings",
            "/RichMediaExecute",
            "/Movie",
        ),
        *("/Sound", "/3DD", "/3DV", "/3DA"),
        # Metadata, and what programs keep for themselves.
        *("/Metadata", "/PieceInfo", "/Perms", "/DSS", "/Legal", "/SigFlags"),
    }
)

FORBIDDEN_ACTIONS = frozenset(
    {
        *(
            "/JavaScript",
            "/Launch",
            "/SubmitForm",
            "/ResetForm",
            "/ImportData",
            "/GoToR",
            "/GoToE",
            "/GoToDp",
        ),
        *(
            "/Rendition",
            "/Movie",
            "/Sound",
            "/GoTo3DView",
            "/RichMediaExecute",
            "/Thread",
            "/Hide",
            "/SetOCGState",
        ),
    }
)
FORBIDDEN_SUBTYPES = frozenset(
    {"/FileAttachment", "/Sound", "/Movie", "/Screen", "/RichMedia", "/3D", "/TrapNet", "/Projection", "/PS"}
    | {"/U3D", "/PRC"}
)
"""Of annotations, and of the streams that they show; PostScript XObjects, which printers would run."""

FORBIDDEN_TYPES = frozenset(
    {"/EmbeddedFile", "/Filespec", "/F", "/Metadata", "/Rendition", "/MediaClip", "/Sound", "/SigRef", "/Sig"}
    | {"/DocTimeStamp", "/Collection", "/NavNode", "/RichMedia", "/3D", "/3DRef"}
)

MARKS_OF_THE_FORBIDDEN = frozenset({"/EF", "/UF", "/ByteRange"})
"""Keys that only file specifications and signatures have: both may do without a type."""

ANNOTATIONS = frozenset(
    {
        "/Text",
        "/Link",
        "/FreeText",
        "/Line",
        "/Square",
        "/Circle",
        "/Polygon",
        "/PolyLine",
        "/Highlight",
        "/Underline",
    }
    | {"/Squiggly", "/StrikeOut", "/Stamp", "/Caret", "/Ink", "/Popup", "/Widget", "/Redact", "/Watermark"}
)

NAMED_ACTIONS = frozenset({"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"})
LINK = re.compile(rb"(?i:https?://|mailto:)[\x21-\x7e]+")

_INFLATED = frozenset({"/FlateDecode", "/Fl"})
_OTHER_EXPANDING = frozenset({"/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"})


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
                # Otherwise it asks the disk for random numbers.
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
    if _is_forbidden(container):
        _empty(container)
        return
    for key in FORBIDDEN_KEYS.intersection(container.keys()):
        del container[key]
    if "/S" in container and "/Next" in container:
        # An action that others follow. (Items of an outline have a next one, too, and no /S.)
        del container["/Next"]
    if "/URI" in container and not _is_link(container["/URI"]):
        del container["/URI"]
    if "/F" in container and (isinstance(container, Stream) or isinstance(container["/F"], pikepdf.String)):
        # A stream whose bytes are in another file; any other object that names a file.
        del container["/F"]
    if _name(container, "/FT") == "/Sig" and "/V" in container:
        del container["/V"]
    # In the structure tree, /A holds attributes; there it has no /S.
    action = container.get("/A")
    if isinstance(action, Dictionary) and "/S" in action and not _is_harmless_action(action):
        del container["/A"]


def _is_forbidden(container: Any) -> bool:
    return (
        _name(container, "/S") in FORBIDDEN_ACTIONS
        or _name(container, "/Subtype") in FORBIDDEN_SUBTYPES
        or _name(container, "/Type") in FORBIDDEN_TYPES
        or not MARKS_OF_THE_FORBIDDEN.isdisjoint(container.keys())
        or (_name(container, "/S") in {"/URI", "/Named"} and not _is_harmless_action(container))
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
    except MemoryError:
        raise RefusedError("EXPANDS") from None
    except pikepdf.PdfError:
        # Ends in something that is no compression (a JPEG picture), or is damaged: readers show what there is.
        return 0
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
