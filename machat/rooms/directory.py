"""
The rooms of one chat by name.

A room is created when it is first needed and removed when the last member has left. A room is not
removed while an operation on it is pending.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from machat import names
from machat.errors import FAILED, NOT_JOINED, ChatError
from machat.interfaces import IChatMember, IStoredRoom
from machat.metrics import Metrics
from machat.rooms.arrival import resultOf
from machat.rooms.direct import DirectKeeper
from machat.rooms.hookrunner import FAULT
from machat.rooms.keeper import Keeper
from machat.rooms.room import Room


class Directory:
    """
    The rooms by the keys of their names, see L{machat.names.key}.

    @ivar byKey: all rooms. Do not change it
    """

    _log = Logger()

    def __init__(
        self,
        openRoom: Callable[[Room, str | None], Deferred[IStoredRoom]],
        metrics: Metrics,
        keeper: Keeper,
        begin: Callable[[Room], object],
    ) -> None:
        """
        @param openRoom: opens a room in the store, see L{open}
        @param begin: called with each room when the store has opened it
        """
        self._openRoom = openRoom
        self._metrics = metrics
        self._keeper = keeper
        self._begin = begin
        self.byKey: dict[str, Room] = {}
        self._directKeeper = DirectKeeper(keeper, self.byKey.get)

    def get(self, name: str) -> Room | None:
        """
        @return: the room of this name, if there is one
        """
        room = self.byKey.get(name)  # most names are keys: saves two calls
        return self.byKey.get(names.key(name)) if room is None else room

    def find(self, member: IChatMember, name: str) -> Room:
        """
        @return: a room that the member is in
        @raise ChatError: C{not-joined}
        """
        room = self.get(name)
        if room is None or member not in room.members:
            raise ChatError(NOT_JOINED, "not in that room")
        return room

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self.byKey.values()))

    def __len__(self) -> int:
        return len(self.byKey)

    def hold(self, name: str) -> Room:
        """
        Keep a room until L{release}.

        @return: the room, which may be new and not L{open}ed
        """
        room = self.get(name)
        if room is None:
            keeper = self._directKeeper if name.startswith("@") else self._keeper
            room = Room(name, self._metrics, keeper)
            self.byKey[room.key] = room
        room.holds += 1
        return room

    def release(self, room: Room) -> None:
        """
        End one L{hold}.
        """
        room.holds -= 1
        if not room.members:
            self.closeIfDeserted(room)

    @asynccontextmanager
    async def visit(self, roomName: str, network: str | None = None) -> AsyncIterator[Room]:
        """
        Keep a room open, whether it has members or not.

        @param network: see L{IStore.open}
        @raise ChatError: C{bad-room}; C{failed}: the store is not available
        """
        room = self.hold(names.checkRoom(roomName))
        try:
            if room.stored is None:
                await self.open(room, network)
            yield room
        finally:
            self.release(room)

    def open(self, room: Room, network: str | None) -> Deferred[IStoredRoom]:
        """
        Open a room in the store, unless that is already in progress.

        @param network: see L{IStore.open}
        @return: fires when the room is open; fails with L{ChatError} C{failed}. After a failure,
            the next call tries again
        """
        waiting: Deferred[IStoredRoom] = Deferred()
        if room.opening is not None:
            room.opening.append(waiting)
            return waiting
        room.opening = [waiting]
        room.holds += 1
        opening = maybeDeferred(self._openRoom, room, network)
        opened = resultOf(opening)
        if opened is not None:
            self._opened(opened, room)  # without a callback, which costs a tenth of a join
        else:
            opening.addBoth(self._opened, room)
        return waiting

    def _errorOf(self, failure: Failure, room: Room) -> ChatError:
        error = failure.value
        if isinstance(error, ChatError):
            return error
        self._log.failure("{room} could not be opened in the store", failure, room=room.name)
        return ChatError(FAILED, FAULT)

    def _opened(self, result: IStoredRoom | Failure, room: Room) -> None:
        if not isinstance(result, Failure):
            try:
                room.opened(result)
                self._begin(room)
            except Exception:
                result = Failure()
        opened = self._errorOf(result, room) if isinstance(result, Failure) else result
        waiting, room.opening = room.opening or [], None
        for each in waiting:
            if isinstance(opened, ChatError):
                each.errback(opened)
            else:
                each.callback(opened)
        self.release(room)

    def closeIfDeserted(self, room: Room) -> None:
        """
        Remove the room, and close it in the store, if nothing keeps it.
        """
        if room.deserted and self.byKey.get(room.key) is room:
            del self.byKey[room.key]
            if room.direct is not None:
                room.direct.close()
            if room.stored is not None:
                try:
                    room.stored.close()
                except Exception:
                    self._log.failure("{room} could not be closed in the store", room=room.name)
