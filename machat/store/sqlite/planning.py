"""
The numbers of rooms and messages, and the choice of what to delete when all rooms together exceed
the limit of the store. These functions read the whole database, in the thread of the scanner.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from typing import NamedTuple

from machat.store.shares import waterline
from machat.store.sqlite.database import tailOf
from machat.store.sqlite.schema import BATCH_BYTES, ROOM_BYTES, usedBy


class Cut(NamedTuple):
    """
    The batches of a room that are to be deleted.

    @ivar last: those up to this message
    @ivar total: and those up to this C{total}
    """

    room: int
    last: int
    total: int


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


def plan(db: sqlite3.Connection, most: int, opened: Collection[int]) -> tuple[list[int], list[Cut]]:
    """
    Choose the rooms and messages to delete when all rooms together exceed the total. The networks
    that use the most lose the excess, down to a common level. Within a network, the rooms that are
    not open are deleted first, in the order of their last use; then the largest rooms lose their
    oldest messages.

    @param most: the bytes that may remain in use in the file
    @param opened: the rooms that are open
    @return: the rooms to delete, and the batches of other rooms to delete
    """
    over = _excesses(db, most)
    if not over:
        return [], []
    closed: list[int] = []
    cuts: list[Cut] = []
    open: dict[bytes | None, list[tuple[int, int]]] = {}
    rest = set(over)
    rows = db.execute(f"SELECT network, id, size, messages FROM ({_SIZES}) ORDER BY used")
    for network, id, size, messages in rows:
        if not rest:
            break
        if network in rest:
            if id in opened:
                open.setdefault(network, []).append((id, messages))
                continue
            if messages > over[network]:  # a part of them suffices
                cuts += _relieve(db, [(id, messages)], over[network])
            else:
                closed.append(id)
            over[network] -= size
            if over[network] <= 0:
                rest.discard(network)
    rows.close()
    for network in rest:
        cuts += _relieve(db, open.get(network, ()), over[network])
    return closed, cuts


def _excesses(db: sqlite3.Connection, most: int) -> dict[bytes | None, int]:
    """
    @param most: see L{plan}
    @return: the bytes that each network has to lose
    """
    used = usedBy(db)
    if used <= most:
        return {}
    shares = dict(db.execute(f"SELECT network, sum(size) FROM ({_SIZES}) GROUP BY network"))
    stored = sum(shares.values())
    level = waterline(shares.values(), (used - most) * stored // max(used, stored, 1))
    return {network: share - level for network, share in shares.items() if share > level}


#: The networks of all rooms, their sizes with and without their rows, and the times of their last
#: use.
_SIZES = f"""
    SELECT network, id, used, messages, messages + {ROOM_BYTES} + length(CAST(name AS BLOB))
        + 2 * length(CAST(key AS BLOB)) AS size
    FROM (
        SELECT network, id, name, key, max(used, at, ifnull(
            (SELECT at FROM batch WHERE room = room.id ORDER BY last DESC LIMIT 1), 0)) AS used,
        ifnull((SELECT total FROM batch WHERE room = room.id ORDER BY last DESC LIMIT 1)
            - (SELECT total - length(data) - {BATCH_BYTES} FROM batch
               WHERE room = room.id ORDER BY last LIMIT 1), 0) AS messages
        FROM room
    )
"""


def _relieve(
    db: sqlite3.Connection, rooms: Collection[tuple[int, int]], excess: int
) -> Iterator[Cut]:
    """
    @param rooms: rooms of one network, and the sizes of their messages
    @param excess: the bytes to free
    """
    level = waterline([size for _, size in rooms], excess)
    for id, size in rooms:
        if size > level:
            yield Cut(id, 0, tailOf(db, id).total - level)
