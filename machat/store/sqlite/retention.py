"""
The deletion of data that exceeds the limits. Each function makes one transaction, which deletes at
most L{STEP} rows of messages. They run in the thread of the writer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import NamedTuple

from machat.store.sqlite import revisions
from machat.store.sqlite.database import DAY, LIFT, Database, headOf, tailOf
from machat.store.sqlite.planning import Cut
from machat.store.sqlite.records import Head
from machat.store.sqlite.schema import numberOf

#: The maximum number of rows that one transaction deletes.
STEP = 1000

#: When a transaction has deleted this number of bytes, it ends. Other transactions wait for it.
STEP_BYTES = 4_194_304

#: The pages that are returned to the file system at a time.
_VACUUM = 512

#: The time after which a room without messages, topic and sanctions is deleted, ms.
_EMPTY = 3_600_000


class Deleted(NamedTuple):
    """
    The result of a step.

    @ivar heads: the new beginnings of the rooms concerned
    @ivar more: whether there is more to delete
    @ivar cursor: where the next step continues
    @ivar used: the bytes in use in the file
    """

    heads: dict[int, Head]
    more: bool
    cursor: int
    used: int


def trim(database: Database, cut: Cut) -> Deleted:
    """
    Delete the beginning of a room.
    """
    found = []
    size = 0
    rows = database.db.execute(
        "SELECT id, last, total, length(data) FROM batch WHERE room = ? ORDER BY last LIMIT ?",
        (cut.room, STEP),
    )
    for id, last, total, length in rows:
        if (last > cut.last and total > cut.total) or size >= STEP_BYTES:
            break
        found.append((id, cut.room))
        size += length
    rows.close()
    return _delete(database, found, len(found) == STEP or size >= STEP_BYTES, 0)


def expire(database: Database, oldest: int, now: int, cursor: int) -> Deleted:
    """
    Delete messages that are too old.

    @param oldest: the age limit, as a value of C{Message.at}
    @param now: Unix time, ms. A batch that is more than a day ahead was stored while the clock was
        wrong; it is passed over, so that it does not protect the batches after it
    @param cursor: 0, or the cursor of the step before
    """
    rows = database.db.execute(
        "SELECT id, room, at, length(data) FROM batch WHERE id > ? ORDER BY id LIMIT ?",
        (cursor, STEP),
    )
    found = []
    size = 0
    more = False
    for number, (id, room, at, length) in enumerate(rows, 1):
        if size >= STEP_BYTES:
            more = True
            break
        if at < oldest:
            found.append((id, room))
            size += length
        elif at <= now + DAY:
            break
        cursor = id
        more = number == STEP
    rows.close()
    return _delete(database, found, more, cursor)


def _delete(
    database: Database, found: Collection[tuple[int, int]], more: bool, cursor: int
) -> Deleted:
    """
    @param found: id and room of each batch
    """
    heads: dict[int, Head] = {}
    if found:
        heads = database.within(lambda: _deleteRows(database.db, found))
    return Deleted(heads, more, cursor, database.used())


def _deleteRows(db: sqlite3.Connection, found: Collection[tuple[int, int]]) -> dict[int, Head]:
    """
    @return: the new beginnings of the rooms concerned
    """
    heads: dict[int, Head] = {}
    tails = {room: tailOf(db, room) for room in {room for _, room in found}}
    db.executemany(
        "UPDATE room SET seq = ?, total = ?, at = ? WHERE id = ?",
        [(*tail, room) for room, tail in tails.items()],
    )
    db.executemany("DELETE FROM batch WHERE id = ?", [(id,) for id, _ in found])
    for room, tail in tails.items():
        heads[room] = headOf(db, room, tail)
        revisions.forget(db, room, heads[room].seq)
        db.execute("DELETE FROM ancestor WHERE room = ? AND seq < ?", (room, heads[room].seq - 1))
    return heads


def expireIds(database: Database, now: int, remembered: int) -> bool:
    """
    Delete the ids that are no longer remembered.

    @param now: Unix time, ms
    @param remembered: the time for which they are remembered, ms. An id that would be remembered
        for longer was stored while the clock was wrong
    @return: whether there are more
    """
    rows = database.db.execute("SELECT id, until FROM ids ORDER BY id LIMIT ?", (STEP,)).fetchall()
    old = [(id,) for id, until in rows if until <= now or until > now + 2 * remembered]
    if old:
        database.within(lambda: database.db.executemany("DELETE FROM ids WHERE id = ?", old))
    return len(old) == STEP


def expireSanctions(database: Database, now: float) -> bool:
    """
    Delete the sanctions that have ended.

    @param now: Unix time
    @return: whether there are more
    """
    db = database.db
    old = db.execute(
        "SELECT room, kind, target FROM sanction WHERE until <= ? LIMIT ?", (now, STEP)
    ).fetchall()
    if old:
        database.within(lambda: db.executemany(LIFT, old))
    return len(old) == STEP


def forget(
    database: Database, oldest: int, now: int, opened: Collection[int], cursor: int
) -> tuple[int, bool]:
    """
    Delete rooms that have neither messages nor sanctions and have not been used for the age limit;
    or for an hour, if they have never had a message nor a topic.

    @param oldest: the age limit, as a value of C{Message.at}
    @param now: Unix time, ms
    @param opened: the rooms that are open. They remain
    @param cursor: 0, or the cursor of the step before
    @return: the cursor, and whether there are more
    """
    db = database.db
    rows = db.execute(
        "SELECT id, max(used, at), seq = 0 AND topic IS NULL,"
        " EXISTS (SELECT 1 FROM batch WHERE room = r.id)"
        " OR EXISTS (SELECT 1 FROM sanction WHERE room = r.id)"
        " FROM room AS r WHERE id > ? ORDER BY id LIMIT ?",
        (cursor, STEP),
    ).fetchall()
    old = [
        (id,)
        for id, used, empty, needed in rows
        if used < (now - _EMPTY if empty else oldest) and not needed and id not in opened
    ]
    if old:
        database.within(lambda: _forget(db, old))
    return (rows[-1][0] if rows else 0), len(rows) == STEP


def _forget(db: sqlite3.Connection, rooms: Sequence[tuple[int]]) -> None:
    db.executemany("DELETE FROM room WHERE id = ?", rooms)
    db.executemany("DELETE FROM ancestor WHERE room = ?", rooms)
    db.executemany("DELETE FROM delivery WHERE room = ?", rooms)


def shrink(database: Database) -> bool:
    """
    Return free pages to the file system, if they are more than an eighth of the file.

    @return: whether there are more
    """
    db = database.db
    free = numberOf(db, "PRAGMA freelist_count")
    if free <= max(_VACUUM, numberOf(db, "PRAGMA page_count") // 8):
        return False
    db.execute(f"PRAGMA incremental_vacuum({_VACUUM})").fetchall()
    return True


def checkpoint(database: Database) -> bool:
    """
    Copy the WAL into the database, as far as no reader prevents it. If the WAL may contain texts
    that were removed since, empty it.
    """
    db = database.db
    db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    if database.erased:
        wait = numberOf(db, "PRAGMA busy_timeout")
        numberOf(db, "PRAGMA busy_timeout = 0")
        try:
            database.erased = numberOf(db, "PRAGMA wal_checkpoint(TRUNCATE)") != 0
        finally:
            numberOf(db, f"PRAGMA busy_timeout = {wait}")
    return False


def delete(database: Database, rooms: Sequence[int]) -> tuple[Deleted, int]:
    """
    Delete rooms. A room with sanctions loses only its messages.

    @param rooms: rooms that are not open
    @return: the result of the step, and the number of rooms, from the first, that are done
    """
    db = database.db
    found, done = _batchesOf(db, rooms)
    heads = database.within(lambda: _deleteRooms(db, found, rooms[:done]))
    return Deleted(heads, done < len(rooms), 0, database.used()), done


def _batchesOf(db: sqlite3.Connection, rooms: Sequence[int]) -> tuple[list[tuple[int, int]], int]:
    """
    @return: id and room of each batch of the first rooms, as many as one step deletes; and the
        number of rooms of which these are all batches
    """
    found: list[tuple[int, int]] = []
    done = size = 0
    for room in rooms[:STEP]:
        rows = db.execute(
            "SELECT id, length(data) FROM batch WHERE room = ? ORDER BY last LIMIT ?",
            (room, STEP - len(found)),
        )
        for id, length in rows:
            found.append((id, room))
            size += length
            if size >= STEP_BYTES:
                break
        rows.close()
        if len(found) >= STEP or size >= STEP_BYTES:
            break
        done += 1
    return found, done


def _deleteRooms(
    db: sqlite3.Connection, found: Collection[tuple[int, int]], rooms: Sequence[int]
) -> dict[int, Head]:
    """
    @param found: id and room of each batch
    @param rooms: the rooms that have no other batches
    @return: the new beginnings of the rooms concerned
    """
    heads = _deleteRows(db, found)
    complete = [(room,) for room in rooms]
    db.executemany(
        "DELETE FROM room WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM sanction WHERE room = ?1)",
        complete,
    )
    db.executemany("DELETE FROM ancestor WHERE room = ?", complete)
    db.executemany(
        "DELETE FROM delivery WHERE room = ?1 AND NOT EXISTS (SELECT 1 FROM room WHERE id = ?1)",
        complete,
    )
    return heads
