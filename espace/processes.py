"""Child processes that never outlive their parent, and that can run under another user.

Linux only in what it guarantees: elsewhere children are stopped with their parent, but survive its `kill -9`.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.linux import die_with_parent, libc, require

# From linux/prctl.h and linux/capability.h.
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilitySet(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@dataclass(frozen=True)
class RunAs:
    """A user to run a child as, and the one capability it keeps so that it reaches folders closed to it.

    A checkout of root often lies in a folder that only root may enter. PostgreSQL refuses to run as root, and opening
    the parent folders to everybody is not ours to do: the child keeps the right to read and to pass through instead.
    """

    name: str
    user_id: int
    group_id: int
    capability: int | None


def find_user_for(owner_id: int | None) -> RunAs:
    """Whom root runs PostgreSQL as: the owner of the existing data, otherwise `postgres`, otherwise `nobody`.

    Raises LookupError on a machine that has none of them.
    """
    wanted: list[Callable[[], pwd.struct_passwd]] = [
        lambda: pwd.getpwnam("postgres"),
        lambda: pwd.getpwnam("nobody"),
    ]
    if owner_id:
        wanted.insert(0, lambda: pwd.getpwuid(owner_id))
    for look_up in wanted:
        try:
            user = look_up()
        except KeyError:
            continue
        return RunAs(user.pw_name, user.pw_uid, user.pw_gid, _capability_to_pass_through())
    raise LookupError("neither the user postgres nor the user nobody exists")


def _capability_to_pass_through() -> int | None:
    if libc is None:
        return None
    permitted = _CapabilitySet * 2
    sets = permitted()
    if libc.capget(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION_3, 0)), sets):
        return None
    held = sets[0].permitted
    return next((one for one in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if held & 1 << one), None)


def start_child(
    arguments: Sequence[str | Path],
    *,
    death_signal: signal.Signals = signal.SIGKILL,
    run_as: RunAs | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    inherited: Sequence[int] = (),
    stdin: int = subprocess.DEVNULL,
    output: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that receives `death_signal` when this process ends, however it ends.

    Call it from a thread that lives as long as the process: to Linux the parent is the thread. The child has its own
    process group, so that Ctrl-C in a terminal reaches only the parent, which then stops its children in order.
    Raises OSError when the program cannot be started, PermissionError when `run_as` cannot reach it.
    """
    parent = os.getpid()

    def prepare() -> None:
        os.setpgid(0, 0)
        if run_as is not None:
            _become(run_as)
        die_with_parent(death_signal, parent)

    try:
        return subprocess.Popen(
            [os.fspath(argument) for argument in arguments],
            preexec_fn=prepare,
            env=environment,
            cwd=folder,
            pass_fds=inherited,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
        )
    except subprocess.SubprocessError as error:
        name = run_as.name if run_as else "this user"
        raise PermissionError(f"{arguments[0]} cannot be started as {name}") from error


def _become(user: RunAs) -> None:
    if user.capability is not None and libc is not None:
        require(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
        # initdb looks for its programs with access(2), which ignores the capabilities of normal users otherwise.
        # Where it is not permitted, initdb says what it cannot reach.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user.group_id, user.group_id, user.group_id)
    os.setresuid(user.user_id, user.user_id, user.user_id)
    if user.capability is not None and libc is not None:
        bit = 1 << user.capability
        sets = (_CapabilitySet * 2)(_CapabilitySet(bit, bit, bit))
        require(libc.capset(ctypes.byref(_CapabilityHeader(CAPABILITY_VERSION_3, 0)), sets))
        require(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, user.capability, 0, 0))


def stop_child(child: subprocess.Popen[bytes], stop_signal: signal.Signals, patience_seconds: float) -> bool:
    """Ask a child to stop, and kill it when it does not within `patience_seconds`. Whether it stopped by itself."""
    if child.poll() is None:
        child.send_signal(stop_signal)
    try:
        child.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False
    return True
