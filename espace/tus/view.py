"""`/uploads` and `/uploads/{id}`: one method of the protocol after the other.

`X-HTTP-Method-Override` counts where it is sent. Every answer says `Tus-Resumable`; a refusal says in a text why, and
what to do. Addresses are made of `public_url`, never of what a request says of its host.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing, closing

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from core.errors import (
    CallError,
    FileRejectedError,
    ForbiddenError,
    NotAllowedError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    UnauthenticatedError,
    UnavailableError,
)
from core.i18n import negotiate
from core.settings import Settings
from espace.early_answer import EarlyAnswer, WatchedBody
from espace.graphql.charging import charge_upload, charged
from espace.graphql.door import Door, sender_of_files
from espace.graphql.envelope import declared_size
from espace.graphql.responses import PROTECTION
from espace.tus import headers, refusals
from espace.tus.body import Continuation
from espace.tus.refusals import VERSION, RefusedUploadError
from models.ids import decode_as, encode
from resolvers.uploads import UploadState, create_upload, end_upload, find_upload
from schema.context import Context
from uploads.checking import announced_kind, rejections
from uploads.checking.names import normalise_name
from uploads.receiving import BodyTooLargeError, BodyTooSlowError, Seats, paced

EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
METHODS_OF_ALL = "POST, OPTIONS"
METHODS_OF_ONE = "HEAD, PATCH, DELETE, OPTIONS"


class TusView:
    """The protocol, for whoever the door lets in."""

    def __init__(self, settings: Settings, door: Door, seats: Seats) -> None:
        self.settings = settings
        self.door = door
        self.seats = seats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = WatchedBody(receive)
        request = Request(scope, body)
        language = negotiate(request.headers.get("accept-language"))
        try:
            response = await self._respond(request)
        except RefusedUploadError as error:
            response = PlainTextResponse(error.text.in_(language), error.status, error.headers)
        except (CallError, RefusedError) as error:
            status, more = self._status_of(error)
            response = PlainTextResponse(error.text.in_(language), status, more)
        response.headers.update({**PROTECTION, "Tus-Resumable": VERSION, "Content-Language": language})
        early = headers.has_body(request.headers) and not body.ended
        await (EarlyAnswer(response, body) if early else response)(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        method = request.headers.get("x-http-method-override", request.method).upper()
        named = request.path_params.get("id")
        if method == "OPTIONS":
            return self._capabilities()
        allowed = METHODS_OF_ALL if named is None else METHODS_OF_ONE
        if method not in allowed.split(", "):
            raise refusals.wrong_method(allowed)
        if request.headers.get("tus-resumable") != VERSION:
            raise refusals.wrong_version()
        context = await self._admit(request, method)
        actor = context.actor
        if named is None:
            return await self._create(request, context)
        id = decode_as("Upload", named)
        if id is None:
            raise refusals.absent()
        if method == "DELETE":
            if not await end_upload(actor, id):
                raise refusals.absent()
            return Response(status_code=204)
        if method == "PATCH" and headers.media_type(request.headers) != headers.BODY_TYPE:
            raise refusals.wrong_body_type()
        upload = await find_upload(actor, id)
        if upload is None:
            raise refusals.absent()
        if upload.expired:
            raise refusals.expired()
        return await self._continue(request, context, upload) if method == "PATCH" else _progress(upload)

    async def _admit(self, request: Request, method: str) -> Context:
        if method != "HEAD":
            self.door.check_forgery(request)
        context = await self.door.admit(request, negotiate(request.headers.get("accept-language")), "http")
        sender_of_files(context.actor)  # Refuses whoever has no files.
        await charge_upload(context)
        return context

    def _capabilities(self) -> Response:
        return Response(
            status_code=204,
            headers={
                "Tus-Version": VERSION,
                "Tus-Extension": EXTENSIONS,
                "Tus-Max-Size": str(self.settings.upload_file_bytes),
                "Tus-Checksum-Algorithm": ",".join(headers.CHECKSUM_LENGTHS),
            },
        )

    async def _create(self, request: Request, context: Context) -> Response:
        length = headers.announced_length(request.headers)
        if not length:
            raise rejections.empty()
        if length > self.settings.upload_file_bytes:
            raise rejections.too_large(self.settings.upload_file_bytes)
        name, media_type = _described(headers.metadata(request.headers))
        with_body = headers.has_body(request.headers)
        if with_body and headers.media_type(request.headers) != headers.BODY_TYPE:
            raise refusals.wrong_body_type()
        checksum = headers.checksum(request.headers)
        if (headers.number(request.headers, "Content-Length") or 0) > length:
            raise refusals.more_than_announced()
        upload = await create_upload(context.actor, name=name, media_type=media_type, length=length)
        offset = await self._receive_first(request, context, upload, checksum) if with_body else 0
        return Response(
            status_code=201,
            headers={
                "Location": f"{self.settings.public_url}/uploads/{encode('Upload', upload.id)}",
                "Upload-Offset": str(offset),
                "Upload-Expires": headers.http_date(upload.expires_with(offset)),
            },
        )

    async def _receive_first(
        self, request: Request, context: Context, upload: UploadState, checksum: headers.Checksum | None
    ) -> int:
        """Where an upload stands after the body that came with its creation.

        Where the client will not learn of the upload, there is none.
        """
        with closing(Continuation(context.actor, upload)) as continuation:
            try:
                await self._receive(request, context, continuation, upload, checksum)
            except RefusedUploadError:
                await end_upload(context.actor, upload.id)
                raise
            except (BodyTooSlowError, RateLimitedError, UnavailableError):
                pass  # The client goes on from what is stored.
            return continuation.offset

    async def _continue(self, request: Request, context: Context, upload: UploadState) -> Response:
        offset = headers.number(request.headers, "Upload-Offset")
        checksum = headers.checksum(request.headers)
        if offset is None:
            raise refusals.no_offset()
        if offset != upload.received:
            raise refusals.wrong_offset()
        if (headers.number(request.headers, "Content-Length") or 0) > upload.length - offset:
            raise refusals.more_than_announced()
        with closing(Continuation(context.actor, upload)) as continuation:
            try:
                await self._receive(request, context, continuation, upload, checksum)
            except BodyTooSlowError:
                raise refusals.too_slow() from None
        return Response(
            status_code=204,
            headers={
                "Upload-Offset": str(continuation.offset),
                "Upload-Expires": headers.http_date(upload.expires_with(continuation.offset)),
            },
        )

    def _status_of(self, error: CallError | RefusedError) -> tuple[int, dict[str, str]]:
        match error:
            case UnauthenticatedError():
                return 401, {"WWW-Authenticate": "Bearer"}
            case ForbiddenError():
                return 403, {}
            case NotFoundError():
                return 404, {}
            case FileRejectedError(reason="TOO_LARGE"):
                return 413, {"Tus-Max-Size": str(self.settings.upload_file_bytes)}
            case FileRejectedError(reason="EMPTY"):
                return 400, {}
            case FileRejectedError():
                return 415, {}
            case NotAllowedError():  # Too many uploads wait. No Retry-After: the caller has to do something.
                return 429, {}
            case RateLimitedError():
                return 429, {"Retry-After": str(error.retry_after_seconds)}
            case UnavailableError():
                return 503, {"Retry-After": "2"}
            case _:
                return 400, {}

    async def _receive(
        self,
        request: Request,
        context: Context,
        continuation: Continuation,
        upload: UploadState,
        checksum: headers.Checksum | None,
    ) -> None:
        async with (
            aclosing(charged(request.stream(), context, declared_size(request))) as stream,
            aclosing(
                paced(
                    stream,
                    timeout_seconds=self.settings.upload_timeout_seconds,
                    bytes_a_second=self.settings.upload_bytes_a_second,
                    limit=upload.length - upload.received,
                )
            ) as chunks,
        ):
            try:
                with self.seats.take(sender_of_files(continuation.actor)):
                    if checksum is None:
                        await continuation.take(chunks)
                    else:
                        await continuation.take_checked(chunks, checksum)
            except BodyTooLargeError:
                raise refusals.more_than_announced() from None
            except ClientDisconnect:
                raise refusals.cut_off() from None


def _progress(upload: UploadState) -> Response:
    return Response(
        headers={
            "Upload-Offset": str(upload.received),
            "Upload-Length": str(upload.length),
            "Upload-Metadata": headers.metadata_header(upload.name, upload.media_type),
            "Upload-Expires": headers.http_date(upload.expires_at),
        }
    )


def _described(metadata: Mapping[str, str]) -> tuple[str, str]:
    """The name of a file and its media type (may be ""), as its client says them.

    Raises RefusedUploadError (400) without a name; FileRejectedError at once for what would be refused in the end.
    """
    if not metadata.get("filename"):
        raise refusals.nameless()
    name = normalise_name(metadata["filename"])
    media_type = metadata.get("filetype", "").partition(";")[0].strip()
    announced_kind(name, media_type)
    return name, media_type
