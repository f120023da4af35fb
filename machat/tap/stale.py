"""
Removes the files that a killed server leaves at the path of a UNIX socket: the socket, and the lock
of Twisted, a symbolic link that names a process.

Twisted checks whether the process of the lock exists. This is not enough: in a container every
server is process 1, and after a reboot any process may have the same number. This module tries to
connect to the socket instead.
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress


def lockOf(path: str) -> str:
    """
    @return: the path of the lock of a socket
    """
    return f"{path}.lock"


def holderOf(path: str) -> str | None:
    """
    @return: the process id in the lock, or C{None} if there is no lock
    """
    try:
        return os.readlink(lockOf(path))
    except OSError:
        return None


def clear(path: str) -> bool:
    """
    Remove the socket and its lock, if no process listens on it. In case of doubt, nothing is
    removed, and Twisted reports the error.

    @return: whether something was removed
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # without a socket, a lock with our own process id is left from a previous run
        stale = [lockOf(path)] if holderOf(path) == str(os.getpid()) else []
    else:
        stale = [path, lockOf(path)] if stat.S_ISSOCK(mode) and _isRefused(path) else []
    for left in stale:
        with suppress(FileNotFoundError):
            os.unlink(left)
    return bool(stale)


def _isRefused(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:  # for example, its backlog is full: it may be in use
            return False
    return False
