"""The places that `Blobs` keeps bytes in, as whoever reads the disk or owns the bucket sees them."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

REGION = "eu-west-3"


class Place(Protocol):
    url: str

    def addresses(self) -> list[str]: ...
    def get(self, address: str) -> bytes: ...
    def put(self, address: str, content: bytes) -> None: ...
    def settle(self, instant: datetime) -> None: ...


class FolderPlace:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()

    def addresses(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.root))
            for path in self.root.glob("??/*")
            if not path.name.startswith(".")
        )

    def get(self, address: str) -> bytes:
        return (self.root / address).read_bytes()

    def put(self, address: str, content: bytes) -> None:
        """In a new file, as a restored backup is; in the old one, the time would tell."""
        draft = self.root / "draft"
        draft.write_bytes(content)
        (self.root / address).parent.mkdir(exist_ok=True)
        draft.rename(self.root / address)

    def settle(self, instant: datetime) -> None:
        """Everything that is there was written at that instant."""
        for path in self.root.glob("*/*"):
            os.utime(path, (instant.timestamp(), instant.timestamp()))


class S3Place:
    """A prefix of a bucket. `client` is boto3's: another program than the one under test."""

    def __init__(self, client: Any, endpoint: str, bucket: str, prefix: str) -> None:
        self._client, self._prefix, self._bucket = client, prefix, bucket
        self.url = s3_url(endpoint, f"{bucket}/{prefix}")

    def addresses(self) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}/"
        )
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return sorted(key.removeprefix(f"{self._prefix}/") for key in keys)

    def get(self, address: str) -> bytes:
        content: bytes = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}/{address}")[
            "Body"
        ].read()
        return content

    def put(self, address: str, content: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=f"{self._prefix}/{address}", Body=content)

    def settle(self, instant: datetime) -> None:
        """In moto's own memory: S3 has no way to say when something was written."""
        from moto.backends import get_backend

        for account in get_backend("s3").values():
            bucket = account["aws"].buckets.get(self._bucket)
            for key in bucket.keys.values() if bucket else ():
                if key.name.startswith(self._prefix):
                    key.last_modified = instant.replace(tzinfo=None)


def s3_url(endpoint: str, path: str) -> str:
    return (
        f"s3://{path}?region={REGION}&endpoint={quote(endpoint, safe='')}"
        f"&access_key_id=writer&secret_access_key={quote('of/the+tests', safe='')}"
    )
