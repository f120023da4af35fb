"""
The chat: what is said, the flush at the end of each turn, and the connections.

All that a room hears in one turn of the reactor is one batch. C{say} only adds to the room's
pending list; the first C{say} of a turn schedules one flush for the whole chat. The flush gives
each room's batch to the log, which numbers and keeps it and then delivers it. So the order is total
in a room and the same for all its members, and a message that somebody has seen is in the log.
"""

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any

from msgspec.structs import replace
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import names, wire
from machat.errors import (
    BAD_COMMAND,
    FAILED,
    REPLACED,
    SHUTDOWN,
    ChatError,
    Disconnect,
)
from machat.events import Draft, History, Joined, Members, Position, Receipt
from machat.hooks import Guard
from machat.interfaces import IChatHooks, IChatMember, IChatRoom, IMessageLog, IRoster
from machat.limits import DEFAULTS, Limits
from machat.log import MemoryLog
from machat.receipts import Receipts
from machat.room import Expected, Room
from machat.rooms import Rooms
from machat.roster import MemoryRoster

NOT_A_LINE = "a message is one line of Unicode text"


@implementer(IChatRoom)
class ChatService(MultiService):
    """
    One chat. What serves it (a C{strports} service with a factory of L{machat.tcp} or L{machat.ws})
    is best added to it as a child: stopping the chat then first stops listening.

    @ivar clock: the reactor, or a L{twisted.internet.task.Clock} in a test
    @ivar limits: see L{Limits}
    """

    _logger = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        limits: Limits = DEFAULTS,
        log: IMessageLog | None = None,
        roster: IRoster | None = None,
        hooks: IChatHooks | None = None,
    ) -> None:
        """
        @param log: by default a L{MemoryLog}
        @param roster: by default a L{MemoryRoster}
        @param hooks: an application's own rules; by default there are none
        """
        MultiService.__init__(self)
        self.clock = clock
        self.limits = limits
        self._guard = None if hooks is None else Guard(hooks)
        self._log = MemoryLog(clock, limits) if log is None else log
        self._rooms = Rooms(
            clock,
            limits,
            self._log,
            MemoryRoster() if roster is None else roster,
            self._guard,
        )
        self._receipts = Receipts(clock, limits)
        self._dirty: list[Room] = []
        self._connections: dict[Any, str | None] = {}
        self._secrets: dict[str, Any] = {}
        self._emptied: Deferred[None] | None = None

    def join(
        self,
        member: IChatMember,
        room: str,
        since: Position | None = None,
        history: int = 0,
        watch: bool = False,
    ) -> Deferred[Joined]:
        return Deferred.fromCoroutine(self._rooms.join(member, room, since, history, watch))

    def leave(self, member: IChatMember, room: str) -> None:
        self._rooms.leave(member, room)

    def say(self, member: IChatMember, room: str, text: str) -> Deferred[None] | None:
        heard = self._rooms.find(member, room)
        if self._guard is not None:
            return self._ask(self._guard, member, heard, text)
        if "\n" in text or not (text.isascii() or wire.isText(text)):
            raise ChatError(BAD_COMMAND, NOT_A_LINE)
        if heard.say(member, text):
            self._wake(heard)
        return None

    def post(
        self, member: IChatMember, room: str, text: str, id: str | None = None
    ) -> Deferred[Receipt]:
        try:
            heard = self._rooms.find(member, room)
        except ChatError:
            return fail()
        draft = heard.draft(member, text)
        key = (heard.key, names.key(draft.sender), id or "")
        known = self._receipts.find(key) if id is not None else None
        if known is not None:
            return known
        kept: Deferred[int] = Deferred()
        said = kept.addCallback(lambda seq: Receipt(draft.room, seq))
        if id is not None:
            self._receipts.begin(key, said)
        try:
            if self._guard is None:
                self._add(heard, draft, kept)
            else:
                waiting = self._ask(self._guard, member, heard, text, kept)
                if waiting is not None:
                    waiting.addErrback(kept.errback)
        except ChatError:
            kept.errback()
        return said

    def _ask(
        self,
        guard: Guard,
        member: IChatMember,
        room: Room,
        text: str,
        kept: Deferred[int] | None = None,
    ) -> Deferred[None] | None:
        draft = room.draft(member, text)
        room.holds += 1
        asked = guard.maySay(member, room, text)
        asked.addCallback(lambda text: self._add(room, replace(draft, text=text), kept))
        asked.addErrback(guard.refused)
        asked.addBoth(self._asked, room)
        return _unlessDone(asked)

    def _asked(self, result: Any, room: Room) -> Any:
        self._rooms.release(room)
        return result

    def _add(self, room: Room, draft: Draft, kept: Deferred[int] | None) -> None:
        if "\n" in draft.text or not wire.isText(draft.text):
            raise ChatError(BAD_COMMAND, NOT_A_LINE)
        if room.put(draft, kept):
            self._wake(room)

    def _wake(self, room: Room) -> None:
        """
        The room's batch has begun: flush it at the end of the turn.
        """
        if not self._dirty:
            self.clock.callLater(0, self._flush)
        self._dirty.append(room)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for room in dirty:
            self._append(room)

    def _append(self, room: Room) -> None:
        batch, expected = room.takePending()
        if not batch:
            return  # a stop has flushed before the turn's own flush
        room.holds += 1
        try:
            appended = self._log.append(room.key, batch)
        except Exception:
            self._lost(Failure(), room, len(batch), expected)
        else:
            appended.addCallbacks(
                self._kept,
                self._lost,
                callbackArgs=(room, expected),
                errbackArgs=(room, len(batch), expected),
            )

    def _kept(self, numbers: range, room: Room, expected: Expected) -> None:
        if expected:
            for index, kept in expected:
                kept.callback(numbers[index])
        self._rooms.release(room)

    def _lost(self, failure: Failure, room: Room, count: int, expected: Expected) -> None:
        self._logger.failure(
            "the log did not take {count} messages of {room}", failure, count=count, room=room.name
        )
        for _, kept in expected:
            kept.errback(ChatError(FAILED, "the message could not be kept"))
        self._rooms.release(room)

    def history(
        self, member: IChatMember, room: str, before: int | None, after: int | None, limit: int
    ) -> Deferred[History]:
        return Deferred.fromCoroutine(self._rooms.history(member, room, before, after, limit))

    def who(self, member: IChatMember, room: str) -> Deferred[Members]:
        return Deferred.fromCoroutine(self._rooms.who(member, room))

    def opened(self, connection: Any) -> None:
        self._connections[connection] = None
        if self._emptied is not None:
            connection.disconnected(SHUTDOWN)

    def closed(self, connection: Any) -> None:
        secret = self._connections.pop(connection, None)
        if secret is not None:
            del self._secrets[secret]
        if self._emptied is not None and not self._connections and not self._emptied.called:
            self._emptied.callback(None)

    def issue(self, connection: Any) -> str:
        secret = token_urlsafe(16)
        self._connections[connection] = secret
        self._secrets[secret] = connection
        return secret

    def takeOver(self, secret: str, name: str) -> None:
        earlier = self._secrets.get(secret)
        if earlier is not None and names.key(earlier.name) == names.key(name):
            earlier.disconnected(REPLACED)

    def startService(self) -> None:
        self._emptied = None
        MultiService.startService(self)

    def stopService(self) -> Deferred[None]:
        """
        Stop the children, deliver what was said, and end every member with L{SHUTDOWN}.

        @return: fires when all connections are gone: within L{Limits.closing} seconds, because one
            that does not take its last bytes by then is aborted
        """
        return maybeDeferred(MultiService.stopService, self).addCallback(lambda _: self._drain())

    def _drain(self) -> Deferred[None]:
        self._flush()
        emptied: Deferred[None] = Deferred()
        self._emptied = emptied
        for connection in list(self._connections):
            connection.disconnected(SHUTDOWN)
        for room in self._rooms:
            for member in room.members():
                self.leave(member, room.name)
                self._end(member, SHUTDOWN)
        return emptied if self._connections else succeed(None)

    def _end(self, member: IChatMember, end: Disconnect) -> None:
        try:
            member.disconnected(end)
        except Exception:
            self._logger.failure("a member did not take its end")


def _unlessDone(result: Deferred[Any]) -> Deferred[Any] | None:
    """
    @return: C{None} if it has fired; raises what it has failed with
    """
    if not result.called:
        return result
    failures: list[Failure] = []
    result.addErrback(failures.append)
    if failures:
        failures[0].raiseException()
    return None
