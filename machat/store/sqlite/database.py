"""
The transactions of the store. Everything in this module runs in the thread of the writer.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from machat.events import Position
from machat.records import Imposed, RoomRecord
from machat.store.sqlite.codec import SeenId, decodeIds
from machat.store.sqlite.records import Group, Head, Opened, Tail, Wanted
from machat.store.sqlite.revisions import revise
from machat.store.sqlite.schema import BATCH_BYTES, numberOf, usedBy
from machat.store.timeline import REMEMBERED

#: A day in milliseconds: a room that is opened again gets a new time of use at most this often.
DAY = 86_400_000

#: The bytes in use are measured again when about this number has been written. Each measurement
#: takes as long as a fifth of a small transaction.
MEASURE = 65_536

#: The number of bytes that a row adds to that number, in addition to those of its messages.
_ROW = 1000

#: The size of the value that stays in the database after L{Database.probe}, bytes.
_PROBE = 8

#: Deletes a sanction. The arguments are its room, its kind and its target.
LIFT = "DELETE FROM sanction WHERE room = ? AND kind = ? AND target = ?"


def headOf(db: sqlite3.Connection, room: int, tail: Tail) -> Head:
    """
    @param tail: the end of the room
    """
    row = db.execute(
        "SELECT last - count + 1, total - length(data) - ? FROM batch WHERE room = ?"
        " ORDER BY last LIMIT 1",
        (BATCH_BYTES, room),
    ).fetchone()
    return Head(*row) if row else Head(tail.seq + 1, tail.total)


def tailOf(db: sqlite3.Connection, room: int) -> Tail:
    """
    @return: the end of a room that exists
    """
    row = db.execute(
        "SELECT last, total, at FROM batch WHERE room = ? ORDER BY last DESC LIMIT 1", (room,)
    ).fetchone()
    deleted = db.execute("SELECT seq, total, at FROM room WHERE id = ?", (room,)).fetchone()
    return max(Tail(*(row or ())), Tail(*deleted))


def _commit(db: sqlite3.Connection) -> None:
    db.execute("COMMIT")


class Database:
    """
    The connection of the writer.

    @ivar db: the connection
    @ivar life: identifies this start of the server
    @ivar erased: whether the WAL may contain texts that were removed since
    """

    def __init__(self, db: sqlite3.Connection, path: str) -> None:
        """
        @param path: the file
        """
        self.db = db
        self.life = secrets.token_bytes(16)
        self._path = path
        self._file = os.stat(path)
        self._commit: Callable[[sqlite3.Connection], object] = _commit
        self._unmeasured = 0
        self.erased = True

    def write(self, group: Group) -> Group:
        """
        Make one transaction of a group.

        @return: the group
        """
        if group.revisions:
            with self._erasing():
                self.within(lambda: self._fill(group), group)
        else:
            self.within(lambda: self._fill(group), group)
        self._unmeasured += _ROW + sum([len(row[-1]) + _ROW for row in group.rows])
        if self._unmeasured >= MEASURE:
            with suppress(sqlite3.Error):  # the group is stored whether or not this succeeds
                group.used = self.used()
                self._unmeasured = 0
        return group

    @contextmanager
    def _erasing(self) -> Iterator[None]:
        """
        Overwrite what the transaction deletes: U{https://www.sqlite.org/pragma.html#pragma_secure_delete}.
        The next L{retention.checkpoint<machat.store.sqlite.retention.checkpoint>} empties the WAL.
        """
        before = numberOf(self.db, "PRAGMA secure_delete")
        numberOf(self.db, "PRAGMA secure_delete = ON")
        self.erased = True
        try:
            yield
        finally:
            numberOf(self.db, f"PRAGMA secure_delete = {before}")

    def within(self, function: Callable[[], Any], group: Group | None = None) -> Any:
        """
        Call a function in a transaction. If it raises, nothing is changed.
        """
        db = self.db
        if db.in_transaction:  # the last ROLLBACK has failed
            db.execute("ROLLBACK")
        db.execute("BEGIN IMMEDIATE")
        try:
            result = function()
            self._checkFile()
            if group is not None:
                group.committing = True
            self._commit(db)
        except BaseException as error:
            if db.in_transaction:
                with suppress(sqlite3.Error):  # tried again before the next transaction
                    db.execute("ROLLBACK")
            if "disk I/O error" in str(error) and not os.access(self._path, os.W_OK):
                raise sqlite3.OperationalError(f"{error}: the file is not writable") from None
            raise
        return result

    def _checkFile(self) -> None:
        """
        Check that the path still leads to the database. Data that is written to a deleted file is
        lost when the server stops.
        """
        try:
            same = os.path.samestat(os.stat(self._path), self._file)
        except OSError:
            same = False
        if not same:
            raise sqlite3.OperationalError("the file was moved")

    def used(self) -> int:
        """
        @return: the bytes that are in use in the file
        """
        return usedBy(self.db)

    def _fill(self, group: Group) -> None:
        db = self.db
        for look in group.looks:
            look(db)
        group.opened = [self._open(wanted, group.now) for wanted in group.wanted]
        for statement, arguments in group.statements:
            db.execute(statement, arguments)
        if group.rows:
            db.executemany(
                "INSERT INTO batch (room, last, count, at, total, data) VALUES (?, ?, ?, ?, ?, ?)",
                group.rows,
            )
        for revision in group.revisions:
            revise(db, revision)
        if group.ids is not None:
            db.execute("INSERT INTO ids (until, data) VALUES (?, ?)", (group.until, group.ids))

    def _open(self, wanted: Wanted, now: int) -> Opened:
        db = self.db
        row = db.execute(
            "SELECT id, name, epoch, life, used, topic, listed, password FROM room WHERE key = ?",
            (wanted.key,),
        ).fetchone()
        if row is None:
            return self._create(wanted, now)
        id, name, epoch, life, used, topic, listed, password = row
        tail = tailOf(db, id)
        head = headOf(db, id, tail)
        if life != self.life:
            epoch = self._begin(id, Position(epoch, tail.seq), head.seq, now)
        elif not 0 <= now - used < DAY:
            db.execute("UPDATE room SET used = ? WHERE id = ?", (now, id))
        sanctions = db.execute(
            "SELECT kind, target, until, name, moderator FROM sanction WHERE room = ?", (id,)
        )
        ancestors = db.execute("SELECT epoch, seq FROM ancestor WHERE room = ? ORDER BY id", (id,))
        return Opened(
            id,
            name,
            epoch,
            head,
            tail,
            RoomRecord(
                topic,
                False,
                [Imposed(*each) for each in sanctions],
                None if listed is None else bool(listed),
                password,
            ),
            [Position(*each) for each in ancestors],
        )

    def _create(self, wanted: Wanted, now: int) -> Opened:
        epoch = secrets.token_hex(8)
        id = self.db.execute(
            "INSERT INTO room (key, name, epoch, life, seq, total, at, used, network)"
            " VALUES (?, ?, ?, ?, 0, 0, 0, ?, ?)",
            (wanted.key, wanted.name, epoch, self.life, now, wanted.network),
        ).lastrowid
        assert id is not None
        return Opened(id, wanted.name, epoch, Head(1, 0), Tail(), RoomRecord(), ())

    def _begin(self, room: int, position: Position, first: int, now: int) -> str:
        """
        Begin a new epoch of a room. Remember the last position of the epoch before.

        @param first: the number of the first stored message. Positions from which no client can
            recover are deleted
        """
        db = self.db
        epoch = secrets.token_hex(8)
        db.execute(
            "INSERT INTO ancestor (room, epoch, seq) VALUES (?, ?, ?)",
            (room, position.epoch, position.seq),
        )
        db.execute("DELETE FROM ancestor WHERE room = ? AND seq < ?", (room, first - 1))
        db.execute(
            "DELETE FROM ancestor WHERE id IN (SELECT id FROM ancestor WHERE room = ?"
            " ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (room, REMEMBERED),
        )
        db.execute(
            "UPDATE room SET epoch = ?, life = ?, used = ? WHERE id = ?",
            (epoch, self.life, now, room),
        )
        return epoch

    def probe(self, size: int) -> None:
        """
        Write something, to find out whether that is possible.

        @param size: the number of bytes. Afterwards, the next messages use their space
        """
        if size > _PROBE:
            self.within(lambda: self.setMeta("probe", secrets.token_bytes(size)))
        self.within(lambda: self.setMeta("probe", secrets.token_bytes(_PROBE)))

    def newest(self) -> int:
        """
        @return: the time of the newest batch, ms since 1970; 0 if there is none
        """
        row = self.db.execute("SELECT at FROM batch ORDER BY id DESC LIMIT 1").fetchone()
        return int(row[0]) if row else 0

    def setMeta(self, name: str, value: bytes) -> None:
        """
        Store a value. Call it in a transaction.
        """
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def secret(self) -> bytes:
        """
        @return: the key with which networks are hashed
        """
        row = self.db.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
        if row is not None:
            return bytes(row[0])
        secret = secrets.token_bytes(16)
        self.within(lambda: self.setMeta("secret", secret))
        return secret

    def recentIds(self, now: int, most: int, longest: int) -> list[tuple[float, SeenId]]:
        """
        @param now: Unix time in ms
        @param most: the maximum number of ids
        @param longest: the time for which ids are remembered, ms
        @return: the last ids, oldest first, each with the remaining time in seconds
        """
        found: list[tuple[float, SeenId]] = []
        for until, data in self.db.execute("SELECT until, data FROM ids ORDER BY id DESC"):
            if len(found) >= most:
                break
            if until > now:
                rest = min(until - now, longest) / 1000
                found += [(rest, seen) for seen in reversed(decodeIds(data))]
        return found[:most][::-1]
