"""How much more memory a process takes at its most: `python -m … write SIZE` or `… read ADDRESS`.

Writing says the address, then both say the bytes, on one line.
Linux only: VmHWM of proc_pid_status(5), which tells of Python and of obstore's Rust alike.
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

from uploads.storing import blobs


class Zeros(io.RawIOBase):
    """A file that takes no memory."""

    def __init__(self, size: int) -> None:
        self._size, self._position = size, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        assert (offset, whence) == (0, 0)
        self._position = 0
        return 0

    def read(self, size: int = -1, /) -> bytes:
        size = min(size, self._size - self._position)
        self._position += size
        return bytes(size)


def peak() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


async def write(size: int) -> str:
    return await blobs().write(Zeros(size), bytes(32))  # type: ignore[arg-type]


async def read(address: str) -> int:
    return sum([len(piece) async for piece in blobs().read(address)])


async def main() -> None:
    await read(await write(1_000_000))  # What is loaded once, and threads.
    before = peak()
    if sys.argv[1] == "write":
        sys.stdout.write(f"{await write(int(sys.argv[2]))} ")
    else:
        assert await read(sys.argv[2]) > 10_000_000
    sys.stdout.write(f"{peak() - before}\n")


if __name__ == "__main__":
    asyncio.run(main())
