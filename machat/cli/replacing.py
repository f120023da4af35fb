"""
Replaces a file atomically, for the commands that edit files that a server reads.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkstemp

from machat.auth.modes import EXPOSED

#: The mode of a new file, and of a file that anyone except its owner and group may read.
PRIVATE = 0o600


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """
    Hold an exclusive lock on a folder, against other processes of these commands.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, text: str, state: os.stat_result | None) -> None:
    """
    Replace a file by renaming: a program that reads it at the same time sees the old or the new
    content.

    @param state: the state of the existing file; C{None} if there is none
    """
    descriptor, temporary = mkstemp(prefix=f".{path.name}.", dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if state is not None:
                _keepOwner(descriptor, state)
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _keepOwner(descriptor: int, state: os.stat_result) -> None:
    mode = stat.S_IMODE(state.st_mode)
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (state.st_uid, state.st_gid):
        os.fchown(descriptor, state.st_uid, state.st_gid)
    os.fchmod(descriptor, PRIVATE if mode & EXPOSED else mode)
