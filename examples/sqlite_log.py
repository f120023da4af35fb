"""
A message log in a SQLite file. It keeps the last messages of each room across restarts, so that a
client that reconnects after a restart recovers the messages that it missed::

    ChatService(reactor, log=SqliteLog("machat.sqlite", reactor))

The file does not contain the ids of messages, so messages are not deduplicated across a restart. If
the server stores a message and stops before it acknowledges it, the client resends the message, and
the room receives it twice.

Each batch is one transaction, which blocks the reactor. The row of a room that has had a message is
never deleted. If all clients may create rooms, limit the number of rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from secrets import token_hex

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from machat.clock import chatClock
from machat.events import Draft, Message, Position
from machat.interfaces import IMessageLog

TABLES = """
CREATE TABLE IF NOT EXISTS rooms (room PRIMARY KEY, epoch, seq) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages
    (room, seq, name, sender, text, at, PRIMARY KEY (room, seq)) WITHOUT ROWID;
"""


@implementer(IMessageLog)
class SqliteLog:
    """
    Keeps the last messages of each room in a file. If a write fails, the batch is not delivered.
    """

    def __init__(self, path: str, clock: IReactorTime, kept: int = 1_000) -> None:
        """
        @param kept: maximum number of messages to keep per room
        """
        self._clock = chatClock(clock)
        self._kept = kept
        self._followers: dict[str, Callable[[Sequence[Message]], None]] = {}
        self._file = sqlite3.connect(path)
        self._file.executescript(TABLES)

    def follow(self, room: str, deliver: Callable[[Sequence[Message]], None]) -> Deferred[Position]:
        with self._file:
            self._file.execute("INSERT OR IGNORE INTO rooms VALUES (?, ?, 0)", (room, token_hex(8)))
        self._followers[room] = deliver
        return succeed(self._top(room))

    def _top(self, room: str) -> Position:
        found = self._file.execute("SELECT epoch, seq FROM rooms WHERE room = ?", (room,))
        return Position(*found.fetchone())

    def append(self, room: str, batch: Sequence[Draft]) -> Deferred[range]:
        first = self._top(room).seq + 1
        at = int(self._clock.now() * 1000)
        messages = [
            Message(draft.room, seq, draft.sender, draft.text, at)
            for seq, draft in enumerate(batch, first)
        ]
        numbers = range(first, first + len(messages))
        with self._file:  # one transaction
            self._file.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)",
                [(room, m.seq, m.room, m.sender, m.text, m.at) for m in messages],
            )
            self._file.execute("UPDATE rooms SET seq = ? WHERE room = ?", (numbers.stop - 1, room))
            oldest = numbers.stop - self._kept
            self._file.execute("DELETE FROM messages WHERE room = ? AND seq < ?", (room, oldest))
        self._followers[room](messages)
        return succeed(numbers)

    def read(self, room: str, after: int, limit: int) -> Deferred[Sequence[Message]]:
        found = self._file.execute(
            "SELECT name, seq, sender, text, at FROM messages"
            " WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?",
            (room, after, limit),
        )
        return succeed([Message(*row) for row in found])

    def unfollow(self, room: str) -> None:
        del self._followers[room]
        with self._file:
            self._file.execute("DELETE FROM rooms WHERE room = ? AND seq = 0", (room,))

    def close(self) -> None:
        """
        Close the file.
        """
        self._file.close()
