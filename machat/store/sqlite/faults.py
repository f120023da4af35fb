"""
The faults of a database: their causes and remedies.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from msgspec import DecodeError


class StoreError(Exception):
    """
    The store cannot start. The message is one line with the cause and the remedy.
    """


class Fault(NamedTuple):
    """
    A fault.

    @ivar cause: a few words, for the members of the chat. They do not name the file
    @ivar reason: one line with the file and the remedy, for the operator
    """

    cause: str
    reason: str


#: The cause of a fault that lasts.
DAMAGED = "the database is damaged"

#: A part of SQLite's message (https://www.sqlite.org/rescode.html); the cause; the remedy.
_FAULTS = (
    ("disk is full", "the disk is full", "free space on the file system of {path}"),
    (
        "readonly",
        "the disk is read-only",
        "give this process write permission for {path} and its directory",
    ),
    (
        "not writable",
        "the disk is read-only",
        "give this process write permission for {path} and its directory",
    ),
    (
        "disk I/O error",
        "the disk reports an error",
        "check the disk of {path}, the log of the kernel, the quota, and ulimit -f",
    ),
    (
        "malformed",
        DAMAGED,
        "stop the server, move {path} away, and restore a backup",
    ),
    (
        "not a database",
        "the file is not a database of MaChat",
        "name another file, or move {path} away",
    ),
    (
        "was moved",
        "the database was moved or deleted",
        "move it back to {path}, or restart the server",
    ),
    ("locked", "another program has locked the database", "end the program that has locked {path}"),
    (
        "unable to open",
        "the database cannot be opened",
        "check that the directory of {path} exists, and that this process may write to it",
    ),
)


def explain(error: BaseException | None, path: str) -> Fault:
    """
    @param error: the exception of an operation
    @param path: the file of the database
    """
    text = " ".join(str(error).split())
    if isinstance(error, DecodeError):
        error = sqlite3.DatabaseError("malformed")
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")  # from Python 3.11
        if name == "SQLITE_IOERR_SHMSIZE":  # no space for the -shm file
            text = f"database or disk is full, {name}"
        for part, cause, remedy in _FAULTS:
            if part in text:
                return Fault(cause, f"{cause}: {remedy.format(path=path)} ({text})")
    return Fault("an internal error", f"an internal error with {path}: {text or repr(error)}")


def late(path: str, seconds: float) -> Fault:
    """
    @return: the fault that an operation has not ended within its time limit
    """
    cause = f"the disk did not answer within {seconds:g} s"
    return Fault(cause, f"{cause}: check the disk of {path} and the load of the machine")


def certain(error: BaseException | None, committing: bool) -> bool:
    """
    @param committing: whether the error occurred in C{COMMIT}
    @return: whether nothing of the transaction is stored. If the disk reports an error while the
        end of the transaction is written to it, the transaction is undone; but if the machine then
        fails as well, the transaction may be found complete
    """
    return not (committing and "disk I/O error" in str(error))
