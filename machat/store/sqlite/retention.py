"""
The deletion of what exceeds the limits. Each function makes one transaction, which deletes at most
L{STEP} rows of messages. They run in the thread of the writer, L{plan} in that of the reader.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from typing import NamedTuple

from machat.store.shares import waterline
from machat.store.sqlite.database import DAY, Database, Head, headOf, tailOf
from machat.store.sqlite.schema import BATCH_BYTES

#: The maximum number of rows that one transaction deletes.
STEP = 1000

#: The pages that are returned to the file system at a time.
_VACUUM = 512

#: The time after which a room without messages, topic and sanctions is deleted, ms.
_EMPTY = 3_600_000


class Cut(NamedTuple):
    """
    What to delete of a room.

    @ivar last: the batches up to this message
    @ivar total: and the batches up to this C{total}
    """

    room: int
    last: int
    total: int


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
    rows = database.db.execute(
        "SELECT id, last, total FROM batch WHERE room = ? ORDER BY last LIMIT ?", (cut.room, STEP)
    )
    for id, last, total in rows:
        if last > cut.last and total > cut.total:
            break
        found.append((id, cut.room))
    rows.close()
    return _delete(database, found, len(found) == STEP, 0)


def expire(database: Database, oldest: int, now: int, cursor: int) -> Deleted:
    """
    Delete messages that are too old.

    @param oldest: the age limit, as a value of C{Message.at}
    @param now: Unix time, ms. A batch that is more than a day ahead was stored while the clock was
        wrong; it is passed over, so that it does not protect the batches after it
    @param cursor: 0, or the cursor of the step before
    """
    rows = database.db.execute(
        "SELECT id, room, at FROM batch WHERE id > ? ORDER BY id LIMIT ?", (cursor, STEP)
    ).fetchall()
    found = []
    more = len(rows) == STEP
    for id, room, at in rows:
        if at < oldest:
            found.append((id, room))
        elif at <= now + DAY:
            more = False
            break
        cursor = id
    return _delete(database, found, more, cursor)


def _delete(
    database: Database, found: Collection[tuple[int, int]], more: bool, cursor: int
) -> Deleted:
    """
    @param found: id and room of each batch
    """
    db = database.db
    heads: dict[int, Head] = {}

    def delete() -> None:
        tails = {room: tailOf(db, room) for room in {room for _, room in found}}
        db.executemany(
            "UPDATE room SET seq = ?, total = ?, at = ? WHERE id = ?",
            [(*tail, room) for room, tail in tails.items()],
        )
        db.executemany("DELETE FROM batch WHERE id = ?", [(id,) for id, _ in found])
        for room, tail in tails.items():
            heads[room] = headOf(db, room, tail)
            db.execute(
                "DELETE FROM ancestor WHERE room = ? AND seq < ?", (room, heads[room].seq - 1)
            )

    if found:
        database.within(delete)
    return Deleted(heads, more, cursor, database.used())


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
        database.within(
            lambda: db.executemany(
                "DELETE FROM sanction WHERE room = ? AND kind = ? AND target = ?", old
            )
        )
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
        "SELECT id, used, at, seq = 0 AND topic IS NULL FROM room AS r WHERE id > ?"
        " AND NOT EXISTS (SELECT 1 FROM batch WHERE room = r.id)"
        " AND NOT EXISTS (SELECT 1 FROM sanction WHERE room = r.id)"
        " ORDER BY id LIMIT ?",
        (cursor, STEP),
    ).fetchall()
    old = [
        (id,)
        for id, used, at, empty in rows
        if max(used, at) < (now - _EMPTY if empty else oldest) and id not in opened
    ]
    if old:
        database.within(lambda: _forget(db, old))
    return (rows[-1][0] if rows else 0), len(rows) == STEP


def _forget(db: sqlite3.Connection, rooms: Iterable[tuple[int]]) -> None:
    rooms = list(rooms)
    db.executemany("DELETE FROM room WHERE id = ?", rooms)
    db.executemany("DELETE FROM ancestor WHERE room = ?", rooms)


def shrink(database: Database) -> bool:
    """
    Return free pages to the file system, if they are more than an eighth of the file.

    @return: whether there are more
    """
    db = database.db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    free = db.execute("PRAGMA freelist_count").fetchone()[0]
    if free <= max(_VACUUM, pages // 8):
        return False
    db.execute(f"PRAGMA incremental_vacuum({_VACUUM})").fetchall()
    return True


def checkpoint(database: Database) -> bool:
    """
    Copy the WAL into the database, as far as no reader prevents it.
    """
    database.db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    return False


def count(db: sqlite3.Connection) -> tuple[int, int]:
    """
    @return: the numbers of rooms and of messages
    """
    rooms, messages = db.execute(
        "SELECT count(*), sum("
        " ifnull((SELECT last FROM batch WHERE room = room.id ORDER BY last DESC LIMIT 1), 0) -"
        " ifnull((SELECT last - count FROM batch WHERE room = room.id ORDER BY last LIMIT 1), 0))"
        " FROM room"
    ).fetchone()
    return rooms, messages or 0


def plan(db: sqlite3.Connection, used: int, excess: int, opened: Collection[int]) -> list[Cut]:
    """
    Choose what to delete when all rooms together exceed the total. The networks that use the most
    lose it, down to a common level. Within a network, the rooms that are not open lose their
    messages first, in the order of their last messages; then the largest rooms lose their oldest.

    @param used: the bytes in use in the file
    @param excess: the bytes to free
    @param opened: the rooms that are open
    """
    rows = db.execute(
        "SELECT id, network, at, total - before FROM (SELECT id, network,"
        f" (SELECT total - length(data) - {BATCH_BYTES} FROM batch WHERE room = room.id"
        "  ORDER BY last LIMIT 1) AS before,"
        " (SELECT total FROM batch WHERE room = room.id ORDER BY last DESC LIMIT 1) AS total,"
        " (SELECT at FROM batch WHERE room = room.id ORDER BY last DESC LIMIT 1) AS at"
        " FROM room) WHERE before IS NOT NULL ORDER BY at"
    ).fetchall()
    stored = sum([size for _, _, _, size in rows])
    shares: dict[bytes | None, int] = {}
    for _, network, _, size in rows:
        shares[network] = shares.get(network, 0) + size
    level = waterline(shares.values(), excess * stored // max(used, stored, 1))
    cuts: list[Cut] = []
    for network, share in shares.items():
        if share > level:
            own = [(id, size) for id, payer, _, size in rows if payer == network]
            cuts += _relieve(db, own, share - level, opened)
    return cuts


def _relieve(
    db: sqlite3.Connection,
    rooms: Iterable[tuple[int, int]],
    excess: int,
    opened: Collection[int],
) -> list[Cut]:
    """
    @param rooms: the rooms of one network and their sizes, in the order of their last messages
    @param excess: the bytes to free
    """
    cuts = []
    rest = []
    for id, size in rooms:
        if id in opened or excess <= 0:
            rest.append((id, size))
        else:
            excess -= size
            cuts.append((id, size, 0))
    if excess > 0:
        level = waterline([size for _, size in rest], excess)
        cuts += [(id, size, level) for id, size in rest if size > level]
    found = []
    for id, _, level in cuts:
        tail = tailOf(db, id)
        found.append(Cut(id, 0, tail.total - level))
    return found
