"""What the headers of a tus request say."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from starlette.datastructures import Headers

from core.i18n import Text
from espace.tus.refusals import RefusedUploadError

BODY_TYPE = "application/offset+octet-stream"
CHECKSUM_LENGTHS: Mapping[str, int] = {"sha1": 20, "sha256": 32}
"""Algorithms of Upload-Checksum → the bytes of their checksums."""

# More digits are no length of anything, and int() takes its time for thousands of them.
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the body of this one request must come to."""

    algorithm: str
    digest: bytes


def number(headers: Headers, name: str) -> int | None:
    """The non-negative integer of a header; None where it is not sent. Raises RefusedUploadError (400)."""
    value = headers.get(name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise RefusedUploadError(400, _NO_NUMBER.format(name=name))
    return int(value)


def announced_length(headers: Headers) -> int:
    """Upload-Length. Raises RefusedUploadError (400): no file may be of unknown length, or come as several uploads."""
    if "upload-defer-length" in headers or "upload-concat" in headers:
        raise RefusedUploadError(400, _NO_LENGTH)
    length = number(headers, "Upload-Length")
    if length is None:
        raise RefusedUploadError(400, _NO_LENGTH)
    return length


def media_type(headers: Headers) -> str:
    """Content-Type, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def has_body(headers: Headers) -> bool:
    """Whether bytes follow (RFC 9112, 6.3)."""
    return "transfer-encoding" in headers or headers.get("content-length", "0").strip("0") != ""


def checksum(headers: Headers) -> Checksum | None:
    """Upload-Checksum. Raises RefusedUploadError (400) for an algorithm that we do not have, and for what is none."""
    value = headers.get("upload-checksum")
    if value is None:
        return None
    algorithm, _, encoded = value.partition(" ")
    digest = _decode(encoded)
    if algorithm not in CHECKSUM_LENGTHS or digest is None or len(digest) != CHECKSUM_LENGTHS[algorithm]:
        raise RefusedUploadError(400, _WRONG_CHECKSUM)
    return Checksum(algorithm, digest)


def metadata(headers: Headers) -> dict[str, str]:
    """The `filename` and `filetype` in Upload-Metadata. Raises RefusedUploadError (400) where any pair is not one."""
    known: dict[str, str] = {}
    keys: set[str] = set()
    for pair in filter(None, (part.strip() for part in headers.get("upload-metadata", "").split(","))):
        key, _, encoded = pair.partition(" ")
        value = _decode(encoded)
        if value is None or key in keys:
            raise RefusedUploadError(400, _WRONG_METADATA)
        keys.add(key)
        if key in ("filename", "filetype"):
            try:
                known[key] = value.decode()
            except UnicodeDecodeError:
                raise RefusedUploadError(400, _WRONG_METADATA) from None
    return known


def metadata_header(name: str, media_type: str) -> str:
    """Upload-Metadata of an answer."""
    pairs = {"filename": name, "filetype": media_type}
    return ",".join(
        f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items() if value
    )


def http_date(instant: datetime) -> str:
    """RFC 9110, 5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return format_datetime(instant, usegmt=True)


def _decode(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded.strip(" "), validate=True)
    except (binascii.Error, ValueError):
        return None


_NO_NUMBER = Text(
    fr="L’en-tête {name} doit être un nombre entier d’octets, positif ou nul.",
    en="The header {name} must be a non-negative integer of bytes.",
)
_NO_LENGTH = Text(
    fr="Dites dès le début combien d’octets le fichier compte : Upload-Length. La longueur ne peut pas être donnée "
    "plus tard (Upload-Defer-Length), ni le fichier envoyé en plusieurs morceaux parallèles (Upload-Concat).",
    en="Say from the start how many bytes the file has: Upload-Length. The length cannot be given later "
    "(Upload-Defer-Length), nor the file be sent as several parallel pieces (Upload-Concat).",
)
_WRONG_CHECKSUM = Text(
    fr="Upload-Checksum doit être sha1 ou sha256, une espace, et la somme de contrôle en Base64.",
    en="Upload-Checksum must be sha1 or sha256, a space, and the checksum in Base64.",
)
_WRONG_METADATA = Text(
    fr="Upload-Metadata doit être une suite de clés uniques et de valeurs en Base64, séparées par des virgules ; "
    "filename et filetype sont en UTF-8.",
    en="Upload-Metadata must be a list of unique keys with values in Base64, separated by commas; filename and "
    "filetype are in UTF-8.",
)
