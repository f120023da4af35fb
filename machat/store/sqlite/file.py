"""
The file of the database: its lock, its checks and its connections.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3

from machat.store.sqlite.faults import StoreError, explain
from machat.store.sqlite.schema import APPLICATION, VERSION, migrate, numberOf

#: Files up to this size are checked completely at the start, which takes less than 0.1 s. Of a
#: larger file, only the parts that are read are checked.
CHECKED = 16 * 1_048_576

#: The values of C{PRAGMA synchronous} that can be chosen.
SYNCHRONOUS = ("full", "normal")

#: The first bytes of each SQLite database (https://www.sqlite.org/fileformat.html section 1.3).
_MAGIC = b"SQLite format 3\0"

#: Pages of the WAL that are copied into the database at once, by the commit that exceeds them.
_CHECKPOINT = 4000

#: The size to which the WAL file is cut after it has grown.
_WAL_BYTES = 64 * 1_048_576


class Lock:
    """
    The lock of one server on a database: C{flock} on a file beside it, so that other programs can
    still read the database. The file remains, because its removal would break the lock.
    """

    def __init__(self, path: str) -> None:
        """
        @param path: the path of the database
        @raise StoreError: another server has the lock, or the file cannot be created
        """
        name = f"{os.path.realpath(path)}.lock"
        try:
            self._file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"cannot create {name}: {error.strerror}: check the directory and its permissions"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._file, 20).decode("ascii", "replace").strip()
            os.close(self._file)
            process = f" (process {owner})" if owner.isdigit() else ""
            raise StoreError(
                f"{path} is in use by another server{process}: stop it, or choose another file"
            ) from None
        except OSError as error:
            os.close(self._file)
            raise StoreError(
                f"cannot lock {name}: {error.strerror}: choose a local file system"
            ) from None
        self._sign()

    def _sign(self) -> None:
        """
        Write the process id, for the message to a second server. A full disk does not matter.
        """
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass

    def release(self) -> None:
        """
        End the lock.
        """
        os.close(self._file)


def openDatabase(path: str, synchronous: str, patience: float) -> sqlite3.Connection:
    """
    Open or create the database, for writing. Nothing is changed if it cannot be used.

    @param synchronous: one of L{SYNCHRONOUS}
    @param patience: the time to wait for a lock of another program, seconds
    @raise StoreError: it cannot be used
    """
    try:
        _checkFile(path)
        db = sqlite3.connect(path, timeout=patience, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _refusal(error, path) from error
    try:
        version = _versionOf(db, path)
        _prepare(db, synchronous)
        migrate(db, version)
    except (OSError, sqlite3.Error) as error:
        db.close()
        raise _refusal(error, path) from error
    except BaseException:
        db.close()
        raise
    return db


def openReader(path: str, patience: float) -> sqlite3.Connection:
    """
    Open another connection to the same database, for reading.
    """
    db = sqlite3.connect(path, timeout=patience, isolation_level=None)
    db.execute("PRAGMA query_only = ON")
    return db


def _refusal(error: Exception, path: str) -> StoreError:
    if isinstance(error, OSError):
        return StoreError(f"cannot open {path}: {error.strerror}: check the path and permissions")
    return StoreError(explain(error, path).reason)


def _checkFile(path: str) -> None:
    """
    Create the file with the permissions 0600, or check the file that exists.
    """
    wal = f"{os.path.realpath(path)}-wal"
    try:
        with open(path, "rb") as file:
            begin = file.read(16)
    except FileNotFoundError:
        begin = b""
    if not begin and os.path.exists(wal) and os.path.getsize(wal):
        raise StoreError(
            f"{path} is missing or empty, but {wal} is not: restore a backup, or move {wal} away"
        )
    if begin and begin != _MAGIC:
        raise StoreError(
            f"{path} is not a database of MaChat: choose another file, or move it away"
        )
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _versionOf(db: sqlite3.Connection, path: str) -> int:
    """
    @return: the version of the schema; 0 for an empty database
    """
    version = numberOf(db, "PRAGMA user_version")
    application = numberOf(db, "PRAGMA application_id")
    tables = numberOf(db, "SELECT count(*) FROM sqlite_master")
    if not (version or application or tables):
        return 0
    if application != APPLICATION or version < 1:
        raise StoreError(
            f"{path} is a database of another program: choose another file, or move it away"
        )
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer MaChat (schema {version}; this one knows {VERSION}):"
            " update MaChat, or restore a backup"
        )
    if os.path.getsize(path) <= CHECKED:
        result = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if result != "ok":
            raise StoreError(f"{path} is damaged: restore a backup ({' '.join(result.split())})")
    return version


def _prepare(db: sqlite3.Connection, synchronous: str) -> None:
    db.execute("PRAGMA auto_vacuum = INCREMENTAL")  # has an effect in a new file only
    mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise sqlite3.OperationalError(f"journal_mode is {mode}, not wal")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
    db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    db.execute("PRAGMA cache_size = -16384")
