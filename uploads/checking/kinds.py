"""The kinds of file that are taken: PDFs and pictures. No archives, nor anything that is one inside (Office, EPUB)."""

from __future__ import annotations

from collections.abc import Mapping

EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "image/heic": ("heic", "heif"),
}
"""Media type → the extensions that names of such files may have, the usual one first."""

ACCEPTED_MEDIA_TYPES: tuple[str, ...] = tuple(EXTENSIONS)

KEPT_AS: Mapping[str, str] = {**{kind: kind for kind in EXTENSIONS}, "image/heic": "image/jpeg"}
"""Media type as received → as kept. Few browsers and desktops show HEIC, which iPhones take their pictures in."""

ALIASES: Mapping[str, str] = {
    "application/x-pdf": "application/pdf",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
}
"""Other words that browsers and phones have for the same types."""

NOTHING_DECLARED = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""What is sent where a phone or a browser does not know the type: then the extension alone decides."""

_BY_EXTENSION = {extension: kind for kind, extensions in EXTENSIONS.items() for extension in extensions}


def kind_of_extension(extension: str) -> str | None:
    """The media type that an extension (without its dot, any case) stands for; None where it is not taken."""
    return _BY_EXTENSION.get(extension.lower())


def kind_of_declared(media_type: str) -> str | None:
    """The media type that is meant; "" where nothing is said by it; None where it is not taken."""
    word = media_type.partition(";")[0].strip().lower()
    if word in NOTHING_DECLARED:
        return ""
    word = ALIASES.get(word, word)
    return word if word in EXTENSIONS else None
