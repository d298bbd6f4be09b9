"""What people send every day keeps its looks; only what does not show is gone."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pikepdf
import pypdfium2  # type: ignore[import-untyped]
import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from core.errors import FileRejectedError
from tests.uploads import hostile
from tests.uploads.hostile import HEIC, JPEG, PDF, PNG, WEBP, encoded, picture
from tests.uploads.looks import look_at
from tests.uploads.sending import checked


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures of one size, 0 to 255."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def transparent_palette() -> bytes:
    drawn = picture().quantize(8)
    index = drawn.getpixel((0, 0))
    assert isinstance(index, int)
    return encoded(drawn, "PNG", transparency=index)


@pytest.mark.parametrize(
    ("name", "media_type", "content"),
    [
        ("Photo d’été.JPG", JPEG, lambda: hostile.jpeg(quality=95)),
        ("photo.jpeg", "image/jpg", lambda: hostile.jpeg(quality=95, progressive=True)),
        ("photo.jpg", "image/pjpeg", lambda: encoded(picture().convert("CMYK"), "JPEG", quality=95)),
        ("photo.jpg", "", lambda: encoded(picture(), "JPEG", quality=95)),
        ("photo.jpg", "application/octet-stream", hostile.mpo),
        ("scan.png", PNG, hostile.png),
        ("scan.png", "image/PNG; charset=binary", lambda: encoded(picture().quantize(16), "PNG")),
        ("scan.png", PNG, lambda: encoded(picture().convert("RGBA"), "PNG", interlace=1)),
        ("photo.webp", WEBP, lambda: hostile.webp(quality=95)),
        ("photo.webp", WEBP, lambda: hostile.webp(lossless=True)),
    ],
)
async def test_pictures_look_the_same(name: str, media_type: str, content: Callable[[], bytes]) -> None:
    sent = content()
    async with checked(sent, name, media_type) as (file, kept):
        assert file.name == name
        look_at(kept, file.media_type)
        assert difference(Image.open(BytesIO(kept)), picture()) < 6


async def test_grey_and_black_and_white_pictures_look_the_same() -> None:
    for mode in ("L", "1", "LA"):
        drawn = picture().convert("L").convert(mode)
        async with checked(encoded(drawn, "PNG"), "a.png", PNG) as (_, kept):
            assert difference(Image.open(BytesIO(kept)), drawn) == 0


async def test_sixteen_bits_of_grey_are_kept() -> None:
    drawn = Image.linear_gradient("L").convert("I").point(lambda value: value * 257).convert("I;16")
    async with checked(encoded(drawn, "PNG"), "a.png", PNG) as (_, kept):
        assert Image.open(BytesIO(kept)).tobytes() == drawn.tobytes()


async def test_transparency_is_kept() -> None:
    async with checked(transparent_palette(), "a.png", PNG) as (_, kept):
        drawn = Image.open(BytesIO(kept)).convert("RGBA")
        assert drawn.getpixel((0, 0))[3] == 0  # type: ignore[index]
        assert drawn.getpixel((63, 47)) == (240, 240, 240, 255)


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_photograph_is_kept_upright(orientation: int) -> None:
    metadata = hostile.exif()
    metadata[0x0112] = orientation
    sent = encoded(picture(), "JPEG", quality=95, exif=metadata.tobytes())
    upright = ImageOps.exif_transpose(Image.open(BytesIO(sent)))
    async with checked(sent, "a.jpg", JPEG) as (file, kept):
        look_at(kept, file.media_type)
        assert difference(Image.open(BytesIO(kept)), upright) < 4


def profile_with_red_and_blue_swapped() -> bytes:
    """sRGB, with the entries of two of its tags exchanged (ICC.1:2022, 7.3: signature, offset, size)."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"xxxx", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"xxxx", b"bXYZ", 1)


@pytest.mark.parametrize("media_type", [PNG, JPEG])
async def test_colours_of_a_profile_are_turned_into_those_of_the_web(media_type: str) -> None:
    profile = profile_with_red_and_blue_swapped()
    if media_type == PNG:
        sent, name = hostile.png(icc_profile=profile), "a.png"
    else:
        sent, name = hostile.jpeg(icc_profile=profile, quality=95), "a.jpg"
    red, green, blue = picture().split()
    async with checked(sent, name, media_type) as (file, kept):
        look_at(kept, file.media_type)
        seen = Image.open(BytesIO(kept))
        assert difference(seen, Image.merge("RGB", (blue, green, red))) < 8
        assert difference(seen, picture()) > 30


async def test_a_heic_picture_becomes_a_jpeg() -> None:
    for media_type in (HEIC, "image/heif", ""):
        async with checked(hostile.heic(), "IMG_0001.HEIC", media_type) as (file, kept):
            assert (file.name, file.media_type) == ("IMG_0001.jpg", JPEG)
            look_at(kept, file.media_type)
            assert difference(Image.open(BytesIO(kept)), picture()) < 8


async def test_a_name_without_an_extension_is_given_one() -> None:
    async with checked(hostile.pdf(), "fiche de paie", PDF) as (file, _):
        assert file.name == "fiche de paie.pdf"
    with pytest.raises(FileRejectedError) as refusal:
        async with checked(hostile.pdf(), "fiche de paie", ""):
            pass
    assert refusal.value.reason == "TYPE_NOT_ACCEPTED"


def everyday(pdf: pikepdf.Pdf) -> None:
    first, second = pdf.pages[0].obj, pdf.pages[1].obj
    for uri in ("https://www.saint-aubin.example/?a=b#c", "http://example.fr/", "mailto:mairie@example.fr"):
        hostile.annotate(pdf, A=hostile.action("URI", URI=String(uri)))
    hostile.annotate(pdf, A=hostile.action("GoTo", D=Array([second, Name.Fit])))
    hostile.annotate(pdf, A=hostile.action("Named", N=Name.NextPage))
    hostile.annotate(pdf, Subtype=Name.Text, Contents=String("à vérifier"))
    item = pdf.make_indirect(Dictionary(Title=String("Page 2"), Dest=Array([second, Name.Fit])))
    outlines = pdf.make_indirect(Dictionary(Type=Name.Outlines, First=item, Last=item, Count=1))
    item.Parent = outlines
    pdf.Root.Outlines = outlines
    pdf.Root.OpenAction = hostile.action("GoTo", D=Array([first, Name.Fit]))
    pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([String("deux"), Array([second, Name.Fit])])))
    pdf.Root.Lang = String("fr-FR")
    field = hostile.annotate(pdf, Subtype=Name.Widget, FT=Name.Tx, T=String("nom"), V=String("Élise"))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))


async def test_a_pdf_keeps_its_pages_text_links_and_form() -> None:
    made = hostile.new_pdf(3)
    everyday(made)
    sent = hostile.saved(made)
    async with checked(sent, "Fiche d’imposition.pdf", "application/x-pdf") as (file, kept):
        assert (file.name, file.media_type) == ("Fiche d’imposition.pdf", PDF)
        look_at(kept, PDF)
        before, after = pypdfium2.PdfDocument(sent), pypdfium2.PdfDocument(kept)
        assert len(after) == 3
        for number in range(3):
            assert after[number].get_textpage().get_text_range() == f"Bonjour {number + 1}"
            drawings = [document[number].render().to_pil() for document in (before, after)]
            assert drawings[0].tobytes() == drawings[1].tobytes()
        assert [item.get_title() for item in after.get_toc()] == ["Page 2"]
        for document in (before, after):
            document.close()
        with pikepdf.open(BytesIO(kept)) as pdf:
            annotations = list(iter(pdf.pages[0].obj.Annots))
            links = [bytes(one.A.URI).decode() for one in annotations if "/URI" in one.get("/A", {})]
            assert links == [
                "https://www.saint-aubin.example/?a=b#c",
                "http://example.fr/",
                "mailto:mairie@example.fr",
            ]
            assert [str(one.A.S) for one in annotations if "/A" in one][3:] == ["/GoTo", "/Named"]
            assert str(pdf.Root.AcroForm.Fields[0].V) == "Élise"
            assert pdf.Root.OpenAction.D[0].objgen == pdf.pages[0].obj.objgen
            assert str(pdf.Root.Names.Dests.Names[0]) == "deux"
            assert str(pdf.Root.Lang) == "fr-FR"


async def test_checking_twice_takes_nothing_more_from_a_pdf() -> None:
    made = hostile.new_pdf(2)
    everyday(made)
    async with checked(hostile.saved(made)) as (_, once), checked(once) as (_, twice):
        with pikepdf.open(BytesIO(once)) as one, pikepdf.open(BytesIO(twice)) as other:
            assert len(one.objects) == len(other.objects)


async def test_a_picture_is_scaled_down_until_it_may_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.settings import get_settings

    sent = encoded(Image.effect_noise((600, 600), 100).convert("RGB"), "JPEG", quality=5)
    limit = len(sent) + 1
    monkeypatch.setenv("ESPACE_UPLOAD_FILE_BYTES", str(limit))
    get_settings.cache_clear()
    try:
        async with checked(sent, "a.jpg", JPEG) as (file, kept):
            assert file.size == len(kept) <= limit
            assert Image.open(BytesIO(kept)).width < 600
        with pytest.raises(FileRejectedError) as refusal:
            async with checked(sent + b"\0\0", "a.jpg", JPEG):
                pass
        assert refusal.value.reason == "TOO_LARGE"
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
