"""Bodies of GraphQL multipart requests, right and wrong, byte by byte."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BOUNDARY = "frontier"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
SEE = "mutation($file: Upload!) { see(file: $file) { name mediaType size sha256 } }"
SEE_ALL = "mutation($files: [Upload!]!) { seeAll(files: $files) { name size sha256 } }"
SEE_PIECES = "mutation($pieces: [Piece!]!) { seePieces(pieces: $pieces) { name size } }"


@dataclass(frozen=True, slots=True)
class Sent:
    """One part. A field has no file name."""

    name: str
    content: bytes | str
    file_name: str | None = None
    media_type: str | None = None

    def encode(self) -> bytes:
        head = f'Content-Disposition: form-data; name="{self.name}"'
        if self.file_name is not None:
            head += f'; filename="{self.file_name}"'
        if self.media_type:
            head += f"\r\nContent-Type: {self.media_type}"
        content = self.content.encode() if isinstance(self.content, str) else self.content
        return f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n"


def encode(*parts: Sent) -> bytes:
    return b"".join(part.encode() for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def operations(query: str = SEE, variables: object = None) -> Sent:
    return Sent("operations", json.dumps({"query": query, "variables": variables or {"file": None}}))


def mapping(paths: Mapping[str, Sequence[str]] | None = None) -> Sent:
    return Sent("map", json.dumps({"0": ["variables.file"]} if paths is None else paths))


def file(content: bytes = b"hello", name: str = "0", file_name: str = "a.pdf") -> Sent:
    return Sent(name, content, file_name, "application/pdf")


def one_file(content: bytes = b"hello") -> bytes:
    """A request that is right."""
    return encode(operations(), mapping(), file(content))
