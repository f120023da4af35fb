"""
The content of a database, as another process sees it while a server uses the file or not.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import quote

from msgspec import DecodeError

from machat.entries import Entry
from machat.store.sqlite.codec import decodeEntries
from machat.store.sqlite.faults import StoreError, explain
from machat.store.sqlite.revisions import current
from machat.store.sqlite.schema import APPLICATION, VERSION, numberOf

#: The number of pages that a backup copies at once.
_PAGES = 4096


class RoomSize(NamedTuple):
    """
    The stored messages of a room.

    @ivar bytes: their size in the file, approximately
    """

    name: str
    messages: int
    bytes: int


class Statistics(NamedTuple):
    """
    The size of a database.

    @ivar bytes: the size of the file
    @ivar free: the bytes in the file that the next messages will use
    @ivar rooms: all rooms, the largest first
    @ivar sanctions: the number of mutes and bans
    @ivar oldest: the time of the oldest message, ms since 1970; C{None}: there is none
    @ivar newest: the time of the newest message
    """

    bytes: int
    free: int
    rooms: list[RoomSize]
    sanctions: int
    oldest: int | None
    newest: int | None


@contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """
    Open a database for reading.

    @raise StoreError: it is not a database of MaChat, or cannot be read
    """
    try:
        os.stat(path)
        db = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(f"{path}: {reason}") from None
    try:
        if numberOf(db, "PRAGMA application_id") != APPLICATION:
            raise StoreError(f"{path} is not a database of MaChat")
        version = numberOf(db, "PRAGMA user_version")
        if version != VERSION:
            raise StoreError(
                f"{path} has schema {version}, and this MaChat knows {VERSION}: use the"
                " machat-store of the server that uses the file"
            )
        db.execute("BEGIN")  # everything that follows sees the same state
        yield db
    except sqlite3.Error as error:
        raise StoreError(explain(error, path).reason) from None
    finally:
        db.close()


def check(path: str) -> Iterator[str]:
    """
    Check a database completely: its structure, and the numbers and the content of all batches.

    @return: the faults, each as one line
    @raise StoreError: it cannot be read
    """
    with reading(path) as db:
        for (line,) in db.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield " ".join(line.split())
        rows = db.execute(
            "SELECT room.name, last, count, batch.total, data, batch.room FROM batch"
            " LEFT JOIN room ON room.id = batch.room ORDER BY batch.room, last"
        )
        place, end, sum = None, 0, 0
        for name, last, count, total, data, room in rows:
            if name is None:
                yield f"batch {last} belongs to no room"
                continue
            if room != place:
                place, end, sum = room, 0, 0
            if last - count < end or total < sum:
                yield f"{name}: the batch that ends at {last} overlaps the one before it"
            try:
                if len(decodeEntries(name, last - count + 1, 0, data)) != count:
                    yield f"{name}: the batch that ends at {last} does not have {count} messages"
            except DecodeError as error:
                yield f"{name}: the batch that ends at {last} cannot be decoded: {error}"
            end, sum = last, total
        for name, seq, last in db.execute(
            "SELECT name, seq, (SELECT max(last) FROM batch WHERE room = room.id) FROM room"
        ):
            if last is not None and seq > last:
                yield f"{name}: the messages {last + 1} to {seq} are missing"


def statistics(path: str) -> Statistics:
    """
    Measure a database.

    @raise StoreError: it cannot be read
    """
    with reading(path) as db:
        page = numberOf(db, "PRAGMA page_size")
        rooms = [
            RoomSize(*row)
            for row in db.execute(
                "SELECT name, coalesce(sum(count), 0), coalesce(sum(length(data)), 0) AS size"
                " FROM room LEFT JOIN batch ON batch.room = room.id"
                " GROUP BY room.id ORDER BY size DESC, name"
            )
        ]
        oldest, newest = db.execute("SELECT min(at), max(at) FROM batch").fetchone()
        return Statistics(
            numberOf(db, "PRAGMA page_count") * page,
            numberOf(db, "PRAGMA freelist_count") * page,
            rooms,
            numberOf(db, "SELECT count(*) FROM sanction"),
            oldest,
            newest,
        )


def messages(path: str, room: str | None = None) -> Iterator[Entry]:
    """
    Read all messages, room by room, in order.

    @param room: the key of the only room to read
    @raise StoreError: the database cannot be read, or has no such room
    """
    with reading(path) as db:
        if room is not None and not numberOf(db, "SELECT count(*) FROM room WHERE key = ?", room):
            raise StoreError(f"{path} has no room {room}")
        for id, name, last, count, at, data in db.execute(
            "SELECT room.id, name, last, count, batch.at, data"
            " FROM batch JOIN room ON room.id = batch.room"
            " WHERE ? IS NULL OR key = ? ORDER BY key, last",
            (room, room),
        ):
            try:
                yield from current(db, id, decodeEntries(name, last - count + 1, at, data))
            except DecodeError as error:
                raise StoreError(f"{path}: a batch of {name} is damaged: {error}") from None


def backup(path: str, target: str) -> None:
    """
    Copy a database to a new file, with the permissions 0600. A server may use the database
    meanwhile. If the copy fails, there is no new file.

    @raise StoreError: the database cannot be read, or the file cannot be written or exists
    """
    part = f"{target}.part"
    if os.path.lexists(target):
        raise StoreError(f"{target} exists: choose another name")
    try:
        with reading(path) as db:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            copy = sqlite3.connect(part, isolation_level=None)
            try:
                # The transaction stays open: otherwise, each commit of the server would make SQLite
                # begin the copy again.
                numberOf(db, "SELECT count(*) FROM meta")
                _copy(db, copy, target)
            finally:
                copy.close()
        _settle(part, target)
    except FileExistsError:
        raise StoreError(
            f"{part} exists: another backup runs, or was interrupted: remove it if none runs"
        ) from None
    except OSError as error:
        _remove(part)
        raise StoreError(f"{target}: {error.strerror}") from None
    except BaseException:
        _remove(part)
        raise


def _copy(db: sqlite3.Connection, copy: sqlite3.Connection, target: str) -> None:
    """
    Copy a database into an empty one, which becomes one file.

    @raise StoreError: it cannot be written
    """
    try:
        db.backup(copy, pages=_PAGES)
        copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"{target} cannot be written: {explain(error, target).reason}") from None


def _settle(part: str, target: str) -> None:
    """
    Write a file to the disk, and give it its name.
    """
    for path in (part, os.path.dirname(os.path.abspath(target))):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if path == part:
            os.rename(part, target)


def _remove(part: str) -> None:
    for path in (part, f"{part}-journal", f"{part}-wal", f"{part}-shm"):
        with suppress(OSError):
            os.remove(path)
