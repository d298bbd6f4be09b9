"""Giving up, for good, all that a decoder does not need. Called before the first byte of a file is read.

What every kernel does: limits of memory, processor time and file size, no core dumps, no new file descriptors (so no
file, no socket, no pipe), no more privileges. What Linux does besides, where it is allowed: an empty network
(unshare(2)), no path on the disk, no program to start, no signals to others (Landlock), root becomes nobody.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

from uploads.sandbox.orders import Limits

# linux/prctl.h, linux/sched.h, linux/landlock.h; the numbers of Landlock's calls are those of every architecture.
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
LANDLOCK_CREATE_RULESET = 444
LANDLOCK_RESTRICT_SELF = 446
LANDLOCK_CREATE_RULESET_VERSION = 1

NOBODY = 65534

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr: what is handled and not granted by a rule is forbidden."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, however it ends. Linux only.

    Changing the user clears it (prctl(2)), so `confine` asks again.
    """
    if _libc is not None:
        _require(_libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0))
        if os.getppid() != parent:
            os._exit(1)


def confine(parent: int, limits: Limits, *, threads: bool) -> None:
    """Give up everything but computing and the file descriptors at hand; `threads` where a decoder starts some.

    Raises OSError where the kernel refuses what it can always do.
    """
    if _libc is not None:
        # Best effort: containers often forbid it. What the task needs has no network in it either way.
        _libc.unshare(CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWUSER | CLONE_NEWNET)
    if os.geteuid() == 0:
        _become_nobody()
    if _libc is not None:
        die_with(parent)
        _require(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _forbid_paths(_libc)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_CPU, limits.processor_seconds)
    _limit(resource.RLIMIT_FSIZE, limits.output_bytes)
    _limit(resource.RLIMIT_NOFILE, 0)
    if not threads:
        _limit(resource.RLIMIT_NPROC, 0)


def _become_nobody() -> None:
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        # Root of a container that maps no other user, or that may not change to one: it is confined enough already.
        return


def _forbid_paths(libc: ctypes.CDLL) -> None:
    """An empty Landlock ruleset: all that this kernel can forbid (docs.kernel.org/userspace-api/landlock.html)."""
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    if version < 1:
        return
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    ruleset = _Ruleset((1 << rights) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    descriptor = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    if descriptor >= 0:
        libc.syscall(LANDLOCK_RESTRICT_SELF, descriptor, 0)
        os.close(descriptor)


def _limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


def _require(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
