"""
Warnings about files with secrets that other users may read or change.
"""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.logger import Logger

#: The permissions that a file with secrets should not grant. Its group may read it.
EXPOSED = stat.S_IWGRP | stat.S_IRWXO


def warnIfExposed(log: Logger, path: Path, mode: int, risk: str, exposed: int = EXPOSED) -> None:
    """
    Warn if a file grants other users permissions.

    @param mode: its mode, as C{st_mode}
    @param risk: what other users may do because of it
    @param exposed: the permissions that it should not grant
    """
    if mode & exposed:
        log.warn(
            "{path} has mode {mode:04o}, so other users may {risk}: run chmod 600",
            path=str(path),
            mode=stat.S_IMODE(mode),
            risk=risk,
        )
