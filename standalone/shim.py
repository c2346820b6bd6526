"""Run as a script: prepares one child process and becomes it (exec), so that the pid stays.

    shim.py PARENT_PID DEATH_SIGNAL IDENTITY COMMAND [ARGUMENT ...]

IDENTITY is `same`, `namespace` (a user namespace in which the caller appears as an ordinary user)
or `UID:GID`.

It is a program of its own because nothing but exec is safe between fork and exec in a process
with threads. It imports nothing of the project: it must start fast and work as any user.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
CLONE_NEWUSER = 0x10000000  # unshare(2)
FAILED = 125  # as env(1) and others: the command was never started


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def enter_user_namespace(libc: ctypes.CDLL) -> None:
    """Become an ordinary user in our own eyes, and stay who we are for everybody else."""
    uid, gid = os.geteuid(), os.getegid()
    # PostgreSQL refuses uid 0, and initdb any that has no name here.
    inner = next((user for user in pwd.getpwall() if user.pw_uid != 0), None)
    if inner is None:
        raise OSError("there is no ordinary user in the system's list")
    _checked(libc.unshare(CLONE_NEWUSER), "unshare")
    # user_namespaces(7): without setgroups=deny an unprivileged process may not write gid_map.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inner.pw_uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inner.pw_gid} {gid} 1")


def become(uid: int, gid: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def die_with(libc: ctypes.CDLL, parent: int, death_signal: int) -> None:
    """Ask the kernel for a signal when the parent ends; leave at once if it already has."""
    _checked(libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        raise SystemExit(FAILED)


def main(arguments: list[str]) -> None:
    """Prepare and exec; on any fault print one line and leave with 125."""
    parent, death_signal, identity, *command = arguments
    if sys.platform != "linux":
        os.execvp(command[0], command)  # noqa: S606 - no shell is meant
    libc = ctypes.CDLL(None, use_errno=True)
    if identity == "namespace":
        enter_user_namespace(libc)
    elif identity != "same":
        uid, gid = identity.split(":")
        become(int(uid), int(gid))
    # Last, because a change of credentials clears the parent-death signal (prctl(2)).
    die_with(libc, int(parent), int(death_signal))
    for ignored in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as fault:
        print(f"{' '.join(sys.argv[4:5])}: not started: {fault}", file=sys.stderr)
        raise SystemExit(FAILED) from None
