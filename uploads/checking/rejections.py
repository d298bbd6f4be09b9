"""Why a file is not taken, in words that say what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import FileRejectedError, FileRejection
from core.i18n import Text
from uploads.sandbox.orders import Outcome

MEBIBYTE = 1024 * 1024

_KINDS = Text(
    fr="un PDF ou une image JPEG, PNG, WebP ou HEIC", en="a PDF, or a JPEG, PNG, WebP or HEIC picture"
)

_EMPTY = Text(
    fr="Ce fichier est vide. Vérifiez-le sur votre appareil, puis envoyez-le de nouveau.",
    en="This file is empty. Check it on your device, then send it again.",
)
_TOO_LARGE = Text(
    fr="Ce fichier dépasse {megabytes} Mo. Réduisez-le (moins de pages, numérisation en 150 ou 200 points par pouce), "
    "puis recommencez.",
    en="This file is larger than {megabytes} MB. Make it smaller (fewer pages, scanned at 150 or 200 dots per inch), "
    "then retry.",
)
_TYPE_NOT_ACCEPTED = Text(
    fr="Ce type de fichier n’est pas accepté. Envoyez {kinds}. Enregistrez un document de traitement de texte "
    "en PDF ; envoyez séparément les fichiers d’une archive.",
    en="This type of file is not accepted. Send {kinds}. Save a text document as a PDF; "
    "send the files of an archive one by one.",
).format(kinds=_KINDS)
_DOES_NOT_MATCH = Text(
    fr="Le contenu de ce fichier n’est pas celui que son nom annonce. N’en changez pas seulement l’extension : "
    "ouvrez-le, puis enregistrez-le en PDF ou en JPEG.",
    en="The content of this file is not what its name says. Do not only change its extension: "
    "open it, then save it as a PDF or a JPEG.",
)
_UNREADABLE = Text(
    fr="Ce fichier ne peut pas être lu : il est incomplet ou abîmé. Ouvrez-le sur votre appareil, enregistrez-le "
    "de nouveau en PDF ou en JPEG, puis recommencez.",
    en="This file cannot be read: it is incomplete or damaged. Open it on your device, save it again as a PDF or "
    "a JPEG, then retry.",
)

_OUTCOMES: Mapping[Outcome, tuple[FileRejection, Text]] = {
    "UNREADABLE": ("UNREADABLE", _UNREADABLE),
    "PASSWORD": (
        "UNREADABLE",
        Text(
            fr="Ce PDF est protégé par un mot de passe. Ouvrez-le, enregistrez-en une copie sans mot de passe "
            "(par exemple en l’imprimant en PDF), puis envoyez cette copie.",
            en="This PDF is protected by a password. Open it, save a copy without the password "
            "(by printing it to a PDF, for instance), then send that copy.",
        ),
    ),
    "TOO_MANY_PIXELS": (
        "TOO_LARGE",
        Text(
            fr="Cette image a trop de pixels. Réduisez ses dimensions (4000 pixels de large suffisent), "
            "puis recommencez.",
            en="This picture has too many pixels. Make it smaller (4000 pixels across will do), then retry.",
        ),
    ),
    "TOO_MANY_PAGES": (
        "TOO_LARGE",
        Text(
            fr="Ce PDF a trop de pages. Partagez-le en plusieurs fichiers ou n’envoyez que les pages demandées.",
            en="This PDF has too many pages. Split it into several files, or only send the pages asked for.",
        ),
    ),
    "EXPANDS": (
        "TOO_LARGE",
        Text(
            fr="Ce PDF contient trop de données une fois décompressé. Imprimez-le en PDF ou numérisez-le avec moins "
            "de points par pouce, puis recommencez.",
            en="This PDF holds too much data once decompressed. Print it to a PDF, or scan it with fewer dots per "
            "inch, then retry.",
        ),
    ),
}


def empty() -> FileRejectedError:
    return FileRejectedError("EMPTY", _EMPTY)


def too_large(limit: int) -> FileRejectedError:
    """`limit` in bytes."""
    return FileRejectedError("TOO_LARGE", _TOO_LARGE.format(megabytes=max(1, limit // MEBIBYTE)))


def type_not_accepted() -> FileRejectedError:
    return FileRejectedError("TYPE_NOT_ACCEPTED", _TYPE_NOT_ACCEPTED)


def content_does_not_match() -> FileRejectedError:
    return FileRejectedError("CONTENT_DOES_NOT_MATCH_TYPE", _DOES_NOT_MATCH)


def of_outcome(outcome: Outcome, limit: int) -> FileRejectedError:
    """What the sandbox has found, except DONE; `limit` (bytes) is that of the result."""
    if outcome == "RESULT_TOO_LARGE":
        return too_large(limit)
    return FileRejectedError(*_OUTCOMES[outcome])
