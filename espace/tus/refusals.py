"""Why a tus request is refused: a status for programs, a text for people."""

from __future__ import annotations

from collections.abc import Mapping

from core.i18n import Text

VERSION = "1.0.0"


class RefusedUploadError(Exception):
    """`status` is the HTTP status, with `headers`."""

    def __init__(self, status: int, text: Text, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text.en)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


def wrong_version() -> RefusedUploadError:
    return RefusedUploadError(412, _WRONG_VERSION, {"Tus-Version": VERSION})


def wrong_method(allowed: str) -> RefusedUploadError:
    return RefusedUploadError(405, _WRONG_METHOD.format(allowed=allowed), {"Allow": allowed})


def wrong_body_type() -> RefusedUploadError:
    return RefusedUploadError(415, _WRONG_BODY_TYPE)


def no_offset() -> RefusedUploadError:
    return RefusedUploadError(400, _NO_OFFSET)


def absent() -> RefusedUploadError:
    return RefusedUploadError(404, _ABSENT)


def expired() -> RefusedUploadError:
    return RefusedUploadError(410, _EXPIRED)


def wrong_offset() -> RefusedUploadError:
    return RefusedUploadError(409, _WRONG_OFFSET)


def nameless() -> RefusedUploadError:
    return RefusedUploadError(400, _NAMELESS)


def more_than_announced() -> RefusedUploadError:
    """A body that goes beyond the upload's end. What is left of it is not read."""
    return RefusedUploadError(413, _MORE_THAN_ANNOUNCED)


def too_slow() -> RefusedUploadError:
    """503 rather than 408: clients of tus retry the one and give up on the other."""
    return RefusedUploadError(503, _TOO_SLOW, {"Retry-After": "1"})


def cut_off() -> RefusedUploadError:
    """Nobody is there any more to read it."""
    return RefusedUploadError(400, _CUT_OFF)


def checksum_mismatch() -> RefusedUploadError:
    return RefusedUploadError(460, _CHECKSUM_MISMATCH)


_WRONG_VERSION = Text(
    fr="Cette adresse parle tus 1.0.0 : envoyez l’en-tête Tus-Resumable: 1.0.0.",
    en="This address speaks tus 1.0.0: send the header Tus-Resumable: 1.0.0.",
)
_WRONG_METHOD = Text(fr="Cette adresse accepte {allowed}.", en="This address takes {allowed}.")
_WRONG_BODY_TYPE = Text(
    fr="Envoyez les octets en Content-Type: application/offset+octet-stream.",
    en="Send the bytes as Content-Type: application/offset+octet-stream.",
)
_NO_OFFSET = Text(
    fr="Dites à partir de quel octet l’envoi continue : Upload-Offset.",
    en="Say from which byte the upload goes on: Upload-Offset.",
)
_ABSENT = Text(
    fr="Cet envoi est introuvable. Commencez-en un nouveau, ou connectez-vous avec le compte concerné.",
    en="This upload cannot be found. Begin a new one, or log in with the account it belongs to.",
)
_EXPIRED = Text(
    fr="Cet envoi a expiré. Commencez-en un nouveau.",
    en="This upload has expired. Begin a new one.",
)
_WRONG_OFFSET = Text(
    fr="L’envoi n’en est pas là. Demandez où il en est (HEAD), puis continuez à partir de cet octet.",
    en="The upload does not stand there. Ask where it stands (HEAD), then go on from that byte.",
)
_NAMELESS = Text(
    fr="Dites comment le fichier s’appelle : Upload-Metadata avec filename, et filetype si vous le connaissez.",
    en="Say what the file is called: Upload-Metadata with filename, and filetype where you know it.",
)
_MORE_THAN_ANNOUNCED = Text(
    fr="Il vient plus d’octets que le fichier n’en annonçait. Commencez un nouvel envoi avec la bonne longueur.",
    en="More bytes come than the file was announced with. Begin a new upload with the right length.",
)
_TOO_SLOW = Text(
    fr="L’envoi a pris trop de temps. Ce qui est arrivé est gardé : demandez où il en est (HEAD), puis continuez.",
    en="The upload took too long. What came in is kept: ask where it stands (HEAD), then go on.",
)
_CUT_OFF = Text(
    fr="L’envoi s’est interrompu. Demandez où il en est (HEAD), puis continuez.",
    en="The upload was cut off. Ask where it stands (HEAD), then go on.",
)
_CHECKSUM_MISMATCH = Text(
    fr="Les octets reçus ne correspondent pas à leur somme de contrôle. Envoyez-les de nouveau.",
    en="The bytes received do not match their checksum. Send them again.",
)
