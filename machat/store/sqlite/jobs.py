"""
The operations that the writer carries out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred

from machat.entries import Entry, Message
from machat.errors import FAILED, ChatError, MaybeStored, NotStored
from machat.events import Draft
from machat.records import Change, Stored
from machat.store.deduplication import Key
from machat.store.sqlite.records import Group, Opened, Statement, Wanted

if TYPE_CHECKING:
    from machat.store.sqlite.room import SqliteRoom


class Job:
    """
    An operation. Its C{Deferred} fires once, with the result or at the time limit.

    @ivar due: the time at which it fails, as C{clock.seconds()}
    @ivar messages: the number of its messages
    """

    __slots__ = ("due", "_deferred")

    messages = 0

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.due = 0.0
        self._deferred: Deferred[Any] | None = deferred

    @property
    def waiting(self) -> bool:
        """
        Whether the C{Deferred} has not fired.
        """
        return self._deferred is not None

    def fail(self, error: ChatError) -> None:
        """
        Report a failure.
        """
        if self._deferred is not None:
            deferred, self._deferred = self._deferred, None
            deferred.errback(error)

    def succeed(self, result: Any) -> None:
        """
        Report a result.
        """
        if self._deferred is not None:
            deferred, self._deferred = self._deferred, None
            deferred.callback(result)

    def prepare(self, group: Group, ids: dict[Key, int]) -> None:
        """
        Add the operation to a transaction.

        @param ids: the new ids of the transaction, see L{SqliteRoom.number}
        """

    def revert(self) -> None:
        """
        The transaction has failed.
        """

    def apply(self, group: Group) -> None:
        """
        The transaction has succeeded: change the state in memory.
        """

    def report(self) -> None:
        """
        Report the change to the observer.
        """

    def finish(self) -> None:
        """
        Report the result.
        """

    def refusal(self, cause: str, certain: bool) -> ChatError:
        """
        @param cause: a few words
        @param certain: whether nothing is stored
        @return: the error for the caller
        """
        return ChatError(FAILED, f"the store is not available: {cause}")


class Append(Job):
    """
    Stores messages and changes.

    @ivar room: the room
    @ivar batch: the messages
    @ivar changes: the changes
    """

    __slots__ = ("room", "batch", "changes", "_states", "_stored", "_new")

    def __init__(
        self,
        deferred: Deferred[Stored],
        room: SqliteRoom,
        batch: Sequence[Draft],
        changes: Sequence[Change],
        states: dict[int, Message | None] | None = None,
    ) -> None:
        """
        @param states: the messages that the batch changes, by their numbers; C{None}: it changes
            none
        """
        Job.__init__(self, deferred)
        self._states = states
        self.room = room
        self.batch = batch
        self.changes = changes
        self._stored = Stored(())
        self._new: Sequence[Entry] = ()

    @property
    def messages(self) -> int:  # type: ignore[override]
        """
        The number of its messages.
        """
        return len(self.batch)

    def prepare(self, group: Group, ids: dict[Key, int]) -> None:
        statements = self.room.statements(self.changes) if self.changes else ()
        self._stored, self._new = self.room.number(self.batch, group, ids, self._states)
        group.statements.extend(statements)

    def revert(self) -> None:
        self.room.revert()

    def apply(self, group: Group) -> None:
        self.room.apply(self._new, self.changes)

    def report(self) -> None:
        if self._new or self.changes:
            self.room.report(self._new, self.changes)

    def finish(self) -> None:
        self.succeed(self._stored)

    def refusal(self, cause: str, certain: bool) -> ChatError:
        if certain:
            return NotStored(f"not stored: {cause}")
        return MaybeStored(f"possibly not stored: {cause}")


class Execute(Job):
    """
    Executes statements.
    """

    __slots__ = ("_statements",)

    def __init__(self, deferred: Deferred[None], statements: Sequence[Statement]) -> None:
        Job.__init__(self, deferred)
        self._statements = statements

    def prepare(self, group: Group, ids: dict[Key, int]) -> None:
        group.statements.extend(self._statements)

    def finish(self) -> None:
        self.succeed(None)


class Look(Job):
    """
    Reads the current state of messages, before an L{Append} changes them. It follows all earlier
    appends.
    """

    __slots__ = ("_read", "_found")

    def __init__(
        self, deferred: Deferred[Any], read: Callable[[sqlite3.Connection], object]
    ) -> None:
        """
        @param read: called in the thread of the writer. The C{Deferred} fires with its result
        """
        Job.__init__(self, deferred)
        self._read = read
        self._found: object = None

    def prepare(self, group: Group, ids: dict[Key, int]) -> None:
        group.looks.append(self._look)

    def _look(self, db: sqlite3.Connection) -> None:
        self._found = self._read(db)

    def finish(self) -> None:
        self.succeed(self._found)

    def refusal(self, cause: str, certain: bool) -> ChatError:
        return NotStored(f"not stored: {cause}")


class Open(Job):
    """
    Opens a room.
    """

    __slots__ = ("_wanted", "_index", "_make", "_room")

    def __init__(
        self,
        deferred: Deferred[Any],
        wanted: Wanted,
        make: Callable[[Opened], SqliteRoom],
    ) -> None:
        """
        @param make: makes the room. Is called only if the C{Deferred} then fires with it
        """
        Job.__init__(self, deferred)
        self._wanted = wanted
        self._make = make
        self._index = 0
        self._room: SqliteRoom | None = None

    def withdraw(self) -> None:
        """
        The caller has cancelled the C{Deferred}.
        """
        self._deferred = None

    def prepare(self, group: Group, ids: dict[Key, int]) -> None:
        f"{self._wanted.key} {self._wanted.name}".encode()  # raises if SQLite would
        self._index = len(group.wanted)
        group.wanted.append(self._wanted)

    def apply(self, group: Group) -> None:
        if self.waiting:
            self._room = self._make(group.opened[self._index])

    def finish(self) -> None:
        if self._room is not None:
            if self.waiting:
                self.succeed(self._room)
            else:
                self._room.close()
