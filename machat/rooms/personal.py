"""
The data that the chat stores about each user: the direct conversations, the blocked names, and the
read markers.

They are kept as changes of a room in the store that has no members and no messages, C{@} and the
user's name. No client can join it. So they are as durable as the rooms, every process of a shared
store receives them in the same order, and they end by themselves after L{KEPT}.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import TypeGuard

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import names
from machat.clock import ChatClock
from machat.entries import Entry
from machat.errors import FAILED, ChatError
from machat.events import Position
from machat.interfaces import IRoomObserver, IStoredRoom
from machat.records import Change, Claim, Imposed, Lifted

#: The time for which a note is kept, seconds: 180 days after its last change.
KEPT = 180 * 86_400.0

#: The maximum number of notes of each kind about one user.
NOTES = 1_000

#: The minimum time between two writes of notes that are not urgent, seconds.
PACE = 1.0

#: The time until another attempt to store notes, seconds.
AGAIN = 5.0


class Note(Enum):
    """
    The kinds of notes, by their names in the store. The target is the key of a room, or of a name.
    """

    CONVERSATION = "conversation"
    BLOCK = "block"
    READ = "read"


#: Opens the room of a user in the store.
Open = Callable[[str, str, IRoomObserver], Deferred[IStoredRoom]]

Watcher = Callable[[Imposed | Lifted], object]


@implementer(IRoomObserver)
class Personal:
    """
    The notes about one user. It is kept while somebody holds it, or a note waits to be stored.

    @ivar name: the user's name
    @ivar key: the key of this name
    @ivar watchers: called with each note that is stored, and with each block that is removed
    @ivar holds: the number of those who hold it
    """

    _log = Logger()

    def __init__(self, people: People, name: str) -> None:
        self.name = name
        self.key = names.key(name)
        self.watchers: list[Watcher] = []
        self.holds = 0
        self._people = people
        self._stored: IStoredRoom | None = None
        self._opening: list[Deferred[Personal]] = []
        self._notes: dict[tuple[str, str], Imposed] = {}
        self._pending: dict[tuple[str, str], Change] = {}
        self._waiting: list[Deferred[None]] = []
        self._appended: list[Deferred[None]] = []
        self._appending = False
        self._timer: IDelayedCall | None = None

    def open(self, open: Open) -> Deferred[Personal]:
        """
        @return: fires with this object, when its notes are known; fails with L{ChatError} C{failed}
        """
        opened: Deferred[Personal] = Deferred()
        if self._stored is not None:
            opened.callback(self)
            return opened
        self._opening.append(opened)
        if len(self._opening) == 1:
            opening = open(f"@{self.key}", f"@{self.name}", self)
            opening.addCallback(self._opened).addBoth(self._answer)
        return opened

    def _opened(self, stored: IStoredRoom) -> None:
        self._stored = stored
        now = self._people.clock.now()
        for each in stored.record.sanctions:
            if each.until > now:
                self._notes[each.kind, each.target] = each

    def _answer(self, result: Failure | None) -> None:
        waiting, self._opening = self._opening, []
        for each in waiting:
            if isinstance(result, Failure):
                each.errback(result)
            else:
                each.callback(self)

    def note(self, kind: Note, target: str) -> Imposed | None:
        """
        @return: a note, if there is one
        """
        return self._notes.get((kind.value, target))

    def notes(self, kind: Note) -> list[Imposed]:
        """
        @return: the notes of a kind; those that were changed last are first
        """
        found = [each for each in self._notes.values() if each.kind == kind.value]
        return sorted(found, key=lambda each: -each.until)

    def put(
        self, kind: Note, target: str, name: str, value: str | None, urgent: bool = True
    ) -> Imposed:
        """
        Make a note. It is known here at once. Beyond L{NOTES}, the oldest of the kind is removed.

        @param name: the name of the target
        @param urgent: whether it is stored at once. Otherwise, it is stored within L{PACE} seconds,
            together with others
        """
        until = self._people.clock.now() + KEPT
        note = Imposed(kind.value, target, until, name, value)
        if (kind.value, target) not in self._notes:
            for old in self.notes(kind)[NOTES - 1 :]:
                self._change(Lifted(old.kind, old.target))
        self._change(note)
        self._flushSoon(urgent)
        return note

    def remove(self, kind: Note, target: str) -> None:
        """
        Remove a note. This is stored within L{PACE} seconds.
        """
        self._change(Lifted(kind.value, target))
        self._flushSoon(False)

    def reset(self, kind: Note, target: str) -> None:
        """
        Remove a read marker before a lower one is put. This is stored with that one.
        """
        self._notes.pop((kind.value, target), None)
        self._pending["reset", target] = Lifted(kind.value, target)

    def whenStored(self) -> Deferred[None]:
        """
        Store the last change now. The change must not be an urgent one, because its storage may
        already have failed.

        @return: fires when the last change is stored; fails with L{ChatError} if it is not, or
            possibly not
        """
        waiting: Deferred[None] = Deferred()
        if self._appending and not self._pending:
            self._appended.append(waiting)
        else:
            self._waiting.append(waiting)
            self._flush()
        return waiting

    def _change(self, change: Imposed | Lifted) -> None:
        place = (change.kind, change.target)
        self._pending[place] = change
        self._apply(change)

    def _apply(self, change: Change) -> None:
        if isinstance(change, Imposed):
            self._notes[change.kind, change.target] = change
        elif isinstance(change, Lifted):
            self._notes.pop((change.kind, change.target), None)

    def _flushSoon(self, urgent: bool) -> None:
        if urgent:
            self._flush()
        elif self._timer is None:
            self._timer = self._people.clock.callLater(PACE, self._late)

    def _late(self) -> None:
        self._timer = None
        self._flush()

    def _flush(self) -> None:
        if self._appending:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        changes, self._pending = self._pending, {}
        self._appended, self._waiting = self._waiting, []
        self._appending = True
        self.holds += 1
        if self._stored is None:
            appending: Deferred[object] = fail(ChatError(FAILED, "the store is not available"))
        elif changes:
            ordered = sorted(changes.values(), key=lambda each: isinstance(each, Imposed))
            appending = self._stored.append((), ordered).addCallback(lambda _: None)
        else:
            appending = Deferred()
            appending.callback(None)
        appending.addBoth(self._flushed, changes)

    def _flushed(self, result: object, changes: dict[tuple[str, str], Change]) -> None:
        self._appending = False
        waiting, self._appended = self._appended, []
        if isinstance(result, Failure):
            self._notStored(result, changes)
        for each in waiting:
            if isinstance(result, Failure):
                each.errback(result)
            else:
                each.callback(None)
        if self._waiting or (self._pending and self._timer is None):
            self._flush()
        self._people.release(self)

    def _notStored(self, failure: Failure, changes: dict[tuple[str, str], Change]) -> None:
        """
        Keep the changes for another attempt, as long as a connection or a conversation uses the
        notes. A block is undone instead, because the client receives an error.
        """
        for place, change in changes.items():
            made = change if isinstance(change, Imposed) else None
            if place in self._pending or self._notes.get(place) is not made:
                continue  # there is a newer change, perhaps of another process
            if place[0] == Note.BLOCK.value:
                self._undo(place)
            elif self.holds > 1:  # one is that of this attempt
                self._pending[place] = change
            else:
                why = failure.getErrorMessage()
                self._log.warn("a note about {user} is not stored: {why}", user=self.name, why=why)
        if self._pending and self._timer is None:
            self._timer = self._people.clock.callLater(AGAIN, self._late)

    def _undo(self, place: tuple[str, str]) -> None:
        self._notes.pop(place, None)
        for each in self._stored.record.sanctions if self._stored is not None else ():
            if (each.kind, each.target) == place:
                self._notes[place] = each
        self.report(self._notes.get(place) or Lifted(*place))

    def release(self) -> bool:
        """
        End one hold.

        @return: whether it was the last one
        """
        self.holds -= 1
        if self.holds == 0 and self._pending:
            self._flush()  # holds it
        return self.holds == 0

    def close(self) -> None:
        """
        Close the room in the store.
        """
        stored, self._stored = self._stored, None
        if stored is not None:
            stored.close()

    def said(self, messages: Sequence[Entry], changes: Sequence[Change]) -> None:
        reported: list[Imposed | Lifted] = []
        for change in changes:
            place = (getattr(change, "kind", ""), getattr(change, "target", ""))
            current = self._notes.get(place)
            if _isFurther(current, change):  # it was on its way when the current one was stored
                self._change(current)
                self._flushSoon(False)
                continue
            pending = self._pending.get(place)
            if _isFurther(change, pending) and ("reset", place[1]) not in self._pending:
                del self._pending[place]
            if place not in self._pending:
                self._apply(change)
            if isinstance(change, Imposed) or (
                isinstance(change, Lifted) and change.kind == Note.BLOCK.value
            ):
                reported.append(change)
        for each in reported:
            self.report(each)

    def report(self, note: Imposed | Lifted) -> None:
        """
        Call the watchers.
        """
        for watcher in list(self.watchers):
            try:
                watcher(note)
            except Exception:
                self._log.failure("a note about {user} was not passed on", user=self.name)

    def moved(self, position: Position, complete: bool) -> None:
        pass

    def presence(self, joined: Sequence[str], left: Sequence[str]) -> None:
        pass

    def lost(self, claim: Claim, reason: str) -> None:
        pass

    def typing(self, name: str) -> None:
        pass


def _isFurther(change: Change | None, other: Change | None) -> TypeGuard[Imposed]:
    """
    @return: whether both are read markers, and the first one covers more messages
    """
    return (
        isinstance(change, Imposed)
        and isinstance(other, Imposed)
        and change.kind == Note.READ.value
        and int(change.by or 0) > int(other.by or 0)
    )


class People:
    """
    The notes about the users who are connected, or have an open direct conversation.

    @ivar clock: the clock of the chat
    """

    def __init__(self, clock: ChatClock, open: Open) -> None:
        self.clock = clock
        self._open = open
        self._byKey: dict[str, Personal] = {}

    def __len__(self) -> int:
        return len(self._byKey)

    def hold(self, name: str) -> Deferred[Personal]:
        """
        Read the notes about a user, and keep them up to date until L{release}.

        @return: fires with the notes; fails with L{ChatError} C{failed}, and then nothing is held
        """
        key = names.key(name)
        personal = self._byKey.get(key)
        if personal is None:
            personal = self._byKey[key] = Personal(self, name)
        personal.holds += 1
        return personal.open(self._open).addErrback(self._failed, personal)

    def _failed(self, failure: Failure, personal: Personal) -> Failure:
        self.release(personal)
        return failure

    def release(self, personal: Personal) -> None:
        """
        End one L{hold}.
        """
        if personal.release() and self._byKey.get(personal.key) is personal:
            del self._byKey[personal.key]
            personal.close()
