"""
What a server that is killed leaves at the path of a UNIX socket: the socket, and Twisted's lock, a
symbolic link that names a process.

Twisted compares processes. In a container every server is process 1, and after a restart of the
machine any process may have the number. So here the socket itself is asked.
"""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress


def lockOf(path: str) -> str:
    """
    @return: the path of the lock
    """
    return f"{path}.lock"


def holderOf(path: str) -> str | None:
    """
    @return: the process that the lock names, or C{None} if there is no lock
    """
    try:
        return os.readlink(lockOf(path))
    except OSError:
        return None


def clear(path: str) -> bool:
    """
    Remove the socket and its lock, if nobody listens there. Anything that is not certain to be left
    over stays: it is for Twisted to complain about.

    @return: whether something was removed
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:  # without a socket, a lock of this process is of an earlier one
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
        except OSError:  # its backlog is full, or it cannot be told
            return False
    return False
