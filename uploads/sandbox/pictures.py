"""Pictures, drawn anew from their pixels. Runs in the sandbox."""

from __future__ import annotations

import math
from io import BytesIO
from typing import IO, Any

from PIL import Image, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.Image import Transpose

from uploads.sandbox.orders import RefusedError

MOST_PIXELS = 50_000_000
LONGEST_SIDE = 20_000

JPEG_QUALITIES = (85, 75, 65)
"""Tried in this order until the picture is small enough; then it is scaled down."""

ORIENTATION = 0x0112
_UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""EXIF 2.32, table 4: the value of Orientation → what makes the picture upright."""

# The limit is ours, told apart from other failures.
Image.MAX_IMAGE_PIXELS = None

# Everything is imported before the sandbox closes: Pillow would come back for these (TiffImagePlugin reads EXIF).
Image.preinit()
_PRELOADED = (TiffImagePlugin,)


def open_picture(source: IO[bytes], media_type: str, near: int | None = None) -> Image.Image:
    """The picture as `make_plain` gives it, of a JPEG, PNG or WebP file.

    Where `near` is given, a JPEG may come smaller, though not much smaller than `near` pixels on each side.
    Raises what `make_plain` raises.
    """
    picture = _open(source, media_type)
    _see_the_size(picture)
    if near:
        picture.draft(None, (near, near))
    return make_plain(picture)


def make_plain(picture: Image.Image) -> Image.Image:
    """The first frame, upright, in sRGB, without anything that is not a pixel: mode L, LA, RGB, RGBA or I;16.

    Raises RefusedError where it has too many pixels (nothing is decoded then); whatever Pillow raises otherwise.
    """
    _see_the_size(picture)
    picture.load()
    orientation = _orientation(picture)
    profile = picture.info.get("icc_profile")
    picture = _in_srgb(_in_plain_mode(picture), profile)
    if orientation in _UPRIGHT:
        picture = picture.transpose(_UPRIGHT[orientation])
    # Pillow saves some of it (comments, profiles) without being asked.
    picture.info = {}
    return picture


def clean(source: IO[bytes], target: IO[bytes], *, media_type: str, limit: int) -> None:
    """Writes the picture as JPEG, PNG or WebP, scaled down until it takes at most `limit` bytes."""
    target.write(encode_within(open_picture(source, media_type), media_type, limit))


def encode_within(picture: Image.Image, media_type: str, limit: int) -> bytes:
    """The picture as PNG or WebP where it was one, otherwise as JPEG, in at most `limit` bytes."""
    while (encoded := _encode(picture, media_type, limit)) is None:
        if min(picture.size) < 2:
            raise RefusedError("RESULT_TOO_LARGE")
        picture = picture.resize((math.ceil(picture.width * 0.7), math.ceil(picture.height * 0.7)))
    return encoded


def _see_the_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise RefusedError("TOO_MANY_PIXELS")


def on_white(picture: Image.Image) -> Image.Image:
    """The picture in RGB, white where it was transparent."""
    if picture.mode not in {"LA", "RGBA"}:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(picture, mask=picture.getchannel("A"))
    return paper


def _open(source: IO[bytes], media_type: str) -> Image.Image:
    """By the plugin of that type and no other, whatever else the bytes may be."""
    if media_type == "image/jpeg":
        # Phones append further pictures to a JPEG (Multi-Picture Format): the first is a JPEG like any other.
        return JpegImagePlugin.JpegImageFile(source)
    if media_type == "image/png":
        return PngImagePlugin.PngImageFile(source)
    if media_type == "image/webp":
        return WebPImagePlugin.WebPImageFile(source)
    raise ValueError(media_type)


def _orientation(picture: Image.Image) -> Any:
    try:
        return picture.getexif().get(ORIENTATION)
    except Exception:  # noqa: BLE001 - metadata that cannot be read is no metadata; the pixels are what counts
        return None


def _in_plain_mode(picture: Image.Image) -> Image.Image:
    """In one of the modes that `make_plain` names, or in CMYK. Transparency by a colour becomes an alpha channel."""
    if picture.mode == "I":
        return picture.convert("I;16")
    if picture.mode in {"I;16", "CMYK", "LA", "RGBA"}:
        return picture
    if picture.mode == "I;16B":
        return picture.convert("I").convert("I;16")
    if "transparency" in picture.info:
        return picture.convert("LA" if picture.mode in {"1", "L"} else "RGBA")
    if picture.mode in {"1", "L"}:
        return picture.convert("L")
    return picture.convert("RGBA" if picture.mode in {"PA", "La", "RGBa"} else "RGB")


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as they look by the profile, which is not kept. One that makes no sense is passed over."""
    if profile and picture.mode in {"RGB", "RGBA", "CMYK"}:
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        try:
            described = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, described, ImageCms.createProfile("sRGB"), outputMode=mode
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
        else:
            assert converted is not None
            return converted
    return picture.convert("RGB") if picture.mode == "CMYK" else picture


def _encode(picture: Image.Image, media_type: str, limit: int) -> bytes | None:
    """The picture as it is kept; None where it takes more than `limit` bytes."""
    if media_type == "image/png":
        encoded = _save(picture, "PNG")
        return encoded if len(encoded) <= limit else None
    for quality in JPEG_QUALITIES:
        if media_type == "image/webp":
            encoded = _save(picture, "WEBP", quality=quality, method=2)
        else:
            encoded = _save(on_white(picture), "JPEG", quality=quality)
        if len(encoded) <= limit:
            return encoded
    return None


def _save(picture: Image.Image, encoder: str, **options: int) -> bytes:
    encoded = BytesIO()
    picture.save(encoded, encoder, **options)
    return encoded.getvalue()
