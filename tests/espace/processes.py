"""Looking at the machine's processes, to see that none is left."""

from __future__ import annotations

import time

import psutil


def processes_naming(text: str) -> list[str]:
    """Command lines of the processes, alive, that name `text` in their arguments or in their open unix sockets."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            line = " ".join(process.cmdline())
            if text in line or text in process.environ().get("ESPACE_DATA", ""):
                found.append(f"{process.pid}: {line}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def descendants(process_id: int) -> list[psutil.Process]:
    """All processes that descend from one."""
    return list(psutil.Process(process_id).children(recursive=True))


def wait_until_gone(processes: list[psutil.Process], within: float) -> list[psutil.Process]:
    """Those of the processes that still live after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        alive = [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.02)
