"""
The schema of the database, and its migrations.

A row of C{batch} contains the messages of one room that one call of C{append} stored. C{total} is
the sum of the sizes of all batches that the room has ever had, up to and including this one.
Therefore the size of the stored messages of a room, or of any range of them, is the difference of
two rows, and no counter has to be updated for each message.

The messages of all rooms follow each other in the order of C{batch.id}, which is roughly the order
of their times. The oldest are at the beginning, and are deleted there.
"""

from __future__ import annotations

import sqlite3

#: Identifies the file as a store of MaChat (C{PRAGMA application_id}): C{MaCh} in ASCII.
APPLICATION = 0x4D614368

#: The bytes that a batch uses in addition to its messages, approximately: its row and its entry in
#: the index.
BATCH_BYTES = 48

#: The bytes that a room uses in addition to its messages and its name, approximately: its row and
#: its entry in the index. The key of the name is stored in both.
ROOM_BYTES = 128

_FIRST = (
    """
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE room (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,      -- as its first member spelled it
        epoch TEXT NOT NULL,
        life BLOB NOT NULL,      -- the start of the server in which this epoch began
        seq INTEGER NOT NULL,    -- at least the last number of a deleted message
        total INTEGER NOT NULL,  -- batch.total of the batch with this number
        at INTEGER NOT NULL,     -- batch.at of the batch with this number
        used INTEGER NOT NULL,   -- when it was opened last: ms since 1970, up to a day too old
        topic TEXT,
        network BLOB             -- keyed hash of the network of its first member
    )
    """,
    """
    CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        last INTEGER NOT NULL,   -- the number of its last message
        count INTEGER NOT NULL,  -- the number of its messages
        at INTEGER NOT NULL,     -- ms since 1970
        total INTEGER NOT NULL,  -- bytes of the room up to here, including deleted ones
        data BLOB NOT NULL       -- MessagePack: [[sender, text], ...]
    )
    """,
    "CREATE UNIQUE INDEX batch_room ON batch (room, last)",
    """
    CREATE TABLE ancestor (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        epoch TEXT NOT NULL,
        seq INTEGER NOT NULL     -- the last message of this epoch that the room still has
    )
    """,
    "CREATE INDEX ancestor_room ON ancestor (room)",
    """
    CREATE TABLE sanction (
        room INTEGER NOT NULL,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        until REAL NOT NULL,     -- seconds since 1970
        name TEXT,
        moderator TEXT,
        PRIMARY KEY (room, kind, target)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE ids (
        id INTEGER PRIMARY KEY,
        until INTEGER NOT NULL,  -- ms since 1970
        data BLOB NOT NULL       -- MessagePack: [[room, sender, id, seq], ...]
    )
    """,
)

_DELIVERY = (
    """
    CREATE TABLE delivery (
        room INTEGER PRIMARY KEY,
        seq INTEGER NOT NULL     -- the number of the last message that was delivered to a webhook
    )
    """,
)

_REVISION = (
    """
    CREATE TABLE revision (
        room INTEGER NOT NULL,
        seq INTEGER NOT NULL,    -- the number of an edit whose text no later entry has replaced
        target INTEGER NOT NULL, -- the number of the message
        text TEXT NOT NULL,
        PRIMARY KEY (room, seq)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX revision_target ON revision (room, target)",
    """
    CREATE TABLE reaction (
        id INTEGER PRIMARY KEY,
        room INTEGER NOT NULL,
        target INTEGER NOT NULL, -- the number of the message
        emoji TEXT NOT NULL,
        key TEXT NOT NULL,       -- the key of the name
        name TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX reaction_target ON reaction (room, target, emoji, key)",
)

_LISTING = (
    "ALTER TABLE room ADD COLUMN listed INTEGER",  # whether it is listed; NULL: not decided
    "ALTER TABLE room ADD COLUMN password TEXT",  # hash of the key that members need to join
)

#: The statements that lead from each version (C{PRAGMA user_version}) to the next one.
MIGRATIONS: list[tuple[str, ...]] = [_FIRST, _DELIVERY, _REVISION, _LISTING]

#: The current version.
VERSION = len(MIGRATIONS)


def migrate(db: sqlite3.Connection, version: int) -> None:
    """
    Bring a database to the current version, in one transaction.

    @param version: its version; 0 for a new file
    """
    if version == VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def numberOf(db: sqlite3.Connection, statement: str, *arguments: str) -> int:
    """
    @return: the number that a statement returns
    """
    return int(db.execute(statement, arguments).fetchone()[0])


def usedBy(db: sqlite3.Connection) -> int:
    """
    @return: the bytes that are in use in the file
    """
    pages = numberOf(db, "PRAGMA page_count") - numberOf(db, "PRAGMA freelist_count")
    return pages * numberOf(db, "PRAGMA page_size")
