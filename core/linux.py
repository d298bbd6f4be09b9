"""What we ask of Linux by its C library, where Python has no function for it. It imports next to nothing: programs that
are to start fast, and those between fork and exec, use it, too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""

libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
"""None on other systems."""


def die_with_parent(death_signal: signal.Signals = signal.SIGKILL, parent: int | None = None) -> None:
    """Ask the kernel to signal this process when its parent ends, however it ends. Linux only.

    It comes after every change of user, which clears it (prctl(2), PR_SET_PDEATHSIG). A parent that ended before is
    noticed by its number: give it as `parent` where it is known.
    """
    if libc is None:
        return
    require(libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def require(result: int) -> None:
    """Raises OSError where a call of `libc` did not answer 0."""
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
