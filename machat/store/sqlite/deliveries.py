"""
The last delivered message of each room: the table C{delivery}.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from twisted.internet.defer import Deferred

from machat.interfaces.deliveries import Undelivered
from machat.store.sqlite.jobs import Execute
from machat.store.sqlite.reader import Reader
from machat.store.sqlite.records import Statement
from machat.store.sqlite.writer import Writer

#: The number of the last message of the room in the same row, also if it has been deleted.
_TOP = "max(seq, coalesce((SELECT max(last) FROM batch WHERE room = room.id), 0))"

#: Count everything as delivered, unless the database has been through this before.
_BEGIN: Sequence[Statement] = (
    (
        f"INSERT OR IGNORE INTO delivery SELECT id, {_TOP} FROM room"
        " WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = 'delivery')",
        (),
    ),
    ("INSERT OR IGNORE INTO meta VALUES ('delivery', x'01')", ()),
)

_UNDELIVERED = (
    f"SELECT room.name, top FROM (SELECT id, name, {_TOP} AS top FROM room) AS room"
    " LEFT JOIN delivery ON delivery.room = room.id"
    " WHERE top > coalesce(delivery.seq, 0) LIMIT ?"
)

_DELIVERED = "INSERT OR REPLACE INTO delivery SELECT id, ? FROM room WHERE key = ?"


def _undelivered(limit: int, db: sqlite3.Connection) -> list[Undelivered]:
    return [Undelivered(*row) for row in db.execute(_UNDELIVERED, (limit,))]


def _delivered(key: str, db: sqlite3.Connection) -> int:
    row = db.execute(
        "SELECT delivery.seq FROM room JOIN delivery ON delivery.room = room.id WHERE key = ?",
        (key,),
    ).fetchone()
    return 0 if row is None else int(row[0])


class Deliveries:
    """
    Implements L{machat.interfaces.IDeliveries} for the store.
    """

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def undelivered(self, limit: int) -> Sequence[Undelivered]:
        """
        See L{machat.interfaces.IDeliveries}.
        """
        await self._execute(_BEGIN)
        found: Sequence[Undelivered] = await self._reader.read(partial(_undelivered, limit))
        return found

    def claimDelivery(self, key: str) -> Deferred[int | None]:
        """
        See L{machat.interfaces.IDeliveries}. No other process delivers the room.
        """
        return self._reader.read(partial(_delivered, key))

    def delivered(self, key: str, seq: int) -> Deferred[None]:
        """
        See L{machat.interfaces.IDeliveries}.
        """
        return self._execute([(_DELIVERED, (seq, key))])

    def _execute(self, statements: Sequence[Statement]) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._writer.add(Execute(done, statements))
        return done
