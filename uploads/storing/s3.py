"""Any S3-compatible store, at `s3://bucket/prefix?region=…&endpoint=…&access_key_id=…&secret_access_key=…`.

What the address does not say comes from the usual AWS_* variables, or from the machine that this runs on. A store that
does not answer is UnavailableError after ten seconds or so, one that refuses the connection at once.

Only obstore's blocking calls are used: an asynchronous one under way while the interpreter ends aborts the process.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, PreconditionError
from obstore.store import S3Store

from core.errors import UnavailableError
from uploads.storing.addresses import is_address
from uploads.storing.backend import Listed, Piece, ReplacedError
from uploads.storing.errors import MissingBlobError

if TYPE_CHECKING:
    from obstore import GetOptions
    from obstore.store import ClientConfig, RetryConfig

OPTIONS = (
    "region",
    "endpoint",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "virtual_hosted_style_request",
)
"""What may follow the `?`, percent-encoded."""

PART_BYTES = 5 * 1024 * 1024
"""A larger blob is sent in parts of this size, one at a time: the smallest that S3 takes, and all that is in memory."""

LISTED_AT_ONCE = 1_000
CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=2), "timeout": timedelta(seconds=10)}
RETRIES: RetryConfig = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
}

_logger = logging.getLogger(__name__)


class S3:
    def __init__(self, url: str) -> None:
        """ValueError where that is no address of a store; it names no secret."""
        parts = urlsplit(url)
        options: dict[str, Any] = {}
        for pair in filter(None, parts.query.split("&")):
            name, _, value = pair.partition("=")
            if name not in OPTIONS:
                raise ValueError(f"there is no option {name!r} of an S3 store, only {', '.join(OPTIONS)}")
            options[name] = unquote(
                value
            )  # Not unquote_plus: secret keys have a + that people forget to encode.
        if not parts.netloc:
            raise ValueError("no bucket in the address of an S3 store: s3://bucket/prefix?region=…")
        self._bucket = parts.netloc
        self._store = S3Store(
            parts.netloc,
            prefix=unquote(parts.path).strip("/") or None,
            client_options={**CLIENT, "allow_http": options.get("endpoint", "").startswith("http://")},
            retry_config=RETRIES,
            **options,
        )

    def read(self, address: str, start: int, length: int, version: str | None = None) -> Piece:
        options: GetOptions = {"range": (start, start + length)}
        if version:
            options["if_match"] = version
        with self._in_use(address):
            try:
                found = obstore.get(self._store, address, options=options)
                return Piece(bytes(found.bytes()), found.meta["size"], found.meta["e_tag"] or "")
            except PreconditionError as error:
                raise ReplacedError(address) from error
            except BaseError as error:
                if start == 0 and "416 " in _in_short(
                    error
                ):  # Of nothing, no range can be had (RFC 9110, 15.5.17).
                    return Piece(b"", 0, "")
                raise

    def write(self, address: str, pieces: Iterator[bytes]) -> None:
        with self._in_use(address):
            first = bytearray()
            for piece in pieces:
                first += piece
                if len(first) > PART_BYTES:
                    break
            else:
                obstore.put(self._store, address, first, use_multipart=False)
                return
            obstore.put(
                self._store,
                address,
                chain([first], pieces),
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=1,
            )

    def replace(self, address: str, pieces: Iterator[bytes], version: str) -> None:
        """The whole blob is in memory: S3 takes no condition for what is sent in parts."""
        with self._in_use(address):
            try:
                obstore.put(self._store, address, b"".join(pieces), mode={"e_tag": version})
            except PreconditionError as error:
                raise ReplacedError(address) from error

    def delete(self, address: str) -> None:
        with self._in_use(address):
            try:
                obstore.delete(self._store, address)
            except FileNotFoundError as error:
                if _no_bucket(error):
                    raise

    def listed(self) -> Iterator[list[Listed]]:
        batches = iter(obstore.list(self._store, chunk_size=LISTED_AT_ONCE))
        while True:
            with self._in_use(""):
                batch = next(batches, None)
            if batch is None:
                return
            yield [Listed(one["path"], one["last_modified"]) for one in batch if is_address(one["path"])]

    def throw_away_leftovers(self, instant: datetime) -> None:
        """Nothing: parts of what was never finished are for the bucket's own rules (AbortIncompleteMultipartUpload)."""

    @contextmanager
    def _in_use(self, address: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if not _no_bucket(error):
                raise MissingBlobError(address) from None
            _logger.error("there is no bucket %s in the store of files", self._bucket)
            raise UnavailableError from error
        except BaseError as error:
            _logger.error("the store of files (bucket %s) cannot be used: %s", self._bucket, _in_short(error))
            raise UnavailableError from error


def _no_bucket(error: FileNotFoundError) -> bool:
    return "NoSuchBucket" in str(error)


def _in_short(error: BaseError) -> str:
    """What was asked, the status and S3's code, without the rest of the answer, which may name access keys."""
    text = str(error)
    code = re.search(r"<Code>(\w+)</Code>", text)
    return text.partition("\n")[0].partition(": <")[0] + (f" ({code[1]})" if code else "")
