"""
The chat: rooms by name, joining and leaving, and the flush at the end of each turn.

All that a room hears in one turn of the reactor is one batch. C{say} only adds to the room's
pending list; the first C{say} of a turn schedules one flush for the whole chat. The flush gives
each room's batch to the log, which numbers and keeps it and then delivers it. So the order is total
in a room and the same for all its members, and a message that somebody has seen is in the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from machat import names, wire
from machat.errors import ALREADY_JOINED, BAD_COMMAND, NOT_JOINED, SHUTDOWN, ChatError, Disconnect
from machat.events import Draft, Joined
from machat.interfaces import IChatMember, IChatRoom, IMessageLog, IRoster
from machat.limits import DEFAULTS, Limits
from machat.log import MemoryLog
from machat.room import Room
from machat.roster import MemoryRoster


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
    ) -> None:
        """
        @param log: by default a L{MemoryLog}
        @param roster: by default a L{MemoryRoster}
        """
        MultiService.__init__(self)
        self.clock = clock
        self.limits = limits
        self._log = MemoryLog(clock, limits) if log is None else log
        self._roster = MemoryRoster() if roster is None else roster
        self._rooms: dict[str, Room] = {}
        self._dirty: list[Room] = []
        self._connections: dict[Any, None] = {}
        self._emptied: Deferred[None] | None = None

    def join(self, member: IChatMember, room: str) -> Deferred[Joined]:
        return Deferred.fromCoroutine(self._join(member, room))

    async def _join(self, member: IChatMember, roomName: str) -> Joined:
        name = names.checkName(member.name)
        room = self._hold(names.checkRoom(roomName))
        try:
            if member in room:
                raise ChatError(ALREADY_JOINED, f"already in {room.name}")
            await self._roster.claim(room.name, name)
            try:
                await self._follow(room)
            except BaseException:
                self._roster.release(room.name, name)
                raise
            room.add(member, name)
        finally:
            room.holds -= 1
            self._closeIfDeserted(room)
        assert room.position is not None
        return Joined(room.name, name, room.position, len(room))

    def _hold(self, name: str) -> Room:
        key = names.key(name)
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = Room(name)
        room.holds += 1
        return room

    async def _follow(self, room: Room) -> None:
        if room.opening is None:
            room.opening = self._log.follow(room.key, room.deliver)
            room.opening.addCallback(room.follows)
        await room.opening
        if room.position is None:
            raise RuntimeError(f"the log of {room.name} could not be opened")

    def leave(self, member: IChatMember, room: str) -> None:
        left = self._rooms.get(names.key(room))
        if left is not None and member in left:
            self._roster.release(left.name, left.remove(member))
            self._closeIfDeserted(left)

    def _closeIfDeserted(self, room: Room) -> None:
        if room.deserted and self._rooms.get(room.key) is room:
            del self._rooms[room.key]
            if room.position is not None:
                self._log.unfollow(room.key)

    def say(self, member: IChatMember, room: str, text: str) -> None:
        heard = self._rooms.get(names.key(room))
        if heard is None or member not in heard:
            raise ChatError(NOT_JOINED, "not in that room")
        if "\n" in text or not wire.isText(text):
            raise ChatError(BAD_COMMAND, "a message is one line of Unicode text")
        if heard.say(member, text):
            if not self._dirty:
                self.clock.callLater(0, self._flush)
            self._dirty.append(heard)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for room in dirty:
            self._append(room, room.takePending())

    def _append(self, room: Room, batch: Sequence[Draft]) -> None:
        if not batch:
            return  # a stop has flushed before the turn's own flush
        room.holds += 1
        try:
            appended = self._log.append(room.key, batch)
        except Exception:
            self._lost(Failure(), room, len(batch))
        else:
            appended.addCallbacks(
                self._kept, self._lost, callbackArgs=(room,), errbackArgs=(room, len(batch))
            )

    def _kept(self, numbers: range, room: Room) -> None:
        room.holds -= 1
        self._closeIfDeserted(room)

    def _lost(self, failure: Failure, room: Room, count: int) -> None:
        self._logger.failure(
            "the log did not take {count} messages of {room}", failure, count=count, room=room.name
        )
        self._kept(range(0), room)

    def opened(self, connection: Any) -> None:
        self._connections[connection] = None
        if self._emptied is not None:
            connection.disconnected(SHUTDOWN)

    def closed(self, connection: Any) -> None:
        self._connections.pop(connection, None)
        if self._emptied is not None and not self._connections and not self._emptied.called:
            self._emptied.callback(None)

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
        for room in list(self._rooms.values()):
            for member in room.members():
                self.leave(member, room.name)
                self._end(member, SHUTDOWN)
        return emptied if self._connections else succeed(None)

    def _end(self, member: IChatMember, end: Disconnect) -> None:
        try:
            member.disconnected(end)
        except Exception:
            self._logger.failure("a member did not take its end")
