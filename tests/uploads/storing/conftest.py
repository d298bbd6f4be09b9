"""`place`: where this test's files are, once in a folder and once in a real S3 server; `blobs()` uses it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.config import Config  # type: ignore[import-untyped]
from moto.server import ThreadedMotoServer

from core.settings import get_settings
from tests.uploads.storing.places import REGION, FolderPlace, Place, S3Place

_numbers = itertools.count(1)


@dataclass
class S3Server:
    server: ThreadedMotoServer
    endpoint: str
    client: Any
    bucket: str

    def place(self) -> S3Place:
        return S3Place(self.client, self.endpoint, self.bucket, f"a prefix/{next(_numbers)}")

    def stop(self) -> None:
        self.client.close()
        self.server.stop()


def start_s3_server(port: int = 0) -> S3Server:
    """With a bucket of its own. All that this process starts share one memory: what was stored outlasts them."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="owner",
        aws_secret_access_key="of the bucket",
        config=Config(retries={"max_attempts": 1}),
    )
    bucket = f"pieces-{next(_numbers)}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    return S3Server(server, endpoint, client, bucket)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """Shared by the session. Do not stop it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        running = start_s3_server()
        yield running
        running.stop()


Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """`use(storage_url=…, storage_keys=…)`: settings from now on; those of before stay."""

    def change(**values: str | None) -> None:
        for name, value in values.items():
            if value is None:
                monkeypatch.delenv(f"ESPACE_{name.upper()}", raising=False)
            else:
                monkeypatch.setenv(f"ESPACE_{name.upper()}", value)
        get_settings.cache_clear()

    yield change
    monkeypatch.undo()
    get_settings.cache_clear()


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, use: Use) -> Place:
    place: Place
    if request.param == "folder":
        place = FolderPlace(tmp_path / "files of the mairie")
    else:
        place = request.getfixturevalue("s3_server").place()
    use(storage_url=place.url)
    return place


@pytest.fixture
def folder(tmp_path: Path, use: Use) -> FolderPlace:
    """For what only folders have."""
    place = FolderPlace(tmp_path / "files")
    use(storage_url=place.url)
    return place
