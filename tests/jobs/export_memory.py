"""How much more memory a process takes at its most while it makes an export: `python -m … MEBIBYTES`.

Says the bytes more, and those of the export, on one line. Linux only: VmHWM of proc_pid_status(5), set back before.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from core.selection import Selection
from core.settings import get_settings
from jobs.data_exports import make_export
from models import database
from models.actors import CitizenActor
from models.database import fetch_one
from resolvers.data_exports import request_data_export
from tests.factories import make_citizen, make_exchange, make_procedure, make_request
from tests.file_rows import make_attachment, make_file

MIB = 1024 * 1024
FILE_MIB = 5
MESSAGES = 400


def memory(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:"))


def set_peak_back() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


async def make_account(files: int, messages: int) -> CitizenActor:
    procedure, citizen = await make_procedure(), await make_citizen()
    request = await make_request(procedure, citizen=citizen)
    for number in range(files):
        file = await make_file(random.randbytes(FILE_MIB * MIB))
        await make_attachment(request, file, title=f"{number}")
    for _ in range(messages):
        await make_exchange(request, body=random.randbytes(4_000).hex())
    return citizen


async def export(citizen: CitizenActor) -> int:
    """Its size."""
    await request_data_export(citizen, selection=Selection.of("state"))
    row = await fetch_one("SELECT id FROM data_export WHERE account_id = $1", citizen.account_id)
    assert row is not None
    await make_export(str(row["id"]))
    row = await fetch_one("SELECT size FROM data_export WHERE id = $1 AND state = 'READY'", row["id"])
    assert row is not None
    size: int = row["size"]
    return size


async def main() -> None:
    async with database.connected(get_settings()):
        await export(await make_account(1, 1))  # What is loaded once, and threads.
        citizen = await make_account(int(sys.argv[1]) // FILE_MIB, MESSAGES)
        set_peak_back()
        before = memory("VmRSS")
        size = await export(citizen)
        sys.stdout.write(f"{memory('VmHWM') - before} {size}\n")


if __name__ == "__main__":
    asyncio.run(main())
