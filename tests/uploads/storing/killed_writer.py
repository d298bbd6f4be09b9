"""A program that starts writers of blobs and kills each at a random moment: `python -m … COUNT how SEED`.

The folder is that of the settings. Prints one line for each write that was acknowledged: the address, and the seed and
the size that its content is made of. All is loaded before the first writer: 200 of them take seconds.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from hashlib import sha256

from core.settings import get_settings
from tests.uploads.storing.contents import make_content
from uploads.storing.blobs import FOLDER, Blobs
from uploads.storing.folder import Folder
from uploads.storing.keys import storage_keys

LARGEST = 300_000
BEGUN = "begun\n"
MOST_WRITES = 4
LONGEST_SECONDS = 0.01
"""A writer is killed that long at most after some of its writes, or before the first: in the middle of one, mostly."""


class InPlace(Folder):
    """How it must not be done: straight to the address."""

    def write(self, address: str, pieces: Iterator[bytes]) -> None:
        path = self._root / address
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb", buffering=0) as file:
            for piece in pieces:
                file.write(piece)


def main() -> None:
    count, how, seed = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    chance = random.Random(seed)
    for number in range(count):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            asyncio.run(_write_on_and_on(writer, how, first_seed=number * 10_000))
        os.close(writer)
        said, wanted = b"", 1 + chance.randrange(MOST_WRITES)
        while said.count(b"\n") < wanted:
            said += os.read(reader, 1 << 16)
        time.sleep(chance.uniform(0, LONGEST_SECONDS))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        while more := os.read(reader, 1 << 16):
            said += more
        os.close(reader)
        sys.stdout.write(said.decode().removeprefix(BEGUN))


async def _write_on_and_on(acknowledged: int, how: str, first_seed: int) -> None:
    settings = get_settings()
    backend = {"renamed": Folder, "in-place": InPlace}[how](settings.data / FOLDER)
    store = Blobs(backend, storage_keys(settings))
    os.write(acknowledged, BEGUN.encode())
    for seed in range(first_seed, first_seed + 10_000):
        size = random.Random(seed).randrange(LARGEST)
        content = make_content(size, seed)
        address = await store.write(io.BytesIO(content), sha256(content).digest())
        os.write(acknowledged, f"{address} {seed} {size}\n".encode())


if __name__ == "__main__":
    main()
